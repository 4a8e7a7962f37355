use billing::{CaptureMode, Decline, FactState, PaymentFact, RefundId};
use chrono::{DateTime, Utc};
use kernel::{Money, PaymentId, Text};
use serde::{Deserialize, Serialize};

use crate::TransferCode;

/// How far the money of a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Progress {
    /// The payer has not sent it, or it is on its way.
    Expected,
    /// It was called off before it came. It may come all the same.
    CalledOff {
        /// When.
        at: DateTime<Utc>,
    },
    /// It is on the account.
    Received {
        /// When an admin said so.
        at: DateTime<Utc>,
    },
    /// It is the marketplace's; what is above has to go back.
    Taken {
        /// Since when.
        at: DateTime<Utc>,
        /// How much of it, in minor units.
        amount: i64,
    },
}

/// Why money has to be sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", content = "refund", rename_all = "snake_case")]
pub enum ReturnCause {
    /// It was let go instead of taken.
    LetGo,
    /// It is more than what was taken.
    Rest,
    /// A refund of billing's.
    Refund(RefundId),
}

/// Which of a transfer's returns, from 1.
pub type ReturnId = u16;

/// Money that has to be sent back to the payer, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Which of the transfer's returns, from 1.
    pub id: ReturnId,
    /// Why.
    #[serde(flatten)]
    pub cause: ReturnCause,
    /// How much, in minor units of the transfer's currency.
    pub amount: i64,
    /// When an admin said that it was sent; unset while it is to be sent.
    pub sent_at: Option<DateTime<Utc>>,
}

/// What a transfer waits for, for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// For the payer's money.
    Expected,
    /// For an admin to send money back.
    ToReturn,
    /// For nothing.
    Settled,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Expected, Self::ToReturn, Self::Settled];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::ToReturn => "to_return",
            Self::Settled => "settled",
        }
    }
}

/// A bank transfer that pays for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The payment.
    pub payment: PaymentId,
    /// What the payer writes on it.
    pub code: TransferCode,
    /// How much.
    pub amount: Money,
    /// Whether it is the marketplace's as soon as it arrives.
    pub capture: CaptureMode,
    /// What it is for, as the payer reads it.
    pub description: Text<1, 200>,
    /// When the payer asked for it.
    pub ordered_at: DateTime<Utc>,
    /// Until when it is waited for.
    pub expected_until: DateTime<Utc>,
    /// How far it is.
    pub progress: Progress,
    /// What has to go back, or went.
    pub returns: Vec<Return>,
    /// Counts its changes, from 1.
    pub version: i32,
}

/// Why something cannot be done to a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransferRefusal {
    /// More or less arrived than was expected.
    #[error("another amount arrived than the one expected; send it back, the payer pays anew")]
    OtherAmount,
    /// It arrived already.
    #[error("the transfer arrived already")]
    Arrived,
    /// It has not arrived.
    #[error("the transfer has not arrived")]
    NotArrived,
    /// More than there is.
    #[error("that is more than what arrived and was not sent back")]
    TooMuch,
    /// No such return.
    #[error("there is no such return")]
    NoReturn,
}

impl Transfer {
    /// The money is on the account. Said twice it is one arrival.
    pub fn receive(&mut self, amount: Money, now: DateTime<Utc>) -> Result<(), TransferRefusal> {
        if amount != self.amount {
            return Err(TransferRefusal::OtherAmount);
        }
        self.progress = match (self.progress, self.capture) {
            (Progress::Expected, CaptureMode::Later) => Progress::Received { at: now },
            (Progress::Expected, CaptureMode::AtOnce)
            // Nobody waits for it any more: billing takes it and gives it back.
            | (Progress::CalledOff { .. }, _) => {
                Progress::Taken { at: now, amount: self.amount.minor() }
            }
            (Progress::Received { .. } | Progress::Taken { .. }, _) => {
                return Err(TransferRefusal::Arrived);
            }
        };
        self.version += 1;
        Ok(())
    }

    /// What arrived is the marketplace's, or a part of it; the rest goes back. Said twice it is taken
    /// once.
    pub fn take(&mut self, amount: Money, now: DateTime<Utc>) -> Result<(), TransferRefusal> {
        match self.progress {
            Progress::Received { .. } => {}
            Progress::Taken { amount: taken, .. } if taken == amount.minor() => return Ok(()),
            Progress::Taken { .. } => return Err(TransferRefusal::Arrived),
            Progress::Expected | Progress::CalledOff { .. } => {
                return Err(TransferRefusal::NotArrived);
            }
        }
        let rest = self.amount.minor() - amount.minor();
        if amount.currency() != self.amount.currency() || rest < 0 || self.returned(false) > 0 {
            return Err(TransferRefusal::TooMuch);
        }
        self.progress = Progress::Taken { at: now, amount: amount.minor() };
        if rest > 0 {
            self.owe(ReturnCause::Rest, rest);
        }
        self.version += 1;
        Ok(())
    }

