//! From sign-up to a stolen token, with everything in memory.
//!
//! `cargo run -p mercato-identity --example sign_in --features testing`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;

use access::Actor;
use chrono::{DateTime, TimeDelta};
use identity::testing::{MemoryIdentity, a_profile};
use identity::{Client, IdentityError, LinkPurpose, NewPassword, Password, Policy, SignIn, SignUp};
use kernel::ManualClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock =
        Arc::new(ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()));
    let store = MemoryIdentity::new();
    let identity = store.service(clock.clone(), Policy::default());
    let visitor = Actor::visitor();
    let laptop = Client::new(Ipv4Addr::new(203, 0, 113, 7).into(), Some("Firefox"));

    // Signing up says nothing but that a mail is on its way.
    let sign_up = SignUp {
        email: "ada@example.org".parse()?,
        password: NewPassword::new("correct horse")?,
        profile: a_profile("Ada"),
    };
    let outcome = identity.sign_up(&visitor, sign_up, &laptop).await?;
    println!("signed up: {outcome:?}");

    // Whoever writes the mail asks for the link at that moment.
    let (_, subject) = store.events().pop().ok_or("an event was published")?;
    let link = identity.mint_link(subject.parse()?, LinkPurpose::VerifyEmail).await?;
    identity.verify_email(&link.ok_or("the link is meant")?.token).await?;

    let sign_in =
        SignIn { email: "Ada@Example.org".parse()?, password: Password::typed("correct horse")? };
    let first = identity.sign_in(sign_in, &laptop).await?;
    println!("signed in: session {}", first.session);

    // A refresh token is exchanged for the next one.
    let second = identity.refresh(&visitor, &first.refresh_token, &laptop).await?;

    // Shown again later, the first one gives the thief away, and the session ends.
    clock.advance(TimeDelta::minutes(1));
    let thief = Client::new(Ipv4Addr::new(198, 51, 100, 1).into(), Some("curl"));
    let refused = identity.refresh(&visitor, &first.refresh_token, &thief).await;
    assert!(matches!(refused, Err(IdentityError::InvalidToken)));
    let check = store.session_check(clock);
    let refused = check.authenticate(&second.access_token).await;
    println!("after the theft: {}", refused.err().ok_or("the session has ended")?);
    Ok(())
}
