//! What people do with their accounts.

use std::sync::Arc;

use access::{Actor, Roles};
use chrono::TimeDelta;
use identity::testing::{
    MockAccessTokens, MockIdentityReader, MockIdentityStore, MockIdentityTx, MockPasswords,
    MockThrottle, an_account,
};
use identity::{
    Account, AccountRecord, Client, EmailAddress, IdentityError, IdentityService, Inspection,
    LinkPurpose, NewPassword, Parts, Password, PasswordHash, Policy, Session, SignUpOutcome,
    Tokens,
};
use kernel::{
    AccountId, Failure, FailureKind, FixedClock, RepeatingRandom, SequentialIds, SessionId,
};

use crate::world::{ADA, PASSWORD, World, laptop, reason, sign_in, sign_up, start};

#[tokio::test]
async fn signing_up_tells_a_stranger_nothing_and_the_owner_everything() {
    let world = World::with(Policy::default());
    let visitor = Actor::visitor();
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let command = sign_up(ADA);
        outcomes.push(world.service.sign_up(&visitor, command, &laptop()).await.unwrap());
    }
    let account = account_of(&world);
    verify(&world, account).await;
    let command = sign_up("ADA@example.org");
    outcomes.push(world.service.sign_up(&visitor, command, &laptop()).await.unwrap());

    assert!(outcomes.iter().all(|outcome| *outcome == SignUpOutcome::MailSent));
    assert_eq!(
        world.event_names(),
        [
            "account.signed_up.v1",
            "account.verification_requested.v1",
            "account.verification_requested.v1",
            "account.email_verified.v1",
            "account.sign_up_repeated.v1",
        ]
    );
}

fn account_of(world: &World) -> AccountId {
    world.store.events().last().unwrap().1.parse().unwrap()
}

async fn verify(world: &World, account: AccountId) {
    let link = world.service.mint_link(account, LinkPurpose::VerifyEmail).await.unwrap().unwrap();
    world.service.verify_email(&link.token).await.unwrap();
}

#[tokio::test]
async fn an_unverified_address_signs_in_only_where_that_is_allowed() {
    let world = World::with(Policy::default());
    world.service.sign_up(&Actor::visitor(), sign_up(ADA), &laptop()).await.unwrap();

    let refused = world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await;
    assert!(matches!(refused, Err(IdentityError::EmailNotVerified)), "{refused:?}");
    let guessed = world.service.sign_in(sign_in(ADA, "wrong horse"), &laptop()).await;
    assert!(matches!(guessed, Err(IdentityError::WrongCredentials)), "{guessed:?}");

    verify(&world, account_of(&world)).await;
    assert!(world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await.is_ok());
}

#[tokio::test]
async fn whoever_asks_for_a_mail_hears_the_same_whoever_they_name() {
    let world = World::with(Policy::default());
    let visitor = Actor::visitor();
    world.service.sign_up(&visitor, sign_up(ADA), &laptop()).await.unwrap();
    for email in [ADA, "nobody@example.org"] {
        let email: EmailAddress = email.parse().unwrap();
        world.service.forgot_password(&visitor, &email, &laptop()).await.unwrap();
        world.service.resend_verification(&visitor, &email, &laptop()).await.unwrap();
    }

    assert_eq!(
        world.event_names()[2..],
        [
            "account.password_reset_requested.v1",
            "account.verification_requested.v1",
            "account.unknown_address.v1",
            "account.unknown_address.v1",
        ]
    );
}

#[tokio::test]
async fn a_link_is_minted_only_while_it_is_meant() {
    let world = World::open();
    let (ada, _) = world.ada().await;
    let mint = |purpose| world.service.mint_link(ada.id(), purpose);

    let shown = format!("{:?}", mint(LinkPurpose::VerifyEmail).await.unwrap().unwrap());
    assert!(!shown.contains("mst_") && !shown.contains("ada@"), "{shown}");
    verify(&world, ada.id()).await;
    assert_eq!(mint(LinkPurpose::VerifyEmail).await.unwrap(), None, "it is verified");
    assert!(mint(LinkPurpose::ResetPassword).await.unwrap().is_some());
    let mut record = ada.record().clone();
    record.status = identity::Status::Suspended { at: start(), reason: reason() };
    world.store.put(Account::restore_record(record));
    assert_eq!(mint(LinkPurpose::ResetPassword).await.unwrap(), None, "it is suspended");
}

