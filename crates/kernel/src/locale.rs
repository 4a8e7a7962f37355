use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A language that people are written to in, as a BCP 47 tag: `en`, `de`, `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locale(String);

/// Not a language tag of the form `xx` or `xx-YY`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a locale is a language tag such as `en` or `pt-BR`")]
pub struct UnknownLocale;

impl Locale {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone: `pt` of `pt-BR`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(tag: &str) -> Result<Self, UnknownLocale> {
        let mut parts = tag.split('-');
        let language = parts.next().unwrap_or_default();
        let known = matches!(language.len(), 2 | 3)
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && match parts.next() {
                None => true,
                Some(region) => region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()),
            }
            && parts.next().is_none();
        if known { Ok(Self(tag.to_owned())) } else { Err(UnknownLocale) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_and_perhaps_a_region() {
        assert_eq!("pt-BR".parse::<Locale>().unwrap().language(), "pt");
        for wrong in ["", "e", "EN", "en_US", "en-us", "en-US-x", "en-"] {
            assert_eq!(wrong.parse::<Locale>(), Err(UnknownLocale), "{wrong}");
        }
    }
}
