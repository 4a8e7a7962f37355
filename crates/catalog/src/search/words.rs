use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// What somebody typed into a search box, understood as most search engines do: words that must
/// all occur, `"a phrase"`, `or` between alternatives, `-` before what must not occur. The last
/// word, while it is being typed, matches what begins with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    text: String,
    alternatives: Vec<Vec<Term>>,
}

/// One part of a search: occurs, or must not occur.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    text: String,
    shape: Shape,
    excluded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The whole word, or a phrase.
    Whole,
    /// Whatever begins with it.
    Beginning,
}

/// Why a text cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WordsError {
    /// Nothing to look for: no letter or digit, or only words that must not occur.
    #[error("must hold at least one word to look for")]
    Empty,
    /// Longer than [`Words::MAX_CHARACTERS`] or with more than [`Words::MAX_TERMS`] words.
    #[error("must have at most {max} characters and {terms} words", max = Words::MAX_CHARACTERS, terms = Words::MAX_TERMS)]
    TooLong,
    /// A character that no text of ours holds.
    #[error("must not hold control characters")]
    Forbidden,
}

impl WordsError {
    /// A stable code for a field error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "too_short",
            Self::TooLong => "too_long",
            Self::Forbidden => "forbidden_character",
        }
    }
}

impl Words {
    /// The longest text that is searched for.
    pub const MAX_CHARACTERS: usize = 200;
    /// The most words that are searched for at once.
    pub const MAX_TERMS: usize = 16;

    /// Understands a text.
    pub fn new(text: &str) -> Result<Self, WordsError> {
        if text.chars().count() > Self::MAX_CHARACTERS {
            return Err(WordsError::TooLong);
        }
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Err(WordsError::Forbidden);
        }
        // Full-width quotes and the like become plain ones here, not behind our own quoting.
        let text = text.nfkc().collect::<String>();
        let alternatives = alternatives(&text);
        if alternatives.iter().map(Vec::len).sum::<usize>() > Self::MAX_TERMS {
            return Err(WordsError::TooLong);
        }
        // An alternative that only excludes would match nearly everything.
        let answerable = |terms: &Vec<Term>| terms.iter().any(|term| !term.excluded);
        if alternatives.is_empty() || !alternatives.iter().all(answerable) {
            return Err(WordsError::Empty);
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Self { text, alternatives })
    }

    /// What was typed, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The single words to look for, without those that must not occur: what a correction of
    /// typing errors works on.
    pub fn wanted(&self) -> Vec<&str> {
        self.alternatives
            .iter()
            .flatten()
            .filter(|term| !term.excluded)
            .flat_map(|term| words_in(&term.text))
            .collect()
    }

    /// The same search with words replaced, as `correction` says; `None` if it has none for any.
    #[must_use]
    pub fn corrected(&self, correction: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let mut changed = false;
        let mut fixed = self.clone();
        for term in fixed.alternatives.iter_mut().flatten().filter(|term| !term.excluded) {
            let words = words_in(&term.text).map(|word| {
                correction(word).map_or_else(
                    || word.to_owned(),
                    |better| {
                        changed |= better != word;
                        better
                    },
                )
            });
            term.text = words.collect::<Vec<_>>().join(" ");
        }
        // Understood anew, so that the corrected text alone is enough to go on with.
        changed.then(|| Self::new(&fixed.to_string()).ok()).flatten()
    }

    /// The search in PostgreSQL's notation for `to_tsquery`. Every word is quoted, so that nothing
    /// that was typed is an operator, and whatever was typed is a valid query.
    pub fn to_tsquery(&self) -> String {
        let alternative = |terms: &Vec<Term>| {
            let terms: Vec<String> = terms.iter().map(Term::to_tsquery).collect();
            terms.join(" & ")
        };
        self.alternatives.iter().map(alternative).collect::<Vec<_>>().join(" | ")
    }
}

impl fmt::Display for Words {
    /// A text that is understood as the same search.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, terms) in self.alternatives.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " or " })?;
            for (j, term) in terms.iter().enumerate() {
                let separator = if j == 0 { "" } else { " " };
                let minus = if term.excluded { "-" } else { "" };
                match term.shape {
                    Shape::Whole => write!(f, "{separator}{minus}\"{}\"", term.text)?,
                    Shape::Beginning => write!(f, "{separator}{minus}{}", term.text)?,
                }
            }
        }
        Ok(())
    }
}

