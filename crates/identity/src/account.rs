use std::fmt;

use access::{Role, Roles};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use kernel::{AccountId, FieldErrors, Line, Locale, Text};

use crate::{AccountEvent, EmailAddress, IdentityError, PasswordHash};

/// What a person is called: 1 to 80 characters.
pub type DisplayName = Line<1, 80>;

/// Why somebody did something to somebody else: 3 to 500 characters.
pub type Reason = Text<3, 500>;

/// Where an account stands. Data that exists in one state only lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Active,
    /// An admin keeps it from signing in.
    Suspended {
        /// Since when.
        at: DateTime<Utc>,
        /// Why, in the admin's words.
        reason: Reason,
    },
    /// The person's data is gone. Nothing leads back.
    Erased {
        /// Since when.
        at: DateTime<Utc>,
    },
}

/// [`Status`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// See [`Status::Active`].
    Active,
    /// See [`Status::Suspended`].
    Suspended,
    /// See [`Status::Erased`].
    Erased,
}

impl StatusKind {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Erased];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Erased => "erased",
        }
    }

    /// The status of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for StatusKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Status {
    /// The state without its data.
    pub const fn kind(&self) -> StatusKind {
        match self {
            Self::Active => StatusKind::Active,
            Self::Suspended { .. } => StatusKind::Suspended,
            Self::Erased { .. } => StatusKind::Erased,
        }
    }
}

/// What can be done to an account, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Keep it from signing in (an admin).
    Suspend,
    /// Let it sign in again (an admin).
    Restore,
    /// Give and take roles (an admin).
    ChangeRoles,
    /// Change name, locale and time zone (the person).
    UpdateProfile,
    /// Prove that the address is theirs (the person).
    VerifyEmail,
    /// Set another password (the person).
    ChangePassword,
    /// Erase the person's data (the person).
    Erase,
}

impl Command {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 7] = [
        Self::Suspend,
        Self::Restore,
        Self::ChangeRoles,
        Self::UpdateProfile,
        Self::VerifyEmail,
        Self::ChangePassword,
        Self::Erase,
    ];

    /// Who gives it.
    pub const fn by(self) -> &'static str {
        match self {
            Self::Suspend | Self::Restore | Self::ChangeRoles => "admin",
            Self::UpdateProfile | Self::VerifyEmail | Self::ChangePassword | Self::Erase => {
                "person"
            }
        }
    }

    /// Its name in problems and docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Restore => "restore",
            Self::ChangeRoles => "change_roles",
            Self::UpdateProfile => "update_profile",
            Self::VerifyEmail => "verify_email",
            Self::ChangePassword => "change_password",
            Self::Erase => "erase",
        }
    }
}

/// How a person wants to be called and written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What others see.
    pub display_name: DisplayName,
    /// The language of mails.
    pub locale: Locale,
    /// The time zone of dates in mails.
    pub time_zone: Tz,
}

/// What to change of a [`Profile`]; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileChange {
    /// What others see.
    pub display_name: Option<DisplayName>,
    /// The language of mails.
    pub locale: Option<Locale>,
    /// The time zone of dates in mails.
    pub time_zone: Option<Tz>,
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    record: AccountRecord,
}

/// Every field of an [`Account`], for adapters and builders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// Its address; `None` once erased.
    pub email: Option<EmailAddress>,
    /// What its password is checked against; `None` once erased.
    pub password: Option<PasswordHash>,
    /// How the person wants to be called and written to.
    pub profile: Profile,
    /// What it may be; always a client.
    pub roles: Roles,
    /// Where it stands.
    pub status: Status,
    /// When the person proved that the address is theirs.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// Sessions opened under an older version are over.
    pub token_version: i32,
    /// When it signed up.
    pub created_at: DateTime<Utc>,
    /// Counts changes, for optimistic locking.
    pub version: i32,
}

impl Account {
    /// A new account, with an address that is not verified yet.
    pub fn sign_up(
        id: AccountId,
        email: EmailAddress,
        password: PasswordHash,
        profile: Profile,
        now: DateTime<Utc>,
    ) -> (Self, AccountEvent) {
        let record = AccountRecord {
            id,
            email: Some(email),
            password: Some(password),
            profile,
            roles: Roles::client(),
            status: Status::Active,
            email_verified_at: None,
            token_version: 1,
            created_at: now,
            version: 1,
        };
        (Self { record }, AccountEvent::SignedUp { id })
    }

