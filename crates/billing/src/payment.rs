//! The payment: one attempt to move money for one purpose, through one gateway.

mod apply;
mod challenge;
mod event;
mod holding;
mod inquiry;
mod operation;
mod refund;
mod release;
mod status;

use std::collections::BTreeSet;

use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{AccountId, Money, PaymentId, Timer};

pub use apply::Change;
pub use challenge::{Challenge, ReturnToken};
pub use event::{PaymentEvent, PaymentHappening};
pub use holding::{Holding, Reserve};
pub use inquiry::{ABANDONED_AFTER, ASKED_AGAIN, INQUIRY_STEPS, Inquiry, SETTLING_TIME};
pub use operation::{Flight, InFlight, Operation, Wanted};
pub use refund::{Reason, Refund, RefundId, RefundState};
pub use status::{Command, Stage, Status};

use crate::{
    BillingError, CaptureMode, CardId, Description, GatewayName, Purpose, Right, SaleAccounts,
    SaleSums, SaleTerms, Seller, TransactionId, timer,
};

/// Who started a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// The payer, with what they had at hand.
    Payer,
    /// The payer, on a page of the gateway that ends then.
    Checkout {
        /// When the page ends.
        until: DateTime<Utc>,
    },
    /// The marketplace, with a card that the payer lets it keep.
    Engine {
        /// Which card.
        card: CardId,
    },
    /// The gateway, for a subscription that it runs.
    Gateway,
}

/// Why people have to look at a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Concern {
    /// The gateway speaks of another amount than was asked for, or of sums that cannot be.
    Amount,
    /// The gateway speaks of another currency.
    Currency,
    /// Money was taken by two transactions.
    SecondTransaction,
    /// The gateway did not say how it stands for five days.
    Unresolved,
    /// The gateway was not reached again and again for what has to be done.
    Stuck,
    /// The reservation ended before it could be taken: something was agreed on, and is not paid.
    RanOut,
}

impl Concern {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 6] = [
        Self::Amount,
        Self::Currency,
        Self::SecondTransaction,
        Self::Unresolved,
        Self::Stuck,
        Self::RanOut,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::SecondTransaction => "second_transaction",
            Self::Unresolved => "unresolved",
            Self::Stuck => "stuck",
            Self::RanOut => "ran_out",
        }
    }
}

/// What a new payment is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// Its id.
    pub id: PaymentId,
    /// For what.
    pub purpose: Purpose,
    /// Whose money.
    pub payer: AccountId,
    /// Who sells.
    pub seller: Seller,
    /// How much.
    pub amount: Money,
    /// Through which gateway.
    pub gateway: GatewayName,
    /// Whether the money is taken at once.
    pub capture: CaptureMode,
    /// Who started it.
    pub initiator: Initiator,
    /// How it will be divided.
    pub terms: SaleTerms,
    /// What the payer has the right to as long as it is paid, if that follows from it.
    pub grants: Option<Right>,
    /// For the payer's statement.
    pub description: Description,
    /// Where the app wants the payer back.
    pub return_to: Option<String>,
    /// The payer's way back from the bank, if there may be one.
    pub challenge: Option<Challenge>,
}

/// The fields of a [`Payment`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRecord {
    /// Its id.
    pub id: PaymentId,
    /// For what.
    pub purpose: Purpose,
    /// Whose money.
    pub payer: AccountId,
    /// Who sells.
    pub seller: Seller,
    /// How much was asked for.
    pub amount: Money,
    /// Through which gateway.
    pub gateway: GatewayName,
    /// Whether the money is taken at once.
    pub capture: CaptureMode,
    /// Who started it.
    pub initiator: Initiator,
    /// How it is divided; frozen.
    pub terms: SaleTerms,
    /// What the payer has the right to as long as it is paid, if that follows from it.
    pub grants: Option<Right>,
    /// For the payer's statement.
    pub description: Description,
    /// Where the app wants the payer back.
    pub return_to: Option<String>,
    /// The payer's way back from the bank.
    pub challenge: Option<Challenge>,
    /// The gateway's transaction, once it told.
    pub transaction: Option<TransactionId>,
    /// How far it is.
    pub stage: Stage,
    /// Its money, since the beginning.
    pub sums: SaleSums,
    /// What is to be done with the reservation.
    pub wanted: Option<Wanted>,
    /// Money that is to go back, by request.
    pub refunds: Vec<Refund>,
    /// What the gateway was told and has not answered.
    pub in_flight: Option<InFlight>,
    /// Counts what was sent, from 1: a part of the operation's key.
    pub attempt: u16,
    /// How often in a row the gateway was not reached.
    pub tries: u8,
    /// When to try again, after the gateway was not reached.
    pub retry_at: Option<DateTime<Utc>>,
    /// When the gateway is asked.
    pub inquiry: Inquiry,
    /// Whose the provider's part is.
    pub holding: Holding,
    /// What is kept back of it.
    pub reserve: Option<Reserve>,
    /// Why people have to look.
    pub concerns: BTreeSet<Concern>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: i32,
}

