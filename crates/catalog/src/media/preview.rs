use std::sync::Arc;

use kernel::{Clock, EventMessage, MediaId, Random, StorageError};

use super::{
    MediaError, MediaEvent, MediaFormat, MediaStore, MediaWithOwner, ObjectStore, PictureError,
    PictureReader, Preview, StorageKey, Variant,
};

/// Makes the smaller copies of pictures that were attached.
#[derive(Clone)]
pub struct PreviewService {
    store: Arc<dyn MediaStore>,
    objects: Arc<dyn ObjectStore>,
    pictures: Arc<dyn PictureReader>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for PreviewService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreviewService").finish_non_exhaustive()
    }
}

impl PreviewService {
    /// The name of its event handler.
    pub const HANDLER: &'static str = "media-preview";

    /// The events it wants to hear of.
    pub const EVENTS: &'static [&'static str] = MediaEvent::NAMES;

    /// A service over these parts.
    pub const fn new(
        store: Arc<dyn MediaStore>,
        objects: Arc<dyn ObjectStore>,
        pictures: Arc<dyn PictureReader>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { store, objects, pictures, clock, random }
    }

    /// Makes the previews of the items that an event tells of. Repeating it is harmless: an item
    /// with a preview is passed over, so that a crash in between costs one picture's work.
    pub async fn on_event(&self, event: &EventMessage) -> Result<(), MediaError> {
        if !Self::EVENTS.contains(&event.name.as_str()) {
            return Ok(());
        }
        let media: Vec<MediaId> = serde_json::from_value(event.payload["media"].clone())
            .map_err(|error| StorageError::corrupt("read the media of an event", error))?;
        for item in self.store.media_without_preview(&media).await? {
            self.make(&item).await?;
        }
        let mut tx = self.store.begin_media().await?;
        tx.first_time(Self::HANDLER, event.id).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn make(
        &self,
        MediaWithOwner { owner, item }: &MediaWithOwner,
    ) -> Result<(), MediaError> {
        let Some(original) = self.objects.fetch(&item.file.key).await? else {
            // Removed and swept since.
            return Ok(());
        };
        let shape = owner.shape();
        let rendered = match self.pictures.render(original.path(), item.file.format, shape).await {
            Ok(Some(rendered)) => rendered,
            // Nothing that another try could mend: the original goes on serving.
            Ok(None) | Err(PictureError::Fault(_)) => return Ok(()),
            Err(PictureError::Disk(error)) => return Err(MediaError::Disk(error)),
        };

        let keys: Vec<_> = rendered
            .variants
            .iter()
            .map(|it| (StorageKey::generate(&*self.random, MediaFormat::Webp), it.file.bytes()))
            .collect();
        self.store.stage_objects(&keys, self.clock.now()).await?;
        let mut variants = Vec::with_capacity(keys.len());
        for (variant, (key, bytes)) in rendered.variants.into_iter().zip(keys) {
            self.objects.put(&key, &variant.file).await?;
            let (width, height) = (variant.pixels.width, variant.pixels.height);
            variants.push(Variant { width, height, bytes, key });
        }

        let preview = Preview { variants, blur_hash: rendered.blur_hash };
        let mut tx = self.store.begin_media().await?;
        if tx.store_preview(item.id, &preview).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}
