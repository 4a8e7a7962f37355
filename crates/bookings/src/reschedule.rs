//! Another time for an accepted appointment. The price and its payment stay as they are.

use chrono::{DateTime, Utc};

use crate::error::shown;
use crate::process::Appointment;
use crate::{
    Booking, BookingError, Command, Funds, Happening, Process, Side, Status, TimeProposal,
    Transition,
};

impl Booking {
    /// Either side proposes another time, in place of any proposal before. Nothing holds the
    /// time until the other side accepts.
    ///
    /// # Errors
    ///
    /// [`BookingError::SlotNotOffered`] if money would have to be held for it beyond the
    /// gateway's limit.
    pub fn propose_reschedule(
        &mut self,
        appointment: Appointment,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::ProposeReschedule, by, now)?;
        let too_late = |limit| self.funds != Funds::NotTaken && appointment.slot.end() > limit;
        if self.stale_at.is_some_and(too_late) {
            return Err(BookingError::SlotNotOffered);
        }
        let note = shown(appointment.slot.start());
        let status = Status::Accepted { proposal: Some(TimeProposal { by, appointment, at: now }) };
        let happening = Happening::RescheduleProposed;
        let transition = self.become_status(status, Command::ProposeReschedule, by, happening);
        Ok(transition.with_note(Some(&note)))
    }

    /// The other side accepts the proposed time: it becomes the time of the appointment, and the
    /// old one is free.
    pub fn accept_reschedule(
        &mut self,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::AcceptReschedule, by, now)?;
        let mut note = None;
        if let Some(proposal) = self.proposal() {
            let appointment = proposal.appointment;
            note = Some(shown(appointment.slot.start()));
            if let Some(stale_at) = self.stale_at
                && self.funds == Funds::NotTaken
                && let Some(slot) = self.slot()
            {
                // Without held money the limit counts from the end of the appointment.
                self.stale_at = Some(stale_at + (appointment.slot.end() - slot.end()));
            }
            self.process = Process::Appointment { appointment };
        }
        let status = Status::Accepted { proposal: None };
        let happening = Happening::Rescheduled;
        let transition = self.become_status(status, Command::AcceptReschedule, by, happening);
        Ok(transition.with_note(note.as_deref()))
    }

    /// The other side refuses the proposed time.
    pub fn decline_reschedule(
        &mut self,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::DeclineReschedule, by, now)?;
        let status = Status::Accepted { proposal: None };
        let happening = Happening::RescheduleDeclined;
        Ok(self.become_status(status, Command::DeclineReschedule, by, happening))
    }

    /// Whoever proposed the time takes the proposal back.
    pub fn withdraw_reschedule(
        &mut self,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        self.require(Command::WithdrawReschedule, by, now)?;
        let status = Status::Accepted { proposal: None };
        let happening = Happening::RescheduleWithdrawn;
        Ok(self.become_status(status, Command::WithdrawReschedule, by, happening))
    }

    /// The time that one side proposes, if any.
    pub const fn proposal(&self) -> Option<&TimeProposal> {
        match &self.status {
            Status::Accepted { proposal } => proposal.as_ref(),
            Status::AwaitingPayment { .. }
            | Status::Requested { .. }
            | Status::InProgress { .. }
            | Status::Done { .. }
            | Status::Disputed { .. }
            | Status::Completed { .. }
            | Status::Declined { .. }
            | Status::Withdrawn { .. }
            | Status::Expired { .. }
            | Status::Cancelled { .. } => None,
        }
    }
}
