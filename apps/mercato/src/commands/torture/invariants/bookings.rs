use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use tokio_postgres::Client;

use super::{Judged, Rule};
use crate::commands::torture::caller::Parcel;
use crate::commands::torture::dice::Dice;
use crate::commands::torture::operations::Stage;

/// What holds between appointments and their money.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "whatever was accepted was paid for, or people know that the reservation ran out",
        query: "
            SELECT format('bkg_%s is %s, its payments took %s of %s',
                replace(b.id::text, '-', ''), b.status, coalesce(sum(y.captured_minor), 0),
                b.price_minor)
            FROM bookings b
            LEFT JOIN payments y ON y.purpose = 'booking' AND y.purpose_id = b.id
                AND y.captured_minor > 0
            WHERE b.accepted_at IS NOT NULL AND b.price_minor > 0
            GROUP BY b.id
            HAVING coalesce(sum(y.captured_minor), 0) < b.price_minor
                AND NOT EXISTS (
                    SELECT FROM payments v
                    WHERE v.purpose = 'booking' AND v.purpose_id = b.id
                        AND 'ran_out' = ANY (v.concerns))",
    },
    Rule {
        name: "whatever was called off holds no money beyond the policy",
        query: "
            WITH held AS (
                SELECT b.id, b.status, b.refund_minor,
                    CASE WHEN b.accepted_at IS NULL THEN 0
                         ELSE b.price_minor - coalesce(b.refund_minor, 0) END AS due,
                    sum(y.captured_minor - y.refunded_minor - y.charged_back_minor
                        + y.reinstated_minor) AS held,
                    bool_or(y.reinstated_minor > 0) AS came_back
                FROM bookings b
                JOIN payments y ON y.purpose = 'booking' AND y.purpose_id = b.id
                WHERE b.status IN ('declined', 'withdrawn', 'expired', 'cancelled', 'completed')
                    AND y.captured_minor > 0
                GROUP BY b.id
            )
            SELECT format('bkg_%s (%s, refund %s) holds %s, at most %s is due',
                replace(id::text, '-', ''), status, refund_minor, held, due)
            FROM held WHERE held > due AND NOT came_back",
    },
    Rule {
        name: "no slot has two appointments",
        query: "
            SELECT format('bkg_%s and bkg_%s overlap', replace(a.id::text, '-', ''),
                replace(b.id::text, '-', ''))
            FROM bookings a JOIN bookings b ON a.provider_id = b.provider_id AND a.id < b.id
                AND tstzrange(a.busy_start, a.busy_end) && tstzrange(b.busy_start, b.busy_end)
            WHERE a.status IN ('awaiting_payment', 'requested', 'accepted', 'in_progress', 'done')
                AND b.status IN ('awaiting_payment', 'requested', 'accepted', 'in_progress',
                    'done')",
    },
    Rule {
        name: "no appointment is forgotten on its way",
        query: "
            SELECT format('bkg_%s is %s, due %s', replace(id::text, '-', ''), status, due_at)
            FROM bookings
            WHERE status NOT IN ('declined', 'withdrawn', 'expired', 'cancelled', 'completed')
                AND (due_at IS NULL OR due_at < $1)
                AND coalesce(stale_at, $1) <= $1",
    },
    Rule {
        name: "a provider gets what was kept of an appointment",
        query: "
            SELECT format('pay_%s for bkg_%s (%s): %s is %s', replace(y.id::text, '-', ''),
                replace(b.id::text, '-', ''), b.status,
                y.captured_minor - y.refunded_minor - y.charged_back_minor + y.reinstated_minor,
                y.holding)
            FROM bookings b
            JOIN payments y ON y.purpose = 'booking' AND y.purpose_id = b.id
            WHERE b.status IN ('cancelled', 'completed') AND b.since < $1 - interval '30 days'
                AND b.price_minor > coalesce(b.refund_minor, 0)
                AND y.captured_minor - y.refunded_minor - y.charged_back_minor
                    + y.reinstated_minor > 0
                AND y.holding <> 'released'",
    },
];

/// Whether every time that nobody has booked any more is offered again, and none that is taken.
pub(in super::super) async fn slots(
    stage: &Stage,
    sql: &Client,
    dice: &mut Dice,
) -> anyhow::Result<Judged> {
    let mut offenders = Vec::new();
    let now = stage.services.clock.now();
    for provider in &stage.market.providers {
        let offered = offered(stage, &provider.listing, now, dice).await;
        let query = "
            SELECT replace(b.id::text, '-', ''), b.status, b.slot_start,
                EXISTS (SELECT FROM bookings o WHERE o.provider_id = b.provider_id
                    AND o.status IN ('awaiting_payment', 'requested', 'accepted', 'in_progress',
                        'done')
                    AND tstzrange(o.busy_start, o.busy_end)
                        && tstzrange(b.slot_start, b.slot_end)) AS taken
            FROM bookings b
            WHERE 'prv_' || replace(b.provider_id::text, '-', '') = $1
                AND b.slot_start BETWEEN $2 AND $3";
        let (from, to) = (now + TimeDelta::minutes(40), now + TimeDelta::days(5));
        for row in sql.query(query, &[&provider.person.provider, &from, &to]).await? {
            let (id, status): (String, String) = (row.get(0), row.get(1));
            let (start, taken): (DateTime<Utc>, bool) = (row.get(2), row.get(3));
            if offered.contains(&start) == taken {
                let word = if taken { "is offered though taken" } else { "is not offered again" };
                offenders.push(format!("bkg_{id} ({status}): {start} {word}"));
            }
        }
    }
    Ok(Judged { name: "no slot is leaked", offenders })
}

async fn offered(
    stage: &Stage,
    listing: &str,
    now: DateTime<Utc>,
    dice: &mut Dice,
) -> BTreeSet<DateTime<Utc>> {
    let day = |days| (now + TimeDelta::days(days)).date_naive().to_string();
    let query = vec![("from", day(0)), ("to", day(7)), ("tz", "UTC".to_owned())];
    let parcel = Parcel { query, ..Parcel::default() };
    let path = format!("listings/{listing}/slots");
    let client = &stage.market.admin;
    let slots = client.call("slots", dice, Method::GET, &path, parcel).await;
    let slots = slots.map(|slots| slots.items()).unwrap_or_default();
    slots.iter().filter_map(|slot| slot["start"].as_str()?.parse::<DateTime<Utc>>().ok()).collect()
}