impl Term {
    fn to_tsquery(&self) -> String {
        let quoted = self.text.replace('\\', "\\\\").replace('\'', "''");
        let not = if self.excluded { "!" } else { "" };
        let beginning = match self.shape {
            Shape::Whole => "",
            Shape::Beginning => ":*",
        };
        format!("{not}'{quoted}'{beginning}")
    }
}

/// Splits at `or`, and each side into terms. Words of punctuation alone are no terms.
fn alternatives(text: &str) -> Vec<Vec<Term>> {
    let mut alternatives = vec![Vec::new()];
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (excluded, start) = match rest.strip_prefix('-') {
            Some(start) => (true, start),
            None => (false, rest),
        };
        let (term, shape, tail) = if let Some(inside) = start.strip_prefix('"') {
            let (phrase, tail) = inside.split_once('"').unwrap_or((inside, ""));
            (phrase, Shape::Whole, tail)
        } else {
            let end = start.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(start.len());
            let (word, tail) = start.split_at(end);
            // A space after the last word says that it is whole.
            let typing = tail.is_empty() && !excluded;
            (word, if typing { Shape::Beginning } else { Shape::Whole }, tail)
        };
        let alone = shape == Shape::Whole && !excluded && !start.starts_with('"');
        if alone && term.eq_ignore_ascii_case("or") {
            alternatives.push(Vec::new());
        } else if term.chars().any(char::is_alphanumeric)
            && let Some(terms) = alternatives.last_mut()
        {
            let text = term.split_whitespace().collect::<Vec<_>>().join(" ");
            terms.push(Term { text, shape, excluded });
        }
        rest = tail.trim_start();
    }
    alternatives.retain(|terms| !terms.is_empty());
    alternatives
}

fn words_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tsquery(text: &str) -> String {
        Words::new(text).unwrap().to_tsquery()
    }

    #[test]
    fn words_are_all_wanted_and_the_last_may_be_unfinished() {
        assert_eq!(tsquery("grey so"), "'grey' & 'so':*");
        assert_eq!(tsquery("grey sofa "), "'grey' & 'sofa'");
    }

    #[test]
    fn phrases_alternatives_and_exclusions_are_understood() {
        assert_eq!(tsquery("\"oak table\" chair"), "'oak table' & 'chair':*");
        assert_eq!(tsquery("loft or attic -damp"), "'loft' | 'attic' & !'damp'");
        assert_eq!(tsquery("loft -\"no heating\""), "'loft' & !'no heating'");
        assert_eq!(tsquery("\"an open phrase"), "'an open phrase'");
    }

    #[test]
    fn nothing_that_is_typed_is_an_operator() {
        assert_eq!(tsquery("a'b\\c & !d | (e):* "), "'a''b\\\\c' & '!d' & '(e):*'");
        assert_eq!(tsquery("or"), "'or':*");
        assert_eq!(tsquery("full\u{ff07}width\u{ff3c} "), "'full''width\\\\'");
    }

    #[test]
    fn a_search_wants_something() {
        for empty in ["", "   ", "-damp", "!!!", "\"\"", "loft or -damp"] {
            assert_eq!(Words::new(empty), Err(WordsError::Empty), "{empty:?}");
        }
        assert_eq!(Words::new(&"a ".repeat(17)), Err(WordsError::TooLong));
        assert_eq!(Words::new(&"a".repeat(201)), Err(WordsError::TooLong));
        assert_eq!(Words::new("a\0b"), Err(WordsError::Forbidden));
    }

    #[test]
    fn a_correction_changes_what_is_wanted_and_nothing_else() {
        let words = Words::new("gray \"oak tabel\" -sofa chiar").unwrap();
        let correction = |word: &str| match word {
            "tabel" => Some("table".to_owned()),
            "chiar" => Some("chair".to_owned()),
            _ => None,
        };

        let corrected = words.corrected(correction).unwrap();

        assert_eq!(corrected.to_tsquery(), "'gray' & 'oak table' & !'sofa' & 'chair':*");
        assert_eq!(words.corrected(|_| None), None);
    }

    proptest! {
        #[test]
        fn a_search_reads_back_as_itself(text in "[a-zA-Z\" '-]{1,60}") {
            if let Ok(words) = Words::new(&text) {
                let again = Words::new(&words.to_string()).unwrap();
                prop_assert_eq!(again.to_tsquery(), words.to_tsquery());
            }
        }
    }
}
