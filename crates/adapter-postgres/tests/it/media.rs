//! Pictures and documents: what is served when, and what is swept, on a real PostgreSQL.

use std::sync::Arc;

use adapter_postgres::{PgStore, Settings};
use catalog::media::{
    MediaChange, MediaError, MediaItem, MediaOwner, MediaRef, MediaRepository, MediaSet,
    MediaStore, NewMedia, ObjectState, ObjectStep, Preview, StorageKey, StorageQuota, Variant,
    a_document, a_picture, a_project_limit,
};
use catalog::{ListingRepository, Provider};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, ListingId, ProviderId, StorageError, SystemClock, SystemIds, UnitOfWork};
use test_support::TestDatabase;
use tokio_postgres::Client;

struct Fixture {
    database: TestDatabase,
    store: Arc<PgStore>,
    sql: Client,
    now: DateTime<Utc>,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
        let sql = database.client().await;
        sql.batch_execute(
            "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, \
                 roles, status, token_version, created_at, version) \
             VALUES (gen_random_uuid(), 'a@b.example', 'x', 'Ada', 'en', 'UTC', '{client}', \
                 'active', 1, now(), 1); \
             INSERT INTO providers (id, account_id, slug, name, category_ids, languages, \
                 verification, status, version, created_at, updated_at) \
             SELECT gen_random_uuid(), id, 'ada', 'Ada', '{}', '{}', 'unverified', 'active', 1, \
                 now(), now() FROM accounts; \
             INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at) \
             VALUES ('project', 0, '{\"key\": \"project\"}', 1, now(), now())",
        )
        .await
        .unwrap();
        Self { database, store: Arc::new(store), sql, now: SystemClock.now() }
    }

    async fn a_listing(&self) -> ListingId {
        let id = ListingId::next(&SystemIds);
        self.sql
            .execute(
                "INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug, \
                     description, price_unit, attributes, access, status, version, created_at, \
                     updated_at) \
                 SELECT $1::text::uuid, 'project', id, true, 'Loft', $1::text, '', 'fixed', '{}', 'free', \
                     'draft', 1, now(), now() FROM providers",
                &[&id.as_uuid().to_string()],
            )
            .await
            .unwrap();
        id
    }

    /// So many pictures that are stored and belong to nothing.
    async fn staged(&self, count: usize) -> Vec<NewMedia> {
        let media: Vec<_> = (0..count).map(|_| a_picture()).collect();
        self.stage(&media, self.now).await;
        media
    }

    async fn stage(&self, media: &[NewMedia], at: DateTime<Utc>) {
        let keys: Vec<_> = media.iter().map(|new| (new.file.key.clone(), new.file.bytes)).collect();
        self.store.stage_objects(&keys, at).await.unwrap();
    }

    /// What a service does: under the listing's lock, load, decide, store.
    async fn change(
        &self,
        listing: ListingId,
        remove: usize,
        add: Vec<NewMedia>,
    ) -> Result<MediaChange, MediaError> {
        let mut tx = self.store.open().await?;
        tx.listing_for_update(listing).await?;
        let mut set = MediaSet::restore(a_project_limit(), tx.media_of(listing.into()).await?);
        let gone: Vec<_> = set.items().iter().take(remove).map(|item| item.id).collect();
        let change = set.change(&gone, add, None)?;
        tx.store_media_change(listing.into(), &change, self.now).await?;
        Box::new(tx).commit().await?;
        Ok(change)
    }

    async fn media_of(&self, listing: ListingId) -> Vec<MediaItem> {
        self.store.open().await.unwrap().media_of(listing.into()).await.unwrap()
    }

    async fn is_served(&self, key: &StorageKey) -> bool {
        self.store.served_object(key).await.unwrap().is_some()
    }

    /// What the next sweep deletes.
    async fn to_sweep(&self) -> Vec<StorageKey> {
        let mut keys =
            self.store.objects_to_sweep(self.now - TimeDelta::minutes(30), 100).await.unwrap();
        keys.sort();
        keys
    }
}

fn keys<'a>(media: impl IntoIterator<Item = &'a NewMedia>) -> Vec<StorageKey> {
    let mut keys: Vec<_> = media.into_iter().map(|new| new.file.key.clone()).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn items_are_read_as_they_were_stored() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let mut picture = a_picture();
    picture.alt = Some("A bright room".try_into().unwrap());
    let media = [picture, a_document()];
    it.stage(&media, it.now).await;

    it.change(listing, 0, media.to_vec()).await.unwrap();

    let expected: Vec<_> = media.into_iter().map(MediaItem::from).collect();
    assert_eq!(it.media_of(listing).await, expected);
}

