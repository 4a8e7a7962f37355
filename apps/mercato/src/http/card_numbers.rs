//! Card numbers never come here: what holds one is refused before it is read, so that it stands in
//! no error, no log and no row. Everything around money is read by [`Cardless`] or
//! [`OptionalCardless`]; keys of requests go through [`without_card_number`].

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::Problem;
use super::body::{Body, is_left_out, json_bytes};

/// The digits that a card number has (ISO/IEC 7812-1).
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// How a UUID is written, in characters.
const UUID: usize = 36;

/// A JSON body in which no card number stands.
#[derive(Debug)]
pub(crate) struct Cardless<T>(pub(crate) Body<T>);

impl<T: DeserializeOwned + 'static> FromRequest for Cardless<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.content_type().to_owned();
        let payload = payload.take();
        Box::pin(async move {
            let bytes = json_bytes(&media_type, payload).await?;
            if holds_card_number(&bytes) {
                return Err(refused());
            }
            Body::of(&bytes).map(Self)
        })
    }
}

/// The same for a body that may be left out where it would say nothing.
#[derive(Debug)]
pub(crate) struct OptionalCardless<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalCardless<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if is_left_out(request) {
            return Box::pin(async { Ok(Self(T::default())) });
        }
        let body = Cardless::<T>::from_request(request, payload);
        Box::pin(async move { body.await.map(|Cardless(body)| Self(body.value)) })
    }
}

/// A text of a request that is no body; 422 if a card number stands in it.
pub(crate) fn without_card_number(text: &str) -> Result<&str, Problem> {
    if in_text(text) { Err(refused()) } else { Ok(text) }
}

fn refused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "payment.card_number",
        "this holds what looks like the number of a card; card numbers never come here: send the \
         token or the cryptogram that the gateway's script makes of it",
    )
}

/// Whether a card number stands anywhere in a body, as text or as a number, escaped or not.
fn holds_card_number(body: &[u8]) -> bool {
    let escaped = body.contains(&b'\\');
    let unescaped = escaped.then(|| serde_json::from_slice::<Value>(body).ok()).flatten();
    in_text(&String::from_utf8_lossy(body)) || unescaped.is_some_and(|value| in_value(&value))
}

fn in_value(value: &Value) -> bool {
    match value {
        Value::String(text) => in_text(text),
        Value::Number(number) => in_text(&number.to_string()),
        Value::Array(items) => items.iter().any(in_value),
        Value::Object(fields) => fields.iter().any(|(key, value)| in_text(key) || in_value(value)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Digits count as a number of their own where no letter touches them, so that ids and sealed
/// packets are none. Between them may stand single blanks and hyphens, as people write them; a UUID,
/// whose groups may happen to be digits, is a word.
fn in_text(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != ' ' && c != '-').any(|part| {
        let mut digits: Vec<u32> = Vec::new();
        let mut found = false;
        for word in part.split(' ').flat_map(words) {
            let read: Option<Vec<u32>> = word.chars().map(|c| c.to_digit(10)).collect();
            match read {
                Some(more) if !more.is_empty() => digits.extend(more),
                _ => {
                    found |= is_card_number(&digits);
                    digits.clear();
                }
            }
        }
        found || is_card_number(&digits)
    })
}

/// The words between hyphens; a UUID at the end is an empty one, which parts what is before it from
/// what is behind.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let parted = text.len().checked_sub(UUID).and_then(|at| text.split_at_checked(at));
    let (text, uuid) = match parted {
        Some((before, end)) if Uuid::try_parse(end).is_ok() => (before, Some("")),
        Some(_) | None => (text, None),
    };
    text.split('-').chain(uuid)
}

/// Whether so many digits end in the right check digit (Luhn). Those of cards that pay begin with 2
/// to 9 (ISO/IEC 7812-1): with 1 begins what clocks show, which people use as keys.
fn is_card_number(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    DIGITS.contains(&digits.len())
        && digits.first().is_some_and(|digit| *digit > 1)
        && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_found_wherever_it_hides() {
        for body in [
            r#"{"method":{"token":"4111111111111111"}}"#,
            r#"{"method":{"token":4111111111111111}}"#,
            r#"{"4242424242424242":1}"#,
            r#"{"note":"my card is 4242 4242 4242 4242, thanks"}"#,
            r#"{"note":"4242-4242-4242-4242"}"#,
            r#"{"note":"\u0034242424242424242"}"#,
            r#"{"deep":[{"a":["378282246310005"]}]}"#,
            r#"{"note":"a1b2c3d4-e5f6-4abc-9242-424242424243 4242424242424242"}"#,
            "not json 4111111111111111 at all",
        ] {
            assert!(holds_card_number(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn what_is_no_card_number_passes() {
        for body in [
            r#"{"token":"card_success","reference":"bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"}"#,
            r#"{"cryptogram":"014111111111200512DJQPXx8fU"}"#,
            r#"{"note":"4111111111111112"}"#,
            r#"{"at":"2026-11-21T12:00:00.123456Z","amount":1999}"#,
            r#"{"zeros":"0000000000000000"}"#,
            r#"{"id":"11111111111111111111111111111111"}"#,
            r#"{"key":"a1b2c3d4-e5f6-4abc-9242-424242424209"}"#,
            r#"{"key":"order-a1b2c3d4-e5f6-4abc-9242-424242424209"}"#,
            r#"{"clock":1763774721123458}"#,
        ] {
            assert!(!holds_card_number(body.as_bytes()), "{body}");
        }
    }
}
