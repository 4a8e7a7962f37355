//! What the tests share: a store in memory, a clock to be moved, one person.

use std::net::Ipv4Addr;
use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use chrono::{DateTime, Utc};
use identity::testing::{MemoryIdentity, a_profile, an_account};
use identity::{
    Account, AccountRecord, Client, IdentityService, NewPassword, Password, Policy, Reason, SignIn,
    SignUp, SignUpOutcome, Tokens,
};
use kernel::{AccountId, Ids, ManualClock, SequentialIds, SessionId};

pub(crate) const ADA: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    pub(crate) store: MemoryIdentity,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: IdentityService,
}

impl World {
    pub(crate) fn with(policy: Policy) -> Self {
        let store = MemoryIdentity::new();
        let clock = Arc::new(ManualClock::new(start()));
        let service = store.service(clock.clone(), policy);
        Self { store, clock, service }
    }

    pub(crate) fn open() -> Self {
        Self::with(Policy { require_verified_email: false, ..Policy::default() })
    }

    pub(crate) async fn ada(&self) -> (Account, Tokens) {
        let command = sign_up(ADA);
        match self.service.sign_up(&Actor::visitor(), command, &laptop()).await.unwrap() {
            SignUpOutcome::SignedIn { account, tokens } => (*account, *tokens),
            SignUpOutcome::MailSent => panic!("addresses need no verification here"),
        }
    }

    /// An account that is there already, and its person.
    pub(crate) fn somebody(&self, number: u64, email: &str, roles: Roles) -> (AccountId, Actor) {
        let ids = SequentialIds::default();
        for _ in 0..number {
            ids.next();
        }
        let account = AccountId::next(&ids);
        let record = AccountRecord { roles, ..an_account(account, email, start()) };
        self.store.put(Account::restore_record(record));
        let session = SessionId::next(&ids);
        (account, Actor::member(Member { account, session, roles, provider: None }))
    }

    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        self.store.events().into_iter().map(|(name, _)| name).collect()
    }
}

pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn admin() -> Roles {
    Roles::client().with(Role::Admin)
}

pub(crate) fn laptop() -> Client {
    Client::new(Ipv4Addr::new(203, 0, 113, 7).into(), Some("Firefox"))
}

pub(crate) fn reason() -> Reason {
    Reason::new("it must be").unwrap()
}

pub(crate) fn sign_up(email: &str) -> SignUp {
    SignUp {
        email: email.parse().unwrap(),
        password: NewPassword::new(PASSWORD).unwrap(),
        profile: a_profile("Ada"),
    }
}

pub(crate) fn sign_in(email: &str, password: &str) -> SignIn {
    SignIn { email: email.parse().unwrap(), password: Password::typed(password).unwrap() }
}
