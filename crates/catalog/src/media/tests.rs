use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use kernel::{
    Failure, FailureKind, ListingId, MediaId, ProviderId, SystemClock, SystemIds, SystemRandom,
};
use proptest::prelude::*;

use super::*;

fn a_set(count: usize) -> MediaSet {
    let items = (0..count).map(|_| MediaItem::from(a_picture())).collect();
    MediaSet::restore(a_project_limit(), items)
}

fn ids(set: &MediaSet) -> Vec<MediaId> {
    set.items().iter().map(|item| item.id).collect()
}

/// The codes of what is wrong, with where.
fn faults(error: &MediaError) -> Vec<(&str, &str)> {
    error.fields().iter().map(|field| (field.pointer.as_str(), field.code)).collect()
}

#[test]
fn one_change_removes_adds_and_orders() {
    let mut set = a_set(3);
    let [a, gone, c] = ids(&set)[..] else { panic!("three items") };
    let new = [a_picture(), a_picture()];
    let [x, y] = new.each_ref().map(|new| new.id);

    let order = [MediaRef::New(1), MediaRef::Kept(c), MediaRef::Kept(a)];
    let change = set.change(&[gone], new.to_vec(), Some(&order)).unwrap();

    assert_eq!(change.order, [y, c, a, x]);
    assert_eq!(change.removed.iter().map(|item| item.id).collect::<Vec<_>>(), [gone]);
    assert_eq!(change.added.iter().map(|item| item.id).collect::<Vec<_>>(), [x, y]);
    assert_eq!(ids(&set), change.order);
    let owner = MediaOwner::Listing(ListingId::next(&SystemIds));
    assert_eq!(change.event(owner), Some(MediaEvent::Added { owner, media: vec![x, y] }));
}

#[test]
fn everything_may_be_replaced_at_once() {
    let mut set = a_set(12);
    let all = ids(&set);

    let change = set.change(&all, (0..12).map(|_| a_picture()).collect(), None).unwrap();

    assert_eq!(change.removed.len(), 12);
    assert_eq!(set.items().len(), 12);
}

#[test]
fn a_refused_change_changes_nothing_and_names_every_fault() {
    let mut set = a_set(2);
    let before = set.clone();
    let [a, b] = ids(&set)[..] else { panic!("two items") };
    let foreign = MediaId::next(&SystemIds);

    let order = [MediaRef::Kept(a), MediaRef::New(0), MediaRef::Kept(foreign)];
    let error = set.change(&[a, a, foreign, b], Vec::new(), Some(&order)).unwrap_err();

    assert_eq!(error.kind(), FailureKind::Invalid);
    assert_eq!(
        faults(&error),
        [
            ("/media_remove/1", "duplicate"),
            ("/media_remove/2", "unknown_item"),
            ("/media", "too_few_items"),
            ("/media_order/0", "removed_item"),
            ("/media_order/1", "unknown_item"),
            ("/media_order/2", "unknown_item"),
        ]
    );
    assert_eq!(set, before);
}

#[test]
fn an_order_names_all_that_stays_once() {
    let mut set = a_set(2);
    let [a, b] = ids(&set)[..] else { panic!("two items") };

    let twice = [MediaRef::Kept(a), MediaRef::Kept(b), MediaRef::Kept(a)];
    let error = set.change(&[], Vec::new(), Some(&twice)).unwrap_err();
    assert_eq!(faults(&error), [("/media_order/2", "duplicate")]);

    let error = set.change(&[], Vec::new(), Some(&[MediaRef::Kept(b)])).unwrap_err();
    assert_eq!(faults(&error), [("/media_order", "incomplete")]);
}

#[test]
fn refusals_of_one_kind_keep_it_and_others_are_invalid() {
    let large = FileFault::TooLarge { max: 1, given: 2 };
    let of = |faults: &[(usize, FileFault)]| MediaError::refused(faults.iter().copied()).kind();

    assert_eq!(of(&[(3, large)]), FailureKind::TooLarge);
    assert_eq!(
        of(&[(0, FileFault::UnknownFormat), (3, FileFault::Animated)]),
        FailureKind::UnsupportedMedia
    );
    assert_eq!(of(&[(0, FileFault::Damaged), (3, large)]), FailureKind::Invalid);
}

proptest! {
    /// A project has 1 to 12 items, whatever is asked of it, and its order is a permutation.
    #[test]
    fn a_project_always_has_1_to_12_items(
        steps in prop::collection::vec(
            (prop::collection::vec(0usize..14, 0..6), 0usize..14, prop::option::of(any::<u64>())),
            1..20,
        )
    ) {
        let mut set = a_set(3);
        for (remove, adding, shuffle) in steps {
            let before = set.clone();
            let foreign = MediaId::next(&SystemIds);
            let remove: Vec<_> =
                remove.iter().map(|i| ids(&before).get(*i).copied().unwrap_or(foreign)).collect();
            let add: Vec<_> = (0..adding).map(|_| a_picture()).collect();
            let added: Vec<_> = add.iter().map(|new| new.id).collect();
            let order = shuffle.map(|seed| {
                let mut order: Vec<_> = ids(&before)
                    .into_iter()
                    .filter(|id| !remove.contains(id))
                    .map(MediaRef::Kept)
                    .chain((0..adding).map(MediaRef::New))
                    .collect();
                order.sort_by_key(|reference| {
                    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
                    BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, reference))
                });
                order
            });
            let foreseen = set.preview(&remove, adding, order.as_deref()).is_ok();

            if let Ok(change) = set.change(&remove, add, order.as_deref()) {
                prop_assert!(foreseen);
                let expected: HashSet<_> = ids(&before)
                    .into_iter()
                    .filter(|id| !remove.contains(id))
                    .chain(added)
                    .collect();
                prop_assert_eq!(change.order.len(), expected.len());
                prop_assert_eq!(change.order.iter().copied().collect::<HashSet<_>>(), expected);
                prop_assert_eq!(ids(&set), change.order);
            } else {
                prop_assert!(!foreseen);
                prop_assert_eq!(&set, &before);
            }
            prop_assert!((1..=12).contains(&set.items().len()));
        }
    }
}

