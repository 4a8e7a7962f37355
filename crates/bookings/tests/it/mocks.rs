use std::sync::Arc;

use bookings::testing::{
    MockBookingReads, MockBookingStore, MockBookingTx, an_appointment, the_client,
};
use bookings::{BookingCommand, BookingError, BookingService, Policy};
use kernel::{FixedClock, SequentialIds};

#[tokio::test]
async fn only_the_provider_says_that_the_work_is_done() {
    let now = "2026-01-05T08:00:00Z".parse().unwrap();
    let booking = an_appointment(now);
    let id = booking.id;

    // A transaction that holds one booking. It expects no commit: a commit would fail the test.
    let tx = MockBookingTx::permissive().holding(booking);
    let service = BookingService::new(
        Arc::new(MockBookingStore::with(tx)),
        Arc::new(MockBookingReads::new()),
        Arc::new(FixedClock(now)),
        Arc::new(SequentialIds::default()),
        Policy::default(),
    );

    let refusal = service
        .command(&the_client(), id, BookingCommand::ReportDone { note: None })
        .await
        .unwrap_err();

    assert!(matches!(refusal, BookingError::Forbidden { .. }));
}
