//! The tree of categories.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use catalog::{Category, CategoryPatch, Change};
use kernel::{Answer, CategoryId, Idempotency};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::{Body, Patch};
use super::caller::Caller;
use super::etag::{Caching, if_match, tagged};
use super::idempotency::{self, created, respond};
use super::listings::change;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(update).service(remove);
}

/// A category.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CategoryView {
    /// Its id.
    #[schema(example = "cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The category above it; null at the top.
    #[schema(example = "cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e00")]
    parent_id: Option<String>,
    /// Its name in addresses, unique.
    #[schema(example = "kitchens")]
    slug: String,
    /// Its name in the marketplace's own language.
    #[schema(example = "Kitchens")]
    name: String,
    /// Its name in other languages, by language tag.
    #[schema(value_type = std::collections::HashMap<String, String>, example = json!({ "de": "Küchen" }))]
    translations: BTreeMap<String, String>,
    /// Its place among its siblings.
    #[schema(example = 0)]
    position: i32,
    /// How often it was changed, from 1.
    #[schema(example = 1)]
    version: i32,
}

impl From<&Category> for CategoryView {
    fn from(category: &Category) -> Self {
        let Category { id, parent, slug, name, translations, position, version } = category;
        Self {
            id: id.to_string(),
            parent_id: parent.map(|id| id.to_string()),
            slug: slug.to_string(),
            name: name.to_string(),
            translations: translations
                .iter()
                .map(|(tag, name)| (tag.clone(), name.to_string()))
                .collect(),
            position: *position,
            version: *version,
        }
    }
}

/// The tree.
#[derive(Debug, Serialize, ToSchema)]
struct CategoriesView {
    /// All categories; those of one parent in their order.
    data: Vec<CategoryView>,
}

/// List the categories
///
/// The whole tree at once; build it by `parent_id`. Keep it for a minute.
#[utoipa::path(
    operation_id = "listCategories",
    tag = "categories",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand")),
    responses(
        (status = OK, description = "The tree", body = CategoriesView),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/categories")]
async fn list(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let taxonomy = state.services.catalog.taxonomy.taxonomy().await?;
    let data = taxonomy.categories().iter().map(|it| CategoryView::from(&**it)).collect();
    Ok(tagged(&request, 1, &CategoriesView { data }, Caching::Public { max_age: 60 }))
}

/// A category to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Kitchens", "translations": { "de": "Küchen" } }))]
struct CreateCategory {
    /// Its name, 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// Its name in addresses; made from the name if left out.
    slug: Option<String>,
    /// The category above it.
    parent_id: Option<String>,
    /// Its place among its siblings, 0 to 9999.
    #[schema(minimum = 0, maximum = 9999)]
    position: Option<i64>,
    /// Its name in other languages, by language tag.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    translations: BTreeMap<String, String>,
}

impl From<CreateCategory> for CategoryPatch {
    fn from(body: CreateCategory) -> Self {
        let CreateCategory { name, slug, parent_id, position, translations } = body;
        Self {
            name: Change::Set(name),
            slug: slug.map_or(Change::Keep, Change::Set),
            parent: parent_id.map_or(Change::Keep, Change::Set),
            position: position.map_or(Change::Keep, Change::Set),
            translations: translations.into_iter().map(|(tag, name)| (tag, Some(name))).collect(),
        }
    }
}

/// What shall change of a category; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "parent_id": null, "position": 2, "translations": { "de": null } }))]
struct UpdateCategory {
    /// Its name, 1 to 80 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 80)]
    name: Patch<String>,
    /// Its name in addresses; null makes it from the name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    slug: Patch<String>,
    /// The category above it; null moves it to the top.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent_id: Patch<String>,
    /// Its place among its siblings, 0 to 9999.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 9999)]
    position: Patch<i64>,
    /// Its name in other languages, by language tag; null takes one away.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Option<String>>)]
    translations: BTreeMap<String, Option<String>>,
}

impl From<UpdateCategory> for CategoryPatch {
    fn from(body: UpdateCategory) -> Self {
        let UpdateCategory { name, slug, parent_id, position, translations } = body;
        Self {
            name: change(name),
            slug: change(slug),
            parent: change(parent_id),
            position: change(position),
            translations,
        }
    }
}

/// Add a category
///
/// Below another one, or at the top. Every server knows it within a second.
#[utoipa::path(
    operation_id = "createCategory",
    tag = "admin: categories",
    params(("Idempotency-Key" = Option<String>, Header, description = "A value of your own per attempt, so that a retry is safe")),
    request_body = CreateCategory,
    responses(
        (status = CREATED, description = "The category", body = CategoryView, headers(
            ("Location" = String, description = "The list it is in"),
            ("ETag" = String, description = "Its version"),
        )),
        (status = CONFLICT, description = "The slug is taken, or a request with this key has not ended", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/categories")]
async fn create(
    Caller(actor): Caller,
    request: HttpRequest,
    body: Body<CreateCategory>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let scope = idempotency::optional(&request, &actor, body.hash)?;
    let once = scope.map(|scope| Idempotency { scope, answer: &answer });
    let taxonomy = &state.services.catalog.taxonomy;
    let once = taxonomy.create_category(&actor, &body.value.into(), once).await?;
    Ok(respond(once, answer))
}

fn answer(category: &Category) -> Answer {
    created("/api/v1/categories", Some(category.version), &CategoryView::from(category))
}

/// Rename, translate or move a category
///
/// A merge patch. What would make a circle, or a tree deeper than six, is refused.
#[utoipa::path(
    operation_id = "updateCategory",
    tag = "admin: categories",
    params(
        ("id" = String, Path, description = "The category", example = "cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    request_body = UpdateCategory,
    responses(
        (status = OK, description = "The category as it is now", body = CategoryView),
        (status = CONFLICT, description = "The slug is taken", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[patch("/admin/categories/{id}")]
async fn update(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<CategoryId>,
    body: Body<UpdateCategory>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let taxonomy = &state.services.catalog.taxonomy;
    let category = taxonomy.update_category(&actor, *id, &body.value.into(), expected).await?;
    Ok(tagged(&request, category.version, &CategoryView::from(&category), Caching::Private))
}

/// Remove a category
///
/// Only one that holds neither categories nor listings.
#[utoipa::path(
    operation_id = "deleteCategory",
    tag = "admin: categories",
    params(("id" = String, Path, description = "The category", example = "cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = CONFLICT, description = "It is not empty", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[delete("/admin/categories/{id}")]
async fn remove(
    Caller(actor): Caller,
    id: Path<CategoryId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    state.services.catalog.taxonomy.delete_category(&actor, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
