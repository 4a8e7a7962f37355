//! Payouts: a provider's money on its way to the provider.

mod decision;
mod event;
mod terms;

use chrono::{DateTime, Utc};
use kernel::{AccountId, Money, PayoutId, ProviderId, Text};

pub use decision::{PayoutDecision, decide_payout};
pub use event::{PayoutEvent, PayoutHappening};
pub use terms::{MinimumPayout, PayoutTerms};

use crate::ledger::{payout_paid, payout_returned, payout_sent};
use crate::payment::SETTLING_TIME;
use crate::{BillingError, Entry, GatewayName, Inquiry, PayoutOutcome};

kernel::id! {
    /// The payouts of one run.
    pub struct BatchId("btc");
}

/// Where a payout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutState {
    /// So large that an admin has to approve it.
    AwaitingApproval,
    /// It waits to be sent.
    Ready,
    /// It is with the gateway, or with an admin who pays by hand; perhaps its answer was lost.
    Processing {
        /// Since when.
        since: DateTime<Utc>,
        /// The gateway's name for it, once it told.
        reference: Option<Text<1, 255>>,
    },
    /// It arrived.
    Paid {
        /// When.
        at: DateTime<Utc>,
        /// The gateway's or the bank's name for it.
        reference: Text<1, 255>,
    },
    /// It was refused; the money is the provider's again.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// An admin called it off; the money is the provider's again.
    Cancelled {
        /// When.
        at: DateTime<Utc>,
    },
}

impl PayoutState {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 6] =
        ["awaiting_approval", "ready", "processing", "paid", "failed", "cancelled"];

    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Ready => "ready",
            Self::Processing { .. } => "processing",
            Self::Paid { .. } => "paid",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether nothing can follow.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::AwaitingApproval | Self::Ready | Self::Processing { .. } => false,
            Self::Paid { .. } | Self::Failed { .. } | Self::Cancelled { .. } => true,
        }
    }
}

/// What can be done with a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PayoutCommand {
    /// An admin lets a large one go.
    Approve,
    /// An admin calls it off.
    Cancel,
    /// It is given to the gateway, or to an admin who pays by hand.
    Send,
    /// It arrived.
    Confirm,
    /// It was refused.
    Fail,
}

impl PayoutCommand {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 5] = [Self::Approve, Self::Cancel, Self::Send, Self::Confirm, Self::Fail];

    /// Its name on the wire and in the docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Cancel => "cancel",
            Self::Send => "send",
            Self::Confirm => "confirm",
            Self::Fail => "fail",
        }
    }
}

/// How a payout travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutRoute {
    /// Through a gateway that can.
    Gateway(GatewayName),
    /// By the marketplace's bank: an admin pays it and says so.
    Bank,
}

/// A provider's money on its way to the provider. From the moment it exists its amount is no
/// longer in the provider's balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// The run that made it.
    pub batch: BatchId,
    /// Whose.
    pub provider: ProviderId,
    /// The provider's account.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// How it travels.
    pub route: PayoutRoute,
    /// Where it stands.
    pub state: PayoutState,
    /// Counts what was sent, from 1: a part of its key.
    pub attempt: u16,
    /// When the gateway is asked.
    pub inquiry: Inquiry,
    /// Who let it go, where that is asked for.
    pub approved_by: Option<AccountId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: i32,
}

/// What follows from something that was done to a payout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PayoutChange {
    /// What the rest of the system hears.
    pub events: Vec<PayoutEvent>,
    /// What is posted to the ledger.
    pub entries: Vec<Entry>,
}

/// What a new payout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPayout {
    /// Its id.
    pub id: PayoutId,
    /// The run that makes it.
    pub batch: BatchId,
    /// Whose.
    pub provider: ProviderId,
    /// The provider's account.
    pub account: AccountId,
    /// How much; more than nothing.
    pub amount: Money,
    /// How it travels.
    pub route: PayoutRoute,
    /// Whether an admin has to let it go first.
    pub needs_approval: bool,
}

impl Payout {
    /// A new payout. Its amount leaves the provider's balance at once.
    pub fn create(
        new: NewPayout,
        now: DateTime<Utc>,
    ) -> Result<(Self, PayoutChange), BillingError> {
        let NewPayout { id, batch, provider, account, amount, route, needs_approval } = new;
        let state = if needs_approval { PayoutState::AwaitingApproval } else { PayoutState::Ready };
        let payout = Self {
            id,
            batch,
            provider,
            account,
            amount,
            route,
            state,
            attempt: 1,
            inquiry: Inquiry::from(now),
            approved_by: None,
            created_at: now,
            version: 1,
        };
        let entries = Vec::from_iter(payout_sent(id, provider, amount)?);
        let events = vec![PayoutEvent::of(&payout, PayoutHappening::Created)];
        Ok((payout, PayoutChange { events, entries }))
    }

    /// Whether this can be done with it now.
    pub const fn may(&self, command: PayoutCommand) -> bool {
        match self.state {
            PayoutState::AwaitingApproval => {
                matches!(command, PayoutCommand::Approve | PayoutCommand::Cancel)
            }
            PayoutState::Ready => matches!(command, PayoutCommand::Send | PayoutCommand::Cancel),
            PayoutState::Processing { .. } => {
                matches!(command, PayoutCommand::Confirm | PayoutCommand::Fail)
            }
            PayoutState::Paid { .. }
            | PayoutState::Failed { .. }
            | PayoutState::Cancelled { .. } => false,
        }
    }

