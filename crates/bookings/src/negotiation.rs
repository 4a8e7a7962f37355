//! From submission to an agreement, or to none.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Money, OfferId};

use crate::{
    Booking, BookingError, Command, Funds, Happening, Interval, Offer, Policy, Reason, Settlement,
    Side, Status, Transition, Work,
};

impl Booking {
    /// The gateway holds the client's money until a time, if that is limited: the provider now
    /// sees the request. Money that arrives for anything but an unpaid booking is given back.
    pub fn payment_authorised(
        &mut self,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, Settlement> {
        let late = !self.may(Command::PaymentAuthorised, Side::Gateway, now)
            || self.may(Command::Expire, Side::Clock, now);
        if late {
            return Err(Settlement::Void);
        }
        self.funds = Funds::Authorised { until };
        let status = Status::Requested { answer_due: self.answer_due(now, policy) };
        let command = Command::PaymentAuthorised;
        Ok(self.become_status(status, command, Side::Gateway, Happening::Submitted))
    }

    /// The provider proposes price and work. The client gets the full time to answer.
    pub fn offer(
        &mut self,
        id: OfferId,
        price: Money,
        work: Work,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        let (command, by) = (Command::Offer, Side::Provider);
        self.put_offer(id, price, work, command, by, Happening::Offered, now, policy)
    }

    /// The client answers an offer with another. The provider gets the full time to answer.
    pub fn counter_offer(
        &mut self,
        id: OfferId,
        price: Money,
        work: Work,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        let (command, by) = (Command::CounterOffer, Side::Client);
        self.put_offer(id, price, work, command, by, Happening::CounterOffered, now, policy)
    }

    #[expect(clippy::too_many_arguments, reason = "what both kinds of offer share, in one place")]
    fn put_offer(
        &mut self,
        id: OfferId,
        price: Money,
        work: Work,
        command: Command,
        by: Side,
        happening: Happening,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        self.require(command, by, now)?;
        self.check_price(price)?;
        let number = self.offers.last().map_or(0, |last| last.number) + 1;
        let note = format!("{number}: {price}");
        self.offers.push(Offer { id, number, by, price, work, at: now, withdrawn_at: None });
        let status = Status::Requested { answer_due: self.answer_due(now, policy) };
        Ok(self.become_status(status, command, by, happening).with_note(Some(&note)))
    }

    /// Whoever made the offer in force takes it back; none is in force then.
    pub fn withdraw_offer(
        &mut self,
        by: Side,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        self.require(Command::WithdrawOffer, by, now)?;
        let mut note = None;
        if let Some(last) = self.offers.last_mut() {
            last.withdrawn_at = Some(now);
            note = Some(last.number.to_string());
        }
        let status = Status::Requested { answer_due: self.answer_due(now, policy) };
        let transition =
            self.become_status(status, Command::WithdrawOffer, by, Happening::OfferWithdrawn);
        Ok(transition.with_note(note.as_deref()))
    }

    /// The provider accepts a request, or either side the other's offer by its number. Reserved
    /// money is taken.
    ///
    /// # Errors
    ///
    /// [`BookingError::OfferOutdated`] if the number is not that of the offer in force: nobody
    /// agrees to what they have not seen.
    pub fn accept(
        &mut self,
        offer: Option<u16>,
        by: Side,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        self.require(Command::Accept, by, now)?;
        let in_force = self.offer_in_force().map(|offer| (offer.number, offer.price));
        if offer != in_force.map(|(number, _)| number) {
            let in_force = in_force.map(|(number, _)| number);
            return Err(BookingError::OfferOutdated { given: offer, in_force });
        }
        if let Some((_, price)) = in_force {
            self.price = Some(price);
        }
        let settlement = match (self.funds, self.price) {
            (Funds::Authorised { .. }, Some(amount)) => {
                self.funds = Funds::Captured;
                Some(Settlement::Capture { amount })
            }
            (_, _) => None,
        };
        self.accepted_at = Some(now);
        self.stale_at = Some(self.stale_from(now, policy));
        let status = Status::Accepted { proposal: None };
        let transition = self.become_status(status, Command::Accept, by, Happening::Accepted);
        Ok(transition.with_settlement(settlement))
    }

    /// The provider does not want it.
    pub fn decline(
        &mut self,
        reason: Option<Reason>,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::Decline, Side::Provider, now)?;
        let settlement = self.let_go();
        let note = reason.clone();
        let status = Status::Declined { at: now, reason };
        let transition =
            self.become_status(status, Command::Decline, Side::Provider, Happening::Declined);
        Ok(transition.with_note(note.as_deref()).with_settlement(settlement))
    }

