//! Two sides review one another blindly: neither is shown before both are in. Links this crate
//! alone, with its mocks for a store.
//!
//! `cargo run -p mercato-reviews --example blind_reviews`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use chrono::{DateTime, Utc};
use kernel::{AccountId, Clock, SessionId, SystemClock, SystemIds, SystemRandom};
use reviews::testing::{MockReviewStore, MockReviewTx, a_completed_booking, two_sided};
use reviews::{BookingFacts, Rating, Review, ReviewService, WriteReview};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let now = SystemClock.now();
    let booking = a_completed_booking(now);

    let by_client =
        write(&booking, booking.client, "Tidy work, and on time. Gladly again.").await?;
    let by_client = confirm(by_client, None).await?;
    report("the client's, alone", &by_client, now);

    let by_provider =
        write(&booking, booking.provider_account, "Knew what they wanted and paid at once.")
            .await?;
    let by_provider = confirm(by_provider, Some(by_client.clone())).await?;
    report("the provider's, second", &by_provider, now);

    let mut by_client = by_client;
    by_client.reveal(by_provider.as_counterpart(), now);
    report("the client's, then", &by_client, now);

    let rating = Rating::default().changed(None, by_client.counted());
    let score = rating.score(&two_sided());
    println!("the provider's rating: {rating:?}, mean {:?}, sorted by {score:?}", rating.mean());
    Ok(())
}

async fn write(
    booking: &BookingFacts,
    author: AccountId,
    text: &str,
) -> Result<Review, Box<dyn Error>> {
    let mut tx = MockReviewTx::with_timers();
    let facts = booking.clone();
    tx.expect_booking_facts().return_once(move |_| Ok(Some(facts)));
    tx.expect_insert_review().return_once(|_| Ok(()));
    tx.expect_published().return_once(|_, _| Ok(()));
    tx.expect_commit().return_once(|| Ok(()));
    let command = WriteReview {
        booking: booking.booking,
        stars: 5,
        text: text.to_owned(),
        criteria: Vec::new(),
        draft: false,
    };
    let written = service(tx).write(&member(author), command, None).await?;
    Ok(written.into_done().ok_or("without a key nothing is replayed")?.review)
}

async fn confirm(review: Review, other: Option<Review>) -> Result<Review, Box<dyn Error>> {
    let (id, author) = (review.id(), review.record().author);
    let mut tx = MockReviewTx::with_timers();
    tx.expect_review_pair_for_update().return_once(move |_| Ok(Some((review, other))));
    tx.expect_update_review().returning(|_| Ok(()));
    tx.expect_published().returning(|_, _| Ok(()));
    tx.expect_rating_for_update().returning(|_| Ok(Rating::default()));
    tx.expect_store_rating().returning(|_, _, _, _| Ok(()));
    tx.expect_commit().return_once(|| Ok(()));
    Ok(service(tx).confirm(&member(author), id).await?)
}

fn service(tx: MockReviewTx) -> ReviewService {
    ReviewService::new(
        Arc::new(MockReviewStore::with(tx)),
        Arc::new(SystemClock),
        Arc::new(SystemIds),
        Arc::new(SystemRandom),
        two_sided(),
    )
}

fn member(account: AccountId) -> Actor {
    let roles = Roles::client().with(Role::Provider);
    let session = SessionId::next(&SystemIds);
    Actor::member(Member { account, session, roles, provider: None })
}

fn report(which: &str, review: &Review, now: DateTime<Utc>) {
    println!("{which} review is {} at {now}", review.status().name());
}