    /// It is not wanted any more: what arrived has to go back, what did not is not waited for.
    pub fn let_go(&mut self, now: DateTime<Utc>) -> Result<(), TransferRefusal> {
        match self.progress {
            Progress::Expected => self.progress = Progress::CalledOff { at: now },
            Progress::Received { .. } if !self.returns.is_empty() => return Ok(()),
            Progress::Received { .. } => self.owe(ReturnCause::LetGo, self.amount.minor()),
            Progress::CalledOff { .. } => return Ok(()),
            Progress::Taken { .. } => return Err(TransferRefusal::Arrived),
        }
        self.version += 1;
        Ok(())
    }

    /// A refund has to be sent. Said twice it is one.
    pub fn give_back(&mut self, refund: RefundId, amount: Money) -> Result<(), TransferRefusal> {
        let Progress::Taken { amount: taken, .. } = self.progress else {
            return Err(TransferRefusal::NotArrived);
        };
        let cause = ReturnCause::Refund(refund);
        if self.returns.iter().any(|it| it.cause == cause) {
            return Ok(());
        }
        let left = taken - self.refunds(false);
        if amount.currency() != self.amount.currency() || amount.minor() > left {
            return Err(TransferRefusal::TooMuch);
        }
        self.owe(cause, amount.minor());
        self.version += 1;
        Ok(())
    }

    /// A return was sent. Said twice it was sent once.
    pub fn sent_back(&mut self, id: ReturnId, now: DateTime<Utc>) -> Result<(), TransferRefusal> {
        let found = self.returns.iter_mut().find(|it| it.id == id);
        let found = found.ok_or(TransferRefusal::NoReturn)?;
        if found.sent_at.is_none() {
            found.sent_at = Some(now);
            self.version += 1;
        }
        Ok(())
    }

    fn owe(&mut self, cause: ReturnCause, amount: i64) {
        let id = ReturnId::try_from(self.returns.len() + 1).unwrap_or(ReturnId::MAX);
        self.returns.push(Return { id, cause, amount, sent_at: None });
    }

    /// What goes back or went, for whatever cause.
    fn returned(&self, sent_only: bool) -> i64 {
        let counted = self.returns.iter().filter(|it| !sent_only || it.sent_at.is_some());
        counted.map(|it| it.amount).sum()
    }

    fn refunds(&self, sent_only: bool) -> i64 {
        let refunds = self.returns.iter().filter(|it| matches!(it.cause, ReturnCause::Refund(_)));
        refunds.filter(|it| !sent_only || it.sent_at.is_some()).map(|it| it.amount).sum()
    }

    /// What it waits for.
    pub fn standing(&self) -> Standing {
        if self.returns.iter().any(|it| it.sent_at.is_none()) {
            return Standing::ToReturn;
        }
        match self.progress {
            Progress::Expected => Standing::Expected,
            Progress::CalledOff { .. } | Progress::Received { .. } | Progress::Taken { .. } => {
                Standing::Settled
            }
        }
    }

    /// What is true of its payment: only what an admin confirmed, and that nothing came in time.
    pub fn fact(&self, now: DateTime<Utc>) -> PaymentFact {
        let without_money = |state, at| {
            let transaction = Text::from_stored(self.code.to_string());
            PaymentFact::without_money(transaction, self.payment, state, self.amount, at)
        };
        match self.progress {
            Progress::Expected if now < self.expected_until => {
                without_money(FactState::Processing, self.ordered_at)
            }
            Progress::Expected => {
                let decline = Decline::soft("not_received");
                without_money(FactState::Failed(decline), self.expected_until)
            }
            Progress::CalledOff { at } => without_money(FactState::Voided, at),
            Progress::Received { at } => match self.returns.first().and_then(|it| it.sent_at) {
                Some(sent_at) => without_money(FactState::Voided, sent_at),
                None => without_money(FactState::Authorized { until: None }, at),
            },
            Progress::Taken { at, amount } => {
                let money = |minor| Money::new(minor, self.amount.currency());
                PaymentFact {
                    captured: money(amount),
                    refunded: money(self.refunds(true)),
                    ..without_money(FactState::Captured, at)
                }
            }
        }
    }
}
