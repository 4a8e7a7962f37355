use chrono::{DateTime, TimeDelta, Utc};

/// After how long the gateway is asked: 5 minutes, an hour, then daily for five days.
pub const INQUIRY_STEPS: [TimeDelta; 7] = [
    TimeDelta::minutes(5),
    TimeDelta::hours(1),
    TimeDelta::days(1),
    TimeDelta::days(2),
    TimeDelta::days(3),
    TimeDelta::days(4),
    TimeDelta::days(5),
];

/// For so long after a call its effect may still be on its way: some gateways work for five
/// minutes after we hung up. Before, "never heard of it" and "nothing changed" prove nothing.
pub const SETTLING_TIME: TimeDelta = TimeDelta::minutes(15);

/// A question that could not be put is put again after so long.
pub const ASKED_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// A payer who is with the bank for so long has gone away: banks close the page of 3-D Secure after
/// minutes.
pub const ABANDONED_AFTER: TimeDelta = TimeDelta::days(1);

/// When the gateway is asked for news of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inquiry {
    /// Since when there is something to ask for.
    pub since: DateTime<Utc>,
    /// How often it was asked since.
    pub asked: u8,
    /// When it is asked again, if it could not be asked last time.
    pub again_at: Option<DateTime<Utc>>,
}

impl Inquiry {
    /// From now on.
    pub const fn from(since: DateTime<Utc>) -> Self {
        Self { since, asked: 0, again_at: None }
    }

    /// When to ask next; `None` when all tries are used up: then people have to look.
    pub fn due_at(self) -> Option<DateTime<Utc>> {
        let step = INQUIRY_STEPS.get(usize::from(self.asked));
        self.again_at.or_else(|| step.map(|step| self.since + *step))
    }

    /// The same after it was asked, at `now`: a late question stands for those that it was late
    /// for.
    #[must_use]
    pub fn asked_at(self, now: DateTime<Utc>) -> Self {
        let mut next = Self { asked: self.asked.saturating_add(1), again_at: None, ..self };
        while next.due_at().is_some_and(|due| due <= now) {
            next.asked += 1;
        }
        next
    }

    /// The same after the gateway could not be asked, at `now`. No step is used up by it, however
    /// late it is: whoever was away for days would give up after one try.
    #[must_use]
    pub fn put_off(self, now: DateTime<Utc>) -> Self {
        Self { again_at: Some(now + ASKED_AGAIN), ..self }
    }
}

/// When a call that surely was not done is repeated: half a minute later, then twice as long, at
/// most six hours.
pub(crate) fn retry_after(tries: u8) -> TimeDelta {
    let factor = 1_i32 << u32::from(tries.min(10));
    (TimeDelta::seconds(30) * factor).min(TimeDelta::hours(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_asked_for_five_days_and_then_people_look() {
        let start = DateTime::from_timestamp(1_767_603_600, 0).unwrap();
        let mut inquiry = Inquiry::from(start);
        let mut asked = Vec::new();
        while let Some(due) = inquiry.due_at() {
            asked.push((due - start).num_minutes());
            inquiry = inquiry.asked_at(due);
        }
        assert_eq!(asked, [5, 60, 1440, 2880, 4320, 5760, 7200]);
    }

    #[test]
    fn a_late_question_stands_for_those_it_was_late_for() {
        let start = DateTime::from_timestamp(1_767_603_600, 0).unwrap();
        let inquiry = Inquiry::from(start).asked_at(start + TimeDelta::days(2));
        assert_eq!(inquiry.due_at(), Some(start + TimeDelta::days(3)));
    }

    #[test]
    fn a_question_that_could_not_be_put_is_put_again_and_uses_up_nothing() {
        let start = DateTime::from_timestamp(1_767_603_600, 0).unwrap();
        let late = start + TimeDelta::days(9);
        let inquiry = Inquiry::from(start).asked_at(start + INQUIRY_STEPS[0]).put_off(late);
        assert_eq!(inquiry.asked, 1);
        assert_eq!(inquiry.due_at(), Some(late + ASKED_AGAIN));
    }
}