#[tokio::test]
async fn a_link_counts_for_its_purpose_its_time_and_once() {
    let world = World::open();
    let (ada, _) = world.ada().await;
    let mint =
        async |purpose| world.service.mint_link(ada.id(), purpose).await.unwrap().unwrap().token;
    let password = NewPassword::new("another horse").unwrap();

    let verification = mint(LinkPurpose::VerifyEmail).await;
    let reset = mint(LinkPurpose::ResetPassword).await;
    let older = mint(LinkPurpose::ResetPassword).await;
    for wrong in [verification.as_str(), "", "mst_", "nonsense"] {
        let refused = world.service.reset_password(wrong, &password).await;
        assert!(matches!(refused, Err(IdentityError::LinkInvalid)), "{wrong}: {refused:?}");
    }
    assert!(matches!(world.service.verify_email(&reset).await, Err(IdentityError::LinkInvalid)));
    world.service.reset_password(&reset, &password).await.unwrap();
    for used in [&reset, &older] {
        let refused = world.service.reset_password(used, &password).await;
        assert!(matches!(refused, Err(IdentityError::LinkInvalid)), "one use spends them all");
    }

    let late = mint(LinkPurpose::ResetPassword).await;
    world.clock.advance(TimeDelta::hours(1));
    let refused = world.service.reset_password(&late, &password).await;
    assert!(matches!(refused, Err(IdentityError::LinkInvalid)), "{refused:?}");
}

#[tokio::test]
async fn guessing_is_slowed_down_for_one_address_and_for_nobody_else() {
    let world = World::open();
    world.ada().await;
    world.somebody(900, "bob@example.org", Roles::client());
    for _ in 0..10 {
        let wrong = world.service.sign_in(sign_in(ADA, "wrong horse"), &laptop()).await;
        assert!(matches!(wrong, Err(IdentityError::WrongCredentials)), "{wrong:?}");
    }

    let throttled = world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await.unwrap_err();
    assert_eq!(throttled.kind(), FailureKind::Throttled);
    assert_eq!(throttled.retry_after().unwrap().as_secs(), 90);
    assert!(world.service.sign_in(sign_in("bob@example.org", PASSWORD), &laptop()).await.is_ok());

    world.clock.advance(TimeDelta::seconds(90));
    assert!(world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await.is_ok());
    for _ in 0..10 {
        let wrong = world.service.sign_in(sign_in(ADA, "wrong horse"), &laptop()).await;
        assert!(
            matches!(wrong, Err(IdentityError::WrongCredentials)),
            "the right one gave all back"
        );
    }
}

