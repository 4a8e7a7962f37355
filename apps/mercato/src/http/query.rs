//! Query strings, read strictly: an unknown or repeated parameter is an error, never ignored.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use kernel::{FieldError, Limit};
use serde::de::DeserializeOwned;

use super::Problem;

/// The longest query string, in bytes.
const LONGEST: usize = 8 * 1024;

/// Parameters as a struct with `deny_unknown_fields`.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(pairs(request).and_then(|pairs| from_pairs(&pairs)).map(Self))
    }
}

/// Parameters as they came, decoded, in order, for what has names with brackets and dots.
#[derive(Debug)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl FromRequest for Pairs {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(pairs(request).map(Self))
    }
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let text = request.query_string();
    if text.len() > LONGEST {
        return Err(Problem::malformed(
            "invalid_query",
            format!("the query string must not be longer than {LONGEST} bytes"),
        ));
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
        .map_err(|error| Problem::malformed("invalid_query", error.to_string()))?;
    if let Some((name, _)) = pairs.iter().find(|(name, value)| hostile(name) || hostile(value)) {
        let name = name.escape_default();
        return Err(Problem::malformed(
            "invalid_query",
            format!("the parameter `{name}` holds a control character"),
        ));
    }
    Ok(pairs)
}

/// Control characters have no place in a query, and PostgreSQL cannot take NUL. What is not UTF-8
/// was replaced by U+FFFD while decoding.
fn hostile(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{fffd}')
}

fn from_pairs<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Problem> {
    let encoded = serde_urlencoded::to_string(pairs)
        .map_err(|error| Problem::malformed("invalid_query", error.to_string()))?;
    let reader = serde_urlencoded::Deserializer::new(form(&encoded));
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let detail = error.inner().to_string();
        let missing =
            detail.strip_prefix("missing field `").and_then(|name| name.split('`').next());
        let pointer = missing.map_or_else(|| error.path().to_string(), ToOwned::to_owned);
        let code = if missing.is_some() {
            "required"
        } else if detail.starts_with("unknown field") {
            "unknown_parameter"
        } else {
            "invalid"
        };
        Problem::malformed("invalid_query", detail.clone()).with_fields(&[FieldError {
            pointer,
            code,
            detail,
        }])
    })
}

fn form(text: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(text.as_bytes())
}

/// 400 for a value of a parameter that is none of those that are known.
pub(crate) fn unknown(parameter: &str, given: &str, known: &[&str]) -> Problem {
    let detail = format!("`{given}` is none of {}", known.join(", "));
    Problem::malformed("invalid_query", detail.clone()).with_fields(&[FieldError {
        pointer: parameter.to_owned(),
        code: "invalid",
        detail,
    }])
}

/// The page size, from `limit`.
pub(crate) fn limit(given: Option<i64>) -> Result<Limit, Problem> {
    given.map_or_else(|| Ok(Limit::default()), Limit::new).map_err(|error| {
        Problem::malformed("invalid_query", error.to_string()).with_fields(&[FieldError {
            pointer: "limit".to_owned(),
            code: "out_of_range",
            detail: error.to_string(),
        }])
    })
}
