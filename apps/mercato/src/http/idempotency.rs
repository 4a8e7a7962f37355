//! `Idempotency-Key` (IETF draft `httpapi-idempotency-key-header`).

use access::Actor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use kernel::{Answer, IdempotencyScope, Once};
use serde::Serialize;

use super::Problem;
use super::card_numbers::without_card_number;

/// The longest key.
pub(crate) const LONGEST: usize = 255;

/// The scope of the key that the caller sent; `None` if it sent none or is not signed in.
pub(crate) fn optional(
    request: &HttpRequest,
    actor: &Actor,
    body_hash: [u8; 32],
) -> Result<Option<IdempotencyScope>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|key| (1..=LONGEST).contains(&key.len()))
        .filter(|key| key.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| {
            Problem::malformed(
                "idempotency.invalid_key",
                format!("an Idempotency-Key has 1 to {LONGEST} visible ASCII characters"),
            )
        })?;
    let key = without_card_number(key)?;
    Ok(actor.account().map(|account| IdempotencyScope {
        account,
        operation: format!("{} {}", request.method(), request.path()),
        key: key.to_owned(),
        body_hash,
    }))
}

/// The scope of the key that the caller must send; 400 if it did not. `None` for a visitor, whom
/// the service will refuse.
pub(crate) fn required(
    request: &HttpRequest,
    actor: &Actor,
    body_hash: [u8; 32],
) -> Result<Option<IdempotencyScope>, Problem> {
    if actor.account().is_some() && !request.headers().contains_key("idempotency-key") {
        return Err(Problem::malformed(
            "idempotency.key_required",
            "send an Idempotency-Key, a value of your own per attempt, so that a retry is safe",
        ));
    }
    optional(request, actor, body_hash)
}

/// 200 with the object that something was added to.
pub(crate) fn changed<T: Serialize>(view: &T) -> Answer {
    let body = serde_json::to_string(view).expect("a view is plain data");
    Answer { status: StatusCode::OK.as_u16(), headers: Vec::new(), body }
}

/// 201 with the created object and where it is.
pub(crate) fn created<T: Serialize>(location: &str, tag: Option<i32>, view: &T) -> Answer {
    let body = serde_json::to_string(view).expect("a view is plain data");
    let mut headers = vec![("Location".to_owned(), location.to_owned())];
    headers.extend(tag.map(|version| ("ETag".to_owned(), super::etag::etag(version, &body))));
    Answer { status: StatusCode::CREATED.as_u16(), headers, body }
}

/// The answer to a command that may be asked for twice.
pub(crate) fn respond<T>(once: Once<T>, answer: impl FnOnce(&T) -> Answer) -> HttpResponse {
    match once {
        Once::Done(result) => send(answer(&result), false),
        Once::Replayed(answer) => send(answer, true),
    }
}

fn send(answer: Answer, replayed: bool) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    if replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.content_type("application/json").body(answer.body)
}
