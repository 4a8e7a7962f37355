//! What happens to money: pure, time passed in.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::TestCard;
use crate::wire::{NewPayment, PaymentStatus, WireCard, WireDecline, WirePayment};

/// Money stays reserved for so long: 7 days.
const HOLD: TimeDelta = TimeDelta::days(7);

/// The bank waits for a payer at 3-D Secure for so long: an hour.
const CHALLENGE: TimeDelta = TimeDelta::hours(1);

/// A payment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) status: PaymentStatus,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    takes_at_once: bool,
    reserved: i64,
    captured: i64,
    refunded: i64,
    charged_back: i64,
    reinstated: i64,
    decline: Option<WireDecline>,
    card: TestCard,
    keeps_card: bool,
    kept: Option<WireCard>,
    pub(crate) account: String,
    pub(crate) return_url: Option<String>,
    reserved_until: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
}

/// What a payment does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// In this state.
    State(PaymentStatus),
    /// Of this amount.
    Amount,
}

impl Payment {
    pub(crate) fn open(
        id: String,
        new: NewPayment,
        card: TestCard,
        always_secure: bool,
        now: DateTime<Utc>,
    ) -> Self {
        let present = new.return_url.is_some();
        let mut payment = Self {
            id,
            reference: new.reference,
            status: PaymentStatus::RequiresAction,
            amount: new.amount,
            currency: new.currency,
            takes_at_once: new.capture,
            reserved: 0,
            captured: 0,
            refunded: 0,
            charged_back: 0,
            reinstated: 0,
            decline: None,
            card,
            keeps_card: new.save_card,
            kept: None,
            account: new.account,
            return_url: new.return_url,
            reserved_until: None,
            at: now,
        };
        let asks = card.asks_bank() || always_secure;
        match (asks && card.decline(true).is_none_or(|_| card.asks_bank()), present) {
            (true, true) => {}
            (true, false) if card.asks_bank() => {
                payment.fail("authentication_required", false, now);
            }
            _ => payment.charge(present, now),
        }
        payment
    }

    /// The bank has nothing more to ask.
    fn charge(&mut self, present: bool, now: DateTime<Utc>) {
        if let Some((reason, hard)) = self.card.decline(present) {
            return self.fail(reason, hard, now);
        }
        self.at = now;
        if self.takes_at_once {
            self.status = PaymentStatus::Captured;
            self.captured = self.amount;
        } else {
            self.status = PaymentStatus::Authorized;
            self.reserved = self.amount;
            self.reserved_until = Some(now + HOLD);
        }
        if self.keeps_card {
            self.kept = Some(kept_card(self.card, &self.id));
        }
    }

    fn fail(&mut self, reason: &str, hard: bool, now: DateTime<Utc>) {
        self.status = PaymentStatus::Failed;
        self.decline = Some(WireDecline { reason: reason.to_owned(), hard });
        self.at = now;
    }

    /// The payer has been at the bank. Whoever comes twice changes nothing.
    pub(crate) fn answer_bank(
        &mut self,
        passed: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Forbidden> {
        self.require(PaymentStatus::RequiresAction)?;
        if passed {
            self.charge(true, now);
        } else {
            self.fail("authentication_failed", false, now);
        }
        Ok(())
    }

    pub(crate) fn capture(&mut self, amount: i64, now: DateTime<Utc>) -> Result<(), Forbidden> {
        self.require(PaymentStatus::Authorized)?;
        if amount < 1 || amount > self.reserved {
            return Err(Forbidden::Amount);
        }
        (self.status, self.captured, self.reserved, self.at) =
            (PaymentStatus::Captured, amount, 0, now);
        self.reserved_until = None;
        Ok(())
    }

    pub(crate) fn void(&mut self, now: DateTime<Utc>) -> Result<(), Forbidden> {
        self.require(PaymentStatus::Authorized)?;
        (self.status, self.reserved, self.at) = (PaymentStatus::Voided, 0, now);
        self.reserved_until = None;
        Ok(())
    }

    pub(crate) fn refund(&mut self, amount: i64) -> Result<(), Forbidden> {
        self.require(PaymentStatus::Captured)?;
        if amount < 1
            || amount > self.captured - self.refunded - (self.charged_back - self.reinstated)
        {
            return Err(Forbidden::Amount);
        }
        self.refunded += amount;
        Ok(())
    }

    pub(crate) fn charge_back(&mut self, amount: i64) -> Result<(), Forbidden> {
        self.require(PaymentStatus::Captured)?;
        if amount < 1 || amount > self.captured - self.charged_back {
            return Err(Forbidden::Amount);
        }
        self.charged_back += amount;
        Ok(())
    }

    pub(crate) fn reinstate(&mut self, amount: i64) -> Result<(), Forbidden> {
        self.require(PaymentStatus::Captured)?;
        if amount < 1 || amount > self.charged_back - self.reinstated {
            return Err(Forbidden::Amount);
        }
        self.reinstated += amount;
        Ok(())
    }

    /// Lets go of a reservation whose time is over, and of a payer who has gone away. Answers
    /// whether it did.
    pub(crate) fn expire(&mut self, now: DateTime<Utc>) -> bool {
        if self.status == PaymentStatus::RequiresAction && self.at + CHALLENGE <= now {
            self.fail("authentication_expired", false, self.at + CHALLENGE);
            return true;
        }
        let over = self.reserved_until.filter(|until| *until <= now);
        let Some(until) = over else { return false };
        self.void(until).is_ok()
    }

    fn require(&self, status: PaymentStatus) -> Result<(), Forbidden> {
        if self.status == status { Ok(()) } else { Err(Forbidden::State(self.status)) }
    }

    /// What of it is told, when it has come into this state.
    pub(crate) const fn event(&self) -> &'static str {
        match self.status {
            PaymentStatus::RequiresAction => "payment.requires_action",
            PaymentStatus::Failed => "payment.failed",
            PaymentStatus::Authorized => "payment.authorized",
            PaymentStatus::Voided => "payment.voided",
            PaymentStatus::Captured => "payment.captured",
        }
    }

    pub(crate) const fn card(&self) -> TestCard {
        self.card
    }

    pub(crate) const fn kept(&self) -> Option<&WireCard> {
        self.kept.as_ref()
    }

    pub(crate) fn view(&self, public_url: &str) -> WirePayment {
        let waits = self.status == PaymentStatus::RequiresAction;
        WirePayment {
            id: self.id.clone(),
            reference: self.reference.clone(),
            status: self.status,
            amount: self.amount,
            currency: self.currency.clone(),
            reserved: self.reserved,
            captured: self.captured,
            refunded: self.refunded,
            charged_back: self.charged_back,
            reinstated: self.reinstated,
            decline: self.decline.clone(),
            challenge_url: waits.then(|| format!("{public_url}/challenge/{}", self.id)),
            card: self.kept.clone(),
            reserved_until: self.reserved_until,
            at: self.at,
        }
    }
}

/// A card as the sandbox keeps it, under a name made of what it was first used for.
pub(crate) fn kept_card(card: TestCard, origin: &str) -> WireCard {
    WireCard {
        token: format!("kept_{origin}"),
        brand: "sandbox".to_owned(),
        last_four: card.last_four(),
        expires: "12/39".to_owned(),
    }
}
