//! What is done every so often, once per tick over all workers.

use adapter_postgres::{Forgotten, JobPolicy};
use graphile_worker::{
    Cron, Crontab, CrontabFill, IntoTaskHandlerResult, JobDefinition, TaskHandler, WorkerContext,
};
use serde::{Deserialize, Serialize};

use super::kind::HOUSEKEEPING;
use super::{JobContext, JobFailure, media};
use crate::traces;
use crate::wiring::Services;

macro_rules! cron_jobs {
    ($($(#[doc = $doc:literal])+ $job:ident = $identifier:literal, $timer:ident($($at:expr),*), $work:expr;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Serialize, Deserialize)]
            struct $job {}

            impl TaskHandler for $job {
                const IDENTIFIER: &'static str = $identifier;

                async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
                    let context: JobContext = super::registry::context(&context)?;
                    let work = Box::pin(HOUSEKEEPING.in_time($work(context)));
                    traces::job(Self::IDENTIFIER, None, work).await
                }
            }
        )+

        pub(super) fn definitions() -> Vec<JobDefinition> {
            vec![$($job::definition()),+]
        }

        pub(super) fn schedule() -> Vec<Crontab> {
            let JobPolicy { attempts, priority } = HOUSEKEEPING.policy;
            let attempts = u16::try_from(attempts).expect("a literal above zero");
            let priority = i16::try_from(priority).expect("a small literal");
            vec![$(
                Cron::$timer::<$job>($($at),*)
                    .expect("a literal schedule")
                    .payload($job {})
                    .expect("nothing in it")
                    .fill(CrontabFill::hours(1))
                    .max_attempts(attempts)
                    .priority(priority)
                    .build()
            ),+]
        }
    };
}

cron_jobs! {
    /// Forgets answers to idempotency keys after 24 hours.
    ForgetIdempotencyKeys = "idempotency_keys.forget", hourly_at(7), forget_idempotency_keys;
    /// Forgets who saw what once it cannot be counted again.
    ForgetSightings = "sightings.forget", hourly_at(37), forget_sightings;
    /// Forgets events after their retention.
    ForgetEvents = "events.forget", daily_at(3, 17), forget_events;
    /// Makes the monthly partitions of what is only ever added to, three months ahead.
    MakePartitions = "partitions.make", hourly_at(47), make_partitions;
    /// Forgets mails that went out and notifications that were read, after their retention.
    ForgetCorrespondence = "notifications.forget", daily_at(3, 27), forget_correspondence;
    /// Deletes the files of failed requests and of items that were removed, within an hour.
    SweepMedia = "media.sweep", every_n_minutes(10), media::sweep;
    /// Pays providers what is owed to them.
    PayOut = "billing.payouts", daily_at(4, 7), pay_out;
    /// Forgets sessions and links that ended a month ago.
    SweepSessions = "identity.sweep", daily_at(3, 37), sweep_sessions;
}

async fn forget_sightings(context: JobContext) -> Result<(), JobFailure> {
    let forgotten = context.services.discovery.engagement.forget_sightings().await?;
    tracing::info!(forgotten, "forgot who saw what");
    Ok(())
}

async fn forget_idempotency_keys(context: JobContext) -> Result<(), JobFailure> {
    let forgotten = context.services.store.forget_idempotency_keys().await?;
    tracing::info!(forgotten, "forgot old idempotency keys");
    Ok(())
}

async fn forget_events(context: JobContext) -> Result<(), JobFailure> {
    let Forgotten { months, rows } =
        context.services.store.forget_events(context.event_retention_days).await?;
    tracing::info!(months, rows, "forgot old events");
    Ok(())
}

async fn make_partitions(context: JobContext) -> Result<(), JobFailure> {
    let JobContext { services: Services { store, clock, .. }, event_retention_days } = context;
    let made = store.make_partitions(clock.now(), event_retention_days).await?;
    if made > 0 {
        tracing::info!(made, "made partitions");
    }
    Ok(())
}

async fn forget_correspondence(context: JobContext) -> Result<(), JobFailure> {
    let Services { store, clock, retention, .. } = context.services;
    let now = clock.now();
    let mails = store.forget_mails(now - retention.mails).await?;
    let notifications = store.forget_notifications(now - retention.notifications).await?;
    tracing::info!(mails, notifications, "forgot old mails and notifications");
    Ok(())
}

async fn pay_out(context: JobContext) -> Result<(), JobFailure> {
    let billing::RunReport { payouts, clawbacks, without_account } =
        context.services.billing.run_payouts().await?;
    tracing::info!(payouts, clawbacks, without_account, "paid providers out");
    Ok(())
}

async fn sweep_sessions(context: JobContext) -> Result<(), JobFailure> {
    let swept = context.services.identity.sweep().await?;
    tracing::info!(swept, "forgot old sessions and links");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::schedule;

    /// Without a payload a tick's job carries `null`, which no job reads.
    #[test]
    fn every_tick_carries_what_its_job_reads() {
        for tick in schedule() {
            assert_eq!(tick.payload(), &Some(serde_json::json!({})), "{tick:?}");
        }
    }
}
