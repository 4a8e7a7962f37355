//! Mocks and builders for tests of this crate and of those that link it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use kernel::{
    AccountId, EventId, EventMessage, Inbox, NotificationId, ProviderId, StorageError, SystemIds,
    UnitOfWork,
};
use mockall::mock;
use serde_json::{Value, json};

pub use crate::port::{MockAccountLinks, MockDirectory, MockMailTransport, MockNotificationStore};
use crate::{
    Address, Contact, Mail, MailId, MailRecord, MailRepository, MailState, Notification,
    NotificationRepository, PreferenceRepository, Preferences, Recipients, Setting, Template,
    Topic,
};

mock! {
    #[derive(Debug)]
    pub NotificationTx {}

    #[async_trait]
    impl NotificationRepository for NotificationTx {
        async fn insert_notification(&mut self, notification: &Notification) -> Result<(), StorageError>;
        async fn mark_read(&mut self, account: AccountId, ids: Vec<NotificationId>, now: DateTime<Utc>) -> Result<(), StorageError>;
        async fn mark_read_up_to(&mut self, account: AccountId, up_to: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), StorageError>;
        async fn forget_account(&mut self, account: AccountId) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl MailRepository for NotificationTx {
        async fn enqueue_mail(&mut self, mail: &Mail) -> Result<(), StorageError>;
        async fn mail_for_update(&mut self, id: MailId) -> Result<Option<Mail>, StorageError>;
        async fn update_mail(&mut self, mail: &Mail) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl PreferenceRepository for NotificationTx {
        async fn preferences(&mut self, account: AccountId) -> Result<Preferences, StorageError>;
        async fn store_preference(&mut self, account: AccountId, topic: Topic, setting: Setting) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Recipients for NotificationTx {
        async fn provider_account(&mut self, id: ProviderId) -> Result<Option<AccountId>, StorageError>;
        async fn moderators(&mut self) -> Result<Vec<AccountId>, StorageError>;
    }

    #[async_trait]
    impl Inbox for NotificationTx {
        async fn first_time(&mut self, handler: &'static str, event: EventId) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for NotificationTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

impl MockNotificationStore {
    /// A store whose next transactions are these.
    pub fn with(transactions: impl IntoIterator<Item = MockNotificationTx>) -> Self {
        let mut store = Self::new();
        let mut waiting: std::collections::VecDeque<_> = transactions.into_iter().collect();
        store
            .expect_begin()
            .returning(move || Ok(Box::new(waiting.pop_front().expect("one more transaction"))));
        store
    }
}

/// An event with a payload, caused by the clock.
pub fn an_event(name: &str, subject: &str, payload: Value, at: DateTime<Utc>) -> EventMessage {
    let id = EventId::next(&SystemIds);
    let (name, subject) = (name.to_owned(), subject.to_owned());
    EventMessage { id, name, subject, payload, actor: None, at }
}

/// A queued mail about a booking.
pub fn a_mail(now: DateTime<Utc>) -> MailRecord {
    MailRecord {
        id: MailId::next(&SystemIds),
        account: AccountId::next(&SystemIds),
        template: Template::Notification,
        topic: Topic::Bookings,
        text: "booking_accepted".to_owned(),
        subject: "bkg_0192d4c0000070008000000000000000".to_owned(),
        data: json!({}),
        state: MailState::Queued { claimed_until: None, problem: None },
        attempts: 0,
        created_at: now,
    }
}

/// Somebody in Berlin who reads English.
pub fn a_contact() -> Contact {
    Contact {
        address: Address::from_stored("kim@example.org".to_owned()),
        name: "Kim".to_owned(),
        locale: kernel::Locale::default(),
        time_zone: Tz::Europe__Berlin,
    }
}
