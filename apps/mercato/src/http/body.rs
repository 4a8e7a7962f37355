//! JSON bodies, read strictly: bounded, of the declared type, without duplicate keys, unknown
//! fields or NUL, and refused with the place of what is wrong.

use std::fmt;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use kernel::FieldError;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};

use super::Problem;
use super::pace::too_slow;
use super::strict::Strictly;

/// The largest JSON body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T> {
    /// What it says.
    pub(crate) value: T,
    /// SHA-256 of its bytes, for idempotency keys.
    pub(crate) hash: [u8; 32],
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.content_type().to_owned();
        let payload = payload.take();
        Box::pin(async move {
            let bytes = json_bytes(&media_type, payload).await?;
            Self::of(&bytes)
        })
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// The body that these bytes are.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, Problem> {
        Ok(Self { value: parse(bytes)?, hash: Sha256::digest(bytes).into() })
    }
}

/// The bytes of a JSON body, read to their end.
pub(crate) async fn json_bytes(media_type: &str, payload: Payload) -> Result<web::Bytes, Problem> {
    if !is_json(media_type) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("send application/json, not `{media_type}`"),
        ));
    }
    bytes(payload, MAX_BODY).await
}

/// The bytes of a body of at most so many.
pub(crate) async fn bytes(mut payload: Payload, most: usize) -> Result<web::Bytes, Problem> {
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if bytes.len() + chunk.len() > most {
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// A JSON body that may be left out where it would say nothing.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if is_left_out(request) {
            return Box::pin(async { Ok(Self(T::default())) });
        }
        let body = Body::<T>::from_request(request, payload);
        Box::pin(async move { body.await.map(|body| Self(body.value)) })
    }
}

/// Whether a request comes without a body.
pub(crate) fn is_left_out(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.is_none_or(|length| length == "0") && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// JSON, or JSON merge patch (RFC 7396), which is what PATCH means here.
fn is_json(media_type: &str) -> bool {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"]
        .iter()
        .any(|known| bare.eq_ignore_ascii_case(known))
}

/// 413 with the limit.
pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body must not be larger than {limit} bytes"),
    )
}

fn broken(error: &actix_web::error::PayloadError) -> Problem {
    if let Some(problem) = too_slow(error) {
        return problem;
    }
    Problem::malformed("malformed_body", format!("the body could not be read: {error}"))
}

/// Reads JSON text as a `T`. The first pass refuses what no body may hold; the second one finds
/// out what it says, and where it goes wrong.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Strict
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| Problem::malformed("malformed_json", describe(&error)))?;
    let value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::malformed("malformed_json", describe(&error)))?;
    serde_path_to_error::deserialize(Strictly(value)).map_err(|error| {
        let pointer = pointer(error.path());
        let detail = describe(error.inner());
        let code = if detail.starts_with("unknown field") {
            "unknown_field"
        } else if detail.starts_with("missing field") {
            "required"
        } else {
            "invalid"
        };
        Problem::invalid(&[FieldError { pointer, code, detail }])
    })
}

/// A text that is not longer than so many characters; 422 for a longer one. For what is only
/// compared, such as a secret: what is stored has a type that knows its bounds.
pub(crate) fn bounded(pointer: &str, text: String, longest: usize) -> Result<String, Problem> {
    if text.chars().count() <= longest {
        return Ok(text);
    }
    let detail = format!("must have at most {longest} characters");
    Err(Problem::invalid(&[FieldError { pointer: pointer.to_owned(), code: "too_long", detail }]))
}

/// `serde_json` ends its messages with a line and a column, which nobody needs beside a pointer.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => {
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

/// Walks any JSON value and refuses duplicate keys and NUL; depth is bounded by the parser.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(E::custom("a text holds the character NUL")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            Self.visit_str::<A::Error>(&key)?;
            entries.next_value_seed(Self)?;
            if !seen.insert(key) {
                return Err(A::Error::custom("an object holds the same key twice"));
            }
        }
        Ok(())
    }
}

/// A field of a merge patch (RFC 7396): left out, set to null, or set to a value. Declare it with
/// `#[serde(default)]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// Not mentioned: it stays.
    #[default]
    Keep,
    /// `null`: it is removed.
    Clear,
    /// A new value.
    Set(T),
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Patch<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

impl<T> Patch<T> {
    /// The patch as an option within an option: left out, removed, or set.
    #[expect(clippy::option_option, reason = "left out, removed and set are three things")]
    pub(crate) fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its reading is tested")]
        name: String,
        #[serde(default)]
        note: Patch<String>,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tested")]
        tags: serde_json::Map<String, serde_json::Value>,
    }

    fn refusal(text: &str) -> String {
        let problem = parse::<Sample>(text.as_bytes()).unwrap_err();
        serde_json::to_value(&problem).unwrap()["detail"].as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!(refusal(r#"{"name": 1}"#), "/name invalid type: integer `1`, expected a string");
        assert_eq!(
            refusal(r#"{"name": "a", "x": 1}"#),
            "/x unknown field `x`, expected one of `name`, `note`, `tags`"
        );
        assert_eq!(refusal(r#"{"name": "a""#), "EOF while parsing an object");
        assert_eq!(refusal(r#"{"name": "a"} x"#), "trailing characters");
    }

    #[test]
    fn a_list_is_no_object() {
        assert_eq!(refusal("[\"a\"]"), " invalid type: sequence, expected an object");
    }

    #[test]
    fn duplicate_keys_and_nul_are_refused_at_any_depth() {
        let twice = r#"{"name": "a", "tags": {"b": [{"c": 1, "c": 2}]}}"#;
        assert_eq!(refusal(twice), "an object holds the same key twice");
        let nul = r#"{"name": "a", "tags": {"b": ["\u0000"]}}"#;
        assert_eq!(refusal(nul), "a text holds the character NUL");
        let deep = format!(r#"{{"name": "a", "tags": {{"b": {}}}}}"#, "[".repeat(500));
        assert_eq!(refusal(&deep), "recursion limit exceeded");
    }

    #[test]
    fn a_patch_tells_null_from_nothing() {
        let note = |text: &str| parse::<Sample>(text.as_bytes()).unwrap().note;
        assert_eq!(note(r#"{"name": "a"}"#), Patch::Keep);
        assert_eq!(note(r#"{"name": "a", "note": null}"#), Patch::Clear);
        assert_eq!(note(r#"{"name": "a", "note": "b"}"#), Patch::Set("b".to_owned()));
    }
}
