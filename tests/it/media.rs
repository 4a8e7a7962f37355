//! Pictures and documents: in and out over HTTP, in a folder and in a bucket.

use std::io::Cursor;
use std::path::Path;

use access::Actor;
use chrono::TimeDelta;
use image::{ImageFormat, Rgb, RgbImage};
use mercato::config::{Secret, StorageDelivery, StorageKind};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use scenarios::{Marketplace, Person, Reply};
use serde_json::{Value, json};
use test_support::S3Server;

const HTML: &[u8] = b"<html><script>alert('secret')</script></html>";

/// A picture that no other test draws.
pub(crate) fn drawn(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        Rgb([x, y, x + y].map(|value| value.to_le_bytes()[0]))
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture can be written");
    bytes.into_inner()
}

pub(crate) fn jpeg() -> Vec<u8> {
    drawn(ImageFormat::Jpeg, 400, 300)
}

fn a_project() -> Value {
    json!({
        "listing_type": "project",
        "title": "A kitchen in Berlin",
        "attributes": { "room": "kitchen" },
    })
}

/// A form with this JSON and these files.
fn form(data: &Value, files: impl IntoIterator<Item = Vec<u8>>) -> Form {
    let data = Part::text(data.to_string()).mime_str("application/json").expect("a media type");
    files.into_iter().fold(Form::new().part("data", data), |form, file| {
        form.part("media", Part::bytes(file).file_name("../../etc/cron.d/x.php"))
    })
}

pub(crate) async fn create(provider: &Person, files: impl IntoIterator<Item = Vec<u8>>) -> Reply {
    provider.upload(Method::POST, "listings", "", form(&a_project(), files)).await
}

/// A listing with so many pictures, and its ETag.
async fn a_listing(provider: &Person, pictures: usize) -> Reply {
    create(provider, vec![jpeg(); pictures]).await.expect(201)
}

pub(crate) async fn change(
    provider: &Person,
    listing: &Reply,
    data: &Value,
    files: impl IntoIterator<Item = Vec<u8>>,
) -> Reply {
    let path = format!("listings/{}", listing.id());
    provider.upload(Method::PATCH, &path, listing.header("etag"), form(data, files)).await
}