    fn require(&self, command: PayoutCommand) -> Result<(), BillingError> {
        if self.may(command) {
            return Ok(());
        }
        let allowed = PayoutCommand::ALL.into_iter().filter(|command| self.may(*command));
        Err(BillingError::NotAllowed {
            object: self.id.to_string(),
            command: command.name(),
            status: self.state.name(),
            allowed: allowed.map(PayoutCommand::name).collect(),
        })
    }

    /// An admin lets a large one go. Nobody approves their own.
    pub fn approve(&mut self, by: AccountId) -> Result<(), BillingError> {
        self.require(PayoutCommand::Approve)?;
        if by == self.account {
            return Err(BillingError::OwnPayout);
        }
        self.state = PayoutState::Ready;
        self.approved_by = Some(by);
        self.version += 1;
        Ok(())
    }

    /// An admin calls it off.
    pub fn cancel(&mut self, now: DateTime<Utc>) -> Result<PayoutChange, BillingError> {
        self.require(PayoutCommand::Cancel)?;
        self.state = PayoutState::Cancelled { at: now };
        self.returned(PayoutHappening::Cancelled)
    }

    /// It is given away: stored before the gateway is called.
    pub fn send(&mut self, now: DateTime<Utc>) -> Result<(), BillingError> {
        self.require(PayoutCommand::Send)?;
        self.state = PayoutState::Processing { since: now, reference: None };
        self.inquiry = Inquiry::from(now);
        self.version += 1;
        Ok(())
    }

    /// The gateway surely did nothing: it waits again.
    pub fn not_sent(&mut self) -> Result<(), BillingError> {
        self.require(PayoutCommand::Fail)?;
        self.state = PayoutState::Ready;
        self.version += 1;
        Ok(())
    }

    /// It arrived.
    pub fn confirm(
        &mut self,
        reference: Text<1, 255>,
        now: DateTime<Utc>,
    ) -> Result<PayoutChange, BillingError> {
        self.require(PayoutCommand::Confirm)?;
        self.state = PayoutState::Paid { at: now, reference };
        self.version += 1;
        let entries = Vec::from_iter(payout_paid(self.id, self.amount)?);
        let events = vec![PayoutEvent::of(self, PayoutHappening::Paid)];
        Ok(PayoutChange { events, entries })
    }

    /// It was refused.
    pub fn fail(&mut self, reason: &str, now: DateTime<Utc>) -> Result<PayoutChange, BillingError> {
        self.require(PayoutCommand::Fail)?;
        let reason = reason.chars().take(500).collect();
        self.state = PayoutState::Failed { at: now, reason };
        self.returned(PayoutHappening::Failed)
    }

    /// Takes what the gateway says of it, in answer to our call or our question; `None` if it
    /// never heard of it. After an end nothing changes any more.
    pub fn answered(
        &mut self,
        outcome: Option<&PayoutOutcome>,
        now: DateTime<Utc>,
    ) -> Result<PayoutChange, BillingError> {
        let PayoutState::Processing { since, reference } = &mut self.state else {
            return Ok(PayoutChange::default());
        };
        match outcome {
            Some(PayoutOutcome::Paid { reference }) => self.confirm(reference.clone(), now),
            Some(PayoutOutcome::Pending { reference: told }) => {
                *reference = Some(told.clone());
                self.version += 1;
                Ok(PayoutChange::default())
            }
            Some(PayoutOutcome::Declined(decline)) => {
                let reason = decline.reason.clone();
                self.fail(&reason, now)
            }
            // Never heard of, long after it was sent: it was not sent.
            None if now >= *since + SETTLING_TIME => {
                self.attempt = self.attempt.saturating_add(1);
                self.state = PayoutState::Ready;
                self.version += 1;
                Ok(PayoutChange::default())
            }
            None => Ok(PayoutChange::default()),
        }
    }

    /// When the gateway is asked next, if there is something to ask for.
    pub fn inquiry_due(&self) -> Option<DateTime<Utc>> {
        match (&self.state, self.route) {
            (PayoutState::Processing { .. }, PayoutRoute::Gateway(_)) => self.inquiry.due_at(),
            (
                PayoutState::AwaitingApproval
                | PayoutState::Ready
                | PayoutState::Processing { .. }
                | PayoutState::Paid { .. }
                | PayoutState::Failed { .. }
                | PayoutState::Cancelled { .. },
                _,
            ) => None,
        }
    }

    /// The gateway was asked and answered.
    pub fn asked(&mut self, now: DateTime<Utc>) {
        self.inquiry = self.inquiry.asked_at(now);
        self.version += 1;
    }

    /// The gateway could not be asked: it is asked again.
    pub fn inquiry_failed(&mut self, now: DateTime<Utc>) {
        self.inquiry = self.inquiry.put_off(now);
        self.version += 1;
    }

    fn returned(&mut self, happening: PayoutHappening) -> Result<PayoutChange, BillingError> {
        self.version += 1;
        let entries = Vec::from_iter(payout_returned(self.id, self.provider, self.amount)?);
        let events = vec![PayoutEvent::of(self, happening)];
        Ok(PayoutChange { events, entries })
    }
}
