//! From an agreement to its end.

use chrono::{DateTime, Utc};
use kernel::Money;

use crate::cancellation::percentage;
use crate::{
    Booking, BookingError, CancelCause, Command, Completion, Funds, Happening, Policy, Reason,
    Settlement, Side, Status, Transition,
};

impl Booking {
    /// The provider begins.
    pub fn start(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::Start, Side::Provider, now)?;
        let status = Status::InProgress { since: now };
        Ok(self.become_status(status, Command::Start, Side::Provider, Happening::Started))
    }

    /// The provider says that it is done; the client has some days to answer.
    pub fn report_done(
        &mut self,
        note: Option<&Reason>,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        self.require(Command::ReportDone, Side::Provider, now)?;
        let status = Status::Done { since: now, confirm_due: now + policy.confirm() };
        let (command, by) = (Command::ReportDone, Side::Provider);
        Ok(self
            .become_status(status, command, by, Happening::ReportedDone)
            .with_note(note.map(|note| &**note)))
    }

    /// The client wants something changed.
    pub fn request_changes(
        &mut self,
        text: &Reason,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::RequestChanges, Side::Client, now)?;
        self.changes_left = self.changes_left.saturating_sub(1);
        let status = Status::InProgress { since: now };
        let (command, by) = (Command::RequestChanges, Side::Client);
        Ok(self
            .become_status(status, command, by, Happening::ChangesRequested)
            .with_note(Some(text)))
    }

    /// The client agrees that it is done.
    pub fn confirm_done(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::ConfirmDone, Side::Client, now)?;
        Ok(self.complete(Completion::Confirmed, 0, Command::ConfirmDone, Side::Client, now))
    }

    /// The client did not answer in time.
    pub fn auto_confirm(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::AutoConfirm, Side::Clock, now)?;
        Ok(self.complete(Completion::Automatic, 0, Command::AutoConfirm, Side::Clock, now))
    }

    /// Either side calls it off. The client gets back what the policy says, or everything if it
    /// is the provider who cancels.
    pub fn cancel(
        &mut self,
        reason: Option<Reason>,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::Cancel, by, now)?;
        let percent = self.cancellation_percent(by, now);
        let cause = if by == Side::Client { CancelCause::Client } else { CancelCause::Provider };
        Ok(self.call_off(cause, reason, percent, Command::Cancel, by, now))
    }

    /// The other side did not come. A client who did not come pays by policy, a provider who did
    /// not come is not paid.
    pub fn no_show(
        &mut self,
        who: Side,
        by: Side,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        self.require(Command::NoShow, by, now)?;
        if by.other() != Some(who) {
            let mut errors = kernel::FieldErrors::new();
            errors.add("/who", "not_the_other_side", "must be the other side of the booking");
            return Err(BookingError::Invalid(errors));
        }
        let command = Command::NoShow;
        Ok(if by == Side::Provider {
            self.complete(Completion::NoShow, policy.no_show_refund_percent, command, by, now)
        } else {
            self.call_off(CancelCause::NoShow, None, 100, command, by, now)
        })
    }

    /// Nothing happened for too long: everything is paid back.
    pub fn stale(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::Stale, Side::Clock, now)?;
        Ok(self.call_off(CancelCause::Stale, None, 100, Command::Stale, Side::Clock, now))
    }

    /// The client complains; a moderator has to decide.
    pub fn dispute(
        &mut self,
        reason: Reason,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Transition, BookingError> {
        self.require(Command::Dispute, Side::Client, now)?;
        let note = reason.clone();
        let decision_due = now + policy.dispute();
        let status = Status::Disputed { since: now, decision_due, reason };
        let (command, by) = (Command::Dispute, Side::Client);
        Ok(self.become_status(status, command, by, Happening::Disputed).with_note(Some(&note)))
    }

    /// A moderator decides which share of the price the client gets back, 0 to 100 percent.
    /// Everything means that it is cancelled, less that it is completed.
    pub fn resolve(
        &mut self,
        refund_percent: u8,
        reason: Reason,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::Resolve, Side::Moderator, now)?;
        if refund_percent > 100 {
            let mut errors = kernel::FieldErrors::new();
            errors.add("/refund_percent", "out_of_range", "must lie between 0 and 100");
            return Err(BookingError::Invalid(errors));
        }
        let (command, by) = (Command::Resolve, Side::Moderator);
        let note = reason.clone();
        let transition = if refund_percent == 100 {
            self.call_off(CancelCause::Resolved, Some(reason), 100, command, by, now)
        } else {
            self.complete(Completion::Resolved, refund_percent, command, by, now)
        };
        Ok(transition.with_note(Some(&note)))
    }

    /// No moderator decided in time: everything is paid back.
    pub fn dispute_timeout(&mut self, now: DateTime<Utc>) -> Result<Transition, BookingError> {
        self.require(Command::DisputeTimeout, Side::Clock, now)?;
        let (command, by) = (Command::DisputeTimeout, Side::Clock);
        Ok(self.call_off(CancelCause::Undecided, None, 100, command, by, now))
    }

    fn complete(
        &mut self,
        how: Completion,
        refund_percent: u8,
        command: Command,
        by: Side,
        now: DateTime<Utc>,
    ) -> Transition {
        let (refund, settlement) = self.settle(refund_percent);
        let status = Status::Completed { at: now, how, refund };
        self.become_status(status, command, by, Happening::Completed).with_settlement(settlement)
    }

    fn call_off(
        &mut self,
        cause: CancelCause,
        reason: Option<Reason>,
        refund_percent: u8,
        command: Command,
        by: Side,
        now: DateTime<Utc>,
    ) -> Transition {
        let (refund, settlement) = self.settle(refund_percent);
        let note = reason.clone();
        let status = Status::Cancelled { at: now, cause, reason, refund };
        self.become_status(status, command, by, Happening::Cancelled)
            .with_note(note.as_deref())
            .with_settlement(settlement)
    }

    /// Parts what is held between the two sides; nothing if nothing is held.
    fn settle(&mut self, refund_percent: u8) -> (Option<Money>, Option<Settlement>) {
        match (self.funds, self.price) {
            (Funds::Captured, Some(price)) => {
                self.funds = Funds::Settled;
                let refund = percentage(price, refund_percent);
                let payout =
                    price.checked_sub(refund).expect("a refund is not larger than the price");
                (Some(refund), Some(Settlement::Settle { refund, payout }))
            }
            (_, _) => (None, None),
        }
    }
}