fn ids(listing: &Reply) -> Vec<String> {
    let media = listing.body["media"].as_array().expect("a listing has media");
    media.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// The path of an item's file on the server.
pub(crate) fn path_of(item: &Value) -> String {
    let url = item["url"].as_str().expect("an address");
    url[url.find("/media/").expect("a file's address")..].to_owned()
}

fn paths(listing: &Reply) -> Vec<String> {
    listing.body["media"].as_array().expect("a listing has media").iter().map(path_of).collect()
}

/// Every file in a folder, by its path below it.
pub(crate) fn files_in(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let path = path.strip_prefix(root).expect("it lies below");
                found.push(path.to_str().expect("keys are ASCII").to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

pub(crate) async fn sweep(marketplace: &Marketplace) {
    marketplace.services.media.sweeper.sweep().await.expect("files can be swept");
}

pub(crate) async fn bytes_of(marketplace: &Marketplace, path: &str) -> Vec<u8> {
    let response = reqwest::get(format!("{}{path}", marketplace.base)).await;
    let response = response.expect("the server answers");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.bytes().await.expect("the file comes whole").to_vec()
}

pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn twelve_pictures_come_in_one_request_and_get_smaller_copies() {
    let marketplace = Marketplace::start().await;
    let provider = marketplace.provider().await;
    let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];
    let pictures = (0..12).map(|n: u32| {
        let format = formats[usize::try_from(n % 3).unwrap()];
        drawn(format, if n == 0 { 2100 } else { 100 + n }, 80)
    });

    let listing = create(&provider, pictures).await.expect(201);

    assert_eq!(ids(&listing).len(), 12);
    for (item, path) in listing.body["media"].as_array().unwrap().iter().zip(paths(&listing)) {
        assert_eq!(item["kind"], "picture");
        let file = marketplace.visitor().get(&path).await.expect(200);
        assert_eq!(file.header("content-type"), item["content_type"].as_str().unwrap());
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(file.header("content-disposition"), "inline");
        assert_eq!(file.header("content-security-policy"), "default-src 'none'; sandbox");
    }

    marketplace.settle().await;
    let listing = provider.get(&format!("listings/{}", listing.id())).await.expect(200);
    for (n, item) in listing.body["media"].as_array().unwrap().iter().enumerate() {
        assert_eq!(item["blur_hash"].as_str().unwrap().len(), 28, "{item}");
        let widths: Vec<_> = item["variants"].as_array().unwrap().iter().collect();
        assert_eq!(widths.len(), if n == 0 { 3 } else { 1 }, "{item}");
        for variant in widths {
            let bytes = bytes_of(&marketplace, &path_of(variant)).await;
            let picture = image::load_from_memory_with_format(&bytes, ImageFormat::WebP).unwrap();
            assert_eq!(json!(picture.width()), variant["width"]);
            assert_eq!(json!(picture.height()), variant["height"]);
        }
    }
    assert_eq!(listing.body["media"][0]["variants"][1]["width"], 960);
}

#[tokio::test]
async fn one_request_removes_adds_and_orders() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let listing = a_listing(&provider, 12).await;
    let before = ids(&listing);

    let data = json!({
        "title": "Another kitchen",
        "media_remove": before[..11],
        "media_order": ["new:1", before[11], "new:0"],
        "media_alt": ["From the door", null],
    });
    let changed = change(&provider, &listing, &data, vec![jpeg(); 3]).await.expect(200);

    let after = ids(&changed);
    assert_eq!(after.len(), 4);
    assert_eq!(after[1], before[11]);
    assert_eq!(changed.body["title"], "Another kitchen");
    assert_eq!(changed.body["media"][2]["alt"], "From the door");
    for gone in &paths(&listing)[..11] {
        let _ = marketplace.visitor().get(gone).await.expect(404);
    }
    for there in paths(&changed) {
        let _ = marketplace.visitor().get(&there).await.expect(200);
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_whole() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let listing = a_listing(&provider, 3).await;
    let (media, foreign) = (ids(&listing), ids(&a_listing(&provider, 1).await));
    let before = (marketplace.contents().await, files_in(&marketplace.media_folder()));

    for (data, files, pointer) in [
        (json!({ "media_remove": media }), 0, "/media"),
        (json!({}), 10, "/media"),
        (json!({ "media_remove": foreign }), 0, "/media_remove/0"),
        (json!({ "media_remove": [media[0], media[0]] }), 0, "/media_remove/1"),
        (json!({ "media_order": [media[0], media[1]] }), 0, "/media_order"),
        (json!({ "media_order": [media[0], media[1], media[1]] }), 0, "/media_order/2"),
        (json!({ "media_order": [media[0], media[1], media[2], "new:1"] }), 1, "/media_order/3"),
    ] {
        let refused = change(&provider, &listing, &data, vec![jpeg(); files]).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{data}");
    }

    assert_eq!((marketplace.contents().await, files_in(&marketplace.media_folder())), before);
}

#[tokio::test]
async fn thirteen_pictures_are_refused_and_none_is_stored() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let before = marketplace.contents().await;

    let refused = create(&provider, vec![jpeg(); 13]).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/media"]);
    let none = create(&provider, []).await.refused(422, "validation");
    assert_eq!(none.pointers(), ["/media"]);

    assert_eq!(marketplace.contents().await, before);
    assert!(files_in(&marketplace.media_folder()).is_empty());
}

/// Files that are refused where pictures are taken, each with the status and the fault.
pub(crate) fn hostile_files() -> Vec<(Vec<u8>, u16, &'static str)> {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let mut cut = jpeg();
    cut.truncate(cut.len() / 2);
    // A header of 20,000 x 20,000 pixels and nothing behind it.
    let bomb = [&drawn(ImageFormat::Png, 1, 1)[..16], b"\0\0\x4e\x20\0\0\x4e\x20\x08\x06\0\0\0"];
    let mut bomb = bomb.concat();
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb.extend(crc.sum().to_be_bytes());

    vec![
        (svg, 415, "unknown_format"),
        (HTML.to_vec(), 415, "unknown_format"),
        (b"GIF89a\x01\0\x01\0".to_vec(), 415, "unknown_format"),
        (Vec::new(), 415, "unknown_format"),
        (b"%PDF-1.7\n%%EOF".to_vec(), 415, "kind_refused"),
        (cut, 422, "damaged"),
        (bomb, 422, "too_many_pixels"),
        (vec![0; 10 * 1024 * 1024 + 1], 413, "file_too_large"),
    ]
}

#[tokio::test]
async fn a_file_is_judged_by_its_bytes_and_every_bad_one_is_named() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let before = marketplace.contents().await;
    let refused = hostile_files();
    let svg = refused[0].0.clone();
    let cut = refused[5].0.clone();

    for (file, status, code) in refused {
        let refused = create(&provider, [jpeg(), file]).await.refused(status, "media.refused");
        assert_eq!(refused.pointers(), ["/media/1"], "{code}");
        assert_eq!(refused.body["errors"][0]["code"], code);
    }
    let refused = create(&provider, [svg, jpeg(), cut]).await.refused(422, "media.refused");
    assert_eq!(refused.pointers(), ["/media/0", "/media/2"]);

    assert_eq!(marketplace.contents().await, before);
    assert!(files_in(&marketplace.media_folder()).is_empty());
}

