use access::{Role, Roles};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    AccessClaims, AccessTokens, CredentialError, Password, PasswordHash, Passwords, Verdict,
};

/// Passwords in the clear behind `plain:`, so that tests are fast. Those behind `old:` are right,
/// but outdated.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainPasswords;

#[async_trait]
impl Passwords for PlainPasswords {
    async fn hash_password(&self, password: &Password) -> Result<PasswordHash, CredentialError> {
        Ok(PasswordHash::new(format!("plain:{}", password.expose())))
    }

    async fn check_password(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, CredentialError> {
        let hash = hash.as_ref().map_or("", PasswordHash::expose);
        Ok(match hash.split_once(':') {
            Some(("plain", known)) if known == password.expose() => Verdict::Right,
            Some(("old", known)) if known == password.expose() => Verdict::RightButOutdated,
            Some(_) | None => Verdict::Wrong,
        })
    }
}

/// Access tokens that anybody could make, for tests that are not about signatures.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainTokens;

impl AccessTokens for PlainTokens {
    fn sign(&self, claims: &AccessClaims) -> Result<String, CredentialError> {
        let AccessClaims { account, session, roles, issued_at, expires_at } = claims;
        let roles: Vec<_> = roles.iter().map(Role::name).collect();
        let (from, to) = (issued_at.timestamp(), expires_at.timestamp());
        Ok(format!("{account} {session} {} {from} {to}", roles.join(",")))
    }

    fn read(&self, token: &str, now: DateTime<Utc>) -> Option<AccessClaims> {
        let mut parts = token.split(' ');
        let claims = AccessClaims {
            account: parts.next()?.parse().ok()?,
            session: parts.next()?.parse().ok()?,
            roles: parts.next()?.split(',').filter_map(|role| role.parse().ok()).collect::<Roles>(),
            issued_at: DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?,
            expires_at: DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?,
        };
        (now < claims.expires_at).then_some(claims)
    }
}
