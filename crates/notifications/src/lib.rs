//! What the marketplace tells people: in the app and by mail, by their preferences, in their
//! language.
//!
//! A domain event becomes notifications by a table ([`rules`]): who is told, of what topic, in
//! which words ([`Wordings`]). What is stored are ids and facts; the words are chosen when they are
//! read or sent, so that a person who changes their language finds all of it in the new one.
//!
//! A [`Mail`] is a row written with the notification and sent afterwards by a job
//! ([`MailService::send`]): a mail server that is down delays mail and nothing else. Addresses and
//! secrets are looked up at that moment ([`Directory`], [`AccountLinks`]) and stored nowhere.

mod error;
mod mail;
mod notification;
mod port;
mod preference;
mod rule;
mod sending;
mod service;
mod unsubscribe;
mod wording;

#[cfg(feature = "testing")]
pub mod testing;

pub use error::NotificationError;
pub use mail::{Claim, Mail, MailId, MailRecord, MailState, Template};
pub use notification::{Notification, Presented};
pub use port::{
    AccountLinks, Address, Contact, DeliveryError, Directory, Letter, LinkPurpose, MailRepository,
    MailTransport, NotificationPosition, NotificationRepository, NotificationStore, NotificationTx,
    PreferenceRepository, Recipients,
};
pub use preference::{Channel, Preferences, Setting, Topic};
pub use rule::{Rule, To, concerns_people, rules};
pub use sending::{MailService, SendOutcome, Sender};
pub use service::{HANDLER, NotificationService, ReadCommand};
pub use unsubscribe::{Unsubscribe, UnsubscribeKey, UnsubscribePage};
pub use wording::{Facts, Wordings, Words};
