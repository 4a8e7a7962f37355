//! The job that sends a mail.

use adapter_postgres::SEND_MAIL;
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use notifications::{MailId, SendOutcome};
use serde::{Deserialize, Serialize};

use super::JobFailure;
use super::kind::MAIL;
use crate::traces;
use crate::wiring::Services;

/// Sends one mail. A mail server that is down fails the job, and the queue tries again: for three
/// days, less often every time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SendMail {
    mail_id: MailId,
}

impl TaskHandler for SendMail {
    const IDENTIFIER: &'static str = SEND_MAIL;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let services = super::registry::context(&context)?.services;
        let work = Box::pin(MAIL.in_time(send(services, self.mail_id)));
        traces::job(Self::IDENTIFIER, None, work).await
    }
}

async fn send(services: Services, id: MailId) -> Result<(), JobFailure> {
    let outcome = services.mails.send(id).await?;
    let outcome = match outcome {
        SendOutcome::Sent => "sent",
        SendOutcome::Over => "over",
        SendOutcome::Dropped => "dropped",
        SendOutcome::Failed => "failed",
    };
    metrics::counter!("mails_total", "outcome" => outcome).increment(1);
    Ok(())
}
