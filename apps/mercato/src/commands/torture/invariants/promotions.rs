use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::{Judged, Rule};
use crate::commands::torture::dice::Dice;
use crate::commands::torture::operations::Stage;

/// What holds between promotions, their money and their coupons.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "whatever has or had its time was paid for, to the cent",
        query: "
            SELECT format('prm_%s is %s for %s less %s, and pay_%s (%s) took %s',
                replace(p.id::text, '-', ''), p.stage, p.price_minor,
                coalesce(p.discount_minor, 0), replace(p.payment_id::text, '-', ''), y.status,
                y.captured_minor)
            FROM promotions p LEFT JOIN payments y ON y.id = p.payment_id
            WHERE (p.stage = 'paid' OR p.starts_at IS NOT NULL OR p.payment_id IS NOT NULL)
                AND (coalesce(y.captured_minor, 0)
                        <> p.price_minor - coalesce(p.discount_minor, 0)
                    OR (y.purpose, y.purpose_id, y.payer_id)
                        IS DISTINCT FROM ('promotion', p.id, p.account_id)
                        AND p.payment_id IS NOT NULL)",
    },
    Rule {
        name: "nobody is promoted by money that went back",
        query: "
            SELECT format('prm_%s runs until %s, and pay_%s (%s) gave all of it back',
                replace(p.id::text, '-', ''), p.ends_at, replace(y.id::text, '-', ''), y.status)
            FROM promotions p JOIN payments y ON y.id = p.payment_id
            WHERE p.stage = 'paid' AND p.ends_at > $1
                AND y.refunded_minor + y.charged_back_minor - y.reinstated_minor
                    >= y.captured_minor",
    },
    Rule {
        // What a bank took back and gave up again was paid for something that is over by then.
        name: "money that was kept of a promotion gave it its time, once",
        query: "
            SELECT format('pay_%s (%s) for prm_%s (%s, %s) is kept for %s promotions',
                replace(y.id::text, '-', ''), y.status, replace(y.purpose_id::text, '-', ''),
                b.stage, b.cause, count(p.id))
            FROM payments y
            LEFT JOIN promotions b ON b.id = y.purpose_id
            LEFT JOIN promotions p ON p.payment_id = y.id
            WHERE y.purpose = 'promotion' AND y.reinstated_minor = 0
                AND y.captured_minor > y.refunded_minor + y.charged_back_minor
            GROUP BY y.id, b.id HAVING count(p.id) <> 1",
    },
    Rule {
        name: "whoever gave a promotion up has back what was said",
        query: "
            SELECT format('prm_%s (%s): %s was to go back of pay_%s, which took %s, gave back %s',
                replace(p.id::text, '-', ''), p.cause, p.refund_minor,
                replace(y.id::text, '-', ''), y.captured_minor,
                y.refunded_minor + y.charged_back_minor)
            FROM promotions p JOIN payments y ON y.id = p.payment_id
            WHERE p.stage = 'cancelled' AND y.reinstated_minor = 0
                AND y.refunded_minor + y.charged_back_minor < p.refund_minor",
    },
    Rule {
        name: "a promotion knows what went back of its money",
        query: "
            SELECT format('prm_%s knows of %s, pay_%s gave back %s',
                replace(p.id::text, '-', ''), p.returned_minor, replace(y.id::text, '-', ''),
                y.refunded_minor + y.charged_back_minor - y.reinstated_minor)
            FROM promotions p JOIN payments y ON y.id = p.payment_id
            WHERE p.stage = 'paid' AND p.ends_at > $1
                AND p.returned_minor
                    <> y.refunded_minor + y.charged_back_minor - y.reinstated_minor",
    },
    Rule {
        name: "a promotion costs what its product did, less its coupon",
        query: "
            SELECT format('prm_%s: %s %s days for %s less %s by %s', replace(p.id::text, '-', ''),
                p.product, p.term_days, p.price_minor, p.discount_minor, p.coupon_code)
            FROM promotions p
            JOIN promotion_product_versions v
                ON v.product = p.product AND v.version = p.product_version
            LEFT JOIN coupon_uses u ON u.id = p.coupon_use_id
            LEFT JOIN coupons c ON c.id = u.coupon_id
            WHERE NOT v.prices @> jsonb_build_array(
                    jsonb_build_object('days', p.term_days, 'minor', p.price_minor))
                OR p.discount_minor IS DISTINCT FROM CASE
                    WHEN c.percent IS NOT NULL THEN p.price_minor * c.percent / 100
                    WHEN c.id IS NOT NULL THEN least(c.amount_minor, p.price_minor) END",
    },
    Rule {
        name: "a promotion has the whole of its time, and none before it was paid",
        query: "
            SELECT format('prm_%s, paid %s for %s days, runs from %s to %s',
                replace(id::text, '-', ''), paid_at, term_days, starts_at, ends_at)
            FROM promotions
            WHERE stage = 'paid' AND (starts_at < paid_at OR starts_at < wanted_start
                OR extract(epoch FROM ends_at - starts_at) <> term_days * 24 * 60 * 60)",
    },
    Rule {
        name: "no promotion is forgotten on its way",
        query: "
            SELECT format('prm_%s is %s, to be paid by %s, its end %s, told %s',
                replace(id::text, '-', ''), stage, pay_by, ends_at, told)
            FROM promotions
            WHERE (stage = 'pending_payment' AND pay_by < $1 - interval '1 minute')
                OR (stage = 'paid' AND ends_at < $1 - interval '1 minute'
                    AND told IS DISTINCT FROM 'expired')",
    },
    Rule {
        name: "no coupon is used beyond its limits",
        query: "
            SELECT format('%s: %s uses by %s, at most %s', c.code, count(*), 'everybody',
                c.total_limit)
            FROM coupons c JOIN coupon_uses u ON u.coupon_id = c.id AND u.state <> 'released'
            GROUP BY c.id HAVING count(*) > c.total_limit
            UNION ALL
            SELECT format('%s: %s uses by acc_%s, at most %s', c.code, count(*),
                replace(u.account_id::text, '-', ''), c.per_account_limit)
            FROM coupons c JOIN coupon_uses u ON u.coupon_id = c.id AND u.state <> 'released'
            GROUP BY c.id, u.account_id HAVING count(*) > c.per_account_limit",
    },
    Rule {
        name: "the count of a coupon is its uses",
        query: "
            WITH uses AS (
                SELECT coupon_id, account_id, count(*) AS uses
                FROM coupon_uses WHERE state <> 'released' GROUP BY coupon_id, account_id
            ), counts AS (
                SELECT coupon_id, account_id, used FROM coupon_account_counts
            )
            SELECT format('%s has %s uses, counted as %s', c.code, coalesce(sum(u.uses), 0), n.used)
            FROM coupons c
            LEFT JOIN coupon_counts n ON n.coupon_id = c.id
            LEFT JOIN uses u ON u.coupon_id = c.id
            GROUP BY c.id, n.used HAVING coalesce(sum(u.uses), 0) IS DISTINCT FROM n.used
            UNION ALL
            SELECT format('cpn_%s has %s uses by acc_%s, counted as %s',
                replace(coupon_id::text, '-', ''), uses, replace(account_id::text, '-', ''), used)
            FROM uses FULL JOIN counts USING (coupon_id, account_id)
            WHERE coalesce(uses, 0) <> coalesce(used, 0)",
    },
    Rule {
        name: "the use of a coupon goes the way of what it is for",
        query: "
            SELECT format('cpu_%s of %s is %s for %s, prm_%s is %s (%s)',
                replace(coalesce(u.id, p.coupon_use_id)::text, '-', ''),
                coalesce(u.code, p.coupon_code), u.state, u.reference,
                replace(p.id::text, '-', ''), p.stage, p.cause)
            FROM coupon_uses u
            FULL JOIN (SELECT * FROM promotions WHERE coupon_use_id IS NOT NULL) p
                ON p.coupon_use_id = u.id
            WHERE u.id IS NULL OR p.id IS NULL
                OR (u.purpose, u.reference, u.account_id, u.discount_minor) IS DISTINCT FROM (
                    'promotion', 'prm_' || replace(p.id::text, '-', ''), p.account_id,
                    p.discount_minor)
                OR u.state <> ALL (CASE
                    WHEN p.stage = 'pending_payment' THEN ARRAY['reserved']
                    WHEN p.stage = 'paid' THEN ARRAY['redeemed']
                    -- All of it was back before it was heard that it was paid.
                    WHEN p.payment_id IS NOT NULL AND p.starts_at IS NULL
                        AND p.cause IN ('refunded', 'charged_back')
                        THEN ARRAY['redeemed', 'released']
                    WHEN p.payment_id IS NOT NULL OR p.discount_minor = p.price_minor
                        THEN ARRAY['redeemed']
                    ELSE ARRAY['released'] END)",
    },
];

