use std::collections::HashMap;
use std::fmt;

use access::{Role, Roles};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use identity::{AccessClaims, AccessTokens, CredentialError};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The type of our tokens (RFC 9068): no other kind of JWT passes for one.
const TYPE: &str = "at+jwt";

/// The longest token read, in bytes.
const LONGEST: usize = 4096;

/// How far the clocks of two servers may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// How tokens are signed; fixed by configuration, never chosen by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256. A key is a text of 32 bytes or more.
    Hs256,
    /// Ed25519. A key that signs is a PKCS #8 private key, one that only checks is a public key
    /// (SPKI); both as PEM or as its base64 alone.
    EdDsa,
}

impl Algorithm {
    const fn of_jwt(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// A key and its name, the `kid` of tokens.
#[derive(Debug, Clone)]
pub struct NamedKey {
    /// The name.
    pub id: String,
    /// The key, see [`Algorithm`].
    pub key: SecretString,
}

/// How tokens are signed and read.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// The algorithm of all keys.
    pub algorithm: Algorithm,
    /// The key that signs.
    pub signing: NamedKey,
    /// Other keys that are believed: yesterday's, so that nobody is signed out when keys rotate,
    /// and tomorrow's, so that servers need not change at the same moment.
    pub accepted: Vec<NamedKey>,
    /// Who issues the tokens (`iss`).
    pub issuer: String,
    /// Whom they are for (`aud`).
    pub audience: String,
}

/// Why keys cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Not a key of the algorithm.
    #[error("the key `{id}` is not {expected}")]
    Unreadable {
        /// The name of the key.
        id: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two keys of one name.
    #[error("two keys are named `{id}`")]
    SameName {
        /// The name.
        id: String,
    },
}

/// Access tokens as JWT (RFC 9068).
pub struct JwtTokens {
    algorithm: Algorithm,
    signing_id: String,
    signing: EncodingKey,
    known: HashMap<String, DecodingKey>,
    issuer: String,
    audience: String,
    validation: Validation,
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens")
            .field("algorithm", &self.algorithm)
            .field("signing_id", &self.signing_id)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    roles: Vec<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    iss: String,
    aud: String,
}

impl JwtTokens {
    /// Reads the keys.
    pub fn new(settings: &JwtSettings) -> Result<Self, KeyError> {
        let JwtSettings { algorithm, signing, accepted, issuer, audience } = settings;
        let (encoding, decoding) = signing_key(*algorithm, signing)?;
        let mut known = HashMap::from([(signing.id.clone(), decoding)]);
        for key in accepted {
            if known.insert(key.id.clone(), checking_key(*algorithm, key)?).is_some() {
                return Err(KeyError::SameName { id: key.id.clone() });
            }
        }
        let mut validation = Validation::new(algorithm.of_jwt());
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        // The library reads the system's clock; ours may be simulated, so times are compared here.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            algorithm: *algorithm,
            signing_id: signing.id.clone(),
            signing: encoding,
            known,
            issuer: issuer.clone(),
            audience: audience.clone(),
            validation,
        })
    }

    /// The key that a header names, if it is the header of a token of ours.
    fn key_of(&self, header: &Header) -> Option<&DecodingKey> {
        let plain = header.alg == self.algorithm.of_jwt()
            && header.typ.as_deref() == Some(TYPE)
            && header.jku.is_none()
            && header.jwk.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none()
            && header.x5t.is_none()
            && header.x5t_s256.is_none()
            && header.crit.is_none()
            && header.enc.is_none()
            && header.zip.is_none()
            && header.cty.is_none();
        if plain { self.known.get(header.kid.as_deref()?) } else { None }
    }
}

impl AccessTokens for JwtTokens {
    fn sign(&self, claims: &AccessClaims) -> Result<String, CredentialError> {
        let AccessClaims { account, session, roles, issued_at, expires_at } = claims;
        let mut header = Header::new(self.algorithm.of_jwt());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.signing_id.clone());
        let claims = Claims {
            sub: account.to_string(),
            sid: session.to_string(),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            iat: issued_at.timestamp(),
            nbf: issued_at.timestamp(),
            exp: expires_at.timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(|error| {
            CredentialError::Failed { action: "sign an access token", source: Box::new(error) }
        })
    }

    fn read(&self, token: &str, now: DateTime<Utc>) -> Option<AccessClaims> {
        if token.len() > LONGEST {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.key_of(&header)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?.claims;
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let (issued_at, not_before, expires_at) =
            (at(claims.iat)?, at(claims.nbf)?, at(claims.exp)?);
        if not_before > now + SKEW || issued_at > now + SKEW || now >= expires_at {
            return None;
        }
        let roles: Roles =
            claims.roles.iter().filter_map(|role| role.parse::<Role>().ok()).collect();
        Some(AccessClaims {
            account: claims.sub.parse().ok()?,
            session: claims.sid.parse().ok()?,
            roles,
            issued_at,
            expires_at,
        })
    }
}

/// A key that signs, and the one that checks what it signed.
fn signing_key(
    algorithm: Algorithm,
    named: &NamedKey,
) -> Result<(EncodingKey, DecodingKey), KeyError> {
    match algorithm {
        Algorithm::Hs256 => {
            let secret = hmac_secret(named)?;
            Ok((EncodingKey::from_secret(secret), DecodingKey::from_secret(secret)))
        }
        Algorithm::EdDsa => {
            let unreadable = || KeyError::Unreadable {
                id: named.id.clone(),
                expected: "an Ed25519 private key in PKCS #8",
            };
            let der = der(named).ok_or_else(unreadable)?;
            let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| unreadable())?;
            let public = DecodingKey::from_ed_der(pair.public_key().as_ref());
            Ok((EncodingKey::from_ed_der(&der), public))
        }
    }
}

/// A key that only checks. For Ed25519 a private key will do as well.
fn checking_key(algorithm: Algorithm, named: &NamedKey) -> Result<DecodingKey, KeyError> {
    /// What stands before the 32 bytes of an Ed25519 public key (RFC 8410, section 4).
    const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];
    match algorithm {
        Algorithm::Hs256 => Ok(DecodingKey::from_secret(hmac_secret(named)?)),
        Algorithm::EdDsa => {
            let raw = der(named)
                .and_then(|der| der.strip_prefix(&SPKI).map(<[u8]>::to_vec))
                .filter(|raw| raw.len() == 32);
            match raw {
                Some(raw) => Ok(DecodingKey::from_ed_der(&raw)),
                None => signing_key(algorithm, named).map(|(_, decoding)| decoding).map_err(|_| {
                    KeyError::Unreadable {
                        id: named.id.clone(),
                        expected: "an Ed25519 public key (SPKI)",
                    }
                }),
            }
        }
    }
}

fn hmac_secret(named: &NamedKey) -> Result<&[u8], KeyError> {
    let secret = named.key.expose_secret().as_bytes();
    if secret.len() < 32 {
        let expected = "a secret of 32 bytes or more";
        return Err(KeyError::Unreadable { id: named.id.clone(), expected });
    }
    Ok(secret)
}

/// The bytes of a key given as PEM, or as the base64 within.
fn der(named: &NamedKey) -> Option<Vec<u8>> {
    let text = named.key.expose_secret();
    let base64: String =
        text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).ok()
}

#[cfg(test)]
mod tests;
