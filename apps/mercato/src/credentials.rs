//! Passwords and tokens, from the settings.

use std::sync::Arc;

use adapter_credentials::{
    Algorithm, Argon2Passwords, HashSettings, JwtSettings, JwtTokens, NamedKey,
};
use anyhow::Context;
use identity::{AccessTokens, Passwords};
use secrecy::SecretString;

use crate::config::{self, Secret, Settings};

/// How passwords are hashed.
pub fn passwords(settings: &Settings) -> anyhow::Result<Arc<dyn Passwords>> {
    let concurrency = settings.auth.password_hash_concurrency;
    let hashing = HashSettings { concurrency, ..HashSettings::default() };
    Ok(Arc::new(Argon2Passwords::new(&hashing).context("cannot hash passwords")?))
}

/// How access tokens are signed and read.
pub fn tokens(settings: &Settings) -> anyhow::Result<Arc<dyn AccessTokens>> {
    let auth = &settings.auth;
    let accepted: anyhow::Result<Vec<NamedKey>> = auth.accepted_keys.iter().map(named).collect();
    let settings = JwtSettings {
        algorithm: match auth.algorithm {
            config::Algorithm::Hs256 => Algorithm::Hs256,
            config::Algorithm::EdDsa => Algorithm::EdDsa,
        },
        signing: NamedKey {
            id: auth.signing_key_id.clone(),
            key: SecretString::from(auth.signing_key.expose()),
        },
        accepted: accepted?,
        issuer: auth.issuer.clone(),
        audience: auth.audience.clone(),
    };
    Ok(Arc::new(JwtTokens::new(&settings).context("cannot use the keys of access tokens")?))
}

/// A key given as `id:key`.
fn named(text: &Secret) -> anyhow::Result<NamedKey> {
    let (id, key) = text
        .expose()
        .split_once(':')
        .context("each of auth.accepted_keys must have the form `id:key`")?;
    Ok(NamedKey { id: id.to_owned(), key: SecretString::from(key) })
}