#[tokio::test]
async fn nothing_but_the_picture_is_stored_and_its_name_means_nothing() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let plain = jpeg();
    // Exif with a place, a comment, and a page behind the end.
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0secret";
    let segment = |marker: u8, payload: &[u8]| {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, marker], &length[..], payload].concat()
    };
    let polyglot =
        [&plain[..2], &segment(0xE1, exif), &segment(0xFE, HTML), &plain[2..], HTML].concat();
    assert!(holds(&polyglot, b"secret") && holds(&polyglot, b"Exif"));

    let listing = create(&provider, [polyglot]).await.expect(201);

    let stored = bytes_of(&marketplace, &paths(&listing)[0]).await;
    for trace in [&b"secret"[..], b"Exif", b"<html", b"script"] {
        assert!(!holds(&stored, trace), "{}", trace.escape_ascii());
    }
    assert_eq!(image::load_from_memory(&stored).unwrap(), image::load_from_memory(&plain).unwrap());
    let files = files_in(&marketplace.media_folder());
    assert_eq!(files.len(), 1);
    let (folder, name) = files[0].split_once('/').expect("a folder and a name");
    assert_eq!((folder.len(), name.find(".jpg")), (2, Some(30)), "{files:?}");
}

#[tokio::test]
async fn nobody_else_can_send_files() {
    let marketplace = Marketplace::without_a_worker().await;
    let (provider, other) = (marketplace.provider().await, marketplace.provider().await);
    let listing = a_listing(&provider, 1).await;
    let before = (marketplace.contents().await, files_in(&marketplace.media_folder()));

    let _ = create(&marketplace.visitor(), [jpeg()]).await.refused(401, "unauthenticated");
    let _ = create(&marketplace.client().await, [jpeg()]).await.expect(403);
    let _ = change(&other, &listing, &json!({}), [jpeg()]).await.expect(404);

    let after = (marketplace.contents().await, files_in(&marketplace.media_folder()));
    assert_eq!(after.1, before.1);
    assert_eq!(marketplace.count("media_objects").await, 1);
}

#[tokio::test]
async fn parallel_changes_never_exceed_the_limit_and_leave_nothing_behind() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let listing = a_listing(&provider, 6).await;

    let changes = (0..8).map(|_| {
        let (provider, listing) = (provider.clone(), listing.clone());
        tokio::spawn(async move {
            change(&provider, &listing, &json!({}), vec![jpeg(); 4]).await.status.as_u16()
        })
    });
    let mut statuses = Vec::new();
    for task in changes.collect::<Vec<_>>() {
        statuses.push(task.await.unwrap());
    }

    statuses.sort_unstable();
    // One wins; whoever read before it is stale, and whoever read after it has no room left.
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| matches!(status, 412 | 422)), "{statuses:?}");
    let now = provider.get(&format!("listings/{}", listing.id())).await.expect(200);
    assert_eq!(ids(&now).len(), 10);
    let staged = marketplace.rows("SELECT key FROM media_objects WHERE state = 'staged'").await;
    assert_eq!(staged.len(), files_in(&marketplace.media_folder()).len() - 10);
    for key in &staged {
        let _ = marketplace.visitor().get(&format!("/media/{key}")).await.expect(404);
    }

    // A request that is under way has half an hour; then what it left belongs to nobody.
    sweep(&marketplace).await;
    assert_eq!(marketplace.rows("SELECT key FROM media_objects").await.len(), staged.len() + 10);
    let simulation = marketplace.services.simulation.as_ref().expect("time is simulated in tests");
    let moved = simulation.advance(&Actor::system(), TimeDelta::minutes(31)).await;
    moved.expect("time can be moved");
    sweep(&marketplace).await;

    let mut named: Vec<String> =
        paths(&now).iter().map(|path| path["/media/".len()..].to_owned()).collect();
    named.sort();
    assert_eq!(files_in(&marketplace.media_folder()), named, "what the listing names, no more");
    let stored = marketplace.rows("SELECT key FROM media_objects ORDER BY key COLLATE \"C\"").await;
    assert_eq!(stored, named);
}

