//! Listing types: what can be offered, and what is asked of it.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use catalog::media::MediaLimits;
use catalog::{
    AttributeDeclaration, Choice, Key, ListingType, ListingTypeDeclaration, ReviewCriterion,
};
use kernel::{Answer, FieldErrors, Idempotency};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::etag::{Caching, required_match, tagged};
use super::idempotency::{self, created, respond};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show).service(create).service(replace).service(remove);
}

/// One of the values that an attribute may have.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChoiceView {
    /// Its name for programs.
    #[schema(example = "kitchen")]
    key: String,
    /// Its name for people.
    #[schema(example = "Kitchen")]
    label: String,
}

/// Something that a type wants to know of its listings.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of an attribute")]
struct AttributeView {
    /// Its name for programs.
    #[schema(example = "area")]
    key: String,
    /// Its name for people.
    #[schema(example = "Area")]
    label: String,
    /// `text`, `integer`, `decimal`, `boolean`, `enum`, `multi_enum` or `date`.
    #[schema(example = "decimal")]
    kind: String,
    /// Whether a listing needs it to be published.
    #[serde(default)]
    required: bool,
    /// Whether lists may be filtered by it.
    #[serde(default)]
    filterable: bool,
    /// Whether the full-text search reads it.
    #[serde(default)]
    searchable: bool,
    /// Whether a change of it applies at once where others wait for a moderator.
    #[serde(default)]
    harmless: bool,
    /// What its numbers count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "m²")]
    unit: Option<String>,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 10.0)]
    min: Option<f64>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 500.0)]
    max: Option<f64>,
    /// The most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 2000)]
    max_length: Option<usize>,
    /// What an `enum` or `multi_enum` can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    choices: Vec<ChoiceView>,
}

/// What may be attached to a listing.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MediaLimitsView {
    /// Any of `picture`, `document`.
    #[schema(example = json!(["picture"]))]
    kinds: Vec<String>,
    /// The least number of items, at any time.
    #[schema(example = 1)]
    min: usize,
    /// The greatest number of items, at any time.
    #[schema(example = 12)]
    max: usize,
    /// The greatest size of a file, in bytes.
    #[schema(example = 10_485_760)]
    bytes: u64,
}

/// Something that reviews rate apart.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReviewCriterionView {
    /// Its name for programs.
    #[schema(example = "quality")]
    key: String,
    /// Its name for people.
    #[schema(example = "Quality of the work")]
    label: String,
}

/// A listing type.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "service",
    "title": "Service",
    "plural": "Services",
    "attributes": [{
        "key": "area", "label": "Area", "kind": "decimal", "unit": "m²", "min": 1, "max": 10000,
        "filterable": true,
    }],
    "media": { "kinds": ["picture"], "min": 0, "max": 12, "bytes": 10_485_760 },
    "transactions": ["request", "quote"],
    "access": ["free"],
    "price_required": false,
    "stock_required": false,
    "location_required": true,
    "moderation": "before",
    "harmless": ["price", "stock"],
    "review_criteria": [{ "key": "quality", "label": "Quality of the work" }],
}))]
struct ListingTypeView {
    /// Its name for programs; never changes.
    key: String,
    /// Its name for people.
    title: String,
    /// Its name for people, for several.
    plural: String,
    /// What it wants to know of its listings, in the order in which it is asked.
    #[serde(default)]
    attributes: Vec<AttributeView>,
    /// What may be attached.
    media: MediaLimitsView,
    /// How its listings can be transacted: `none`, `request`, `quote`, `appointment`, `order`,
    /// `auction`; expect new values.
    transactions: Vec<String>,
    /// Who may be let see all of a listing, the usual one first: `free`, `subscribers`,
    /// `purchase`; expect new values.
    access: Vec<String>,
    /// Whether a listing needs a price to be published.
    #[serde(default)]
    price_required: bool,
    /// Whether a listing needs a stock to be published.
    #[serde(default)]
    stock_required: bool,
    /// Whether a listing needs a location to be published.
    #[serde(default)]
    location_required: bool,
    /// When moderators look at it: `before`, `after` or `none`.
    moderation: String,
    /// Fields whose changes apply at once where others wait for a moderator: `title`,
    /// `description`, `category`, `price` (changes of up to a fifth), `price_unit`, `stock`,
    /// `attributes`, `location`, `access`, `media`.
    #[serde(default)]
    harmless: Vec<String>,
    /// What reviews rate apart.
    #[serde(default)]
    review_criteria: Vec<ReviewCriterionView>,
}

