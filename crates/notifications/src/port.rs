use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use kernel::{
    AccountId, Inbox, Limit, ListingId, Locale, NotificationId, Page, ProviderId, ReviewId,
    StorageError, UnitOfWork,
};
use thiserror::Error;

use crate::{Mail, MailId, Notification, Preferences, Setting, Template, Topic, Words};

/// Notifications inside one transaction.
#[async_trait]
pub trait NotificationRepository: Send {
    /// Stores a notification; one that tells the same person of the same event in the same words
    /// is there already and stays as it is.
    async fn insert_notification(
        &mut self,
        notification: &Notification,
    ) -> Result<(), StorageError>;

    /// Marks these notifications of an account as read; those of others stay as they are.
    async fn mark_read(
        &mut self,
        account: AccountId,
        ids: Vec<NotificationId>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// Marks all notifications of an account up to a time as read.
    async fn mark_read_up_to(
        &mut self,
        account: AccountId,
        up_to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// Removes all that was told to an account, and all mail to it: the person left.
    async fn forget_account(&mut self, account: AccountId) -> Result<(), StorageError>;
}

/// Mails inside one transaction.
#[async_trait]
pub trait MailRepository: Send {
    /// Stores a mail, with a job that sends it after the commit: [`MailService::send`].
    ///
    /// [`MailService::send`]: crate::MailService::send
    async fn enqueue_mail(&mut self, mail: &Mail) -> Result<(), StorageError>;

    /// Loads a mail and keeps others from changing it until the transaction ends.
    async fn mail_for_update(&mut self, id: MailId) -> Result<Option<Mail>, StorageError>;

    /// Stores a changed mail.
    async fn update_mail(&mut self, mail: &Mail) -> Result<(), StorageError>;
}

/// What people chose, inside one transaction.
#[async_trait]
pub trait PreferenceRepository: Send {
    /// What an account chose.
    async fn preferences(&mut self, account: AccountId) -> Result<Preferences, StorageError>;

    /// Stores what an account chose for a topic.
    async fn store_preference(
        &mut self,
        account: AccountId,
        topic: Topic,
        setting: Setting,
    ) -> Result<(), StorageError>;
}

/// What notifications need of accounts and providers; the glue lives with the adapters.
#[async_trait]
pub trait Recipients: Send {
    /// The account behind a provider.
    async fn provider_account(&mut self, id: ProviderId)
    -> Result<Option<AccountId>, StorageError>;

    /// Everyone who moderates and may sign in, the first hundred.
    async fn moderators(&mut self) -> Result<Vec<AccountId>, StorageError>;
}

/// Everything a command may touch atomically.
pub trait NotificationTx:
    NotificationRepository + MailRepository + PreferenceRepository + Recipients + Inbox + UnitOfWork
{
}

impl<T> NotificationTx for T where
    T: NotificationRepository
        + MailRepository
        + PreferenceRepository
        + Recipients
        + Inbox
        + UnitOfWork
{
}

/// A place in a person's list: the last item's time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationPosition {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Parts equals.
    pub id: NotificationId,
}

/// Opens transactions, and answers reads that need none.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait NotificationStore: Send + Sync {
    /// Opens a transaction.
    async fn begin(&self) -> Result<Box<dyn NotificationTx>, StorageError>;

    /// One page of what an account was told, the latest first.
    async fn notifications(
        &self,
        account: AccountId,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: Limit,
    ) -> Result<Page<Notification, NotificationPosition>, StorageError>;
}

/// A mail address. Its `Debug` does not show it, so that no log does.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// An address as it was stored.
    pub const fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// How to write to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Where.
    pub address: Address,
    /// What they go by.
    pub name: String,
    /// In which language.
    pub locale: Locale,
    /// Where their clock hangs.
    pub time_zone: Tz,
}

/// Looked up at the moment of writing or reading, never stored.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Directory: Send + Sync {
    /// How to write to an account; `None` if the person left.
    async fn contact(&self, account: AccountId) -> Result<Option<Contact>, StorageError>;

    /// The titles of listings; one that is gone has none.
    async fn listing_titles(
        &self,
        listings: Vec<ListingId>,
    ) -> Result<HashMap<ListingId, String>, StorageError>;
}

/// What a link in a mail is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Confirms the address of the account.
    VerifyAddress,
    /// Sets a new password.
    ResetPassword,
    /// Confirms a review.
    ConfirmReview(ReviewId),
}

/// Makes links that carry a secret, at the moment of sending: what is made is in the mail and
/// nowhere else.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AccountLinks: Send + Sync {
    /// A link for an account; `None` if it is not needed any more.
    async fn mint(
        &self,
        account: AccountId,
        purpose: LinkPurpose,
    ) -> Result<Option<String>, StorageError>;
}

/// A mail, ready to be written and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Identifies it.
    pub id: MailId,
    /// To whom.
    pub to: Contact,
    /// Which mail.
    pub template: Template,
    /// What it says.
    pub words: Words,
    /// Where a click leads.
    pub link: String,
    /// Where a click stops such mail; `None` for a mail that cannot be stopped.
    pub unsubscribe: Option<String>,
    /// When it is sent.
    pub at: DateTime<Utc>,
}

/// Why a mail was not delivered. Never holds an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// The server will not take it, now or later.
    #[error("refused: {problem}")]
    Refused {
        /// An SMTP code or a word of ours.
        problem: String,
    },
    /// The server is not there, or asks to come back later.
    #[error("not now: {problem}")]
    Unavailable {
        /// An SMTP code or a word of ours.
        problem: String,
    },
}

/// Writes a mail and hands it to a mail server.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait MailTransport: Send + Sync {
    /// Delivers a mail. `Ok` means that the server took it.
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliveryError>;
}
