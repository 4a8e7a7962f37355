use super::Rule;

/// What the books say of each payment.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "every captured payment is one sale in the ledger",
        query: "
            SELECT format('pay_%s took %s and has %s sales', replace(y.id::text, '-', ''),
                y.captured_minor, count(j.id))
            FROM payments y
            LEFT JOIN ledger_journals j ON j.payment_id = y.id AND j.fact = 'capture'
            GROUP BY y.id
            HAVING count(j.id) <> (y.captured_minor > 0)::int",
    },
    Rule {
        name: "every refund is given once, and none is left under way",
        query: "
            SELECT format('pay_%s gave back %s, its refunds are %s, open %s',
                replace(y.id::text, '-', ''), y.refunded_minor,
                coalesce(sum(r.amount_minor) FILTER (WHERE r.state = 'succeeded'), 0),
                count(*) FILTER (WHERE r.state IN ('requested', 'sent')))
            FROM payments y LEFT JOIN refunds r ON r.payment_id = y.id
            GROUP BY y.id
            HAVING y.refunded_minor
                    <> coalesce(sum(r.amount_minor) FILTER (WHERE r.state = 'succeeded'), 0)
                OR count(*) FILTER (WHERE r.state IN ('requested', 'sent')) > 0",
    },
    Rule {
        name: "nobody gets back more than was taken",
        query: "
            SELECT format('pay_%s took %s, gave back %s, lost %s', replace(id::text, '-', ''),
                captured_minor, refunded_minor, charged_back_minor - reinstated_minor)
            FROM payments
            WHERE refunded_minor > captured_minor",
    },
    Rule {
        name: "nothing waits at a gateway that has nothing to wait for",
        query: "
            SELECT format('pay_%s is %s, in flight %s, wanted %s, concerns %s',
                replace(id::text, '-', ''), status, progress->'in_flight', wanted, concerns)
            FROM payments
            WHERE stage IN ('created', 'requires_action', 'processing', 'authorized')
                OR wanted IS NOT NULL OR progress->>'in_flight' IS NOT NULL",
    },
    Rule {
        // Time leaps by days while everything is down: a reservation may end before it is taken.
        name: "people have to look at nothing but reservations that ran out",
        query: "
            SELECT format('pay_%s (%s) is parked for %s', replace(id::text, '-', ''), status,
                concerns)
            FROM payments
            WHERE parked AND NOT (concerns = ARRAY['ran_out'] AND stage = 'voided')",
    },
    Rule {
        name: "nothing is paid for twice",
        query: "
            SELECT format('%s %s holds the money of %s payments', purpose, purpose_id, count(*))
            FROM payments
            WHERE purpose <> 'subscription'
                AND captured_minor - refunded_minor - charged_back_minor + reinstated_minor > 0
            GROUP BY purpose, purpose_id HAVING count(*) > 1",
    },
    Rule {
        name: "a provider's part leaves what is pending when it is released",
        query: "
            SELECT format('pay_%s (%s, %s) leaves %s pending', replace(y.id::text, '-', ''),
                y.status, y.holding, -sum(p.amount_minor))
            FROM payments y
            JOIN ledger_journals j ON j.payment_id = y.id
            JOIN ledger_postings p ON p.journal_id = j.id AND p.account_kind = 'provider_pending'
            GROUP BY y.id
            HAVING sum(p.amount_minor) > 0
                OR (sum(p.amount_minor) <> 0 AND (y.holding = 'released' OR y.captured_minor
                    = y.refunded_minor + y.charged_back_minor - y.reinstated_minor))",
    },
];