    /// The client takes the request back.
    pub fn withdraw(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::Withdraw, Side::Client, now)?;
        let settlement = self.let_go();
        let status = Status::Withdrawn { at: now };
        let transition =
            self.become_status(status, Command::Withdraw, Side::Client, Happening::Withdrawn);
        Ok(transition.with_settlement(settlement))
    }

    /// Nobody answered, or no money arrived, in time.
    pub fn expire(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::Expire, Side::Clock, now)?;
        let settlement = self.let_go();
        let status = Status::Expired { at: now };
        let transition =
            self.become_status(status, Command::Expire, Side::Clock, Happening::Expired);
        Ok(transition.with_settlement(settlement))
    }

    /// The last offer, unless it was withdrawn.
    pub fn offer_in_force(&self) -> Option<&Offer> {
        self.offers.last().filter(|offer| offer.withdrawn_at.is_none())
    }

    pub(crate) fn offers_left(&self) -> u16 {
        Self::MAX_OFFERS.saturating_sub(self.offers.last().map_or(0, |last| last.number))
    }

    /// The earliest of: the time to answer, a day before the card's reservation ends, the start
    /// of the slot.
    pub(crate) fn answer_due(&self, now: DateTime<Utc>, policy: &Policy) -> DateTime<Utc> {
        let reserved = match self.funds {
            Funds::Authorised { until } => until.map(|until| until - TimeDelta::days(1)),
            Funds::NotTaken | Funds::Awaited | Funds::Captured | Funds::Settled => None,
        };
        let start = self.slot().map(Interval::start);
        [Some(now + policy.answer()), reserved, start].into_iter().flatten().min().unwrap_or(now)
    }

    /// Held money has to be back before the gateway's limit. Without it, an appointment far
    /// ahead counts from its end.
    fn stale_from(&self, now: DateTime<Utc>, policy: &Policy) -> DateTime<Utc> {
        let from = match (self.funds, self.slot()) {
            (Funds::NotTaken, Some(slot)) => now.max(slot.end()),
            (_, _) => now,
        };
        from + policy.stale()
    }

    /// Nothing will come of it: reserved or awaited money is let go.
    fn let_go(&mut self) -> Option<Settlement> {
        match self.funds {
            Funds::Awaited | Funds::Authorised { .. } => {
                self.funds = Funds::Settled;
                Some(Settlement::Void)
            }
            Funds::NotTaken | Funds::Captured | Funds::Settled => None,
        }
    }

    fn check_price(&self, price: Money) -> Result<(), BookingError> {
        let mut errors = kernel::FieldErrors::new();
        if !price.is_price() || price.minor() == 0 {
            let max = Money::MAX_PRICE;
            errors.add("/price/amount", "out_of_range", format!("must lie between 1 and {max}"));
        }
        let currency = self
            .offers
            .last()
            .map(|offer| offer.price.currency())
            .or(self.price.map(Money::currency))
            .or(self.budget().map(Money::currency));
        if currency.is_some_and(|currency| currency != price.currency()) {
            let detail =
                "must be the currency of the listing, of the budget and of the offers before";
            errors.add("/price/currency", "other_currency", detail);
        }
        errors.into_result().map_err(BookingError::Invalid)
    }
}
