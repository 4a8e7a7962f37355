//! What every adapter of billing's [`Gateway`] port must show, against a gateway that moves no money
//! and can be steered: [`gateway_conformance!`](crate::gateway_conformance).

#![expect(clippy::unwrap_used, reason = "a demand that is not met fails right there")]

mod inbox;
mod messages;
mod money;
mod requests;
mod unknown;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use billing::{ChallengeKind, Gateway, Instrument, Secret, TransactionId};
use hostile_http::{Courier, Faults};
use kernel::Currency;

pub use inbox::{Arrived, Inbox};
pub use messages::*;
pub use money::*;
pub use unknown::*;

use crate::Charged;

/// The deadline that the adapter under test gives its calls.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// A card as far as all gateways know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleCard {
    /// It pays.
    Good,
    /// It has too little money.
    Poor,
    /// It asks for 3-D Secure, and pays.
    Secure,
    /// It asks for 3-D Secure, and is declined then.
    SecureThenDeclined,
}

/// An adapter under test, and the hand that steers its gateway. It calls with [`DEADLINE`].
#[async_trait]
pub trait Bench: Debug + Send + Sync {
    /// The adapter.
    fn gateway(&self) -> &dyn Gateway;

    /// What an app would send for such a card: another one each time.
    fn instrument(&self, card: SampleCard) -> Instrument;

    /// A currency that it can count in.
    fn currency(&self) -> Currency;

    /// What really happened, all of it.
    async fn charges(&self) -> Vec<Charged>;

    /// What is to go wrong with its calls.
    fn faults(&self) -> &Faults;

    /// An amount of 10.50 as it stands in answers, and 10.60.
    fn lie(&self) -> (String, String);

    /// The payer goes to the bank, and brings back what it says, if anything.
    async fn at_bank(
        &self,
        transaction: &TransactionId,
        challenge: &ChallengeKind,
        passed: bool,
    ) -> Option<Secret>;

    /// Sends its messages there from now on.
    fn listen(&self, inbox: &Inbox);

    /// The deliveries of its messages.
    fn courier(&self) -> &Courier;

    /// The header that signs its messages.
    fn signature_header(&self) -> &'static str;

    /// Whether a message says when it was signed.
    fn signs_time(&self) -> bool;

    /// Every secret that the adapter knows.
    fn secrets(&self) -> Vec<&'static str>;
}

/// One test for each demand of the port. `$bench` is an async function that makes a [`Bench`].
#[macro_export]
macro_rules! gateway_conformance {
    ($bench:path) => {
        $crate::gateway_conformance!($bench;
            money_is_taken_at_once,
            money_is_reserved_and_taken_in_part,
            money_is_reserved_and_let_go,
            money_goes_back_in_parts_and_never_more,
            a_decline_says_whether_to_try_again,
            three_d_secure_leads_to_the_bank_and_back,
            three_d_secure_fails_at_the_bank_or_after_it,
            a_kept_card_pays_without_its_owner,
            a_page_can_be_made_to_pay_on,
            a_repeated_call_is_one_call,
            what_was_done_twice_is_done_once,
            a_lost_answer_leaves_it_unknown_and_the_status_tells,
            a_lost_request_is_unknown_too_and_nothing_happened,
            a_late_answer_is_unknown_and_the_status_tells,
            being_turned_away_is_surely_not_done,
            lost_answers_to_captures_and_refunds_are_found,
            an_answer_that_lies_is_not_believed,
            nobody_is_told_of_the_payments_of_others,
            what_nobody_heard_of_is_none,
            no_secret_is_shown,
            messages_are_believed_only_if_their_signature_holds,
            a_message_twice_is_one_message,
        );
    };
    ($bench:path; $($demand:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $demand() {
                $crate::conformance::$demand(&$bench().await).await;
            }
        )*
    };
}
