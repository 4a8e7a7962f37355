//! Every state and every command, as reviewed tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use billing::testing::{
    a_payout, a_reason, a_subscription, an_id, euros, one_payment_in_each_status,
    one_subscription_in_each_state, payment,
};
use billing::{
    ChallengeKind, Command, Decline, FactState, Hardness, Input, Interval, Payment, PaymentFact,
    Payout, PayoutCommand, PayoutState, PayoutTerms, Period, RefundId, ReturnToken, Status,
    SubscriptionState, Webhook, WebhookCommand, WebhookState, transition,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::RepeatingRandom;

use crate::world::NOW;

pub(crate) type Table = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

/// Gives the command with arguments that fit.
fn give(payment: &mut Payment, command: Command) -> Result<(), billing::BillingError> {
    let id = RefundId::from_uuid(an_id(80));
    let soft = Decline::soft("not_executed");
    match command {
        Command::Continue => {
            let token = ReturnToken::generate(&RepeatingRandom::default());
            payment.renew_challenge(&token, NOW)?;
            payment.continue_challenge(&token, None, NOW).map(|_| ())
        }
        Command::LoseAnswer => payment.lose_answer(NOW),
        Command::Fail => payment.fail(soft, NOW).map(|_| ()),
        Command::Capture => payment.capture(euros(10_000)),
        Command::Void => payment.void(id),
        Command::Refund => payment.request_refund(id, euros(100), a_reason(), None, NOW),
        Command::Freeze => payment.freeze(),
        Command::Unfreeze => payment.unfreeze(),
        Command::Release => payment.release(NOW, &PayoutTerms::default()),
    }
}

pub(crate) fn payment_commands() -> Table {
    let mut table = Table::new();
    for record in one_payment_in_each_status(NOW) {
        for command in Command::ALL {
            let mut payment = payment(record.clone());
            let from = payment.status().name();
            let may = payment.may(*command);
            assert_eq!(give(&mut payment, *command).is_ok(), may, "{command:?} while {from}");
            if may {
                let to = payment.status().name();
                table.entry((from, command.name())).or_default().insert(to);
            }
        }
    }
    table
}

/// Where each fact leads from each status.
pub(crate) fn payment_facts() -> Table {
    let mut table = Table::new();
    for record in one_payment_in_each_status(NOW) {
        let id = record.id;
        let transaction = billing::testing::a_transaction("t1");
        let bare =
            |state| PaymentFact::without_money(transaction.clone(), id, state, euros(0), NOW);
        let taken = PaymentFact::captured(transaction.clone(), id, euros(10_000), NOW);
        let all = euros(10_000);
        let facts = [
            ("requires_action", bare(FactState::RequiresAction)),
            ("processing", bare(FactState::Processing)),
            ("failed", bare(FactState::Failed(Decline::soft("declined")))),
            ("authorized", bare(FactState::Authorized { until: None })),
            ("voided", bare(FactState::Voided)),
            ("captured", taken.clone()),
            ("refunded in part", PaymentFact { refunded: euros(5_000), ..taken.clone() }),
            ("refunded", PaymentFact { refunded: all, ..taken.clone() }),
            ("charged back", PaymentFact { charged_back: all, ..taken.clone() }),
            ("reinstated", PaymentFact { charged_back: all, reinstated: all, ..taken }),
        ];
        for (name, fact) in facts {
            let mut payment = payment(record.clone());
            let from = payment.status().name();
            payment.apply(&fact).unwrap();
            if payment.status().name() != from {
                table.entry((from, name)).or_default().insert(payment.status().name());
            }
        }
    }
    table
}

pub(crate) fn inputs() -> Vec<Input> {
    vec![
        Input::Paid,
        Input::PaymentFailed(Hardness::Soft),
        Input::PaymentFailed(Hardness::Hard),
        Input::CardAdded,
        Input::CardRemoved,
        Input::CancelAtPeriodEnd,
        Input::CancelNow,
        Input::Resume,
        Input::Returned,
        Input::Due,
    ]
}

pub(crate) fn moments() -> [DateTime<Utc>; 5] {
    [1, 20, 40, 200, 400].map(|days| NOW + TimeDelta::days(days))
}

/// The states of a subscription in every shape that matters.
pub(crate) fn subscription_samples() -> Vec<SubscriptionState> {
    let mut states: Vec<_> =
        one_subscription_in_each_state(NOW).into_iter().map(|record| record.state).collect();
    let period = Period::first(NOW, Interval::MONTHLY);
    let until = NOW + TimeDelta::days(14);
    states.extend([
        SubscriptionState::Incomplete { expires_at: NOW + TimeDelta::days(2), trial_days: 14 },
        SubscriptionState::Trialing { until, card: false },
        SubscriptionState::Active { period, cancel_at_period_end: true },
        SubscriptionState::Canceled { until, before: billing::Interrupted::Trial { card: true } },
    ]);
    states
}

pub(crate) fn subscription_table() -> Table {
    let mut table = Table::new();
    for state in subscription_samples() {
        let terms = a_subscription(NOW, state.clone()).terms;
        for input in inputs() {
            for now in moments() {
                if let Some(next) = transition(&state, &terms, &input, now) {
                    // Time alone that changes nothing is no transition.
                    if input != Input::Due || next != state {
                        let row = table.entry((state.name(), input.name())).or_default();
                        row.insert(next.name());
                    }
                }
            }
        }
    }
    table
}

pub(crate) fn payout_table() -> Table {
    let mut table = Table::new();
    let at = |state| Payout { state, ..a_payout(NOW, false) };
    let reference = || billing::testing::a_transaction("po-1");
    let states = [
        PayoutState::AwaitingApproval,
        PayoutState::Ready,
        PayoutState::Processing { since: NOW, reference: None },
        PayoutState::Paid { at: NOW, reference: reference() },
        PayoutState::Failed { at: NOW, reason: "closed".to_owned() },
        PayoutState::Cancelled { at: NOW },
    ];
    assert_eq!(states.each_ref().map(PayoutState::name), PayoutState::NAMES);
    for state in states {
        for command in PayoutCommand::ALL {
            let mut payout = at(state.clone());
            let may = payout.may(command);
            let admin = kernel::AccountId::from_uuid(an_id(4));
            let done = match command {
                PayoutCommand::Approve => payout.approve(admin).is_ok(),
                PayoutCommand::Cancel => payout.cancel(NOW).is_ok(),
                PayoutCommand::Send => payout.send(NOW).is_ok(),
                PayoutCommand::Confirm => payout.confirm(reference(), NOW).is_ok(),
                PayoutCommand::Fail => payout.fail("closed", NOW).is_ok(),
            };
            assert_eq!(done, may, "{command:?} while {}", state.name());
            if done {
                let row = table.entry((state.name(), command.name())).or_default();
                row.insert(payout.state.name());
            }
        }
    }
    table
}

pub(crate) fn webhook_table() -> Table {
    let mut table = Table::new();
    let message = billing::SignedMessage {
        event_id: billing::testing::a_transaction("evt_1"),
        kind: kernel::Text::from_stored("payment".to_owned()),
        subject: billing::Subject::Other,
        at: None,
        question: None,
    };
    let states = [
        WebhookState::Received,
        WebhookState::Applied { at: NOW },
        WebhookState::Ignored { at: NOW },
        WebhookState::Failed { retry_at: NOW },
        WebhookState::Parked { at: NOW },
    ];
    assert_eq!(states.map(WebhookState::name), WebhookState::NAMES);
    for state in states {
        for command in WebhookCommand::ALL {
            for attempts in [0, Webhook::MAX_ATTEMPTS - 1] {
                let id = billing::WebhookId::from_uuid(an_id(81));
                let gateway = billing::GatewayName::Sandbox;
                let mut webhook = Webhook::receive(id, gateway, message.clone(), b"", NOW);
                webhook.state = state;
                webhook.attempts = attempts;
                let may = webhook.may(command);
                let done = match command {
                    WebhookCommand::Apply => webhook.apply(NOW).is_ok(),
                    WebhookCommand::Ignore => webhook.ignore(NOW).is_ok(),
                    WebhookCommand::Fail => webhook.fail("no answer", NOW).is_ok(),
                    WebhookCommand::Replay => webhook.replay().is_ok(),
                };
                assert_eq!(done, may, "{command:?} while {}", state.name());
                if done {
                    let row = table.entry((state.name(), command.name())).or_default();
                    row.insert(webhook.state.name());
                }
            }
        }
    }
    table
}

fn shown(table: &Table) -> String {
    let mut text = String::new();
    for ((from, command), to) in table {
        let to = to.iter().copied().collect::<Vec<_>>().join(" or ");
        writeln!(text, "{from:<18} {command:<21} -> {to}").unwrap();
    }
    text
}

#[test]
fn the_lifecycle_of_a_payment_is_as_reviewed() {
    insta::assert_snapshot!("payment_commands", shown(&payment_commands()));
    insta::assert_snapshot!("payment_facts", shown(&payment_facts()));
}

#[test]
fn the_lifecycle_of_a_subscription_is_as_reviewed() {
    insta::assert_snapshot!("subscription", shown(&subscription_table()));
}

#[test]
fn the_lifecycles_of_payouts_and_webhooks_are_as_reviewed() {
    insta::assert_snapshot!("payout", shown(&payout_table()));
    insta::assert_snapshot!("webhook", shown(&webhook_table()));
}

#[test]
fn every_state_is_reached_and_none_is_a_trap() {
    let reachable = |tables: &[Table], start: &[&'static str]| {
        let mut reached: BTreeSet<&str> = start.iter().copied().collect();
        loop {
            let next: BTreeSet<&str> = tables
                .iter()
                .flatten()
                .filter(|((from, _), _)| reached.contains(from))
                .flat_map(|(_, to)| to.iter().copied())
                .chain(reached.iter().copied())
                .collect();
            if next == reached {
                return reached;
            }
            reached = next;
        }
    };
    let all: BTreeSet<_> = Status::ALL.into_iter().map(Status::name).collect();
    assert_eq!(reachable(&[payment_commands(), payment_facts()], &["created"]), all);
    let all: BTreeSet<_> = SubscriptionState::NAMES.into_iter().collect();
    assert_eq!(reachable(&[subscription_table()], &["incomplete", "trialing"]), all);
    let all: BTreeSet<_> = PayoutState::NAMES.into_iter().collect();
    assert_eq!(reachable(&[payout_table()], &["awaiting_approval", "ready"]), all);
    let all: BTreeSet<_> = WebhookState::NAMES.into_iter().collect();
    assert_eq!(reachable(&[webhook_table()], &["received"]), all);

    // Whatever is pending at a gateway is asked for by time.
    for record in one_payment_in_each_status(NOW) {
        let payment = payment(record);
        let pending = payment.stage().is_pending() || payment.status() == Status::Authorized;
        assert_eq!(payment.inquiry_due().is_some(), pending, "{:?}", payment.status());
    }
    // Every subscription that is not over has a time at which it moves.
    for record in one_subscription_in_each_state(NOW) {
        let subscription = billing::Subscription::restore(record);
        assert_eq!(subscription.due_at().is_some(), !subscription.state().is_final());
    }
}

#[test]
fn access_is_what_state_plan_and_time_say() {
    let mut table = String::new();
    for state in subscription_samples() {
        let terms = a_subscription(NOW, state.clone()).terms;
        let until = state.access_until(&terms).map(|until| (until - NOW).num_days());
        let shown = until.map_or("none".to_owned(), |days| format!("{days} days"));
        writeln!(table, "{:<12} {shown}", state.name()).unwrap();
        if let Some(until) = state.access_until(&terms) {
            assert!(state.gives_access(&terms, until - TimeDelta::microseconds(1)));
            assert!(!state.gives_access(&terms, until));
        }
    }
    insta::assert_snapshot!("access", table);
}

#[test]
fn a_challenge_shows_no_secret() {
    let kind =
        ChallengeKind::Script { client_secret: billing::Secret::new("pi_secret".to_owned()) };
    let token = ReturnToken::generate(&RepeatingRandom::default());

    assert!(!format!("{kind:?} {token:?}").contains("pi_secret"));
    assert!(!format!("{token:?}").contains(token.reveal()));
}
