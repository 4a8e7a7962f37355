//! How mails are sent, from the settings, and the links that some of them carry.

use std::sync::Arc;
use std::time::Duration;

use adapter_mail::{MailSettings, Mailer, Server};
use anyhow::Context;
use async_trait::async_trait;
use identity::{IdentityError, IdentityService};
use kernel::{AccountId, StorageError};
use notifications::{AccountLinks, LinkPurpose, MailService, Sender, UnsubscribeKey};
use reviews::{ReviewError, ReviewService};

use crate::config::{MailTransport, Settings};
use crate::profile::Profile;
use crate::wiring::{Foundation, derived_key};

/// What sends mails.
pub(crate) fn service(
    settings: &Settings,
    foundation: &Foundation,
    profile: &Profile,
    identity: &IdentityService,
    reviews: &ReviewService,
) -> anyhow::Result<MailService> {
    let mail = &settings.mail;
    let server = match (mail.transport, &mail.url) {
        (MailTransport::Smtp, Some(url)) => Some(Server::Url {
            url: url.expose().into(),
            timeout: Duration::from_secs(mail.timeout_seconds),
        }),
        (MailTransport::Smtp | MailTransport::Folder, _) => None,
    };
    let mailer = Mailer::new(&MailSettings {
        marketplace: profile.title.clone(),
        from: mail.from.clone(),
        server,
        folder: mail.folder.clone(),
    })
    .context("the settings of mail cannot be used")?;
    let public_url = &settings.server.public_url;
    let web_url = mail.web_url.as_ref().unwrap_or(public_url).clone();
    let links = MailedLinks {
        identity: identity.clone(),
        reviews: reviews.clone(),
        web_url: web_url.clone(),
    };
    let sender = Sender {
        web_url,
        api_url: format!("{public_url}/api/v1"),
        unsubscribe_key: UnsubscribeKey::new(derived_key(settings, "unsubscribe links")),
    };
    Ok(MailService::new(
        foundation.store.clone(),
        foundation.store.clone(),
        Arc::new(links),
        Arc::new(mailer),
        foundation.clock.clone(),
        sender,
    ))
}

/// Makes the links of mails at the moment of sending.
#[derive(Debug, Clone)]
struct MailedLinks {
    /// Links to verify an address and to set a password.
    identity: IdentityService,
    /// Links that confirm a review.
    reviews: ReviewService,
    /// Where people reach the web app, without a slash at the end.
    web_url: String,
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
        let link =
            self.identity.mint_link(account, purpose).await.map_err(|error| match error {
                IdentityError::Storage(error) => error,
                error => StorageError::corrupt("make a link for an account", error),
            })?;
        Ok(link.map(|link| link.token))
    }
}
