//! The inbox of what gateways send: stored once, applied by a job, parked when that fails.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Text;

use crate::{BillingError, GatewayName, SignedMessage, Subject};

kernel::id! {
    /// A message of a gateway.
    pub struct WebhookId("whk");
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// It waits for its job.
    Received,
    /// It was applied, with all its effects.
    Applied {
        /// When.
        at: DateTime<Utc>,
    },
    /// It concerns nothing of ours.
    Ignored {
        /// When that was found out.
        at: DateTime<Utc>,
    },
    /// It could not be applied and is tried again.
    Failed {
        /// When it is tried again.
        retry_at: DateTime<Utc>,
    },
    /// It could not be applied; people have to look, and can replay it.
    Parked {
        /// Since when.
        at: DateTime<Utc>,
    },
}

impl WebhookState {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 5] = ["received", "applied", "ignored", "failed", "parked"];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Applied { .. } => "applied",
            Self::Ignored { .. } => "ignored",
            Self::Failed { .. } => "failed",
            Self::Parked { .. } => "parked",
        }
    }
}

/// What can be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WebhookCommand {
    /// Its effects are in place.
    Apply,
    /// It concerns nothing of ours.
    Ignore,
    /// It could not be applied.
    Fail,
    /// An admin wants it applied again.
    Replay,
}

impl WebhookCommand {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 4] = [Self::Apply, Self::Ignore, Self::Fail, Self::Replay];

    /// Its name in the docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Ignore => "ignore",
            Self::Fail => "fail",
            Self::Replay => "replay",
        }
    }
}

/// A message of a gateway whose signature held. What it says is not believed: it tells what to
/// ask the gateway for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// From which gateway. With [`Self::event_id`] it is unique.
    pub gateway: GatewayName,
    /// What makes it one message at the gateway.
    pub event_id: Text<1, 255>,
    /// The gateway's word for its kind.
    pub kind: Text<1, 100>,
    /// What it is about.
    pub subject: Subject,
    /// The body, byte for byte, for people who look into it.
    pub body: Vec<u8>,
    /// When it came first.
    pub received_at: DateTime<Utc>,
    /// How often it was tried in vain since it came or was replayed.
    pub attempts: u8,
    /// The last reason, for people.
    pub last_error: Option<String>,
    /// How far it is.
    pub state: WebhookState,
}

impl Webhook {
    /// After so many tries people have to look.
    pub const MAX_ATTEMPTS: u8 = 8;

    /// A message that came in and whose signature holds.
    pub fn receive(
        id: WebhookId,
        gateway: GatewayName,
        message: SignedMessage,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Self {
        let SignedMessage { event_id, kind, subject, at: _, question: _ } = message;
        Self {
            id,
            gateway,
            event_id,
            kind,
            subject,
            body: body.to_vec(),
            received_at: now,
            attempts: 0,
            last_error: None,
            state: WebhookState::Received,
        }
    }

    /// Whether this can be done with it now.
    pub const fn may(&self, command: WebhookCommand) -> bool {
        match self.state {
            WebhookState::Received | WebhookState::Failed { .. } => match command {
                WebhookCommand::Apply | WebhookCommand::Ignore | WebhookCommand::Fail => true,
                WebhookCommand::Replay => false,
            },
            WebhookState::Applied { .. }
            | WebhookState::Ignored { .. }
            | WebhookState::Parked { .. } => match command {
                WebhookCommand::Replay => true,
                WebhookCommand::Apply | WebhookCommand::Ignore | WebhookCommand::Fail => false,
            },
        }
    }

    fn require(&self, command: WebhookCommand) -> Result<(), BillingError> {
        if self.may(command) {
            return Ok(());
        }
        let allowed = WebhookCommand::ALL.into_iter().filter(|command| self.may(*command));
        Err(BillingError::NotAllowed {
            object: self.id.to_string(),
            command: command.name(),
            status: self.state.name(),
            allowed: allowed.map(WebhookCommand::name).collect(),
        })
    }

    /// Whether its job has something to do.
    pub const fn is_open(&self) -> bool {
        self.may(WebhookCommand::Apply)
    }

    /// Its effects are in place.
    pub fn apply(&mut self, now: DateTime<Utc>) -> Result<(), BillingError> {
        self.require(WebhookCommand::Apply)?;
        self.state = WebhookState::Applied { at: now };
        Ok(())
    }

    /// It concerns nothing of ours.
    pub fn ignore(&mut self, now: DateTime<Utc>) -> Result<(), BillingError> {
        self.require(WebhookCommand::Ignore)?;
        self.state = WebhookState::Ignored { at: now };
        Ok(())
    }

    /// It could not be applied: it is tried again after half a minute, then twice as long, and
    /// parked in the end. Answers when it is tried again.
    pub fn fail(
        &mut self,
        error: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, BillingError> {
        self.require(WebhookCommand::Fail)?;
        let pause = TimeDelta::seconds(30) * (1_i32 << u32::from(self.attempts.min(10)));
        self.attempts = self.attempts.saturating_add(1);
        self.last_error = Some(error.chars().take(1000).collect());
        if self.attempts >= Self::MAX_ATTEMPTS {
            self.state = WebhookState::Parked { at: now };
            return Ok(None);
        }
        let retry_at = now + pause;
        self.state = WebhookState::Failed { retry_at };
        Ok(Some(retry_at))
    }

    /// An admin wants it applied again. What was applied before changes nothing the second time.
    pub fn replay(&mut self) -> Result<(), BillingError> {
        self.require(WebhookCommand::Replay)?;
        self.attempts = 0;
        self.state = WebhookState::Received;
        Ok(())
    }
}
