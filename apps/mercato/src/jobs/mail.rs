//! Mails: the job that sends one, and the links that some of them carry.

use adapter_postgres::SEND_MAIL;
use async_trait::async_trait;
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use identity::{IdentityError, IdentityService};
use kernel::{AccountId, StorageError};
use notifications::{AccountLinks, LinkPurpose, MailId, SendOutcome};
use reviews::{ReviewError, ReviewService};
use serde::{Deserialize, Serialize};

use super::JobFailure;

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
        let outcome = services.mails.send(self.mail_id).await?;
        let outcome = match outcome {
            SendOutcome::Sent => "sent",
            SendOutcome::Over => "over",
            SendOutcome::Dropped => "dropped",
            SendOutcome::Failed => "failed",
        };
        metrics::counter!("mails_total", "outcome" => outcome).increment(1);
        Ok::<(), JobFailure>(())
    }
}

/// Makes the links of mails at the moment of sending.
#[derive(Debug, Clone)]
pub(crate) struct MailedLinks {
    /// Links to verify an address and to set a password.
    pub(crate) identity: IdentityService,
    /// Links that confirm a review.
    pub(crate) reviews: ReviewService,
    /// Where people reach the web app, without a slash at the end.
    pub(crate) web_url: String,
}

#[async_trait]
impl AccountLinks for MailedLinks {
    async fn mint(
        &self,
        account: AccountId,
        purpose: LinkPurpose,
    ) -> Result<Option<String>, StorageError> {
        let web = &self.web_url;
        Ok(match purpose {
            LinkPurpose::VerifyAddress => self
                .account_link(account, identity::LinkPurpose::VerifyEmail)
                .await?
                .map(|token| format!("{web}/verify-email?token={token}")),
            LinkPurpose::ResetPassword => self
                .account_link(account, identity::LinkPurpose::ResetPassword)
                .await?
                .map(|token| format!("{web}/reset-password?token={token}")),
            LinkPurpose::ConfirmReview(review) => {
                let token = self.reviews.mint_confirmation(review).await;
                let token = token.map_err(|error| match error {
                    ReviewError::Storage(error) => error,
                    error => StorageError::corrupt("make a link that confirms a review", error),
                })?;
                token.map(|token| format!("{web}/reviews/{review}/confirm?token={token}"))
            }
        })
    }
}

impl MailedLinks {
    async fn account_link(
        &self,
        account: AccountId,
        purpose: identity::LinkPurpose,
    ) -> Result<Option<String>, StorageError> {
        let link = self.identity.mint_link(account, purpose).await.map_err(|error| match error {
            IdentityError::Storage(error) => error,
            error => StorageError::corrupt("make a link for an account", error),
        })?;
        Ok(link.map(|link| link.token))
    }
}