/// One attempt to move money for one purpose, through one gateway.
///
/// Only what the gateway itself said moves it: see [`Payment::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub(crate) record: PaymentRecord,
    /// The version that is stored; 0 for a new one.
    loaded: i32,
}

impl Payment {
    /// A new payment, of which the gateway has not heard.
    pub fn create(new: NewPayment, now: DateTime<Utc>) -> (Self, PaymentEvent) {
        let NewPayment {
            id,
            purpose,
            payer,
            seller,
            amount,
            gateway,
            capture,
            initiator,
            terms,
            grants,
            description,
            return_to,
            challenge,
        } = new;
        let record = PaymentRecord {
            id,
            purpose,
            payer,
            seller,
            amount,
            gateway,
            capture,
            initiator,
            terms,
            grants,
            description,
            return_to,
            challenge,
            transaction: None,
            stage: Stage::Created,
            sums: SaleSums::default(),
            wanted: None,
            refunds: Vec::new(),
            in_flight: None,
            attempt: 1,
            tries: 0,
            retry_at: None,
            inquiry: Inquiry::from(now),
            holding: Holding::Nothing,
            reserve: None,
            concerns: BTreeSet::new(),
            created_at: now,
            version: 1,
        };
        let payment = Self { record, loaded: 0 };
        let event = PaymentEvent::of(&payment, PaymentHappening::Created);
        (payment, event)
    }

    /// The payment of a record that was valid when it was written.
    pub const fn restore(record: PaymentRecord) -> Self {
        let loaded = record.version;
        Self { record, loaded }
    }

    /// Its fields, for storage.
    pub const fn record(&self) -> &PaymentRecord {
        &self.record
    }

    /// The version that is stored and that this one replaces; 0 if it is new.
    pub const fn loaded_version(&self) -> i32 {
        self.loaded
    }

    /// Whether it differs from what is stored.
    pub const fn is_changed(&self) -> bool {
        self.record.version != self.loaded
    }

    /// Notes a change: however many there are before it is stored, they are one version.
    pub(crate) const fn touch(&mut self) {
        self.record.version = self.loaded + 1;
    }

    /// Where it stands.
    pub const fn status(&self) -> Status {
        match &self.record.stage {
            Stage::Created => Status::Created,
            Stage::RequiresAction => Status::RequiresAction,
            Stage::Processing { .. } => Status::Processing,
            Stage::Failed { .. } => Status::Failed,
            Stage::Authorized { .. } => Status::Authorized,
            Stage::Voided { .. } => Status::Voided,
            Stage::Captured { .. } => {
                let SaleSums { captured, refunded, charged_back, reinstated } = self.record.sums;
                if charged_back > reinstated {
                    Status::ChargedBack
                } else if refunded >= captured {
                    Status::Refunded
                } else if refunded > 0 {
                    Status::PartiallyRefunded
                } else {
                    Status::Captured
                }
            }
        }
    }

    /// Whether this may be asked of it now. The one table of the lifecycle; every command asks it
    /// first. What a state does not name it refuses.
    pub fn may(&self, command: Command) -> bool {
        let unclaimed = self.record.wanted.is_none();
        match self.status() {
            Status::Created => match command {
                Command::LoseAnswer | Command::Fail => true,
                Command::Void => unclaimed,
                _ => false,
            },
            Status::RequiresAction => match command {
                Command::Continue | Command::LoseAnswer | Command::Fail => true,
                Command::Void => unclaimed,
                _ => false,
            },
            Status::Processing => match command {
                Command::LoseAnswer | Command::Fail => true,
                Command::Void => unclaimed,
                _ => false,
            },
            Status::Authorized => match command {
                Command::Capture => unclaimed,
                // What is not on its way to be taken can still be let go.
                Command::Void => unclaimed || (self.wants_capture() && !self.is_in_flight()),
                // What is about to be taken can be given back, delivered and disputed already.
                Command::Refund => self.refundable().minor() > 0,
                Command::Freeze | Command::Unfreeze | Command::Release => {
                    self.wants_capture() && self.may_hold(command)
                }
                _ => false,
            },
            Status::Captured | Status::PartiallyRefunded => match command {
                Command::Refund => self.refundable().minor() > 0,
                Command::Freeze | Command::Unfreeze | Command::Release => self.may_hold(command),
                _ => false,
            },
            Status::Refunded | Status::ChargedBack => match command {
                // A bank may have taken a part: the rest is still there.
                Command::Refund => self.refundable().minor() > 0,
                Command::Freeze | Command::Unfreeze | Command::Release => self.may_hold(command),
                _ => false,
            },
            Status::Failed | Status::Voided => false,
        }
    }

