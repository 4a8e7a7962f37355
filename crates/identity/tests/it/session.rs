//! What comes of showing a refresh token.

use std::fmt::Write;

use chrono::TimeDelta;
use identity::{
    Device, EndReason, Exchange, OpaqueToken, Policy, RefreshState, RefreshToken, Session,
};
use kernel::{AccountId, RepeatingRandom, SequentialIds, SessionId};

use crate::world::start;

/// A session, its first secret, what is stored of it, and a secret for the next.
fn opened() -> (Session, OpaqueToken, RefreshToken, OpaqueToken) {
    let (ids, random) = (SequentialIds::default(), RepeatingRandom::default());
    let first = OpaqueToken::random(&random);
    let (session, stored) = Session::open(
        SessionId::next(&ids),
        AccountId::next(&ids),
        1,
        Device::new("Firefox"),
        &first,
        &Policy::default(),
        start(),
    );
    (session, first, stored, OpaqueToken::random(&random))
}

fn name(exchange: &Exchange) -> &'static str {
    match exchange {
        Exchange::Fresh { .. } => "fresh",
        Exchange::Repeated { .. } => "the same again",
        Exchange::Reused => "reused: session ended",
        Exchange::Over => "over",
    }
}

#[test]
fn a_token_is_worth_what_the_table_says() {
    let policy = Policy::default();
    let mut table = String::new();
    for state in ["current", "exchanged", "exchanged, successor exchanged too"] {
        for (when, after) in
            [("9 s", 9), ("10 s", 10), ("29 days", 2_505_600), ("30 days", 2_592_000)]
        {
            for device in ["Firefox", "curl"] {
                for ended in [false, true] {
                    let (mut session, secret, mut stored, next) = opened();
                    if state != "current" {
                        let device = Device::new("Firefox");
                        session.exchange(
                            &mut stored,
                            &secret,
                            &next,
                            device.as_ref(),
                            &policy,
                            start(),
                        );
                    }
                    if let RefreshState::Exchanged { successor, .. } = &mut stored.state
                        && state.ends_with("too")
                    {
                        *successor = None;
                    }
                    if ended {
                        session.end(EndReason::SignedOut, start());
                    }
                    let now = start() + TimeDelta::seconds(after);
                    let given = Device::new(device);
                    let exchange =
                        session.exchange(&mut stored, &secret, &next, given.as_ref(), &policy, now);
                    let ended = if ended { "ended" } else { "open" };
                    let verdict = name(&exchange);
                    writeln!(table, "{state:<35} {when:<8} {device:<8} {ended:<6} -> {verdict}")
                        .unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_successor_that_is_given_again_is_the_one_that_was_given() {
    let policy = Policy::default();
    let (mut session, secret, mut stored, next) = opened();
    let device = Device::new("Firefox");
    let fresh = session.exchange(&mut stored, &secret, &next, device.as_ref(), &policy, start());
    let Exchange::Fresh { successor } = fresh else { panic!("{fresh:?}") };
    assert_eq!(successor.digest, next.digest());

    let other = OpaqueToken::parse("mst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let again = session.exchange(&mut stored, &secret, &other, device.as_ref(), &policy, start());

    assert_eq!(again, Exchange::Repeated { successor: next });
}

#[test]
fn an_exchange_keeps_the_session_for_another_thirty_days() {
    let policy = Policy::default();
    let (mut session, secret, mut stored, next) = opened();
    let now = start() + TimeDelta::days(29);

    session.exchange(&mut stored, &secret, &next, None, &policy, now);

    assert!(session.is_live(now + TimeDelta::days(29)));
    assert!(!session.is_live(now + TimeDelta::days(30)));
    assert_eq!(session.record().device, None, "the device is the one that was last heard of");
}
