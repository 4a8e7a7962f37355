use std::sync::Arc;

use kernel::{Clock, ReviewId};

use crate::notification::listing_of;
use crate::{
    AccountLinks, Claim, Contact, DeliveryError, Directory, Facts, Letter, LinkPurpose, Mail,
    MailId, MailRecord, MailTransport, NotificationError, NotificationStore, Template, Unsubscribe,
    UnsubscribeKey, Wordings,
};

/// Where links in mails lead.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The address of the web app, without a slash at its end: `https://example.com`.
    pub web_url: String,
    /// The address of the API, without a slash at its end: `https://api.example.com/api/v1`.
    pub api_url: String,
    /// Signs unsubscribe links.
    pub unsubscribe_key: UnsubscribeKey,
}

/// What came of sending a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The mail server took it.
    Sent,
    /// It was sent, failed or dropped before, or never was.
    Over,
    /// It was not needed any more.
    Dropped,
    /// The mail server will not take it.
    Failed,
}

/// Sends mails, one per call: what the job `mail.send` does.
#[derive(Clone)]
pub struct MailService {
    store: Arc<dyn NotificationStore>,
    directory: Arc<dyn Directory>,
    links: Arc<dyn AccountLinks>,
    transport: Arc<dyn MailTransport>,
    clock: Arc<dyn Clock>,
    sender: Sender,
}

impl std::fmt::Debug for MailService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailService").field("sender", &self.sender).finish_non_exhaustive()
    }
}

impl MailService {
    /// A service on a store and a mail server.
    pub fn new(
        store: Arc<dyn NotificationStore>,
        directory: Arc<dyn Directory>,
        links: Arc<dyn AccountLinks>,
        transport: Arc<dyn MailTransport>,
        clock: Arc<dyn Clock>,
        sender: Sender,
    ) -> Self {
        Self { store, directory, links, transport, clock, sender }
    }

    /// Sends a mail, unless that was done. It is sent once; twice only if the mail server's answer
    /// was lost.
    ///
    /// # Errors
    ///
    /// [`NotificationError::MailDelayed`] if the mail server did not take it now: call again later.
    pub async fn send(&self, id: MailId) -> Result<SendOutcome, NotificationError> {
        let mail = match self.claim(id).await? {
            (Claim::Granted, Some(mail)) => mail,
            (Claim::Busy, _) => {
                let problem = "another sender is at it".to_owned();
                return Err(NotificationError::MailDelayed { problem });
            }
            (Claim::Over | Claim::Granted, _) => return Ok(SendOutcome::Over),
        };
        let delivery = match self.letter(mail.record()).await {
            Ok(Some(letter)) => Some(self.transport.deliver(&letter).await),
            Ok(None) => None,
            // The claim would keep the next attempt from it.
            Err(error) => {
                let problem = "the letter could not be written".to_owned();
                self.conclude(id, Some(Err(DeliveryError::Unavailable { problem }))).await?;
                return Err(error);
            }
        };
        self.conclude(id, delivery).await
    }

    async fn claim(&self, id: MailId) -> Result<(Claim, Option<Mail>), NotificationError> {
        let mut tx = self.store.begin().await?;
        let Some(mut mail) = tx.mail_for_update(id).await? else { return Ok((Claim::Over, None)) };
        let claim = mail.claim(self.clock.now());
        if claim == Claim::Granted {
            tx.update_mail(&mail).await?;
            tx.commit().await?;
        }
        Ok((claim, Some(mail)))
    }

    /// Stores what came of it; `None` means that there was nothing to send.
    async fn conclude(
        &self,
        id: MailId,
        delivery: Option<Result<(), DeliveryError>>,
    ) -> Result<SendOutcome, NotificationError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(mut mail) = tx.mail_for_update(id).await? else { return Ok(SendOutcome::Over) };
        let outcome = match delivery {
            None => {
                mail.dropped(now);
                Ok(SendOutcome::Dropped)
            }
            Some(Ok(())) => {
                mail.sent(now);
                Ok(SendOutcome::Sent)
            }
            Some(Err(DeliveryError::Refused { problem })) => {
                mail.refused(problem, now);
                Ok(SendOutcome::Failed)
            }
            Some(Err(DeliveryError::Unavailable { problem })) => {
                mail.put_off(problem.clone(), now);
                match mail.record().state {
                    crate::MailState::Queued { .. } => {
                        Err(NotificationError::MailDelayed { problem })
                    }
                    crate::MailState::Sent { .. }
                    | crate::MailState::Failed { .. }
                    | crate::MailState::Dropped { .. } => Ok(SendOutcome::Failed),
                }
            }
        };
        tx.update_mail(&mail).await?;
        tx.commit().await?;
        outcome
    }

    /// The mail in words; `None` if it is not needed any more, or the person left.
    async fn letter(&self, mail: &MailRecord) -> Result<Option<Letter>, NotificationError> {
        let Some(to) = self.directory.contact(mail.account).await? else { return Ok(None) };
        let Some(link) = self.link(mail).await? else { return Ok(None) };
        let listing = listing_of(&mail.data);
        let titles = match listing {
            Some(listing) => self.directory.listing_titles(vec![listing]).await?,
            None => std::collections::HashMap::new(),
        };
        let facts = Facts {
            payload: &mail.data,
            listing_title: listing.and_then(|id| titles.get(&id)).map(String::as_str),
            time_zone: to.time_zone,
        };
        let Some(words) = Wordings::shipped().words(&to.locale, &mail.text, &facts) else {
            return Ok(None);
        };
        Ok(Some(self.addressed(mail, to, words, link)))
    }

    fn addressed(
        &self,
        mail: &MailRecord,
        to: Contact,
        words: crate::Words,
        link: String,
    ) -> Letter {
        let unsubscribe = (!mail.topic.is_transactional()).then(|| {
            let wish = Unsubscribe { account: mail.account, topic: mail.topic };
            let token = self.sender.unsubscribe_key.token(&wish);
            format!("{}/notifications/unsubscribe?token={token}", self.sender.api_url)
        });
        let at = self.clock.now();
        Letter { id: mail.id, to, template: mail.template, words, link, unsubscribe, at }
    }

    async fn link(&self, mail: &MailRecord) -> Result<Option<String>, NotificationError> {
        let purpose = match mail.template {
            Template::Notification | Template::AddressTaken => return Ok(Some(self.page_of(mail))),
            Template::VerifyAddress => LinkPurpose::VerifyAddress,
            Template::ResetPassword => LinkPurpose::ResetPassword,
            Template::ConfirmReview => match mail.subject.parse::<ReviewId>() {
                Ok(review) => LinkPurpose::ConfirmReview(review),
                Err(_) => return Ok(None),
            },
        };
        Ok(self.links.mint(mail.account, purpose).await?)
    }

    /// The page of the web app about what the mail is about.
    fn page_of(&self, mail: &MailRecord) -> String {
        let folder = match mail.subject.split('_').next() {
            Some("bkg") => "bookings",
            Some("pay") => "payments",
            Some("sub") => "subscriptions",
            Some("inv") => "invoices",
            Some("pot") => "payouts",
            Some("prm") => "promotions",
            Some("rev") => "reviews",
            Some("lst") => "listings",
            Some("prv") => "providers",
            Some("chg") => "change-requests",
            _ => return format!("{}/account", self.sender.web_url),
        };
        format!("{}/{folder}/{}", self.sender.web_url, mail.subject)
    }
}