#[tokio::test]
async fn an_unknown_address_is_throttled_like_a_known_one() {
    let world = World::open();
    for _ in 0..10 {
        let _ = world.service.sign_in(sign_in("nobody@example.org", PASSWORD), &laptop()).await;
    }
    let refused = world.service.sign_in(sign_in("nobody@example.org", PASSWORD), &laptop()).await;
    assert!(matches!(refused, Err(IdentityError::Throttled { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_network_that_tries_many_addresses_is_throttled_and_its_neighbour_is_not() {
    let world = World::open();
    world.ada().await;
    for n in 0..50 {
        let email = format!("nobody-{n}@example.org");
        let _ = world.service.sign_in(sign_in(&email, PASSWORD), &laptop()).await;
    }
    let refused = world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await;
    assert!(matches!(refused, Err(IdentityError::Throttled { .. })), "{refused:?}");
    let neighbour = Client::new("203.0.113.8".parse().unwrap(), None);
    assert!(world.service.sign_in(sign_in(ADA, PASSWORD), &neighbour).await.is_ok());
}

#[tokio::test]
async fn an_outdated_hash_is_renewed_when_its_password_is_right() {
    let world = World::open();
    let ids = SequentialIds::default();
    let record = AccountRecord {
        password: Some(PasswordHash::new(format!("old:{PASSWORD}"))),
        ..an_account(AccountId::next(&ids), ADA, start())
    };
    world.store.put(Account::restore_record(record));

    let tokens = world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await.unwrap();

    let check = world.store.session_check(world.clock.clone());
    let member = check.authenticate(&tokens.access_token).await.unwrap();
    let account = world.service.me(&Actor::member(member)).await.unwrap();
    assert_eq!(account.password().unwrap().expose(), format!("plain:{PASSWORD}"));
    assert_eq!(account.token_version(), 1, "nobody is signed out by it");
}

#[tokio::test]
async fn a_changed_password_ends_every_session_but_the_new_one() {
    let world = World::open();
    let (_, first) = world.ada().await;
    let second = world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await.unwrap();
    let check = world.store.session_check(world.clock.clone());
    let actor = Actor::member(check.authenticate(&second.access_token).await.unwrap());
    let new = NewPassword::new("another horse").unwrap();

    let wrong = Password::typed("wrong horse").unwrap();
    let refused = world.service.change_password(&actor, &wrong, &new, &laptop()).await.unwrap_err();
    assert_eq!(refused.fields()[0].pointer, "/current_password");
    let right = Password::typed(PASSWORD).unwrap();
    let tokens = world.service.change_password(&actor, &right, &new, &laptop()).await.unwrap();

    for old in [&first, &second] {
        assert!(check.authenticate(&old.access_token).await.is_err());
        assert_eq!(world.service.inspect(&old.refresh_token).await.unwrap(), Inspection::Inactive);
    }
    assert!(check.authenticate(&tokens.access_token).await.is_ok());
    assert!(world.service.sign_in(sign_in(ADA, PASSWORD), &laptop()).await.is_err());
}

#[tokio::test]
async fn a_password_that_is_the_address_is_refused_with_its_field() {
    let world = World::open();
    let mut command = sign_up(ADA);
    command.password = NewPassword::new(ADA).unwrap();
    let error = world.service.sign_up(&Actor::visitor(), command, &laptop()).await.unwrap_err();
    assert_eq!(error.fields()[0].pointer, "/password");
    assert_eq!(error.fields()[0].code, "password_is_address");
}

#[tokio::test]
async fn a_token_is_worth_something_until_its_session_ends() {
    let world = World::open();
    let (ada, tokens) = world.ada().await;
    for token in [&tokens.access_token, &tokens.refresh_token] {
        let Inspection::Active { account, session, .. } =
            world.service.inspect(token).await.unwrap()
        else {
            panic!("it counts")
        };
        assert_eq!((account, session), (ada.id(), tokens.session));
    }
    world.service.revoke(&tokens.access_token).await.unwrap();
    world.service.revoke(&tokens.access_token).await.unwrap();
    world.service.revoke("nonsense").await.unwrap();
    for token in [tokens.access_token.as_str(), &tokens.refresh_token, "nonsense", ""] {
        assert_eq!(world.service.inspect(token).await.unwrap(), Inspection::Inactive);
    }
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let world = World::open();
    let (_, tokens) = world.ada().await;
    let (_, bob) = world.somebody(900, "bob@example.org", Roles::client());

    // A transaction that expects no update and no commit: there is none.
    let stored = world.store.clone();
    let session = stored_session(&stored, &tokens).await;
    let mut tx = MockIdentityTx::new();
    tx.expect_session_for_update().return_once(move |_| Ok(Some(session)));
    let service = IdentityService::new(Parts {
        store: Arc::new(MockIdentityStore::with(tx)),
        reader: Arc::new(MockIdentityReader::new()),
        throttle: Arc::new(MockThrottle::new()),
        passwords: Arc::new(MockPasswords::new()),
        tokens: Arc::new(MockAccessTokens::new()),
        clock: Arc::new(FixedClock(start())),
        ids: Arc::new(SequentialIds::default()),
        random: Arc::new(RepeatingRandom::default()),
        policy: Policy::default(),
    });

    let error = service.revoke_session(&bob, tokens.session).await.unwrap_err();
    assert!(matches!(error, IdentityError::SessionNotFound { .. }), "{error}");
    let error = service.revoke_session(&Actor::visitor(), tokens.session).await.unwrap_err();
    assert!(matches!(error, IdentityError::Unauthenticated), "{error}");
}

async fn stored_session(store: &identity::testing::MemoryIdentity, tokens: &Tokens) -> Session {
    let mut tx = identity::IdentityStore::begin(store).await.unwrap();
    let id: SessionId = tokens.session;
    tx.session_for_update(id).await.unwrap().unwrap()
}
