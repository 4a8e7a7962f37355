use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::EmailAddress;

/// A password as somebody typed it, to be compared. Never shown, never stored.
#[derive(Clone)]
pub struct Password(String);

/// A password that may be set: 8 to 256 characters and not one of those that are tried first. No
/// rules of composition (OWASP ASVS 5.0, 6.2.5).
#[derive(Clone)]
pub struct NewPassword(Password);

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Fewer characters than allowed.
    #[error("must have at least {} characters", NewPassword::MIN)]
    TooShort,
    /// More characters than allowed.
    #[error("must have at most {} characters", Password::MAX)]
    TooLong,
    /// One of the passwords that are tried first.
    #[error("is one of the passwords that are guessed first; choose another")]
    TooCommon,
    /// The mail address, or the part of it before the `@`.
    #[error("must not be the mail address")]
    IsAddress,
}

impl PasswordError {
    /// A stable code for a field error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::TooCommon => "password_too_common",
            Self::IsAddress => "password_is_address",
        }
    }
}

impl Password {
    /// The longest password, in characters: more would only cost us time.
    pub const MAX: usize = 256;

    /// A password as typed. Composed Unicode (NFC), since keyboards differ in how they write `ü`.
    pub fn typed(text: &str) -> Result<Self, PasswordError> {
        // Before composing, which never makes a text longer than three times its length.
        if text.chars().count() > Self::MAX {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(text.nfc().collect()))
    }

    /// The secret, for the hasher alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl NewPassword {
    /// The fewest characters of a password (OWASP ASVS 5.0, 6.2.1).
    pub const MIN: usize = 8;

    /// Checks a password that shall be set.
    pub fn new(text: &str) -> Result<Self, PasswordError> {
        let password = Password::typed(text)?;
        let shown = password.expose();
        if shown.chars().count() < Self::MIN {
            return Err(PasswordError::TooShort);
        }
        if is_common(&shown.to_lowercase()) {
            return Err(PasswordError::TooCommon);
        }
        Ok(Self(password))
    }

    /// Passes unless it is the address it shall protect.
    pub fn check_against(&self, email: &EmailAddress) -> Result<(), PasswordError> {
        let shown = self.0.expose().to_lowercase();
        let local = email.as_str().split('@').next();
        if shown == email.as_str() || Some(shown.as_str()) == local {
            return Err(PasswordError::IsAddress);
        }
        Ok(())
    }

    /// The password, to be hashed.
    pub const fn as_password(&self) -> &Password {
        &self.0
    }
}

/// One a line, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// The head of the lists that are tried first, those of eight characters and more, and whatever
/// repeats one or two characters.
fn is_common(password: &str) -> bool {
    let mut characters: Vec<char> = password.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len() <= 2 || COMMON.lines().any(|common| common == password)
}

/// A password's hash in PHC string format, as a hasher made it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a hash as a hasher made it or a database holds it.
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_judged_by_length_and_by_how_soon_it_is_guessed() {
        let table = [
            ("", Some(PasswordError::TooShort)),
            ("1234567", Some(PasswordError::TooShort)),
            ("Password123", Some(PasswordError::TooCommon)),
            ("aaaaaaaaaaaaaaaa", Some(PasswordError::TooCommon)),
            ("abababababab", Some(PasswordError::TooCommon)),
            ("correct horse", None),
            ("пароль на века", None),
        ];
        for (text, expected) in table {
            assert_eq!(NewPassword::new(text).err(), expected, "{text}");
        }
        assert_eq!(NewPassword::new(&"ab c".repeat(65)).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn a_password_is_not_its_address() {
        let email: EmailAddress = "ada.lovelace@example.org".parse().unwrap();
        for wrong in ["ada.lovelace@example.org", "Ada.Lovelace"] {
            let password = NewPassword::new(wrong).unwrap();
            assert_eq!(password.check_against(&email), Err(PasswordError::IsAddress));
        }
    }

    #[test]
    fn two_spellings_of_an_umlaut_are_one_password() {
        let composed = Password::typed("K\u{fc}che und Bad").unwrap();
        let decomposed = Password::typed("Ku\u{308}che und Bad").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn secrets_do_not_print() {
        let password = NewPassword::new("correct horse").unwrap();
        let hash = PasswordHash::new("$argon2id$…".to_owned());
        let shown = format!("{password:?} {:?} {hash:?}", password.as_password());
        assert!(!shown.contains("correct") && !shown.contains("argon"), "{shown}");
    }
}
