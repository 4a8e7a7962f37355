//! A body with files: JSON alone, or `multipart/form-data` with one part `data`, the same JSON,
//! and any number of parts `media`, in any order; or a form with one part `media`
//! alone. Files are streamed to disk, whatever their names
//! say, and are gone with the request.

use std::pin::pin;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use catalog::media::{FileFault, LocalFile, MediaError, MediaLimits};
use futures_util::future::LocalBoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use super::Problem;
use super::body::{Body, MAX_BODY, parse, too_large};
use super::pace::too_slow;

/// The largest form, in bytes: 60 MiB.
pub(crate) const MAX_FORM: usize = 60 * 1024 * 1024;

/// JSON, and the files that came with it.
#[derive(Debug)]
pub(crate) struct MediaBody<T> {
    /// What it says.
    pub(crate) value: T,
    /// The parts `media`, in the order in which they came. Nothing about them was believed; each
    /// has at most [`MediaLimits::MAX_BYTES`].
    pub(crate) uploads: Vec<LocalFile>,
    /// SHA-256 of all of it, for idempotency keys.
    pub(crate) hash: [u8; 32],
}

/// A form, for the description of the API.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaForm<T> {
    /// What would be the JSON body otherwise.
    data: T,
    /// Up to 60 MiB of JPEG, PNG, WebP and AVIF pictures and PDF documents, up to 10 MiB each.
    #[schema(value_type = Vec<String>, format = Binary)]
    media: Vec<Vec<u8>>,
}

impl<T: DeserializeOwned + 'static> FromRequest for MediaBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
            let body = Body::from_request(request, payload);
            return Box::pin(async move {
                let Body { value, hash } = body.await?;
                Ok(Self { value, uploads: Vec::new(), hash })
            });
        }
        Box::pin(read(form(request, payload, MAX_FORM)))
    }
}

/// A form of at most so many bytes.
fn form(request: &HttpRequest, payload: &mut Payload, most: usize) -> Multipart {
    let mut received = 0;
    let bounded = payload.take().map(move |chunk| {
        let chunk = chunk?;
        received += chunk.len();
        if received > most { Err(PayloadError::Overflow) } else { Ok(chunk) }
    });
    Multipart::new(request.headers(), bounded)
}

/// The largest form with one picture, in bytes: 11 MiB, so that of a picture that is a little too
/// large it can be said by how much.
const MAX_PICTURE_FORM: usize = 11 * 1024 * 1024;

/// The one file of a form: the part `media`. Nothing about it was believed; it has at most
/// [`MediaLimits::MAX_BYTES`].
#[derive(Debug)]
pub(crate) struct PictureBody(pub(crate) LocalFile);

/// A form with one picture, for the description of the API.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PictureForm {
    /// A JPEG, PNG, WebP or AVIF picture of up to 10 MiB.
    #[schema(value_type = String, format = Binary)]
    media: Vec<u8>,
}

impl FromRequest for PictureBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.content_type().to_owned();
        if !kind.eq_ignore_ascii_case("multipart/form-data") {
            return Box::pin(async move {
                let detail = format!("send multipart/form-data, not `{kind}`");
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                Err(Problem::new(status, "unsupported_media_type", detail))
            });
        }
        Box::pin(read_picture(form(request, payload, MAX_PICTURE_FORM)))
    }
}

async fn read_picture(form: Multipart) -> Result<PictureBody, Problem> {
    let mut form = pin!(form);
    let mut picture = None;
    let broken = broken(MAX_PICTURE_FORM);
    while let Some(field) = form.try_next().await.map_err(broken)? {
        if picture.is_some() || field.name() != Some("media") {
            return Err(malformed("this form has one part `media`, no others"));
        }
        picture = Some(receive(field, broken).await?);
    }
    match picture {
        Some(Ok((upload, _))) => Ok(PictureBody(upload)),
        Some(Err(fault)) => Err(MediaError::refused([(0, fault)]).into()),
        None => Err(malformed("this form has one part `media` with the picture")),
    }
}

async fn read<T: DeserializeOwned>(form: Multipart) -> Result<MediaBody<T>, Problem> {
    let mut form = pin!(form);
    let mut data = None;
    let mut uploads = Vec::new();
    let mut faults = Vec::new();
    let mut place = 0;
    let mut hash = Sha256::new();
    let broken = broken(MAX_FORM);
    while let Some(mut field) = form.try_next().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "data" if data.is_none() => {
                let bytes = field
                    .bytes(MAX_BODY)
                    .await
                    .map_err(|_| too_large(MAX_BODY))?
                    .map_err(broken)?;
                data = Some(bytes);
            }
            "media" if place < MediaLimits::MAX_ITEMS => {
                match receive(field, broken).await? {
                    Ok((upload, digest)) => {
                        hash.update(digest);
                        uploads.push(upload);
                    }
                    Err(fault) => faults.push((place, fault)),
                }
                place += 1;
            }
            "media" => {
                let max = MediaLimits::MAX_ITEMS;
                return Err(malformed(format!("a form has at most {max} parts `media`")));
            }
            "data" => return Err(malformed("a form has one part `data`")),
            _ => return Err(malformed("a form has a part `data` and parts `media`, no others")),
        }
    }
    if !faults.is_empty() {
        return Err(MediaError::refused(faults).into());
    }
    let data = data.ok_or_else(|| malformed("a form has a part `data` with the JSON"))?;
    hash.update(&data);
    Ok(MediaBody { value: parse(&data)?, uploads, hash: hash.finalize().into() })
}

