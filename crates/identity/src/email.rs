use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A mail address in lower case: two spellings that differ in case are one address.
///
/// ASCII only, so that no two addresses look alike; an international domain is given in its ASCII
/// form (`xn--…`). No quoted local parts and no address literals: nobody has them, and they are
/// how headers are injected.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

/// Why a text is not a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a mail address such as `name@example.org`")]
pub struct EmailError;

impl EmailAddress {
    /// The longest address (RFC 5321, 4.5.3.1.3).
    pub const MAX: usize = 254;

    /// The address of a record that was checked when it was written.
    pub const fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The bare address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let fits = text.len() <= Self::MAX && local.len() <= 64;
        if fits && is_local(local) && is_domain(domain) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(EmailError)
        }
    }
}

/// A dot-atom (RFC 5322, 3.2.3).
fn is_local(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    })
}

/// Two or more labels (RFC 1123, 2.1), the last one not all digits.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    domain.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the domain alone: logs hold no personal data.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(f, "EmailAddress(…@{domain})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_outer_space_do_not_make_another_address() {
        let address: EmailAddress = " Ada.Lovelace+Jobs@Example.ORG ".parse().unwrap();
        assert_eq!(address.as_str(), "ada.lovelace+jobs@example.org");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for wrong in [
            "",
            "@",
            "a",
            "a@",
            "@b.org",
            "a@b",
            "a b@c.org",
            "a@b..org",
            ".a@b.org",
            "a.@b.org",
            "a@-b.org",
            "a@b.org-",
            "a@b.123",
            "a\0@b.org",
            "a\r\nBcc: x@b.org",
            "\"a\"@b.org",
            "a@[127.0.0.1]",
            "ä@b.org",
            "a@ä.org",
            "a,b@c.org",
            "<a@b.org>",
            &long,
        ] {
            assert_eq!(wrong.parse::<EmailAddress>(), Err(EmailError), "{wrong:?}");
        }
    }

    #[test]
    fn a_log_does_not_show_who() {
        let address: EmailAddress = "ada@example.org".parse().unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…@example.org)");
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_stable_and_fits_a_header(text in "\\PC{0,40}@?\\PC{0,40}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                let again: EmailAddress = address.as_str().parse().unwrap();
                prop_assert_eq!(&again, &address);
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
