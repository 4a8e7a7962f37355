//! What the clock does to a booking.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Timer;

use crate::{Booking, BookingError, BookingEvent, Status, Transition};

/// A reminder goes out so long before its deadline.
const REMINDER: TimeDelta = TimeDelta::days(1);

/// What a booking's deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadlineKind {
    /// The client's money has to arrive.
    Payment,
    /// The other side has to answer.
    Answer,
    /// The client has to confirm, ask for changes or dispute.
    Confirmation,
    /// The work has to be reported done.
    Performance,
    /// A moderator has to decide.
    Decision,
    /// The appointment starts: nothing ends, but both sides are reminded.
    Appointment,
}

impl DeadlineKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Payment,
        Self::Answer,
        Self::Confirmation,
        Self::Performance,
        Self::Decision,
        Self::Appointment,
    ];

    /// Its name in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Answer => "answer",
            Self::Confirmation => "confirmation",
            Self::Performance => "performance",
            Self::Decision => "decision",
            Self::Appointment => "appointment",
        }
    }

    /// The timer that enforces it, if it is enforced.
    pub const fn timer(self) -> Option<&'static str> {
        match self {
            Self::Payment => Some("booking.payment_due"),
            Self::Answer => Some("booking.answer_due"),
            Self::Confirmation => Some("booking.confirmation_due"),
            Self::Performance => Some("booking.performance_due"),
            Self::Decision => Some("booking.decision_due"),
            Self::Appointment => None,
        }
    }

    /// The timer that reminds of it, if one does: a quarter of an hour needs none.
    pub const fn reminder(self) -> Option<&'static str> {
        match self {
            Self::Payment => None,
            Self::Answer => Some("booking.remind_answer"),
            Self::Confirmation => Some("booking.remind_confirmation"),
            Self::Performance => Some("booking.remind_performance"),
            Self::Decision => Some("booking.remind_decision"),
            Self::Appointment => Some("booking.remind_appointment"),
        }
    }
}

/// The kinds of all timers that this crate sets.
pub const TIMER_KINDS: &[&str] = &[
    "booking.payment_due",
    "booking.answer_due",
    "booking.confirmation_due",
    "booking.performance_due",
    "booking.decision_due",
    "booking.remind_answer",
    "booking.remind_confirmation",
    "booking.remind_performance",
    "booking.remind_decision",
    "booking.remind_appointment",
];

/// What a due timer leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// The deadline has passed: the booking moved on.
    Moved(Box<Transition>),
    /// The deadline is a day away: people are told, once for this kind and moment.
    Remind {
        /// Which deadline.
        kind: DeadlineKind,
        /// When it is.
        due: DateTime<Utc>,
        /// What the rest of the system hears.
        event: Box<BookingEvent>,
    },
    /// It is too early: the deadline was moved.
    Later(Timer),
    /// The booking has no such deadline any more.
    Nothing,
}

impl Booking {
    /// The deadlines that it has now.
    pub fn deadlines(&self) -> Vec<(DeadlineKind, DateTime<Utc>)> {
        let performance = self.stale_at().map(|at| (DeadlineKind::Performance, at));
        let mut deadlines = Vec::new();
        match self.status() {
            Status::AwaitingPayment { hold_until } => {
                deadlines.push((DeadlineKind::Payment, *hold_until));
            }
            Status::Requested { answer_due } => {
                deadlines.push((DeadlineKind::Answer, *answer_due));
            }
            Status::Accepted { .. } => {
                deadlines.extend(performance);
                let start = self.slot().map(|slot| (DeadlineKind::Appointment, slot.start()));
                deadlines.extend(start);
            }
            Status::InProgress { .. } => deadlines.extend(performance),
            Status::Done { confirm_due, .. } => {
                deadlines.push((DeadlineKind::Confirmation, *confirm_due));
            }
            Status::Disputed { decision_due, .. } => {
                deadlines.push((DeadlineKind::Decision, *decision_due));
            }
            Status::Completed { .. }
            | Status::Declined { .. }
            | Status::Withdrawn { .. }
            | Status::Expired { .. }
            | Status::Cancelled { .. } => {}
        }
        deadlines
    }

    /// The first of its deadlines that is enforced.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.deadlines().into_iter().find(|(kind, _)| kind.timer().is_some()).map(|(_, due)| due)
    }

    /// The timers that it needs now: one for each deadline, and one a day before, unless that is
    /// past.
    pub fn timers(&self, now: DateTime<Utc>) -> Vec<Timer> {
        let subject = self.id().to_string();
        let mut timers = Vec::new();
        for (kind, due) in self.deadlines() {
            let timer = |kind, due_at| Timer { kind, subject: subject.clone(), due_at };
            timers.extend(kind.timer().map(|name| timer(name, due)));
            let reminder = due - REMINDER;
            if reminder > now {
                timers.extend(kind.reminder().map(|name| timer(name, reminder)));
            }
        }
        timers
    }

    /// What a due timer leads to. A timer is a reminder; the booking decides if it is still meant.
    pub fn on_timer(&mut self, name: &str, now: DateTime<Utc>) -> Result<Reaction, BookingError> {
        let deadlines = self.deadlines();
        let enforced = deadlines.iter().find_map(|(kind, due)| {
            kind.timer().filter(|timer| *timer == name).map(|timer| (*kind, timer, *due))
        });
        if let Some((kind, timer, due)) = enforced {
            return if now < due {
                Ok(self.later(timer, due))
            } else {
                self.pass(kind, now).map(|moved| moved.map_or(Reaction::Nothing, boxed))
            };
        }
        let reminded = deadlines.iter().find_map(|(kind, due)| {
            kind.reminder().filter(|timer| *timer == name).map(|timer| (*kind, timer, *due))
        });
        Ok(match reminded {
            Some((_, timer, due)) if now < due - REMINDER => self.later(timer, due - REMINDER),
            Some((kind, _, due)) if now < due => {
                let event = Box::new(BookingEvent::reminder(self, kind, due));
                Reaction::Remind { kind, due, event }
            }
            // Jobs that ran late remind nobody of what is past.
            Some(_) | None => Reaction::Nothing,
        })
    }

    fn later(&self, kind: &'static str, due_at: DateTime<Utc>) -> Reaction {
        Reaction::Later(Timer { kind, subject: self.id().to_string(), due_at })
    }

    fn pass(
        &mut self,
        kind: DeadlineKind,
        now: DateTime<Utc>,
    ) -> Result<Option<Transition>, BookingError> {
        match kind {
            DeadlineKind::Payment | DeadlineKind::Answer => self.expire(now).map(Some),
            DeadlineKind::Confirmation => self.auto_confirm(now).map(Some),
            DeadlineKind::Performance => self.stale(now).map(Some),
            DeadlineKind::Decision => self.dispute_timeout(now).map(Some),
            DeadlineKind::Appointment => Ok(None),
        }
    }
}

fn boxed(transition: Transition) -> Reaction {
    Reaction::Moved(Box::new(transition))
}
