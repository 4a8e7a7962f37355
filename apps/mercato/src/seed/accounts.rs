use std::net::Ipv4Addr;
use std::sync::Arc;

use access::Actor;
use anyhow::bail;
use async_trait::async_trait;
use catalog::{Change, GivenPlace, ProfilePatch};
use identity::{
    Client, CredentialError, DisplayName, EmailAddress, IdentityReader, IdentityService,
    NewPassword, Parts, Password, PasswordHash, Passwords, Policy, Profile, SignUp, SignUpOutcome,
    Verdict,
};
use kernel::Locale;
use rand::RngExt;
use tokio::sync::OnceCell;

use super::words::{CITIES, FIRST_NAMES, HEADLINES, LAST_NAMES, SENTENCES, STUDIOS};
use super::{PASSWORD, Person, Seeder, address};
use crate::credentials;
use crate::wiring::Services;

/// Of so many people one is a provider.
pub(super) const PROVIDER_EVERY: usize = 4;

pub(super) async fn exists(services: &Services, email: &str) -> anyhow::Result<bool> {
    let email = email.parse::<EmailAddress>()?;
    Ok(services.store.find_account_by_email(&email).await?.is_some())
}

impl Seeder<'_> {
    pub(super) async fn accounts(&mut self, users: usize) -> anyhow::Result<()> {
        let password = NewPassword::new(PASSWORD)?;
        let identity = self.identity()?;
        self.appoint(&password).await?;
        for number in 0..users {
            let (name, email) = Self::name(number);
            let day = 34 - i64::try_from(number * 6 / users.max(1)).unwrap_or(0);
            let at = self.days_ago(day);
            self.clock.set(at);
            let command = SignUp {
                email: email.parse::<EmailAddress>()?,
                password: password.clone(),
                profile: Profile {
                    display_name: DisplayName::new(&name)?,
                    locale: Locale::default(),
                    time_zone: chrono_tz::Europe::Berlin,
                },
            };
            let account = self.sign_up(&identity, number, command).await?;
            self.people.push(Person { account, name, provider: None });
        }
        for number in (0..users).step_by(PROVIDER_EVERY) {
            self.register(number).await?;
        }
        Ok(())
    }

    /// Like the marketplace's own, but without limits and with one hash for all: everyone has the
    /// same password here, and hashing is slow on purpose.
    fn identity(&self) -> anyhow::Result<IdentityService> {
        let store = &self.foundation.store;
        let passwords =
            SamePassword { hasher: credentials::passwords(self.settings)?, hash: OnceCell::new() };
        let generous = identity::Allowance::per_minutes(1_000_000_000, 15);
        Ok(IdentityService::new(Parts {
            store: store.clone(),
            reader: store.clone(),
            throttle: store.clone(),
            passwords: Arc::new(passwords),
            tokens: credentials::tokens(self.settings)?,
            clock: self.clock.clone(),
            ids: self.foundation.ids.clone(),
            random: self.foundation.random.clone(),
            policy: Policy {
                require_verified_email: false,
                mails_per_address: generous,
                mails_per_network: generous,
                ..Policy::default()
            },
        }))
    }

    /// The first provider and the first client are those of the banner.
    pub(super) fn name(number: usize) -> (String, String) {
        let first = FIRST_NAMES[number % FIRST_NAMES.len()];
        let last = LAST_NAMES[(number * 7 + number / FIRST_NAMES.len()) % LAST_NAMES.len()];
        let email = match number {
            0 => address("provider"),
            1 => address("client"),
            _ => address(&format!("{}.{}{number}", first.to_lowercase(), last.to_lowercase())),
        };
        (format!("{first} {last}"), email)
    }

    async fn sign_up(
        &self,
        identity: &IdentityService,
        number: usize,
        command: SignUp,
    ) -> anyhow::Result<kernel::AccountId> {
        // Everyone comes from a network of their own (RFC 2544's, which nobody has), so that the
        // throttle of sign-ups does not take them for one person.
        let [.., high, middle, low] = u32::try_from(number)?.to_be_bytes();
        let network = Ipv4Addr::new(198, 18 + (high & 1), middle, low);
        let client = Client::new(network.into(), Some("mercato seed"));
        match identity.sign_up(&Actor::visitor(), command, &client).await? {
            SignUpOutcome::SignedIn { account, .. } => Ok(account.id()),
            SignUpOutcome::MailSent => bail!("the demo's addresses cannot be verified"),
        }
    }

    async fn register(&mut self, number: usize) -> anyhow::Result<()> {
        let at = self.days_ago(28);
        self.clock.set(at);
        let city = self.pick(&CITIES);
        let place = GivenPlace { lat: city.latitude, lon: city.longitude };
        let last = self.people[number].name.rsplit(' ').next().unwrap_or_default().to_owned();
        let studio = self.pick(&STUDIOS);
        let headline = (*self.pick(&HEADLINES)).to_owned();
        let about = [(); 3].map(|()| *self.pick(&SENTENCES)).join(" ");
        let radius = f64::from(self.random.random_range(1..12_u32) * 10);
        let profile = ProfilePatch {
            name: Change::Set(format!("{last} {studio}, {}", city.name)),
            headline: Change::Set(headline),
            about: Change::Set(about),
            location: Change::Set(place),
            service_radius_km: Change::Set(radius),
            languages: Change::Set(vec!["en".to_owned(), "de".to_owned()]),
            ..ProfilePatch::default()
        };
        let actor = self.people[number].actor();
        let provider = self.services.catalog.providers.register(&actor, &profile, None).await?;
        self.people[number].provider = provider.into_done().map(|provider| provider.id);
        Ok(())
    }

    /// First of all: the account tells that the demo was begun.
    async fn appoint(&self, password: &NewPassword) -> anyhow::Result<()> {
        let email = address("admin").parse::<EmailAddress>()?;
        let name = DisplayName::new("Admin")?;
        self.services.accounts.create_admin(email, password, name).await?;
        Ok(())
    }
}

/// Hashes the one password once.
struct SamePassword {
    hasher: Arc<dyn Passwords>,
    hash: OnceCell<PasswordHash>,
}

#[async_trait]
impl Passwords for SamePassword {
    async fn hash_password(&self, password: &Password) -> Result<PasswordHash, CredentialError> {
        self.hash.get_or_try_init(|| self.hasher.hash_password(password)).await.cloned()
    }

    async fn check_password(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, CredentialError> {
        self.hasher.check_password(password, hash).await
    }
}
