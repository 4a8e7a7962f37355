//! What the clock does to a promotion. Its effect begins and ends by the clock alone; timers only
//! cancel what was never paid and tell people what has happened.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Timer;

use crate::coupon_use::RELEASE;
use crate::{Happening, Notice, Promotion, PromotionEvent, Side, Stage, Status};

/// A promotion was not paid in time.
const PAYMENT_DUE: &str = "promotion.payment_due";

/// The timers of promotions: a due one goes to
/// [`PromotionService::on_timer`](crate::PromotionService::on_timer).
pub const TIMER_KINDS: &[&str] = &[
    PAYMENT_DUE,
    "promotion.start",
    "promotion.expires_in_3_days",
    "promotion.expires_in_1_day",
    "promotion.expire",
];

/// The timers of coupons: a due one goes to
/// [`CouponService::on_timer`](crate::CouponService::on_timer).
pub const COUPON_TIMER_KINDS: &[&str] = &[RELEASE];

impl Notice {
    /// The timer that brings it.
    pub const fn timer(self) -> &'static str {
        match self {
            Self::Started => "promotion.start",
            Self::ThreeDaysLeft => "promotion.expires_in_3_days",
            Self::OneDayLeft => "promotion.expires_in_1_day",
            Self::Expired => "promotion.expire",
        }
    }
}

/// What a due timer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The time to pay is over.
    TimeOut,
    /// People are to be told, see [`Promotion::tell`].
    Tell(Notice),
    /// It is too early: the timer is set again.
    Later(Timer),
    /// It is not meant any more.
    Nothing,
}

impl Promotion {
    /// The timers that it needs now.
    pub fn timers(&self) -> Vec<Timer> {
        match self.stage() {
            Stage::PendingPayment { pay_by } => vec![self.timer(PAYMENT_DUE, *pay_by)],
            Stage::Paid { told, .. } => {
                let open = Notice::ALL.into_iter().filter(|notice| Some(*notice) > *told);
                open.filter_map(|notice| Some(self.timer(notice.timer(), self.moment_of(notice)?)))
                    .collect()
            }
            Stage::Cancelled { .. } => Vec::new(),
        }
    }

    /// What a due timer leads to. A timer is a reminder; the promotion decides if it is still meant.
    pub fn due(&self, kind: &str, now: DateTime<Utc>) -> Due {
        match self.stage() {
            Stage::PendingPayment { pay_by } if kind == PAYMENT_DUE => {
                if now < *pay_by {
                    Due::Later(self.timer(PAYMENT_DUE, *pay_by))
                } else {
                    Due::TimeOut
                }
            }
            Stage::Paid { told, .. } => {
                let notice = Notice::ALL.into_iter().find(|notice| notice.timer() == kind);
                let notice = notice.filter(|notice| Some(*notice) > *told);
                match notice.and_then(|notice| Some((notice, self.moment_of(notice)?))) {
                    Some((notice, at)) if now < at => Due::Later(self.timer(notice.timer(), at)),
                    Some((notice, _)) if self.is_stale(notice, now) => Due::Nothing,
                    Some((notice, _)) => Due::Tell(notice),
                    None => Due::Nothing,
                }
            }
            Stage::PendingPayment { .. } | Stage::Cancelled { .. } => Due::Nothing,
        }
    }

    /// Notes that people are told, and answers what the rest of the system hears, if anything.
    /// `continued` says whether another paid promotion takes over at the end: then nobody has to be
    /// reminded, and what is over goes on.
    pub fn tell(
        &mut self,
        notice: Notice,
        continued: bool,
        now: DateTime<Utc>,
    ) -> Option<PromotionEvent> {
        let Stage::Paid { told, .. } = &mut self.record_mut().stage else { return None };
        if *told >= Some(notice) {
            return None;
        }
        *told = Some(notice);
        self.record_mut().version += 1;
        let happening = match notice {
            Notice::Started => Happening::Started,
            Notice::ThreeDaysLeft | Notice::OneDayLeft if continued => return None,
            Notice::ThreeDaysLeft | Notice::OneDayLeft => Happening::Expiring,
            Notice::Expired if continued => Happening::Continued,
            Notice::Expired => Happening::Expired,
        };
        let mut event = PromotionEvent::of(self, happening, Side::Clock, now);
        event.days_left = notice.days_left();
        Some(event)
    }

    /// Whether another takes over at its end: paid, of the same target and effect.
    pub fn is_continued_by(&self, other: &Self) -> bool {
        let end = self.period().map(crate::Period::end);
        self.id() != other.id()
            && self.target() == other.target()
            && self.effect() == other.effect()
            && other.period().zip(end).is_some_and(|(period, end)| period.covers(end))
    }

    /// When a notice is due.
    fn moment_of(&self, notice: Notice) -> Option<DateTime<Utc>> {
        let period = self.period()?;
        Some(match notice {
            Notice::Started => period.start(),
            Notice::ThreeDaysLeft => period.end() - TimeDelta::days(3),
            Notice::OneDayLeft => period.end() - TimeDelta::days(1),
            Notice::Expired => period.end(),
        })
    }

    /// A job that ran late tells nobody what was overtaken: that it started, once it is over, or
    /// that three days are left, once it is one.
    fn is_stale(&self, notice: Notice, now: DateTime<Utc>) -> bool {
        match notice {
            Notice::Started | Notice::OneDayLeft => self.status(now) != Status::Active,
            Notice::ThreeDaysLeft => {
                self.moment_of(Notice::OneDayLeft).is_none_or(|next| now >= next)
            }
            Notice::Expired => false,
        }
    }

    fn timer(&self, kind: &'static str, due_at: DateTime<Utc>) -> Timer {
        Timer { kind, subject: self.id().to_string(), due_at }
    }
}
