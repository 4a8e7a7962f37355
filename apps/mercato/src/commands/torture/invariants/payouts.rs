use super::Rule;

/// What holds between what providers are owed and what they got.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "no provider is paid more than was ever owed",
        // Refunds are left out: one that is committed later may have the lower number.
        query: "
            WITH lines AS (
                SELECT p.provider_id, p.currency, j.fact, j.reference,
                    sum(p.amount_minor) OVER (PARTITION BY p.provider_id, p.currency
                        ORDER BY j.number) AS stands
                FROM ledger_postings p JOIN ledger_journals j ON j.id = p.journal_id
                WHERE p.account_kind = 'provider_payable'
                    AND j.fact NOT IN ('refund', 'chargeback')
            )
            SELECT format('%s leaves prv_%s owing %s %s', reference,
                replace(provider_id::text, '-', ''), stands, currency)
            FROM lines WHERE fact = 'payout_sent' AND stands > 0",
    },
    Rule {
        name: "a payout is sent once, and returned or paid at most once",
        query: "
            SELECT format('pot_%s (%s): sent %s, paid %s, returned %s',
                replace(o.id::text, '-', ''), o.state,
                count(*) FILTER (WHERE j.fact = 'payout_sent'),
                count(*) FILTER (WHERE j.fact = 'payout_paid'),
                count(*) FILTER (WHERE j.fact = 'payout_returned'))
            FROM payouts o LEFT JOIN ledger_journals j ON j.payout_id = o.id
            GROUP BY o.id
            HAVING count(*) FILTER (WHERE j.fact = 'payout_sent') <> 1
                OR count(*) FILTER (WHERE j.fact = 'payout_paid') <> (o.state = 'paid')::int
                OR count(*) FILTER (WHERE j.fact = 'payout_returned')
                    <> (o.state IN ('failed', 'cancelled'))::int",
    },
    Rule {
        name: "no payout is left on its way",
        query: "
            SELECT format('pot_%s is %s since %s', replace(id::text, '-', ''), state, state_at)
            FROM payouts WHERE state IN ('ready', 'processing')",
    },
    Rule {
        name: "what is kept back is never more than what was kept back of payments",
        query: "
            SELECT format('prv_%s: %s %s stands in reserve, %s is kept back of payments',
                replace(b.provider_id::text, '-', ''), -b.balance_minor, b.currency,
                coalesce(k.kept, 0))
            FROM ledger_balances b
            LEFT JOIN (
                SELECT seller_provider_id, currency,
                    sum((custody->'reserve'->>'amount')::bigint) AS kept
                FROM payments
                WHERE custody->'reserve'->>'amount' IS NOT NULL
                    AND custody->'reserve'->>'released_at' IS NULL
                GROUP BY seller_provider_id, currency
            ) k ON k.seller_provider_id = b.provider_id AND k.currency = b.currency
            WHERE b.account_kind = 'provider_reserve'
                AND (b.balance_minor > 0 OR -b.balance_minor > coalesce(k.kept, 0))",
    },
    Rule {
        name: "nothing is in transit but payouts on their way",
        query: "
            SELECT format('%s %s in transit, payouts on their way are %s', -coalesce(b.stands, 0),
                'EUR', coalesce(o.amount, 0))
            FROM (SELECT sum(balance_minor) AS stands FROM ledger_balances
                    WHERE account_kind = 'payouts_in_transit') b,
                (SELECT sum(amount_minor) AS amount FROM payouts
                    WHERE state IN ('awaiting_approval', 'ready', 'processing')) o
            WHERE -coalesce(b.stands, 0) <> coalesce(o.amount, 0)",
    },
];
