//! Ratings always are what the shown reviews add up to.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use reviews::testing::{a_review, the_other_side, two_sided};
use reviews::{
    Counterpart, Edit, Policy, Rating, Reason, Review, ReviewRecord, Side, Stars, Status,
};

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time");

#[derive(Debug, Clone, Copy)]
enum Step {
    Submit,
    Confirm,
    Edit(i64),
    Approve,
    Hide,
    Restore,
    Reveal,
    Discard,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Submit),
        Just(Step::Confirm),
        (1i64..=5).prop_map(Step::Edit),
        Just(Step::Approve),
        Just(Step::Hide),
        Just(Step::Restore),
        Just(Step::Reveal),
        Just(Step::Discard),
        (1i64..72).prop_map(Step::Wait),
    ]
}

fn take(review: &mut Review, step: Step, policy: &Policy, other: Counterpart, now: DateTime<Utc>) {
    // Most steps are refused in most states; what is refused must change nothing.
    let before = review.clone();
    let done = match step {
        Step::Submit => review.submit(policy, now).is_ok(),
        Step::Confirm => review.confirm(policy, other, now).is_ok(),
        Step::Edit(stars) => {
            let edit = Edit { stars: Stars::new(stars).ok(), ..Edit::default() };
            review.edit(edit, policy, other, now).is_ok()
        }
        Step::Approve => review.approve(policy, other, now).is_ok(),
        Step::Hide => review.hide(Reason::from_stored("insulting".to_owned()), now).is_ok(),
        Step::Restore => review.restore_shown(policy, other, now).is_ok(),
        Step::Reveal => review.reveal(other, now).is_some(),
        Step::Discard => review.discard(now).is_some(),
        Step::Wait(_) => true,
    };
    assert!(done || *review == before, "{step:?} was refused and changed something");
}

proptest! {
    #[test]
    fn a_rating_is_what_its_reviews_add_up_to(
        steps in prop::collection::vec((0usize..6, step()), 0..120),
        moderation in any::<bool>(),
        blind in any::<bool>(),
    ) {
        let base = if blind { two_sided() } else { Policy::default() };
        let policy = Policy { moderation, ..base };
        let mut now = NOW;
        // Three bookings, two sides each: even places are clients', odd ones their providers'.
        let mut reviews: Vec<Review> = (0..3)
            .flat_map(|_| {
                let client = ReviewRecord { status: Status::Draft, ..a_review(NOW) };
                [Review::restore(the_other_side(&client)), Review::restore(client)]
            })
            .collect();
        let mut rating = Rating::default();

        for (place, step) in steps {
            if let Step::Wait(hours) = step {
                now += TimeDelta::hours(hours);
            }
            let other = reviews[place ^ 1].as_counterpart();
            let before = reviews[place].counted();
            take(&mut reviews[place], step, &policy, other, now);
            rating = rating.changed(before, reviews[place].counted());
        }

        let counted = reviews.iter().fold(Rating::default(), |sum, r| sum.changed(None, r.counted()));
        prop_assert_eq!(rating, counted);
        let clients = reviews.iter().filter(|r| r.record().side == Side::Client);
        let shown = clients.filter(|r| matches!(r.status(), Status::Published { .. })).count();
        prop_assert_eq!(usize::try_from(rating.count).unwrap(), shown);
        prop_assert!(rating.mean().is_none_or(|mean| (1.0..=5.0).contains(&mean)));
        prop_assert!(rating.score(&policy).is_none_or(|score| (1.0..=5.0).contains(&score)));
    }
}