    /// A new admin, appointed by the operator, who vouches for the address.
    pub fn appoint(
        id: AccountId,
        email: EmailAddress,
        password: PasswordHash,
        profile: Profile,
        now: DateTime<Utc>,
    ) -> (Self, AccountEvent) {
        let (mut account, event) = Self::sign_up(id, email, password, profile, now);
        account.record.roles = Roles::client().with(Role::Admin);
        account.record.email_verified_at = Some(now);
        (account, event)
    }

    /// An account as it was stored.
    pub const fn restore_record(record: AccountRecord) -> Self {
        Self { record }
    }

    /// Every field, to be stored.
    pub const fn record(&self) -> &AccountRecord {
        &self.record
    }

    /// Its id.
    pub const fn id(&self) -> AccountId {
        self.record.id
    }

    /// Its address; `None` once erased.
    pub const fn email(&self) -> Option<&EmailAddress> {
        self.record.email.as_ref()
    }

    /// What its password is checked against; `None` once erased.
    pub const fn password(&self) -> Option<&PasswordHash> {
        self.record.password.as_ref()
    }

    /// How the person wants to be called and written to.
    pub const fn profile(&self) -> &Profile {
        &self.record.profile
    }

    /// What it may be.
    pub const fn roles(&self) -> Roles {
        self.record.roles
    }

    /// Where it stands.
    pub const fn status(&self) -> &Status {
        &self.record.status
    }

    /// Whether the person proved that the address is theirs.
    pub const fn is_verified(&self) -> bool {
        self.record.email_verified_at.is_some()
    }

    /// See [`AccountRecord::token_version`].
    pub const fn token_version(&self) -> i32 {
        self.record.token_version
    }

    /// Counts changes.
    pub const fn version(&self) -> i32 {
        self.record.version
    }

    /// Passes if it still has the version that the caller has seen, if the caller cares.
    pub(crate) fn expect_version(&self, expected: Option<i32>) -> Result<(), IdentityError> {
        match expected {
            Some(version) if version != self.record.version => Err(IdentityError::Stale),
            Some(_) | None => Ok(()),
        }
    }