#[tokio::test]
async fn a_file_is_served_from_the_commit_until_its_removal() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let media = it.staged(2).await;
    let (first, second) = (&media[0].file.key, &media[1].file.key);
    assert!(!it.is_served(first).await, "staged is not served");

    let mut tx = it.store.open().await.unwrap();
    let mut set = MediaSet::new(a_project_limit());
    let change = set.change(&[], media.clone(), None).unwrap();
    tx.store_media_change(listing.into(), &change, it.now).await.unwrap();
    assert!(!it.is_served(first).await, "not before the commit");
    Box::new(tx).commit().await.unwrap();
    assert!(it.is_served(first).await && it.is_served(second).await);

    it.change(listing, 1, Vec::new()).await.unwrap();
    assert!(!it.is_served(first).await);
    assert!(it.is_served(second).await);
    assert_eq!(it.to_sweep().await, std::slice::from_ref(first));
}

#[tokio::test]
async fn removing_adding_and_ordering_are_one_step() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    it.change(listing, 0, it.staged(3).await).await.unwrap();
    let [a, b, c] = &it.media_of(listing).await[..] else { panic!("three items") };
    let new = it.staged(1).await;

    let mut tx = it.store.open().await.unwrap();
    let mut set = MediaSet::restore(a_project_limit(), tx.media_of(listing.into()).await.unwrap());
    let order = [MediaRef::Kept(c.id), MediaRef::New(0), MediaRef::Kept(a.id)];
    let change = set.change(&[b.id], new.clone(), Some(&order)).unwrap();
    tx.store_media_change(listing.into(), &change, it.now).await.unwrap();
    Box::new(tx).commit().await.unwrap();

    let ids: Vec<_> = it.media_of(listing).await.iter().map(|item| item.id).collect();
    assert_eq!(ids, [c.id, new[0].id, a.id]);
}

#[tokio::test]
async fn a_listing_never_has_more_or_fewer_items_under_concurrent_edits() {
    let it = Arc::new(Fixture::new().await);
    let listing = it.a_listing().await;
    it.change(listing, 0, it.staged(6).await).await.unwrap();

    let adding = (0..8).map(|_| {
        let it = Arc::clone(&it);
        tokio::spawn(async move {
            let media = it.staged(3).await;
            it.change(listing, 0, media).await.is_ok()
        })
    });
    let mut added = 0;
    for task in adding.collect::<Vec<_>>() {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!(added, 2, "6 + 2 * 3 = 12");
    assert_eq!(it.media_of(listing).await.len(), 12);

    let removing = (0..8).map(|_| {
        let it = Arc::clone(&it);
        tokio::spawn(async move { it.change(listing, 5, Vec::new()).await.is_ok() })
    });
    for task in removing.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // 12, 7, 2; then fewer than five are left, and all of them cannot go.
    assert_eq!(it.media_of(listing).await.len(), 2);
}

#[tokio::test]
async fn a_file_whose_request_failed_is_swept_and_one_under_way_is_not() {
    let it = Fixture::new().await;
    let failed = [a_picture(), a_picture()];
    it.stage(&failed, it.now - TimeDelta::minutes(31)).await;
    it.staged(1).await;

    let swept = it.to_sweep().await;

    assert_eq!(swept, keys(&failed));
    it.store.forget_objects(&swept).await.unwrap();
    assert!(it.to_sweep().await.is_empty());
    let left: i64 =
        it.sql.query_one("SELECT count(*) FROM media_objects", &[]).await.unwrap().get(0);
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_file_that_was_swept_cannot_be_attached() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let late = [a_picture()];
    it.stage(&late, it.now - TimeDelta::hours(1)).await;
    it.to_sweep().await;

    let error = it.change(listing, 0, late.to_vec()).await.unwrap_err();

    assert!(matches!(error, MediaError::Vanished), "{error}");
    assert!(it.media_of(listing).await.is_empty());
}

#[tokio::test]
async fn a_sweep_passes_over_what_is_being_attached() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let late = vec![a_picture()];
    it.stage(&late, it.now - TimeDelta::hours(1)).await;

    let mut tx = it.store.open().await.unwrap();
    let change = MediaSet::new(a_project_limit()).change(&[], late.clone(), None).unwrap();
    tx.store_media_change(listing.into(), &change, it.now).await.unwrap();
    assert!(it.to_sweep().await.is_empty());
    Box::new(tx).commit().await.unwrap();

    assert!(it.to_sweep().await.is_empty());
    assert!(it.is_served(&late[0].file.key).await);
}

#[tokio::test]
async fn a_listing_takes_its_files_with_it() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let media = it.staged(2).await;
    it.change(listing, 0, media.clone()).await.unwrap();
    let variant = it.staged(1).await;
    let preview = preview(&variant[0]);
    let mut tx = it.store.begin_media().await.unwrap();
    assert!(tx.store_preview(media[0].id, &preview).await.unwrap());
    tx.commit().await.unwrap();
    assert!(it.is_served(&variant[0].file.key).await);

    it.sql
        .execute(
            "DELETE FROM listings WHERE id = $1::text::uuid",
            &[&listing.as_uuid().to_string()],
        )
        .await
        .unwrap();

    assert_eq!(it.to_sweep().await, keys(media.iter().chain(&variant)));
}

