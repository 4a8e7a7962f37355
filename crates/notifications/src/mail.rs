use chrono::{DateTime, TimeDelta, Utc};
use kernel::AccountId;
use serde::Deserialize;
use serde_json::Value;

use crate::Topic;

kernel::id! {
    /// A mail that was sent, or will be.
    pub struct MailId("mai");
}

/// Which mail it is: what is written around the words, and which link it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// Says what a notification says.
    #[default]
    Notification,
    /// Carries the link that confirms an address.
    VerifyAddress,
    /// Carries the link that sets a new password.
    ResetPassword,
    /// Says that there is an account.
    AddressTaken,
    /// Carries the link that confirms a review.
    ConfirmReview,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Notification,
        Self::VerifyAddress,
        Self::ResetPassword,
        Self::AddressTaken,
        Self::ConfirmReview,
    ];

    /// Its name in the database and in the folder of templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::VerifyAddress => "verify_address",
            Self::ResetPassword => "reset_password",
            Self::AddressTaken => "address_taken",
            Self::ConfirmReview => "confirm_review",
        }
    }

    /// The template of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }
}

/// Where a mail stands. Data that only exists in one state lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailState {
    /// Waits to be sent.
    Queued {
        /// A sender is at it, and nobody else until then.
        claimed_until: Option<DateTime<Utc>>,
        /// Why it was put off last: an SMTP code, or a word of ours. Never an address.
        problem: Option<String>,
    },
    /// The mail server took it.
    Sent {
        /// When.
        at: DateTime<Utc>,
    },
    /// The mail server will not take it, or was not there for days.
    Failed {
        /// When we gave up.
        at: DateTime<Utc>,
        /// Why: an SMTP code, or a word of ours. Never an address.
        problem: String,
    },
    /// Was not needed any more when it was to be sent.
    Dropped {
        /// When that was seen.
        at: DateTime<Utc>,
    },
}

impl MailState {
    /// The names of all states.
    pub const NAMES: [&'static str; 4] = ["queued", "sent", "failed", "dropped"];

    /// Its name in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::Dropped { .. } => "dropped",
        }
    }
}

/// A mail to a person: ids and facts. Address, words and secrets are looked up when it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    record: MailRecord,
}

/// The fields of a [`Mail`], for storage adapters.
#[derive(Debug, Clone, PartialEq)]
pub struct MailRecord {
    /// Identifies it; part of the message's `Message-ID`, so that a mail that was sent twice
    /// because an answer was lost is shown once by the reader's program.
    pub id: MailId,
    /// To whom.
    pub account: AccountId,
    /// Which mail.
    pub template: Template,
    /// Which topic's setting decided that it is sent, and is changed by its unsubscribe link.
    pub topic: Topic,
    /// Which words.
    pub text: String,
    /// The id of what it is about, as it stands on the wire.
    pub subject: String,
    /// The event's payload: ids and facts only.
    pub data: Value,
    /// Where it stands.
    pub state: MailState,
    /// How often a sender took it on.
    pub attempts: i32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Whether a sender may send a mail now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Yes, and nobody else until the claim is over.
    Granted,
    /// No: another sender is at it.
    Busy,
    /// No: it is sent, failed or dropped.
    Over,
}

impl Mail {
    /// The longest that a sender works at a mail before another may: longer than any timeout of a
    /// mail server's.
    pub const CLAIM: TimeDelta = TimeDelta::minutes(5);

    /// A mail that the server would not take for so long is given up.
    pub const PATIENCE: TimeDelta = TimeDelta::days(3);

    /// A mail from its record.
    pub const fn restore(record: MailRecord) -> Self {
        Self { record }
    }

    /// Its fields.
    pub const fn record(&self) -> &MailRecord {
        &self.record
    }

    /// A sender takes it on.
    pub fn claim(&mut self, now: DateTime<Utc>) -> Claim {
        match &self.record.state {
            MailState::Queued { claimed_until: Some(until), .. } if now < *until => Claim::Busy,
            MailState::Queued { problem, .. } => {
                let problem = problem.clone();
                let claimed_until = Some(now + Self::CLAIM);
                self.record.state = MailState::Queued { claimed_until, problem };
                self.record.attempts += 1;
                Claim::Granted
            }
            MailState::Sent { .. } | MailState::Failed { .. } | MailState::Dropped { .. } => {
                Claim::Over
            }
        }
    }

    /// The mail server took it.
    pub fn sent(&mut self, now: DateTime<Utc>) {
        self.end(MailState::Sent { at: now });
    }

    /// The mail server will never take it.
    pub fn refused(&mut self, problem: String, now: DateTime<Utc>) {
        self.end(MailState::Failed { at: now, problem });
    }

    /// It is not needed any more.
    pub fn dropped(&mut self, now: DateTime<Utc>) {
        self.end(MailState::Dropped { at: now });
    }

    /// The mail server did not take it now: it waits for the next try, unless it has waited for
    /// too long.
    pub fn put_off(&mut self, problem: String, now: DateTime<Utc>) {
        if now >= self.record.created_at + Self::PATIENCE {
            self.refused(problem, now);
        } else if let MailState::Queued { .. } = self.record.state {
            let problem = Some(problem);
            self.record.state = MailState::Queued { claimed_until: None, problem };
        }
    }

    /// What is over stays as it is.
    fn end(&mut self, state: MailState) {
        match self.record.state {
            MailState::Queued { .. } => self.record.state = state,
            MailState::Sent { .. } | MailState::Failed { .. } | MailState::Dropped { .. } => {}
        }
    }
}
