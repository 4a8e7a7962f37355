//! What callers say of a listing.

use std::collections::BTreeMap;

use catalog::media::{Alt, LocalFile, MediaRef};
use catalog::{Change, ContentPatch, ListingEdit, NewListing, Uploads};
use kernel::{FieldErrors, MediaId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::body::Patch;
use crate::http::money::MoneyView;
use crate::http::place::PlaceView;

/// A listing to be made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "listing_type": "service",
    "title": "Kitchen planning",
    "description": "From the first sketch to the last handle.",
    "price": { "amount": 9000, "currency": "EUR" },
    "price_unit": "per_hour",
    "attributes": { "room": "kitchen" },
    "location": { "lat": 52.52, "lon": 13.4 },
}))]
pub(super) struct CreateListing {
    /// The key of its type.
    listing_type: String,
    /// The headline, 3 to 140 characters.
    #[schema(min_length = 3, max_length = 140)]
    title: String,
    /// The long text, at most 10,000 characters.
    #[schema(max_length = 10000)]
    description: Option<String>,
    /// The category it stands in.
    category_id: Option<String>,
    /// What it costs; at least 0.
    price: Option<MoneyView>,
    /// What the price is for: `fixed`, `from`, `per_hour`, `per_day`, `per_visit`, `free_quote`.
    price_unit: Option<String>,
    /// How many pieces there are, from 0.
    #[schema(minimum = 0)]
    stock: Option<i64>,
    /// What its type asks for, by key.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    attributes: BTreeMap<String, Value>,
    /// Where it is.
    location: Option<PlaceView>,
    /// Who sees all of it: `free`, `subscribers`, `purchase`, as its type allows.
    access: Option<String>,
    /// The order of the files of the form: `new:0`, `new:1`, …
    #[schema(value_type = Option<Vec<String>>)]
    media_order: Option<Vec<MediaRef>>,
    /// What the files of the form show, in their order; null for none.
    media_alt: Option<Vec<Option<String>>>,
}

/// What shall change of a listing; what is not given stays, null takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "price": { "amount": 9500, "currency": "EUR" },
    "attributes": { "room": null },
    "media_remove": ["med_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"],
}))]
pub(super) struct UpdateListing {
    /// The headline, 3 to 140 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 140)]
    title: Patch<String>,
    /// The long text, at most 10,000 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10000)]
    description: Patch<String>,
    /// The category it stands in.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    category_id: Patch<String>,
    /// What it costs; at least 0.
    #[serde(default)]
    #[schema(value_type = Option<MoneyView>)]
    price: Patch<MoneyView>,
    /// What the price is for: `fixed`, `from`, `per_hour`, `per_day`, `per_visit`, `free_quote`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    price_unit: Patch<String>,
    /// How many pieces there are, from 0.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0)]
    stock: Patch<i64>,
    /// What its type asks for, by key; null takes a value away, what is left out stays.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    attributes: BTreeMap<String, Value>,
    /// Where it is.
    #[serde(default)]
    #[schema(value_type = Option<PlaceView>)]
    location: Patch<PlaceView>,
    /// Who sees all of it: `free`, `subscribers`, `purchase`, as its type allows.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    access: Patch<String>,
    /// The items that shall go.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    media_remove: Vec<MediaId>,
    /// The order of all items that stay or come: ids, and `new:0` for the first file of the form.
    #[schema(value_type = Option<Vec<String>>)]
    media_order: Option<Vec<MediaRef>>,
    /// What the files of the form show, in their order; null for none.
    media_alt: Option<Vec<Option<String>>>,
}

/// A field that may be left out.
fn given<T, U: From<T>>(value: Option<T>) -> Change<U> {
    value.map_or(Change::Keep, |value| Change::Set(value.into()))
}

/// A field of a merge patch.
pub(in crate::http) fn change<T, U: From<T>>(patch: Patch<T>) -> Change<U> {
    patch.into_change().map(|value| value.map(U::from)).into()
}

/// The files of a form with what they show.
pub(in crate::http) fn uploads(
    files: Vec<LocalFile>,
    descriptions: Option<Vec<Option<String>>>,
) -> Result<Uploads, Problem> {
    let descriptions = descriptions.unwrap_or_default();
    let mut errors = FieldErrors::new();
    if descriptions.len() > files.len() {
        let detail = format!("must be at most as many as the files of the form, {}", files.len());
        errors.add("/media_alt", "too_many", detail);
    }
    let descriptions = descriptions
        .into_iter()
        .enumerate()
        .map(|(i, text)| {
            let alt = Alt::new(&text?);
            errors.check(&format!("/media_alt/{i}"), "invalid_text", alt)
        })
        .collect();
    if errors.is_empty() {
        Ok(Uploads { files, descriptions })
    } else {
        Err(Problem::invalid(&errors.0))
    }
}

impl CreateListing {
    /// The command, with the files of the form.
    pub(super) fn with(self, files: Vec<LocalFile>) -> Result<NewListing, Problem> {
        Ok(NewListing {
            listing_type: self.listing_type,
            content: ContentPatch {
                title: Change::Set(self.title),
                description: given(self.description),
                category: given(self.category_id),
                price: given(self.price),
                price_unit: given(self.price_unit),
                stock: given(self.stock),
                attributes: self.attributes,
                location: given(self.location),
                access: given(self.access),
            },
            uploads: uploads(files, self.media_alt)?,
            order: self.media_order,
        })
    }
}

impl UpdateListing {
    /// The command, with the files of the form.
    pub(super) fn with(self, files: Vec<LocalFile>) -> Result<ListingEdit, Problem> {
        Ok(ListingEdit {
            content: ContentPatch {
                title: change(self.title),
                description: change(self.description),
                category: change(self.category_id),
                price: change(self.price),
                price_unit: change(self.price_unit),
                stock: change(self.stock),
                attributes: self.attributes,
                location: change(self.location),
                access: change(self.access),
            },
            uploads: uploads(files, self.media_alt)?,
            remove: self.media_remove,
            order: self.media_order,
        })
    }
}