    fn may_hold(&self, command: Command) -> bool {
        match self.record.holding {
            Holding::Released { .. } => false,
            Holding::Nothing if self.record.seller == Seller::Platform => false,
            Holding::Nothing | Holding::Held => {
                matches!(command, Command::Freeze | Command::Release)
            }
            Holding::Releasing { .. } => command == Command::Freeze,
            Holding::Frozen { due } => {
                command == Command::Unfreeze || (command == Command::Release && due.is_none())
            }
        }
    }

    /// Passes if this may be asked of it now.
    pub(crate) fn require(&self, command: Command) -> Result<(), BillingError> {
        if self.may(command) {
            return Ok(());
        }
        let allowed = Command::ALL.iter().copied().filter(|command| self.may(*command));
        Err(BillingError::NotAllowed {
            object: self.record.id.to_string(),
            command: command.name(),
            status: self.status().name(),
            allowed: allowed.map(Command::name).collect(),
        })
    }

    pub(crate) const fn wants_capture(&self) -> bool {
        matches!(self.record.wanted, Some(Wanted::Capture { .. }))
    }

    pub(crate) const fn is_in_flight(&self) -> bool {
        self.record.in_flight.is_some()
    }

    /// What can still be given back: what was taken or is about to be, less what went back in
    /// whatever way and what is about to.
    pub fn refundable(&self) -> Money {
        self.refundable_but_for(None)
    }

    /// The same as if one refund had never been asked for.
    pub(super) fn refundable_but_for(&self, left_out: Option<RefundId>) -> Money {
        let open: i64 = self
            .record
            .refunds
            .iter()
            .filter(|refund| refund.state.is_open() && Some(refund.id) != left_out)
            .map(|refund| refund.amount)
            .sum();
        let sums = self.record.sums;
        let taken = match self.record.wanted {
            Some(Wanted::Capture { amount }) => sums.captured.max(amount),
            Some(Wanted::Void { .. }) | None => sums.captured,
        };
        Money::new((taken - sums.returned() - open).max(0), self.record.amount.currency())
    }

    /// Passes if the actor may do this to this payment. A stranger learns nothing, not even that
    /// it exists.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), BillingError> {
        let own = actor.account() == Some(self.record.payer);
        let relation = if own { Relation::Owner } else { Relation::Stranger };
        decide(actor, action, relation, own)
            .map_err(|denial| BillingError::denied(denial, &self.record.id))
    }

    pub(crate) const fn sale_accounts(&self) -> SaleAccounts {
        SaleAccounts {
            payment: self.record.id,
            gateway: self.record.gateway,
            seller: self.record.seller,
            terms: self.record.terms,
            currency: self.record.amount.currency(),
            released: self.record.holding.is_released(),
        }
    }

    /// The timers that it needs now.
    pub fn timers(&self, now: DateTime<Utc>) -> Vec<Timer> {
        let due = [
            (timer::PAYMENT_INQUIRY, self.inquiry_due()),
            (timer::PAYMENT_OPERATION, self.operation_due(now)),
            (timer::PAYMENT_RELEASE, self.release_due()),
            (timer::RESERVE_RELEASE, self.reserve_due()),
        ];
        let subject = self.record.id.to_string();
        due.into_iter()
            .filter_map(|(kind, due_at)| Some((kind, due_at?)))
            .map(|(kind, due_at)| Timer { kind, subject: subject.clone(), due_at })
            .collect()
    }

    /// Its id.
    pub const fn id(&self) -> PaymentId {
        self.record.id
    }

    /// For what.
    pub const fn purpose(&self) -> Purpose {
        self.record.purpose
    }

    /// Whose money.
    pub const fn payer(&self) -> AccountId {
        self.record.payer
    }

    /// Who sells.
    pub const fn seller(&self) -> Seller {
        self.record.seller
    }

    /// How much was asked for.
    pub const fn amount(&self) -> Money {
        self.record.amount
    }

    /// Through which gateway.
    pub const fn gateway(&self) -> GatewayName {
        self.record.gateway
    }

    /// How far the gateway's transaction is.
    pub const fn stage(&self) -> &Stage {
        &self.record.stage
    }

    /// Its money, since the beginning.
    pub const fn sums(&self) -> SaleSums {
        self.record.sums
    }

    /// Money that is to go back or went.
    pub fn refunds(&self) -> &[Refund] {
        &self.record.refunds
    }

    /// Whose the provider's part is.
    pub const fn holding(&self) -> Holding {
        self.record.holding
    }

    /// Why people have to look, if they have to.
    pub const fn concerns(&self) -> &BTreeSet<Concern> {
        &self.record.concerns
    }

    /// The payer's way through 3-D Secure, if there may be one.
    pub const fn challenge(&self) -> Option<&Challenge> {
        self.record.challenge.as_ref()
    }

    /// Counts its changes, from 1.
    pub const fn version(&self) -> i32 {
        self.record.version
    }
}