impl From<&ListingType> for ListingTypeView {
    fn from(listing_type: &ListingType) -> Self {
        let declaration = listing_type.declaration();
        let ListingTypeDeclaration {
            key,
            title,
            plural,
            attributes,
            media,
            transactions,
            access,
            price_required,
            stock_required,
            location_required,
            moderation,
            harmless,
            review_criteria,
        } = declaration;
        Self {
            key: key.to_string(),
            title: title.clone(),
            plural: plural.clone(),
            attributes: attributes.iter().map(AttributeView::from).collect(),
            media: MediaLimitsView {
                kinds: media.kinds().iter().map(|kind| kind.name().to_owned()).collect(),
                min: media.min(),
                max: media.max(),
                bytes: media.bytes(),
            },
            transactions: transactions.iter().map(name).collect(),
            access: access.iter().map(name).collect(),
            price_required: *price_required,
            stock_required: *stock_required,
            location_required: *location_required,
            moderation: name(moderation),
            harmless: harmless.iter().map(name).collect(),
            review_criteria: review_criteria
                .iter()
                .map(|ReviewCriterion { key, label }| ReviewCriterionView {
                    key: key.to_string(),
                    label: label.clone(),
                })
                .collect(),
        }
    }
}

impl From<&AttributeDeclaration> for AttributeView {
    fn from(attribute: &AttributeDeclaration) -> Self {
        let AttributeDeclaration {
            key,
            label,
            kind,
            required,
            filterable,
            searchable,
            harmless,
            unit,
            min,
            max,
            max_length,
            choices,
        } = attribute;
        Self {
            key: key.to_string(),
            label: label.clone(),
            kind: name(kind),
            required: *required,
            filterable: *filterable,
            searchable: *searchable,
            harmless: *harmless,
            unit: unit.clone(),
            min: *min,
            max: *max,
            max_length: *max_length,
            choices: choices
                .iter()
                .map(|Choice { key, label }| ChoiceView {
                    key: key.to_string(),
                    label: label.clone(),
                })
                .collect(),
        }
    }
}

/// The name of a unit variant, as it stands in profiles and in the database.
fn name(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(name)) => name,
        Ok(_) | Err(_) => String::new(),
    }
}

/// Reads the enums of a declaration; every name that means nothing is noted with its place.
struct Names {
    errors: FieldErrors,
}

impl Names {
    fn read<T: serde::de::DeserializeOwned>(&mut self, pointer: String, name: &str) -> Option<T> {
        serde_json::from_value(Value::from(name))
            .map_err(|error| self.errors.add(pointer, "unknown_value", error.to_string()))
            .ok()
    }

    fn all<T: serde::de::DeserializeOwned, C: FromIterator<T>>(
        &mut self,
        pointer: &str,
        names: &[String],
    ) -> C {
        let read = |(i, name): (usize, &String)| self.read(format!("{pointer}/{i}"), name);
        names.iter().enumerate().filter_map(read).collect()
    }

    fn key(&mut self, pointer: String, key: &str) -> Option<Key> {
        let key = Key::new(key);
        key.map_err(|error| self.errors.add(pointer, "invalid_key", error.to_string())).ok()
    }

    fn attribute(&mut self, at: &str, view: AttributeView) -> Option<AttributeDeclaration> {
        let key = self.key(format!("{at}/key"), &view.key);
        let kind = self.read(format!("{at}/kind"), &view.kind);
        let choices = view
            .choices
            .into_iter()
            .enumerate()
            .filter_map(|(i, ChoiceView { key, label })| {
                let key = self.key(format!("{at}/choices/{i}/key"), &key)?;
                Some(Choice { key, label })
            })
            .collect();
        Some(AttributeDeclaration {
            key: key?,
            label: view.label,
            kind: kind?,
            required: view.required,
            filterable: view.filterable,
            searchable: view.searchable,
            harmless: view.harmless,
            unit: view.unit,
            min: view.min,
            max: view.max,
            max_length: view.max_length,
            choices,
        })
    }
}

impl TryFrom<ListingTypeView> for ListingTypeDeclaration {
    type Error = Problem;

    fn try_from(view: ListingTypeView) -> Result<Self, Problem> {
        let mut names = Names { errors: FieldErrors::new() };
        let key = names.key("/key".to_owned(), &view.key);
        let attributes = view
            .attributes
            .into_iter()
            .enumerate()
            .filter_map(|(i, attribute)| names.attribute(&format!("/attributes/{i}"), attribute))
            .collect();
        let kinds: Vec<_> = names.all("/media/kinds", &view.media.kinds);
        let MediaLimitsView { kinds: _, min, max, bytes } = view.media;
        let media = MediaLimits::new(kinds, min, max, bytes);
        let media = names.errors.check("/media", "out_of_range", media);
        let transactions = names.all("/transactions", &view.transactions);
        let access = names.all("/access", &view.access);
        let moderation = names.read("/moderation".to_owned(), &view.moderation);
        let harmless = names.all("/harmless", &view.harmless);
        let review_criteria = view
            .review_criteria
            .into_iter()
            .enumerate()
            .filter_map(|(i, ReviewCriterionView { key, label })| {
                let key = names.key(format!("/review_criteria/{i}/key"), &key)?;
                Some(ReviewCriterion { key, label })
            })
            .collect();
        match (names.errors.is_empty(), key, media, moderation) {
            (true, Some(key), Some(media), Some(moderation)) => Ok(Self {
                key,
                title: view.title,
                plural: view.plural,
                attributes,
                media,
                transactions,
                access,
                price_required: view.price_required,
                stock_required: view.stock_required,
                location_required: view.location_required,
                moderation,
                harmless,
                review_criteria,
            }),
            (_, _, _, _) => Err(Problem::invalid(&names.errors.0)),
        }
    }
}

