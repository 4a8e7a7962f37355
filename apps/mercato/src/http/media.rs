//! Pictures and documents: how they are shown, and the files themselves.

use std::ops::Range;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentEncoding, HeaderMap, IF_NONE_MATCH, RANGE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, body::SizedStream, get};
use catalog::media::{
    MediaItem, MediaKind, MediaStore, ObjectStore, ServedObject, StorageKey, Variant,
};
use futures_util::StreamExt;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(load);
}

/// A picture or document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaView {
    /// Its id.
    #[schema(example = "med_0192d4c0000070008000000000000000")]
    id: String,
    /// `picture` or `document`; expect new values.
    #[schema(example = "picture")]
    kind: &'static str,
    /// Where the original is, for ever the same.
    #[schema(example = "https://mercato.example/media/3f/9a0c5e7712d84b6c8f1e2a3b4c5d6e.jpg")]
    url: String,
    /// The media type of the original.
    #[schema(example = "image/jpeg")]
    content_type: &'static str,
    /// The size of the original.
    #[schema(example = 482_113)]
    bytes: u64,
    /// Pixels from left to right; a document has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1600)]
    width: Option<u32>,
    /// Pixels from top to bottom; a document has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1200)]
    height: Option<u32>,
    /// What it shows, for those who do not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "A walnut kitchen under a sloping roof")]
    alt: Option<String>,
    /// Colours to show while the picture loads (`BlurHash`); comes a moment after the upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "LEHV6nWB2yk8pyo0adR*.7kCMdnj")]
    blur_hash: Option<String>,
    /// Smaller copies, from the narrowest to the widest; they come a moment after the upload.
    variants: Vec<VariantView>,
}

/// A smaller copy of a picture, as WebP.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantView {
    /// Where it is.
    #[schema(example = "https://mercato.example/media/b1/0f6c5e7712d84b6c8f1e2a3b4c5d6e.webp")]
    url: String,
    /// Pixels from left to right.
    #[schema(example = 960)]
    width: u32,
    /// Pixels from top to bottom.
    #[schema(example = 640)]
    height: u32,
    /// Its size.
    #[schema(example = 48211)]
    bytes: u64,
}

impl MediaView {
    /// An item, with addresses below the server's own.
    pub(crate) fn new(item: &MediaItem, state: &State) -> Self {
        let MediaItem { id, file, alt, preview } = item;
        let variants = preview.as_ref().map_or(&[][..], |preview| &preview.variants);
        Self {
            id: id.to_string(),
            kind: file.format.kind().name(),
            url: url_of(&file.key, state),
            content_type: file.format.content_type(),
            bytes: file.bytes,
            width: file.pixels.map(|pixels| pixels.width),
            height: file.pixels.map(|pixels| pixels.height),
            alt: alt.as_ref().map(|alt| alt.as_str().to_owned()),
            blur_hash: preview.as_ref().map(|preview| preview.blur_hash.clone()),
            variants: variants
                .iter()
                .map(|Variant { width, height, bytes, key }| VariantView {
                    url: url_of(key, state),
                    width: *width,
                    height: *height,
                    bytes: *bytes,
                })
                .collect(),
        }
    }
}

/// Where a file is.
pub(crate) fn url_of(key: &StorageKey, state: &State) -> String {
    format!("{}/media/{key}", state.settings.public_url)
}

/// The bytes of a file, for the description of the API.
struct FileContent;

impl PartialSchema for FileContent {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .description(Some("The bytes of a file."))
            .into()
    }
}

impl ToSchema for FileContent {}

