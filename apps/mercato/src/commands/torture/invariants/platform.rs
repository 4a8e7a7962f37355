use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::{Judged, Rule};
use crate::commands::torture::operations::Stage;

/// What holds of the machinery behind all of it.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "no job is dead",
        query: "
            SELECT format('job %s (%s) after %s tries: %s', jobs.id, tasks.identifier,
                jobs.attempts, jobs.last_error)
            FROM graphile_worker._private_jobs jobs
            JOIN graphile_worker._private_tasks tasks ON tasks.id = jobs.task_id
            WHERE jobs.attempts >= jobs.max_attempts AND jobs.locked_at IS NULL",
    },
    Rule {
        name: "no job keeps failing",
        query: "
            SELECT format('job %s (%s) after %s tries: %s', jobs.id, tasks.identifier,
                jobs.attempts, jobs.last_error)
            FROM graphile_worker._private_jobs jobs
            JOIN graphile_worker._private_tasks tasks ON tasks.id = jobs.task_id
            WHERE jobs.last_error IS NOT NULL AND jobs.attempts < jobs.max_attempts
                AND tasks.identifier <> 'mail.send'",
    },
    Rule {
        name: "every message of a gateway was taken",
        query: "
            SELECT format('%s (%s) is %s after %s tries: %s', event_id, kind, state, attempts,
                last_error)
            FROM gateway_messages WHERE state NOT IN ('applied', 'ignored')",
    },
    Rule {
        name: "no deadline is missed",
        query: "
            SELECT format('%s of %s was due %s', kind, subject, due_at)
            FROM timers WHERE due_at < $1 - interval '1 minute'",
    },
];

/// What the server said it has is there.
pub(super) async fn acknowledged(stage: &Stage, sql: &Client) -> anyhow::Result<Judged> {
    let query = "
        SELECT 'bkg_' || replace(id::text, '-', '') FROM bookings UNION ALL
        SELECT 'pay_' || replace(id::text, '-', '') FROM payments UNION ALL
        SELECT 'sub_' || replace(id::text, '-', '') FROM subscriptions UNION ALL
        SELECT 'prm_' || replace(id::text, '-', '') FROM promotions UNION ALL
        SELECT 'cpn_' || replace(id::text, '-', '') FROM coupons";
    let there: BTreeSet<String> =
        sql.query(query, &[]).await?.iter().map(|row| row.get(0)).collect();
    let mut offenders = stage.tally.acknowledged();
    offenders.retain(|id| !there.contains(id));
    offenders.sort_unstable();
    offenders.dedup();
    Ok(Judged { name: "whatever was acknowledged is there", offenders })
}