#[tokio::test]
async fn what_is_removed_is_deleted_with_all_its_copies() {
    let marketplace = Marketplace::start().await;
    let provider = marketplace.provider().await;
    let listing = a_listing(&provider, 2).await;
    marketplace.settle().await;
    assert_eq!(files_in(&marketplace.media_folder()).len(), 6, "two originals, four copies");

    let data = json!({ "media_remove": [ids(&listing)[0]] });
    let _ = change(&provider, &listing, &data, []).await.expect(200);
    let _ = marketplace.visitor().get(&paths(&listing)[0]).await.expect(404);
    sweep(&marketplace).await;
    assert_eq!(files_in(&marketplace.media_folder()).len(), 3);

    let removed = provider.delete(&format!("listings/{}", listing.id())).await.expect(200);
    assert_eq!(removed.body["outcome"], "deleted");
    let _ = marketplace.visitor().get(&paths(&listing)[1]).await.expect(404);
    sweep(&marketplace).await;

    assert!(files_in(&marketplace.media_folder()).is_empty());
    assert_eq!(marketplace.count("media_objects").await, 0);
}

#[tokio::test]
async fn a_file_is_served_as_http_wants_it() {
    let marketplace = Marketplace::without_a_worker().await;
    let provider = marketplace.provider().await;
    let listing = a_listing(&provider, 1).await;
    let path = &paths(&listing)[0];
    let visitor = marketplace.visitor();
    let whole = bytes_of(&marketplace, path).await;
    let ask = async |name: &str, value: &str| {
        let request = visitor.request(Method::GET, path).header(name, value);
        request.send().await.unwrap()
    };

    let part = ask("range", "bytes=10-19").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], format!("bytes 10-19/{}", whole.len()));
    assert_eq!(part.bytes().await.unwrap(), whole[10..20]);

    let beyond = visitor.request(Method::GET, path).header("range", "bytes=99999999-");
    let _ = visitor.send("GET beyond", beyond).await.refused(416, "range_not_satisfiable");

    let full = ask("accept-encoding", "gzip, br").await;
    assert_eq!(full.headers()["content-length"], whole.len().to_string().as_str());
    let tag = full.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(ask("if-none-match", &tag).await.status(), StatusCode::NOT_MODIFIED);

    let head = visitor.request(Method::HEAD, path).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    for wrong in ["/media/aa/../../x.jpg", "/media/aa/%2e%2e%2fx.jpg", "/media/aa/b.jpg", "/media/"]
    {
        let _ = visitor.get(wrong).await.expect(404);
    }
}

/// A marketplace whose files lie in a bucket.
async fn with_a_bucket(server: &S3Server, delivery: StorageDelivery) -> Marketplace {
    let endpoint = server.endpoint();
    Marketplace::with(|settings| {
        settings.storage.kind = StorageKind::S3;
        settings.storage.s3_endpoint = Some(endpoint);
        settings.storage.s3_bucket = Some(S3Server::BUCKET.to_owned());
        S3Server::REGION.clone_into(&mut settings.storage.s3_region);
        settings.storage.s3_access_key_id = Some(Secret::new(S3Server::ACCESS_KEY));
        settings.storage.s3_secret_access_key = Some(Secret::new(S3Server::SECRET_KEY));
        settings.storage.s3_allow_http = true;
        settings.storage.s3_path_style = true;
        settings.storage.s3_delivery = delivery;
    })
    .await
}

#[tokio::test]
async fn a_bucket_serves_through_us_or_by_itself() {
    let server = S3Server::start().await;
    let marketplace = with_a_bucket(&server, StorageDelivery::Proxy).await;
    let provider = marketplace.provider().await;
    let listing = a_listing(&provider, 2).await;
    marketplace.settle().await;

    let listing = provider.get(&format!("listings/{}", listing.id())).await.expect(200);
    assert_eq!(listing.body["media"][1]["variants"].as_array().unwrap().len(), 2);
    let stored = bytes_of(&marketplace, &paths(&listing)[0]).await;
    assert!(image::load_from_memory(&stored).is_ok());
    assert!(files_in(&marketplace.media_folder()).is_empty());

    let _ = provider.delete(&format!("listings/{}", listing.id())).await.expect(200);
    sweep(&marketplace).await;
    assert_eq!(marketplace.count("media_objects").await, 0);

    let marketplace = with_a_bucket(&server, StorageDelivery::Presigned).await;
    let listing = a_listing(&marketplace.provider().await, 1).await;
    let address = format!("{}{}", marketplace.base, paths(&listing)[0]);
    let answer = reqwest::get(address).await.unwrap();
    assert!(answer.url().as_str().starts_with(&server.endpoint()), "{}", answer.url());
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert!(image::load_from_memory(&answer.bytes().await.unwrap()).is_ok());
}

#[tokio::test]
async fn a_bucket_that_is_down_stores_nothing_and_says_so() {
    let server = S3Server::start().await;
    let marketplace = with_a_bucket(&server, StorageDelivery::Proxy).await;
    let provider = marketplace.provider().await;
    drop(server);

    let _ = create(&provider, [jpeg()]).await.refused(503, "unavailable");

    assert_eq!(marketplace.count("listings").await, 0);
}