/// Whether everyone is shown as what they have paid for at this moment, and as nothing else.
pub(in super::super) async fn flags(
    stage: &Stage,
    sql: &Client,
    dice: &mut Dice,
) -> anyhow::Result<Judged> {
    let query = "
        SELECT DISTINCT p.effect
        FROM promotions p LEFT JOIN payments y ON y.id = p.payment_id
        WHERE 'prv_' || replace(p.provider_id::text, '-', '') = $1
            AND p.stage = 'paid' AND p.starts_at <= $2 AND p.ends_at > $2
            AND (p.price_minor = p.discount_minor OR y.captured_minor
                > y.refunded_minor + y.charged_back_minor - y.reinstated_minor)";
    let (now, market) = (stage.services.clock.now(), &stage.market);
    let mut offenders = Vec::new();
    for provider in &market.providers {
        let rows = sql.query(query, &[&provider.person.provider, &now]).await?;
        let paid: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
        let listing = format!("listings/{}", provider.listing);
        let profile = format!("providers/{}", provider.person.provider);
        for (path, flag, effect) in [
            (&listing, "is_top", "top"),
            (&listing, "is_detailed", "detailed"),
            (&profile, "is_pro", "pro"),
        ] {
            let shown = market.admin.get("look at flags", dice, path).await;
            let shown = shown.and_then(|shown| shown.body[flag].as_bool());
            if shown != Some(paid.contains(effect)) {
                offenders.push(format!("{path} at {now}: {flag} is {shown:?}, paid for: {paid:?}"));
            }
        }
    }
    Ok(Judged { name: "everyone is shown as what they have paid for", offenders })
}
