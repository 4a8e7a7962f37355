//! The credentials of `identity`: passwords as Argon2id hashes ([`Argon2Passwords`]), access tokens
//! as signed JWT ([`JwtTokens`]).

mod passwords;
mod tokens;

pub use passwords::{Argon2Passwords, HashSettings};
pub use tokens::{Algorithm, JwtSettings, JwtTokens, KeyError, NamedKey};
