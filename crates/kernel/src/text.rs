use std::fmt;
use std::ops::Deref;

use thiserror::Error;

/// Text that a person wrote: trimmed, `MIN` to `MAX` characters, without control characters other
/// than a line break or tab. PostgreSQL cannot store NUL; the others only serve to deceive. One
/// made of characters that show nothing is empty. Where `BREAKS` is false it is a [`Line`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const MIN: usize, const MAX: usize, const BREAKS: bool = true>(String);

/// A text without line breaks and tabs, such as a name or a title: it stands in headers of mails, in
/// lists and in addresses.
pub type Line<const MIN: usize, const MAX: usize> = Text<MIN, MAX, false>;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// Fewer characters than allowed, white space at the ends not counted.
    #[error("must have at least {min} characters, has {given}")]
    TooShort {
        /// The least number of characters.
        min: usize,
        /// The number of characters given.
        given: usize,
    },
    /// More characters than allowed.
    #[error("must have at most {max} characters, has {given}")]
    TooLong {
        /// The greatest number of characters.
        max: usize,
        /// The number of characters given.
        given: usize,
    },
    /// A character that no text of ours holds: NUL, another control character, or an override of
    /// the writing direction.
    #[error("must not hold the character U+{:04X}", u32::from(*character))]
    Forbidden {
        /// The character.
        character: char,
    },
    /// Not lower-case ASCII letters, digits and single hyphens.
    #[error("must be lower-case letters and digits, parted by single hyphens")]
    NotASlug,
}

impl TextError {
    /// A stable code for a field error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::Forbidden { .. } => "forbidden_character",
            Self::NotASlug => "invalid_slug",
        }
    }
}

/// Direction overrides and isolates make text read as something else than it is.
const fn deceives(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Characters that show nothing: a name made of them alone is none.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

impl<const MIN: usize, const MAX: usize, const BREAKS: bool> Text<MIN, MAX, BREAKS> {
    /// Checks and trims a text.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let given = text.chars().count();
        if given > MAX {
            return Err(TextError::TooLong { max: MAX, given });
        }
        let breaks = |c: char| BREAKS && matches!(c, '\n' | '\r' | '\t');
        let forbidden = |c: &char| (c.is_control() && !breaks(*c)) || deceives(*c);
        if let Some(character) = text.chars().find(forbidden) {
            return Err(TextError::Forbidden { character });
        }
        let seen = text.chars().filter(|c| !is_unseen(*c) && !c.is_whitespace()).count();
        if given < MIN || (MIN > 0 && seen == 0) {
            return Err(TextError::TooShort { min: MIN, given: given.min(seen) });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text of a record that was checked when it was written. Nothing is checked again, so
    /// that a later, narrower bound never makes what is stored unreadable.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The bare text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bare text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize, const BREAKS: bool> Deref for Text<MIN, MAX, BREAKS> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize, const BREAKS: bool> fmt::Debug for Text<MIN, MAX, BREAKS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MIN: usize, const MAX: usize, const BREAKS: bool> fmt::Display
    for Text<MIN, MAX, BREAKS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MIN: usize, const MAX: usize, const BREAKS: bool> TryFrom<&str>
    for Text<MIN, MAX, BREAKS>
{
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

/// A name in an address: 1 to 80 lower-case ASCII letters and digits, parted by single hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// The longest slug.
    pub const MAX: usize = 80;

    /// Checks a slug.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let given = text.chars().count();
        if given > Self::MAX {
            return Err(TextError::TooLong { max: Self::MAX, given });
        }
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.split('-').all(part) { Ok(Self(text.to_owned())) } else { Err(TextError::NotASlug) }
    }

    /// The slug of a record that was checked when it was written.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The bare slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Title = Text<3, 10>;

    #[test]
    fn a_text_is_trimmed_and_counted_in_characters() {
        assert_eq!(Title::new("  Küche  ").unwrap().as_str(), "Küche");
        assert_eq!(Title::new(" ab "), Err(TextError::TooShort { min: 3, given: 2 }));
        assert_eq!(Title::new("äöüäöüäöüäö"), Err(TextError::TooLong { max: 10, given: 11 }));
    }

    #[test]
    fn characters_that_break_or_deceive_are_refused() {
        for character in ['\0', '\u{1b}', '\u{202e}', '\u{2066}'] {
            let text = format!("ab{character}cd");
            assert_eq!(Title::new(&text), Err(TextError::Forbidden { character }));
        }
        assert!(Title::new("a\nb\tc").is_ok());
        for character in ['\n', '\r', '\t'] {
            let name = format!("Anna{character}Bell");
            assert_eq!(Line::<3, 10>::new(&name), Err(TextError::Forbidden { character }));
        }
    }

    #[test]
    fn a_text_that_shows_nothing_is_empty() {
        for nothing in ["\u{200b}\u{200b}\u{200b}", "\u{3164}\u{2800}\u{ad}", "\u{feff} \u{2060}"] {
            assert_eq!(Title::new(nothing), Err(TextError::TooShort { min: 3, given: 0 }));
        }
        assert!(Title::new("क्\u{200d}ष").is_ok(), "joiners belong into words");
    }

    #[test]
    fn a_slug_is_lower_case_words_and_hyphens() {
        assert!(Slug::new("loft-in-berlin-2").is_ok());
        for wrong in ["", "-a", "a-", "a--b", "A", "ä", "a b", "a/b", "a\0"] {
            assert_eq!(Slug::new(wrong), Err(TextError::NotASlug), "{wrong:?}");
        }
    }
}