fn preview(file: &NewMedia) -> Preview {
    let key = file.file.key.clone();
    let variants = vec![Variant { width: 320, height: 213, bytes: 1000, key }];
    Preview { variants, blur_hash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned() }
}

#[tokio::test]
async fn a_preview_is_stored_once_and_only_for_what_is_there() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let mut media = it.staged(1).await;
    let document = a_document();
    it.stage(std::slice::from_ref(&document), it.now).await;
    media.push(document);
    it.change(listing, 0, media.clone()).await.unwrap();
    let ids: Vec<_> = media.iter().map(|new| new.id).collect();
    let waiting = it.store.media_without_preview(&ids).await.unwrap();
    assert_eq!(waiting.iter().map(|waiting| waiting.item.id).collect::<Vec<_>>(), [media[0].id]);

    let files = it.staged(3).await;
    let store = async |new: &NewMedia, file: &NewMedia| -> Result<bool, StorageError> {
        let mut tx = it.store.begin_media().await?;
        let stored = tx.store_preview(new.id, &preview(file)).await?;
        if stored {
            tx.commit().await?;
        }
        Ok(stored)
    };
    assert!(store(&media[0], &files[0]).await.unwrap());
    assert!(!store(&media[0], &files[1]).await.unwrap(), "it has one");
    assert!(!store(&a_picture(), &files[2]).await.unwrap(), "it is gone");

    assert!(it.store.media_without_preview(&ids).await.unwrap().is_empty());
    assert_eq!(it.media_of(listing).await[0].preview, Some(preview(&files[0])));
    assert!(!it.is_served(&files[1].file.key).await);
}

#[tokio::test]
async fn files_of_a_change_that_waits_are_kept_until_it_is_decided() {
    let it = Fixture::new().await;
    let listing = it.a_listing().await;
    let (approved, refused) = (it.staged(1).await, it.staged(1).await);
    let mut tx = it.store.open().await.unwrap();
    tx.keep_media(listing, &approved).await.unwrap();
    tx.keep_media(listing, &refused).await.unwrap();
    Box::new(tx).commit().await.unwrap();
    it.sql
        .execute("UPDATE media_objects SET staged_at = now() - interval '1 day'", &[])
        .await
        .unwrap();
    assert!(it.to_sweep().await.is_empty());

    it.change(listing, 0, approved.clone()).await.unwrap();
    let mut tx = it.store.open().await.unwrap();
    tx.discard_media(&refused).await.unwrap();
    // What a listing has is not given up by mistake.
    tx.discard_media(&approved).await.unwrap();
    Box::new(tx).commit().await.unwrap();

    assert!(it.is_served(&approved[0].file.key).await);
    assert_eq!(it.to_sweep().await, keys(&refused));
}

#[tokio::test]
async fn a_provider_has_one_picture_whose_files_go_with_it() {
    let it = Fixture::new().await;
    let provider = it.provider().await;
    let media = it.staged(3).await;
    let replace = async |new: &NewMedia| {
        let mut tx = it.store.open().await.unwrap();
        let before = tx.media_of(provider.into()).await.unwrap();
        let gone: Vec<_> = before.iter().map(|item| item.id).collect();
        let mut set = MediaSet::restore(Provider::avatar_limits(), before);
        let change = set.change(&gone, vec![new.clone()], None).unwrap();
        tx.store_media_change(provider.into(), &change, it.now).await.unwrap();
        Box::new(tx).commit().await.unwrap();
    };
    replace(&media[0]).await;
    let waiting = it.store.media_without_preview(&[media[0].id]).await.unwrap();
    assert_eq!(waiting[0].owner, MediaOwner::Provider(provider));
    let mut tx = it.store.begin_media().await.unwrap();
    assert!(tx.store_preview(media[0].id, &preview(&media[2])).await.unwrap());
    tx.commit().await.unwrap();
    assert!(it.is_served(&media[2].file.key).await);

    replace(&media[1]).await;

    let mut tx = it.store.open().await.unwrap();
    let items = tx.media_of(provider.into()).await.unwrap();
    assert_eq!(items, [MediaItem::from(media[1].clone())]);
    assert_eq!(it.to_sweep().await, keys([&media[0], &media[2]]));
}

impl Fixture {
    /// The same database, where an account has room for so many of the pictures here.
    fn with_room_for(self, count: u64) -> Self {
        let quota = StorageQuota::of_bytes(count * a_picture().file.bytes);
        let store = PgStore::connect(&Settings::new(self.database.url()), |_| &[]).unwrap();
        Self { store: Arc::new(store.with_media_quota(quota)), ..self }
    }

