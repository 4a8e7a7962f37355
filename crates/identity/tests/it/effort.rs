//! An answer costs the same work whoever it is about: hashing is most of the time it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use access::Actor;
use async_trait::async_trait;
use identity::testing::{MemoryIdentity, PlainPasswords, PlainTokens, an_account};
use identity::{
    Account, AccountRecord, CredentialError, EmailAddress, IdentityError, IdentityService, Parts,
    Password, PasswordHash, Passwords, Policy, Status, Verdict,
};
use kernel::{AccountId, FixedClock, RepeatingRandom, SequentialIds};

use crate::world::{ADA, PASSWORD, laptop, reason, sign_in, sign_up, start};

const SUSPENDED: &str = "suspended@example.org";
const UNKNOWN: &str = "unknown@example.org";

/// Counts how often a password is hashed, to be kept or to be compared.
#[derive(Debug, Default)]
struct Counted(AtomicUsize);

#[async_trait]
impl Passwords for Counted {
    async fn hash_password(&self, password: &Password) -> Result<PasswordHash, CredentialError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        PlainPasswords.hash_password(password).await
    }

    async fn check_password(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, CredentialError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        PlainPasswords.check_password(password, hash).await
    }
}

struct Scene {
    store: MemoryIdentity,
    passwords: Arc<Counted>,
    service: IdentityService,
}

/// Ada, somebody who is suspended, and nobody else.
fn scene() -> Scene {
    let store = MemoryIdentity::new();
    let ids = SequentialIds::default();
    let suspended = Status::Suspended { at: start(), reason: reason() };
    for (email, status) in [(ADA, Status::Active), (SUSPENDED, suspended)] {
        let record = an_account(AccountId::next(&ids), email, start());
        store.put(Account::restore_record(AccountRecord { status, ..record }));
    }
    let passwords = Arc::new(Counted::default());
    let service = IdentityService::new(Parts {
        store: Arc::new(store.clone()),
        reader: Arc::new(store.clone()),
        throttle: Arc::new(store.clone()),
        passwords: passwords.clone(),
        tokens: Arc::new(PlainTokens),
        clock: Arc::new(FixedClock(start())),
        ids: Arc::new(ids),
        random: Arc::new(RepeatingRandom::default()),
        policy: Policy::default(),
    });
    Scene { store, passwords, service }
}

impl Scene {
    /// How often a password was hashed since the last look, and how many events were written.
    fn cost(&self) -> (usize, usize) {
        (self.passwords.0.swap(0, Ordering::Relaxed), self.store.events().len())
    }
}

#[tokio::test]
async fn a_password_is_compared_once_whoever_signs_in() {
    let scene = scene();
    for (email, password) in [
        (UNKNOWN, PASSWORD),
        (ADA, "not the password"),
        (SUSPENDED, "not the password"),
        (SUSPENDED, PASSWORD),
        (ADA, PASSWORD),
    ] {
        let outcome = scene.service.sign_in(sign_in(email, password), &laptop()).await;
        let expected = match (email, password) {
            (ADA, PASSWORD) => outcome.is_ok(),
            (SUSPENDED, PASSWORD) => matches!(outcome, Err(IdentityError::Suspended)),
            _ => matches!(outcome, Err(IdentityError::WrongCredentials)),
        };
        assert!(expected, "{email} {password}: {outcome:?}");
        assert_eq!(scene.cost().0, 1, "{email} {password}");
    }
}

#[tokio::test]
async fn asking_for_a_mail_or_an_account_costs_one_hash_and_one_event_whoever_it_is_for() {
    let visitor = Actor::visitor();
    for email in [UNKNOWN, ADA, SUSPENDED] {
        let scene = scene();
        let address: EmailAddress = email.parse().unwrap();
        scene.service.forgot_password(&visitor, &address, &laptop()).await.unwrap();
        assert_eq!(scene.cost(), (1, 1), "forgot: {email}");
        scene.service.resend_verification(&visitor, &address, &laptop()).await.unwrap();
        assert_eq!(scene.cost(), (1, 2), "resend: {email}");
        scene.service.sign_up(&visitor, sign_up(email), &laptop()).await.unwrap();
        assert_eq!(scene.cost().0, 1, "sign up: {email}");
    }
}