    /// The commands that its state allows.
    pub fn allowed(&self) -> &'static [Command] {
        match self.record.status {
            Status::Active => &[
                Command::Suspend,
                Command::ChangeRoles,
                Command::UpdateProfile,
                Command::VerifyEmail,
                Command::ChangePassword,
                Command::Erase,
            ],
            Status::Suspended { .. } => &[Command::Restore, Command::ChangeRoles, Command::Erase],
            Status::Erased { .. } => &[],
        }
    }

    /// Passes if the account may sign in now. Asked only after the password was found right, so
    /// that the answer tells a stranger nothing.
    pub fn admit(&self, require_verified_email: bool) -> Result<(), IdentityError> {
        match self.record.status {
            Status::Active if require_verified_email && !self.is_verified() => {
                Err(IdentityError::EmailNotVerified)
            }
            Status::Active => Ok(()),
            Status::Suspended { .. } => Err(IdentityError::Suspended),
            Status::Erased { .. } => Err(IdentityError::WrongCredentials),
        }
    }

    /// Keeps it from signing in and ends its sessions.
    pub fn suspend(
        &mut self,
        reason: Reason,
        now: DateTime<Utc>,
    ) -> Result<AccountEvent, IdentityError> {
        self.permit(Command::Suspend)?;
        self.record.status = Status::Suspended { at: now, reason };
        self.end_sessions();
        Ok(AccountEvent::Suspended { id: self.record.id })
    }

    /// Lets it sign in again.
    pub fn restore(&mut self) -> Result<AccountEvent, IdentityError> {
        self.permit(Command::Restore)?;
        self.record.status = Status::Active;
        self.changed();
        Ok(AccountEvent::Restored { id: self.record.id })
    }

    /// Gives and takes roles. Everyone is a client, and the provider role comes and goes with the
    /// provider profile, so neither can be assigned.
    pub fn change_roles(&mut self, roles: Roles) -> Result<AccountEvent, IdentityError> {
        self.permit(Command::ChangeRoles)?;
        let mut errors = FieldErrors::new();
        if !roles.contains(Role::Client) {
            errors.add("/roles", "role_not_assignable", "everyone is a client");
        }
        if roles.contains(Role::Provider) != self.record.roles.contains(Role::Provider) {
            errors.add(
                "/roles",
                "role_not_assignable",
                "the provider role comes with a provider profile and cannot be assigned",
            );
        }
        errors.into_result()?;
        Ok(self.set_roles(roles))
    }

    /// Makes it a provider, after it registered a profile; `None` if it is one already.
    pub fn become_provider(&mut self) -> Option<AccountEvent> {
        if self.record.roles.contains(Role::Provider) {
            return None;
        }
        Some(self.set_roles(self.record.roles.with(Role::Provider)))
    }

    /// Changes how the person wants to be called and written to.
    pub fn update_profile(&mut self, change: ProfileChange) -> Result<AccountEvent, IdentityError> {
        self.permit(Command::UpdateProfile)?;
        let ProfileChange { display_name, locale, time_zone } = change;
        let profile = &mut self.record.profile;
        profile.display_name = display_name.unwrap_or_else(|| profile.display_name.clone());
        profile.locale = locale.unwrap_or_else(|| profile.locale.clone());
        profile.time_zone = time_zone.unwrap_or(profile.time_zone);
        self.changed();
        Ok(AccountEvent::ProfileUpdated { id: self.record.id })
    }

    /// Notes that the address is the person's; `None` if that was known.
    pub fn verify_email(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Option<AccountEvent>, IdentityError> {
        self.permit(Command::VerifyEmail)?;
        if self.is_verified() {
            return Ok(None);
        }
        self.record.email_verified_at = Some(now);
        self.changed();
        Ok(Some(AccountEvent::EmailVerified { id: self.record.id }))
    }

    /// Sets another password and ends all sessions.
    pub fn change_password(
        &mut self,
        password: PasswordHash,
    ) -> Result<AccountEvent, IdentityError> {
        self.permit(Command::ChangePassword)?;
        self.record.password = Some(password);
        self.end_sessions();
        Ok(AccountEvent::PasswordChanged { id: self.record.id })
    }

    /// Stores the same password under today's hashing parameters. Sessions go on.
    pub fn rehash_password(&mut self, checked: &PasswordHash, rehashed: PasswordHash) {
        if self.record.password.as_ref() == Some(checked) {
            self.record.password = Some(rehashed);
            self.changed();
        }
    }

    /// Erases what is known of the person and ends all sessions.
    pub fn erase(&mut self, now: DateTime<Utc>) -> Result<AccountEvent, IdentityError> {
        self.permit(Command::Erase)?;
        self.record.status = Status::Erased { at: now };
        self.record.email = None;
        self.record.password = None;
        self.record.profile = Profile {
            display_name: DisplayName::from_stored("Erased account".to_owned()),
            locale: Locale::default(),
            time_zone: Tz::UTC,
        };
        self.record.roles = Roles::client();
        self.record.email_verified_at = None;
        self.end_sessions();
        Ok(AccountEvent::Erased { id: self.record.id })
    }

    fn permit(&self, command: Command) -> Result<(), IdentityError> {
        let allowed = self.allowed();
        if allowed.contains(&command) {
            return Ok(());
        }
        Err(IdentityError::IllegalTransition {
            id: self.record.id,
            from: self.record.status.kind(),
            command: command.name(),
            allowed: allowed.iter().map(|command| command.name()).collect(),
        })
    }

    fn set_roles(&mut self, roles: Roles) -> AccountEvent {
        let before = std::mem::replace(&mut self.record.roles, roles);
        self.changed();
        AccountEvent::RolesChanged { id: self.record.id, before, after: roles }
    }

    fn end_sessions(&mut self) {
        self.record.token_version += 1;
        self.changed();
    }

    fn changed(&mut self) {
        self.record.version += 1;
    }
}
