use super::Rule;

/// What holds between subscriptions, their money, their paper and what they give a right to.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "a right comes from a subscription that lives, and each of those gives it",
        query: "
            SELECT format('sub_%s is %s until %s, its right holds until %s',
                replace(coalesce(s.id, e.source_id)::text, '-', ''), s.state, s.access_until,
                e.holds_until)
            FROM subscriptions s
            FULL JOIN (SELECT * FROM entitlements WHERE source = 'subscription') e
                ON e.source_id = s.id
            WHERE (s.access_until IS NULL) <> (e.source_id IS NULL)
                OR (e.source_id IS NOT NULL AND (e.account_id, e.right_kind, e.right_id)
                    IS DISTINCT FROM (s.subscriber_id, s.right_kind, s.right_id))",
    },
    Rule {
        name: "whoever has access has paid for it",
        query: "
            SELECT format('sub_%s is active, and nothing of it is paid',
                replace(s.id::text, '-', ''))
            FROM subscriptions s
            WHERE s.state = 'active' AND NOT EXISTS (
                SELECT FROM payments y WHERE y.purpose = 'subscription' AND y.purpose_id = s.id
                    AND y.captured_minor > 0)",
    },
    Rule {
        name: "a charge that is awaited is under way",
        query: "
            SELECT format('sub_%s awaits pay_%s, which is %s', replace(s.id::text, '-', ''),
                replace(s.pending->>'payment', '-', ''), y.status)
            FROM subscriptions s
            LEFT JOIN payments y ON y.id = (s.pending->>'payment')::uuid
            WHERE s.pending IS NOT NULL
                AND y.stage NOT IN ('created', 'requires_action', 'processing')",
    },
    Rule {
        name: "no period is charged twice",
        query: "
            SELECT format('sub_%s: period %s is on %s invoices', replace(purpose_id::text, '-', ''),
                lines->0->'period', count(*))
            FROM invoices
            WHERE purpose = 'subscription' AND jsonb_typeof(lines->0->'period') = 'array'
            GROUP BY purpose_id, lines->0->'period' HAVING count(*) > 1",
    },
    Rule {
        name: "every sale has one invoice, of what was taken",
        query: "
            SELECT format('pay_%s took %s, its invoice is over %s', replace(y.id::text, '-', ''),
                y.captured_minor, i.total_minor)
            FROM payments y LEFT JOIN invoices i ON i.payment_id = y.id
            WHERE y.purpose IN ('subscription', 'promotion', 'purchase')
                AND ((i.id IS NULL AND y.captured_minor
                        > y.refunded_minor + y.charged_back_minor - y.reinstated_minor
                        AND y.refunded_minor = 0 AND y.charged_back_minor = 0)
                    OR (i.id IS NOT NULL AND i.total_minor <> y.captured_minor))",
    },
    Rule {
        name: "invoices are numbered without gaps",
        query: "
            SELECT format('%s %s: %s invoices up to %s, %s given', i.seller, i.year, i.invoices,
                i.highest, n.last)
            FROM (SELECT seller, year, count(*) AS invoices, max(sequence) AS highest
                FROM invoices GROUP BY seller, year) i
            FULL JOIN invoice_numbers n USING (seller, year)
            WHERE i.invoices IS DISTINCT FROM i.highest OR i.highest IS DISTINCT FROM n.last",
    },
    Rule {
        name: "no subscription is forgotten on its way",
        query: "
            SELECT format('sub_%s is %s, with access until %s', replace(id::text, '-', ''), state,
                access_until)
            FROM subscriptions
            WHERE state <> 'expired' AND access_until < $1 - interval '1 day'",
    },
];