/// Load a picture or document
///
/// Its address stands in the views of listings, providers and reviews and never means another file, so keep it as long as
/// you like. Ranges are answered. Where files lie in a bucket that serves the public, this
/// redirects there. A file is served from the moment what it belongs to was stored to
/// the moment it is removed.
#[utoipa::path(
    operation_id = "getMediaFile",
    tag = "media",
    security(()),
    params(
        ("folder" = String, Path, description = "The first part of the file's key", example = "3f"),
        ("name" = String, Path, description = "The rest of it", example = "9a0c5e7712d84b6c8f1e2a3b4c5d6e.jpg"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand"),
    ),
    responses(
        (status = 200, description = "The file", content(
            (FileContent = "image/jpeg"), (FileContent = "image/png"), (FileContent = "image/webp"),
            (FileContent = "image/avif"), (FileContent = "application/pdf"),
        )),
        (status = 206, description = "The part that `Range` asked for", content(
            (FileContent = "image/jpeg"), (FileContent = "image/png"), (FileContent = "image/webp"),
            (FileContent = "image/avif"), (FileContent = "application/pdf"),
        )),
        (status = 302, description = "The file lies at `Location`"),
        (status = 304, description = "The copy that `If-None-Match` names is good"),
        (status = 416, description = "The file ends before the range begins", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[get("/media/{folder}/{name}")]
async fn load(
    request: HttpRequest,
    path: Path<(String, String)>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (folder, name) = path.into_inner();
    let key: StorageKey = format!("{folder}/{name}").parse().map_err(|_| missing())?;
    let object = state.services.store.served_object(&key).await?.ok_or_else(missing)?;
    if let Some(url) = state.services.media.files.public_url(&key).await? {
        // Shorter than a signature is good for.
        return Ok(HttpResponse::Found()
            .insert_header(("Location", url))
            .insert_header(("Cache-Control", "public, max-age=600"))
            .finish());
    }
    let tag = format!("\"{name}\"");
    if request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return Ok(HttpResponse::NotModified()
            .insert_header(("ETag", tag))
            .insert_header(("Cache-Control", IMMUTABLE))
            .finish());
    }
    serve(&request, &key, object, &tag, &state).await
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn missing() -> Problem {
    Problem::not_found("there is no such file")
}

async fn serve(
    request: &HttpRequest,
    key: &StorageKey,
    object: ServedObject,
    tag: &str,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let ServedObject { format, bytes } = object;
    let range = match range(request.headers(), bytes) {
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
        Asked::Beyond => {
            return Err(Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range_not_satisfiable",
                format!("the file has {bytes} bytes; the range begins behind them"),
            ));
        }
    };
    let partial = range.is_some();
    let object = state.services.media.files.open_object(key, range).await?.ok_or_else(missing)?;
    let Range { start, end } = object.range;
    let mut response = if partial { HttpResponse::PartialContent() } else { HttpResponse::Ok() };
    if partial {
        let last = end.saturating_sub(1);
        response.insert_header(("Content-Range", format!("bytes {start}-{last}/{}", object.size)));
    }
    let disposition = match format.kind() {
        MediaKind::Picture => "inline",
        // A document may hold scripts; it is never shown from this origin.
        MediaKind::Document => "attachment",
    };
    response
        .insert_header(("Content-Type", format.content_type()))
        .insert_header(("Content-Disposition", disposition))
        .insert_header(("Content-Security-Policy", "default-src 'none'; sandbox"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .insert_header(("Cache-Control", IMMUTABLE))
        .insert_header(("Accept-Ranges", "bytes"))
        .insert_header(("ETag", tag))
        // Packed already; and ranges count the bytes that are stored.
        .insert_header(ContentEncoding::Identity);
    let bytes = object.bytes.map(|chunk| chunk.map_err(actix_web::error::ErrorInternalServerError));
    Ok(response.body(SizedStream::new(end - start, bytes)))
}

/// What `Range` asks for (RFC 9110, section 14.2).
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Beyond,
}

/// One range is answered with it; several, or what cannot be read, with the whole file.
fn range(headers: &HeaderMap, size: u64) -> Asked {
    let asked = headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = asked else { return Asked::Whole };
    let range = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => first..size,
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last >= first => first..last.saturating_add(1).min(size),
            Ok(_) | Err(_) => return Asked::Whole,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(0) => return Asked::Beyond,
            Ok(length) => size.saturating_sub(length)..size,
            Err(_) => return Asked::Whole,
        },
        (Err(_), _) => return Asked::Whole,
    };
    if range.start >= size { Asked::Beyond } else { Asked::Part(range) }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn asked(value: &'static str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static(value));
        range(&headers, 100)
    }

    #[test]
    fn a_range_is_understood_or_ignored() {
        assert_eq!(asked("bytes=0-9"), Asked::Part(0..10));
        assert_eq!(asked("bytes=90-"), Asked::Part(90..100));
        assert_eq!(asked("bytes=90-900"), Asked::Part(90..100));
        assert_eq!(asked("bytes=-30"), Asked::Part(70..100));
        assert_eq!(asked("bytes=-300"), Asked::Part(0..100));
        assert_eq!(asked("bytes=100-"), Asked::Beyond);
        assert_eq!(asked("bytes=-0"), Asked::Beyond);
        for other in
            ["bytes=9-0", "bytes=a-b", "bytes=0-1,5-6", "items=0-1", "bytes=-", "bytes=+1-2x"]
        {
            assert_eq!(asked(other), Asked::Whole, "{other}");
        }
        assert_eq!(range(&HeaderMap::new(), 100), Asked::Whole);
    }
}
