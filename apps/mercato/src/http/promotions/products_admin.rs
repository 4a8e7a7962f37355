//! Changing what promotions can be bought.

use access::Actor;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post, put};
use kernel::{FieldError, FieldErrors};
use promotions::{PriceDeclaration, Product, ProductDeclaration, PromotionError};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::products::{PromotionLimits, PromotionPrice, PromotionProductView, PromotionProducts};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::etag::{Caching, etag, required_match, tagged};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(declare).service(show).service(redeclare).service(close);
}

/// The most prices that are read; a product has one for each of its few times.
const MOST_PRICES: usize = 20;

/// A product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "top",
    "title": "Top of the search",
    "target": "listing",
    "prices": [
        { "duration_days": 7, "price": { "amount": 900, "currency": "EUR" } },
        { "duration_days": 30, "price": { "amount": 2900, "currency": "EUR" } },
    ],
    "limits": { "per_provider": 5 },
}))]
struct ProductBody {
    /// Its name for programs; never changed once it is in use.
    #[schema(min_length = 1, max_length = 40)]
    key: String,
    /// Its name for people, also on the payer's statement.
    #[schema(min_length = 1, max_length = 80)]
    title: String,
    /// What it promotes: `listing` or `provider`.
    target: String,
    /// What it does: `top` and `detailed` for a listing, `pro` for a provider; the same as the key
    /// without it.
    effect: Option<String>,
    /// What it costs, a line per time, all in one currency.
    #[schema(min_items = 1, max_items = 20)]
    prices: Vec<PromotionPrice>,
    /// How much of it can be had.
    #[serde(default)]
    limits: PromotionLimits,
}

impl ProductBody {
    fn read(self) -> Result<ProductDeclaration, Problem> {
        let Self { key, title, target, effect, prices, limits } = self;
        let mut errors = FieldErrors::new();
        let Some(first) = prices.first() else {
            errors.add("/prices", "required", "must hold a price");
            return Err(Problem::invalid(&errors.0));
        };
        if prices.len() > MOST_PRICES {
            errors.add("/prices", "too_many", format!("must hold at most {MOST_PRICES}"));
            return Err(Problem::invalid(&errors.0));
        }
        let currency = first.price.currency().to_owned();
        for (i, line) in prices.iter().enumerate() {
            if line.price.currency() != currency {
                let detail = "must be that of the first price";
                errors.add(format!("/prices/{i}/price/currency"), "does_not_fit", detail);
            }
        }
        errors.into_result().map_err(|errors| Problem::invalid(&errors.0))?;
        let line = |line: &PromotionPrice| PriceDeclaration {
            duration_days: line.duration_days,
            amount: line.price.minor(),
        };
        let prices = prices.iter().map(line).collect();
        Ok(ProductDeclaration {
            key,
            title,
            target,
            effect,
            currency,
            prices,
            limits: limits.into(),
        })
    }
}

/// The refusal of a declaration, its pointers into the body that was sent.
fn refused(error: PromotionError) -> Problem {
    let PromotionError::Invalid(errors) = error else { return error.into() };
    let pointed = errors.0.into_iter().map(|error| {
        let pointer = match error.pointer.strip_suffix("/amount") {
            _ if error.pointer == "/currency" => "/prices/0/price/currency".to_owned(),
            Some(line) => format!("{line}/price/amount"),
            None => error.pointer,
        };
        FieldError { pointer, ..error }
    });
    Problem::invalid(&pointed.collect::<Vec<_>>())
}

/// List all products
///
/// Also those that cannot be bought any more.
#[utoipa::path(
    operation_id = "listAllPromotionProducts",
    tag = "admin: promotions",
    responses((status = OK, description = "The products", body = PromotionProducts)),
)]
#[get("/admin/promotions/products")]
async fn list(
    Caller(actor): Caller,
    state: Data<State>,
) -> Result<Json<PromotionProducts>, Problem> {
    let products = state.services.promotion_products.products(&actor).await?;
    Ok(Json(products.into()))
}

