use kernel::{BookingId, FieldErrors};

use crate::{Criteria, Edit, ReviewError, ReviewText, Stars};

/// What an author sends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteReview {
    /// What is reviewed.
    pub booking: BookingId,
    /// Overall, 1 to 5.
    pub stars: i64,
    /// In words, 20 to 4,000 characters.
    pub text: String,
    /// By criterion, 1 to 5 each.
    pub criteria: Vec<(String, i64)>,
    /// Whether to keep it as a draft instead of handing it in.
    pub draft: bool,
}

/// What an author changes; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeReview {
    /// Overall, 1 to 5.
    pub stars: Option<i64>,
    /// In words, 20 to 4,000 characters.
    pub text: Option<String>,
    /// By criterion, 1 to 5 each, as a whole.
    pub criteria: Option<Vec<(String, i64)>>,
    /// The version the author looked at, if they said.
    pub expected_version: Option<i32>,
}

pub(crate) fn parse(
    command: &WriteReview,
    declared: &[String],
) -> Result<(Stars, ReviewText, Criteria), ReviewError> {
    let mut errors = FieldErrors::new();
    let stars = errors.check("/stars", "out_of_range", Stars::new(command.stars));
    let text = check_text(&mut errors, "/text", ReviewText::new(&command.text));
    let criteria = Criteria::parse(&command.criteria, declared, &mut errors);
    match (stars, text, errors.is_empty()) {
        (Some(stars), Some(text), true) => Ok((stars, text, criteria)),
        (_, _, _) => Err(ReviewError::Invalid(errors)),
    }
}

pub(crate) fn parse_change(
    change: &ChangeReview,
    declared: &[String],
) -> Result<Edit, ReviewError> {
    let mut errors = FieldErrors::new();
    let edit = Edit {
        stars: change
            .stars
            .and_then(|stars| errors.check("/stars", "out_of_range", Stars::new(stars))),
        text: change
            .text
            .as_deref()
            .and_then(|text| check_text(&mut errors, "/text", ReviewText::new(text))),
        criteria: change
            .criteria
            .as_deref()
            .map(|criteria| Criteria::parse(criteria, declared, &mut errors)),
    };
    errors.into_result().map_err(ReviewError::Invalid)?;
    Ok(edit)
}

pub(crate) fn check_text<T>(
    errors: &mut FieldErrors,
    pointer: &str,
    text: Result<T, kernel::TextError>,
) -> Option<T> {
    text.map_err(|error| errors.add(pointer, error.code(), error.to_string())).ok()
}

pub(crate) fn invalid_reason(error: kernel::TextError) -> ReviewError {
    let mut errors = FieldErrors::new();
    errors.add("/reason", error.code(), error.to_string());
    ReviewError::Invalid(errors)
}