    /// The bytes that the account's files have, in pictures.
    async fn pictures_counted(&self) -> i64 {
        let row = self.sql.query_opt("SELECT bytes FROM media_usage", &[]).await.unwrap();
        let one = i64::try_from(a_picture().file.bytes).unwrap();
        row.map_or(0, |row| row.get::<_, i64>(0) / one)
    }

    async fn provider(&self) -> ProviderId {
        let row = self.sql.query_one("SELECT id::text FROM providers", &[]).await.unwrap();
        ProviderId::from_uuid(row.get::<_, String>(0).parse().unwrap())
    }
}

#[tokio::test]
async fn files_count_while_they_are_attached_and_only_once() {
    let it = Fixture::new().await.with_room_for(3);
    let listing = it.a_listing().await;
    let waiting = it.staged(2).await;
    let mut tx = it.store.open().await.unwrap();
    tx.keep_media(listing, &waiting).await.unwrap();
    Box::new(tx).commit().await.unwrap();
    assert_eq!(it.pictures_counted().await, 2, "files that a change waits with count");
    let error = it.change(listing, 0, it.staged(2).await).await.unwrap_err();
    assert!(
        matches!(error, MediaError::QuotaExceeded { used: 2000, added: 2000, allowed: 3000 }),
        "{error}"
    );
    assert_eq!(it.pictures_counted().await, 2, "a refused one is not counted");

    it.change(listing, 0, waiting.clone()).await.unwrap();
    assert_eq!(it.pictures_counted().await, 2, "nor is an accepted one twice");
    let copy = it.staged(1).await;
    let mut tx = it.store.begin_media().await.unwrap();
    assert!(tx.store_preview(waiting[0].id, &preview(&copy[0])).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(it.pictures_counted().await, 2, "nor a smaller copy");

    it.change(listing, 2, it.staged(3).await).await.unwrap();
    assert_eq!(it.pictures_counted().await, 3);
    it.sql.execute("DELETE FROM listings", &[]).await.unwrap();
    assert_eq!(it.pictures_counted().await, 0);
}

#[tokio::test]
async fn of_those_who_come_at_once_no_more_get_in_than_there_is_room_for() {
    let it = Arc::new(Fixture::new().await.with_room_for(7));

    let adding = (0..8).map(|_| {
        let it = Arc::clone(&it);
        tokio::spawn(async move {
            let listing = it.a_listing().await;
            it.change(listing, 0, it.staged(2).await).await.is_ok()
        })
    });
    let mut added = 0;
    for task in adding.collect::<Vec<_>>() {
        added += usize::from(task.await.unwrap());
    }

    assert_eq!(added, 3, "3 * 2 are not above 7, 4 * 2 are");
    assert_eq!(it.pictures_counted().await, 6);
}

#[tokio::test]
async fn a_lowered_quota_takes_nothing_away_and_lets_things_go() {
    let it = Fixture::new().await.with_room_for(4);
    let listing = it.a_listing().await;
    it.change(listing, 0, it.staged(4).await).await.unwrap();
    let it = it.with_room_for(1);

    assert_eq!(it.media_of(listing).await.len(), 4);
    it.change(listing, 1, Vec::new()).await.unwrap();
    it.store.check_room(it.provider().await.into(), 3_000, 1_000).await.unwrap();
    let error = it.store.check_room(it.provider().await.into(), 2_000, 1_000).await.unwrap_err();
    assert!(matches!(error, MediaError::QuotaExceeded { used: 1000, .. }), "{error}");
}

/// The database and the code know the same steps.
#[tokio::test]
async fn an_object_takes_no_step_that_its_life_does_not_have() {
    let it = Fixture::new().await;
    for from in [ObjectState::Staged, ObjectState::Attached, ObjectState::Orphaned] {
        for to in ObjectState::ALL {
            let media = it.staged(1).await;
            let key = media[0].file.key.as_str();
            let step = async |to: ObjectState| {
                let result = match to {
                    ObjectState::Forgotten => {
                        it.sql.execute("DELETE FROM media_objects WHERE key = $1", &[&key]).await
                    }
                    ObjectState::Staged | ObjectState::Attached | ObjectState::Orphaned => {
                        let update = "UPDATE media_objects SET state = $2 WHERE key = $1";
                        it.sql.execute(update, &[&key, &to.name()]).await
                    }
                };
                result.is_ok()
            };
            assert!(from == ObjectState::Staged || step(from).await);

            let is_known = ObjectStep::ALL.iter().any(|step| from.after(*step) == Some(to));

            assert_eq!(step(to).await, is_known, "{from:?} to {to:?}");
        }
    }
    drop(it.database);
}