/// Declare a product
///
/// It can be bought from then on. It stands in the audit log.
#[utoipa::path(
    operation_id = "declarePromotionProduct",
    tag = "admin: promotions",
    request_body = ProductBody,
    responses(
        (status = CREATED, description = "The product", body = PromotionProductView, headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "Its version"),
        )),
        (status = CONFLICT, description = "There is a product with this key", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/promotions/products")]
async fn declare(
    Caller(actor): Caller,
    Cardless(body): Cardless<ProductBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let declaration = body.value.read()?;
    let products = &state.services.promotion_products;
    let product = products.declare(&actor, &declaration).await.map_err(refused)?;
    let record = product.record();
    let body =
        serde_json::to_string(&PromotionProductView::from(&product)).expect("a view is plain data");
    Ok(HttpResponse::Created()
        .insert_header(("Location", format!("/api/v1/admin/promotions/products/{}", record.key)))
        .insert_header(("ETag", etag(record.version, &body)))
        .content_type("application/json")
        .body(body))
}

/// A product by its key, closed or not.
async fn product(actor: &Actor, key: &str, state: &State) -> Result<Product, Problem> {
    let products = state.services.promotion_products.products(actor).await?;
    let found = products.into_iter().find(|product| product.record().key.as_str() == key);
    found.ok_or_else(|| {
        PromotionError::ProductNotFound { key: key.chars().take(64).collect() }.into()
    })
}

fn shown(request: &HttpRequest, product: &Product) -> HttpResponse {
    let view = PromotionProductView::from(product);
    tagged(request, product.record().version, &view, Caching::Private)
}

/// Look at a product
///
/// Also at one that cannot be bought any more.
#[utoipa::path(
    operation_id = "getPromotionProduct",
    tag = "admin: promotions",
    params(("key" = String, Path, description = "Its key", example = "top")),
    responses((status = OK, description = "The product", body = PromotionProductView)),
)]
#[get("/admin/promotions/products/{key}")]
async fn show(
    Caller(actor): Caller,
    key: Path<String>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    Ok(shown(&request, &product(&actor, &key, &state).await?))
}

/// Change a product
///
/// Replaces its declaration by a next version, and opens a closed one again; its key and effect
/// stay. What was bought keeps its version. It stands in the audit log.
#[utoipa::path(
    operation_id = "changePromotionProduct",
    tag = "admin: promotions",
    params(
        ("key" = String, Path, description = "Its key", example = "top"),
        ("If-Match" = String, Header, description = "The `ETag` that was last seen"),
    ),
    request_body = ProductBody,
    responses(
        (status = OK, description = "The product as it is now", body = PromotionProductView),
        (status = PRECONDITION_FAILED, description = "It has changed since you loaded it",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_REQUIRED, description = "`If-Match` is missing", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[put("/admin/promotions/products/{key}")]
async fn redeclare(
    Caller(actor): Caller,
    key: Path<String>,
    request: HttpRequest,
    Cardless(body): Cardless<ProductBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = required_match(&request)?;
    let declaration = body.value.read()?;
    let expected = match expected {
        Some(version) => version,
        None => product(&actor, &key, &state).await?.record().version,
    };
    let products = &state.services.promotion_products;
    let changed = products.redeclare(&actor, &key, expected, &declaration).await;
    Ok(shown(&request, &changed.map_err(refused)?))
}

/// Close a product
///
/// It cannot be bought any more; what was bought stays. It stands in the audit log.
#[utoipa::path(
    operation_id = "closePromotionProduct",
    tag = "admin: promotions",
    params(("key" = String, Path, description = "Its key", example = "top")),
    responses((status = OK, description = "The product as it is now", body = PromotionProductView)),
)]
#[post("/admin/promotions/products/{key}/close")]
async fn close(
    Caller(actor): Caller,
    key: Path<String>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let closed = state.services.promotion_products.close(&actor, &key).await?;
    Ok(shown(&request, &closed))
}