fn intake(
    store: MockMediaStore,
    objects: MockObjectStore,
    pictures: MockPictureReader,
) -> MediaIntake {
    MediaIntake::new(
        Arc::new(store),
        Arc::new(objects),
        Arc::new(pictures),
        Arc::new(SystemClock),
        Arc::new(SystemIds),
        Arc::new(SystemRandom),
    )
}

fn somebody() -> MediaOwner {
    ProviderId::next(&SystemIds).into()
}

fn an_upload(bytes: u64) -> LocalFile {
    LocalFile::new(PathBuf::from("an-upload"), bytes)
}

#[tokio::test]
async fn a_request_with_one_bad_file_stores_none() {
    let mut pictures = MockPictureReader::new();
    let pixels = PixelSize { width: 10, height: 10 };
    pictures
        .expect_probe()
        .returning(move |_| Ok(Probe { format: MediaFormat::Png, pixels: Some(pixels) }));
    let clean = move || CleanPicture { file: an_upload(10), pixels };
    pictures.expect_clean().returning(move |_, _| Ok(clean()));
    // The store and the object store expect no call.
    let intake = intake(MockMediaStore::new(), MockObjectStore::new(), pictures);

    let uploads = vec![an_upload(10), an_upload(MediaLimits::MAX_BYTES + 1), an_upload(10)];
    let error = intake.receive(&a_project_limit(), somebody(), 0, uploads).await.unwrap_err();

    assert_eq!(error.kind(), FailureKind::TooLarge);
    assert_eq!(faults(&error), [("/media/1", "file_too_large")]);
}

#[tokio::test]
async fn a_picture_that_would_fill_the_memory_is_never_opened() {
    let mut pictures = MockPictureReader::new();
    let pixels = PixelSize { width: 10_001, height: 10_000 };
    pictures
        .expect_probe()
        .returning(move |_| Ok(Probe { format: MediaFormat::Png, pixels: Some(pixels) }));
    let intake = intake(MockMediaStore::new(), MockObjectStore::new(), pictures);

    let error =
        intake.receive(&a_project_limit(), somebody(), 0, vec![an_upload(10)]).await.unwrap_err();

    assert_eq!(faults(&error), [("/media/0", "too_many_pixels")]);
}

#[tokio::test]
async fn a_file_is_noted_before_it_is_stored() {
    let mut order = mockall::Sequence::new();
    let mut pictures = MockPictureReader::new();
    pictures.expect_probe().returning(|_| Ok(Probe { format: MediaFormat::Pdf, pixels: None }));
    let mut store = MockMediaStore::new();
    store.expect_check_room().once().in_sequence(&mut order).returning(|_, _, _| Ok(()));
    store.expect_stage_objects().once().in_sequence(&mut order).returning(|_, _| Ok(()));
    let mut objects = MockObjectStore::new();
    objects.expect_put().once().in_sequence(&mut order).returning(|_, _| Ok(()));
    let limits = MediaLimits::new([MediaKind::Document], 0, 1, 100).unwrap();

    let intake = intake(store, objects, pictures);
    let media = intake.receive(&limits, somebody(), 0, vec![an_upload(10)]).await.unwrap();

    assert_eq!(media.len(), 1);
    assert_eq!(media[0].file.format, MediaFormat::Pdf);
    assert_eq!(media[0].file.bytes, 10);
}

#[tokio::test]
async fn what_has_no_room_is_not_stored() {
    let mut pictures = MockPictureReader::new();
    pictures.expect_probe().returning(|_| Ok(Probe { format: MediaFormat::Pdf, pixels: None }));
    let mut store = MockMediaStore::new();
    store
        .expect_check_room()
        .withf(|_, removing, adding| (*removing, *adding) == (1_000, 20))
        .returning(|_, _, _| StorageQuota::of_bytes(1).admit(0, 20));
    let limits = MediaLimits::new([MediaKind::Document], 0, 2, 100).unwrap();

    let uploads = vec![an_upload(10), an_upload(10)];
    let intake = intake(store, MockObjectStore::new(), pictures);
    let error = intake.receive(&limits, somebody(), 1_000, uploads).await.unwrap_err();

    assert_eq!((error.kind(), error.code()), (FailureKind::TooLarge, "storage_quota_exceeded"));
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_is_not_forgotten() {
    let mut store = MockMediaStore::new();
    let keys = [a_picture().file.key, a_picture().file.key];
    let [lost, kept] = keys.clone();
    store.expect_objects_to_sweep().once().return_once(move |_, _| Ok(keys.to_vec()));
    store
        .expect_forget_objects()
        .once()
        .withf(move |keys| keys == [lost.clone()])
        .returning(|_| Ok(()));
    let mut objects = MockObjectStore::new();
    objects.expect_delete().times(2).returning(move |key| {
        if *key == kept {
            let source = "the disk is read-only".into();
            return Err(ObjectStoreError { action: "delete a file", source });
        }
        Ok(())
    });

    let sweeper = MediaSweeper::new(Arc::new(store), Arc::new(objects), Arc::new(SystemClock));

    assert_eq!(sweeper.sweep().await.unwrap(), Swept { deleted: 1, failed: 1 });
}