/// Streams a file to disk. One that is too large is read to its end all the same, so that the
/// caller learns of every fault, and gets an answer rather than a broken connection.
async fn receive(
    mut field: Field,
    broken: impl Fn(MultipartError) -> Problem + Copy,
) -> Result<Result<(LocalFile, [u8; 32]), FileFault>, Problem> {
    let disk = |error| Problem::from(MediaError::Disk(error));
    let (file, path) = tempfile::NamedTempFile::new().map_err(disk)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut hash = Sha256::new();
    let mut given = 0;
    while let Some(chunk) = field.try_next().await.map_err(broken)? {
        given += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if given <= MediaLimits::MAX_BYTES {
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(disk)?;
        }
    }
    if given > MediaLimits::MAX_BYTES {
        return Ok(Err(FileFault::TooLarge { max: MediaLimits::MAX_BYTES, given }));
    }
    file.flush().await.map_err(disk)?;
    Ok(Ok((LocalFile::new(path, given), hash.finalize().into())))
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::malformed("malformed_form", detail)
}

/// Why a form of at most so many bytes cannot be read.
fn broken(most: usize) -> impl Fn(MultipartError) -> Problem + Copy {
    move |error| match error {
        MultipartError::Payload(PayloadError::Overflow) => too_large(most),
        MultipartError::Payload(error) => too_slow(&error)
            .unwrap_or_else(|| malformed(format!("the form cannot be read: {error}"))),
        error => malformed(format!("the form cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Data {
        title: String,
    }

    const TITLE: &str = r#"{"title": "Loft"}"#;

    /// A form from names and contents.
    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, content) in parts {
            let head = format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"; \
                 filename=\"../../etc/passwd\"\r\nContent-Type: text/html\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b--\r\n");
        body
    }

    async fn sent(kind: &str, body: Vec<u8>) -> Result<MediaBody<Data>, Problem> {
        let (request, mut payload) = TestRequest::post()
            .insert_header(("content-type", kind))
            .set_payload(body)
            .to_http_parts();
        MediaBody::from_request(&request, &mut payload).await
    }

    async fn sent_form(parts: &[(&str, &[u8])]) -> Result<MediaBody<Data>, Problem> {
        sent("multipart/form-data; boundary=b", form(parts)).await
    }

    #[actix_web::test]
    async fn json_alone_is_a_body_without_files() {
        let body = sent("application/json", TITLE.into()).await.unwrap();

        assert_eq!(body.value.title, "Loft");
        assert!(body.uploads.is_empty());
    }

    #[actix_web::test]
    async fn parts_come_in_any_order_and_files_keep_theirs() {
        let parts: [(&str, &[u8]); 3] =
            [("media", b"one"), ("data", TITLE.as_bytes()), ("media", b"two")];

        let body = sent_form(&parts).await.unwrap();

        assert_eq!(body.value.title, "Loft");
        let paths: Vec<_> = body.uploads.iter().map(|it| it.path().to_owned()).collect();
        let contents: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert_eq!(contents, [b"one", b"two"]);
        assert!(paths.iter().all(|path| path.starts_with(std::env::temp_dir())), "{paths:?}");
        let again = sent_form(&parts).await.unwrap();
        assert_eq!(body.hash, again.hash);
        drop(body);
        assert!(paths.iter().all(|path| !path.exists()), "files are gone with the request");
    }

    #[actix_web::test]
    async fn a_file_that_is_too_large_is_named() {
        let large = vec![0; usize::try_from(MediaLimits::MAX_BYTES).unwrap() + 1];

        let problem =
            sent_form(&[("media", b"one"), ("media", &large), ("data", TITLE.as_bytes())])
                .await
                .unwrap_err();

        let problem = serde_json::to_value(&problem).unwrap();
        assert_eq!(problem["status"], 413);
        assert_eq!(problem["errors"][0]["pointer"], "/media/1");
    }

    #[actix_web::test]
    async fn a_form_has_an_end() {
        let large = vec![0; 9 * 1024 * 1024];
        let mut parts = vec![("data", TITLE.as_bytes())];
        parts.extend([("media", &large[..]); 7]);

        let problem = sent_form(&parts).await.unwrap_err();

        assert_eq!(problem.code(), "too_large");
        let many: Vec<(&str, &[u8])> = vec![("media", b"x"); MediaLimits::MAX_ITEMS + 1];
        assert_eq!(sent_form(&many).await.unwrap_err().code(), "malformed_form");
    }

    #[actix_web::test]
    async fn a_form_is_what_it_should_be_or_refused() {
        let data = TITLE.as_bytes();
        let code =
            async |parts: &[(&str, &[u8])]| sent_form(parts).await.unwrap_err().code().to_owned();
        assert_eq!(code(&[("media", b"x")]).await, "malformed_form");
        assert_eq!(code(&[("data", data), ("data", data)]).await, "malformed_form");
        assert_eq!(code(&[("data", data), ("avatar", b"x")]).await, "malformed_form");
        assert_eq!(code(&[("data", b"{")]).await, "malformed_json");
        assert_eq!(
            code(&[("data", br#"{"title": "x", "status": "published"}"#)]).await,
            "validation"
        );

        let cut = form(&[("data", data)])[..60].to_vec();
        let error = sent("multipart/form-data; boundary=b", cut).await.unwrap_err();
        assert_eq!(error.code(), "malformed_form");
        let error = sent("multipart/form-data", Vec::new()).await.unwrap_err();
        assert_eq!(error.code(), "malformed_form");
    }
}