/// What can be offered.
#[derive(Debug, Serialize, ToSchema)]
struct ListingTypesView {
    /// All listing types in their order.
    data: Vec<ListingTypeView>,
}

/// List the listing types
///
/// What can be offered here, and what is asked of it: forms and filters are made from it.
#[utoipa::path(
    operation_id = "listListingTypes",
    tag = "listing types",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand")),
    responses(
        (status = OK, description = "The listing types", body = ListingTypesView),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/listing-types")]
async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let taxonomy = state.services.catalog.taxonomy.taxonomy().await?;
    let data = taxonomy.listing_types().iter().map(|it| ListingTypeView::from(&**it)).collect();
    Ok(tagged(&request, 1, &ListingTypesView { data }, Caching::Public { max_age: 60 }))
}

/// Look at a listing type
///
/// What is asked of its listings.
#[utoipa::path(
    operation_id = "getListingType",
    tag = "listing types",
    params(
        ("key" = String, Path, description = "Its key", example = "project"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand"),
    ),
    responses(
        (status = OK, description = "The listing type", body = ListingTypeView),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/listing-types/{key}")]
async fn show(
    request: HttpRequest,
    key: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let taxonomy = state.services.catalog.taxonomy.taxonomy().await?;
    let found = taxonomy.listing_type(&key).ok_or_else(|| no_such_type(&key))?;
    let caching = Caching::Public { max_age: 60 };
    Ok(tagged(&request, found.version(), &ListingTypeView::from(&**found), caching))
}

fn no_such_type(key: &str) -> Problem {
    let key = key.chars().take(Key::MAX).collect();
    catalog::CatalogError::ListingTypeNotFound { key }.into()
}

fn key_of(path: &str) -> Result<Key, Problem> {
    path.parse().map_err(|_| no_such_type(path))
}

/// Declare a listing type
///
/// From then on listings of this type can be made. Every server knows it within a second.
#[utoipa::path(
    operation_id = "createListingType",
    tag = "admin: listing types",
    params(("Idempotency-Key" = Option<String>, Header, description = "A value of your own per attempt, so that a retry is safe")),
    request_body = ListingTypeView,
    responses(
        (status = CREATED, description = "The listing type", body = ListingTypeView, headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "Its version"),
        )),
        (status = CONFLICT, description = "The key is taken, or a request with this key has not ended", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/listing-types")]
async fn create(
    Caller(actor): Caller,
    request: HttpRequest,
    body: Body<ListingTypeView>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let scope = idempotency::optional(&request, &actor, body.hash)?;
    let once = scope.map(|scope| Idempotency { scope, answer: &answer });
    let declaration = body.value.try_into()?;
    let taxonomy = &state.services.catalog.taxonomy;
    let once = taxonomy.create_listing_type(&actor, declaration, once).await?;
    Ok(respond(once, answer))
}

fn answer(listing_type: &ListingType) -> Answer {
    let location = format!("/api/v1/listing-types/{}", listing_type.key());
    created(&location, Some(listing_type.version()), &ListingTypeView::from(listing_type))
}

/// Change a listing type
///
/// Replaces its declaration. What would make published listings invalid is refused with their
/// number and the first ten.
#[utoipa::path(
    operation_id = "replaceListingType",
    tag = "admin: listing types",
    params(
        ("key" = String, Path, description = "Its key", example = "project"),
        ("If-Match" = String, Header, description = "The `ETag` that was last seen"),
    ),
    request_body = ListingTypeView,
    responses(
        (status = OK, description = "The listing type as it is now", body = ListingTypeView),
        (status = CONFLICT, description = "Published listings would become invalid", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_REQUIRED, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[put("/admin/listing-types/{key}")]
async fn replace(
    Caller(actor): Caller,
    request: HttpRequest,
    key: Path<String>,
    body: Body<ListingTypeView>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    super::permission::permission(&actor, access::Action::TaxonomyAdminister)?;
    let expected = required_match(&request)?;
    let (key, declaration) = (key_of(&key)?, body.value.try_into()?);
    let taxonomy = &state.services.catalog.taxonomy;
    let changed = taxonomy.replace_listing_type(&actor, &key, declaration, expected).await?;
    Ok(tagged(&request, changed.version(), &ListingTypeView::from(&changed), Caching::Private))
}

/// Remove a listing type
///
/// Only one that no listing has.
#[utoipa::path(
    operation_id = "deleteListingType",
    tag = "admin: listing types",
    params(("key" = String, Path, description = "Its key", example = "project")),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = CONFLICT, description = "It has listings", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[delete("/admin/listing-types/{key}")]
async fn remove(
    Caller(actor): Caller,
    key: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    super::permission::permission(&actor, access::Action::TaxonomyAdminister)?;
    state.services.catalog.taxonomy.delete_listing_type(&actor, &key_of(&key)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
