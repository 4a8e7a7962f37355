use std::collections::HashSet;

use kernel::{FieldErrors, MediaId};

use super::{
    MediaError, MediaEvent, MediaItem, MediaKind, MediaLimits, MediaOwner, MediaRef, NewMedia,
};

/// The media of one listing or another owner, in the order in which they are shown. After every change it holds
/// as many items as its limits say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSet {
    limits: MediaLimits,
    items: Vec<MediaItem>,
}

/// A change that was decided: what the storage has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaChange {
    /// The items that are new.
    pub added: Vec<MediaItem>,
    /// The items that are gone.
    pub removed: Vec<MediaItem>,
    /// All items that there are from now on, in their order.
    pub order: Vec<MediaId>,
}

impl MediaChange {
    /// What to publish, if files were added.
    pub fn event(&self, owner: MediaOwner) -> Option<MediaEvent> {
        let media: Vec<_> = self.added.iter().map(|item| item.id).collect();
        (!media.is_empty()).then_some(MediaEvent::Added { owner, media })
    }
}

/// Where an item of the result comes from.
#[derive(Clone, Copy)]
enum Source {
    Kept(usize),
    New(usize),
}

impl MediaSet {
    /// The set of an owner that is about to be created.
    pub const fn new(limits: MediaLimits) -> Self {
        Self { limits, items: Vec::new() }
    }

    /// The set of an owner that exists, in its order. It may break limits that were changed
    /// since; the next change has to mend that.
    pub const fn restore(limits: MediaLimits, items: Vec<MediaItem>) -> Self {
        Self { limits, items }
    }

    /// The limits.
    pub const fn limits(&self) -> &MediaLimits {
        &self.limits
    }

    /// The items, in their order.
    pub fn items(&self) -> &[MediaItem] {
        &self.items
    }

    /// The picture that stands for all of it: the first one.
    pub fn cover(&self) -> Option<&MediaItem> {
        self.items.iter().find(|item| item.file.format.kind() == MediaKind::Picture)
    }

    /// Whether a change with so many new files can end well. Asked before files are stored.
    pub fn preview(
        &self,
        remove: &[MediaId],
        adding: usize,
        order: Option<&[MediaRef]>,
    ) -> Result<(), MediaError> {
        self.arrange(remove, adding, order).map(drop)
    }

    /// Removes, adds and orders in one step: all of it, or nothing and the reasons why not.
    ///
    /// Without an order the items stay where they are and new ones follow. An order names every
    /// item that stays exactly once; new files that it does not name follow at the end.
    pub fn change(
        &mut self,
        remove: &[MediaId],
        add: Vec<NewMedia>,
        order: Option<&[MediaRef]>,
    ) -> Result<MediaChange, MediaError> {
        let sources = self.arrange(remove, add.len(), order)?;

        let added: Vec<MediaItem> = add.into_iter().map(MediaItem::from).collect();
        let items: Vec<_> = sources
            .into_iter()
            .map(|source| match source {
                Source::Kept(place) => self.items[place].clone(),
                Source::New(place) => added[place].clone(),
            })
            .collect();
        let order = items.iter().map(|item| item.id).collect();
        let before = std::mem::replace(&mut self.items, items);
        let removed = before.into_iter().filter(|item| remove.contains(&item.id)).collect();
        Ok(MediaChange { added, removed, order })
    }

    fn arrange(
        &self,
        remove: &[MediaId],
        adding: usize,
        order: Option<&[MediaRef]>,
    ) -> Result<Vec<Source>, MediaError> {
        let mut errors = FieldErrors::new();
        let mut removed = HashSet::new();
        for (i, id) in remove.iter().enumerate() {
            let pointer = format!("/media_remove/{i}");
            if self.place_of(*id).is_none() {
                errors.add(pointer, "unknown_item", "is not one of the items");
            } else if !removed.insert(*id) {
                errors.add(pointer, "duplicate", "is named twice");
            }
        }
        let kept: Vec<usize> =
            (0..self.items.len()).filter(|i| !removed.contains(&self.items[*i].id)).collect();

        let count = kept.len() + adding;
        let (min, max) = (self.limits.min(), self.limits.max());
        if count < min {
            let detail = format!("must have at least {min} items, would have {count}");
            errors.add("/media", "too_few_items", detail);
        }
        if count > max {
            let detail = format!("must have at most {max} items, would have {count}");
            errors.add("/media", "too_many_items", detail);
        }

        let sources = match order {
            None => {
                kept.into_iter().map(Source::Kept).chain((0..adding).map(Source::New)).collect()
            }
            Some(order) => self.ordered(&removed, kept.len(), adding, order, &mut errors),
        };
        errors.into_result().map_err(MediaError::Set)?;
        Ok(sources)
    }

    fn ordered(
        &self,
        removed: &HashSet<MediaId>,
        kept: usize,
        adding: usize,
        order: &[MediaRef],
        errors: &mut FieldErrors,
    ) -> Vec<Source> {
        let mut seen = HashSet::new();
        let mut sources = Vec::with_capacity(kept + adding);
        let mut named = 0;
        for (i, reference) in order.iter().enumerate() {
            let pointer = format!("/media_order/{i}");
            let source = match reference {
                MediaRef::Kept(id) if removed.contains(id) => {
                    errors.add(pointer, "removed_item", "is removed by the same request");
                    continue;
                }
                MediaRef::Kept(id) => self.place_of(*id).map(Source::Kept),
                MediaRef::New(place) => (*place < adding).then_some(Source::New(*place)),
            };
            match source {
                None => {
                    errors.add(pointer, "unknown_item", "is no item of this or of the request");
                }
                Some(_) if !seen.insert(*reference) => {
                    errors.add(pointer, "duplicate", "is named twice");
                }
                Some(source) => {
                    named += usize::from(matches!(source, Source::Kept(_)));
                    sources.push(source);
                }
            }
        }
        if named < kept && errors.is_empty() {
            let detail = format!("must name all {kept} items that stay, names {named}");
            errors.add("/media_order", "incomplete", detail);
        }
        sources.extend((0..adding).filter(|i| !seen.contains(&MediaRef::New(*i))).map(Source::New));
        sources
    }

    fn place_of(&self, id: MediaId) -> Option<usize> {
        self.items.iter().position(|item| item.id == id)
    }
}
