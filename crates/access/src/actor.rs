use std::fmt;
use std::str::FromStr;

use kernel::{AccountId, ProviderId, SessionId};

/// What an account may be. `client` is everyone who signed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The buying side; every account has it.
    Client,
    /// The selling side; comes with a provider profile.
    Provider,
    /// Judges content and disputes.
    Moderator,
    /// Runs the marketplace.
    Admin,
}

impl Role {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 4] = [Self::Client, Self::Provider, Self::Moderator, Self::Admin];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| "must be one of client, provider, moderator, admin".to_owned())
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// What everyone has.
    pub const fn client() -> Self {
        Self(0).with(Role::Client)
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | Self::bit(role))
    }

    /// The set with one less.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !Self::bit(role))
    }

    /// Whether the role is in the set.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & Self::bit(role) != 0
    }

    /// The roles in the set, in the order of the docs.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    const fn bit(role: Role) -> u8 {
        match role {
            Role::Client => 1,
            Role::Provider => 2,
            Role::Moderator => 4,
            Role::Admin => 8,
        }
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::default(), Self::with)
    }
}

/// A person who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// The device it is signed in on.
    pub session: SessionId,
    /// What it is.
    pub roles: Roles,
    /// Its provider profile, if it has one.
    pub provider: Option<ProviderId>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    who: Who,
    request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Visitor,
    Member(Member),
    System,
}

impl Actor {
    /// Somebody who is not signed in.
    pub const fn visitor() -> Self {
        Self { who: Who::Visitor, request_id: None }
    }

    /// Somebody who is signed in.
    pub const fn member(member: Member) -> Self {
        Self { who: Who::Member(member), request_id: None }
    }

    /// The marketplace itself: a job, a timer, a command of the operator. It is never refused, so
    /// no request may ever become one.
    pub const fn system() -> Self {
        Self { who: Who::System, request_id: None }
    }

    /// The same actor, within a request.
    #[must_use]
    pub fn in_request(self, request_id: String) -> Self {
        Self { request_id: Some(request_id), ..self }
    }

    /// The request it acts in, for the audit log.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Who is signed in, if anyone is.
    pub const fn as_member(&self) -> Option<&Member> {
        match &self.who {
            Who::Member(member) => Some(member),
            Who::Visitor | Who::System => None,
        }
    }

    /// The account, if somebody is signed in.
    pub fn account(&self) -> Option<AccountId> {
        self.as_member().map(|member| member.account)
    }

    /// The provider profile of the account, if it has one.
    pub fn provider(&self) -> Option<ProviderId> {
        self.as_member().and_then(|member| member.provider)
    }

    /// The account's roles; none for a visitor.
    pub fn roles(&self) -> Roles {
        self.as_member().map(|member| member.roles).unwrap_or_default()
    }

    /// Whether nobody is signed in.
    pub const fn is_visitor(&self) -> bool {
        matches!(self.who, Who::Visitor)
    }

    /// Whether the marketplace itself acts.
    pub const fn is_system(&self) -> bool {
        matches!(self.who, Who::System)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_roles_holds_what_was_put_in() {
        let roles = Roles::client().with(Role::Admin);

        assert_eq!(roles.iter().collect::<Vec<_>>(), [Role::Client, Role::Admin]);
        assert!(!roles.without(Role::Admin).contains(Role::Admin));
        assert_eq!(roles.iter().collect::<Roles>(), roles);
    }
}
