//! The OpenAPI document, put together from the handlers and completed with what all of them share.

mod examples;
mod parameters;
mod refusals;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Ref, RefOr};
use utoipa_actix_web::AppExt;

use super::{Problem, permissions, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mercato",
        version = env!("CARGO_PKG_VERSION"),
        description = "The API of a two-sided marketplace. Amounts are integers in the minor unit \
                       of their currency, times are RFC 3339 in UTC, ids carry the prefix of their \
                       kind, enums are open: expect new values. Every refusal is a `Problem` \
                       (RFC 9457) with a stable `code`, explained at `/docs/errors`.",
        contact(name = "Mercato", url = "https://mercato.example"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    components(schemas(Problem)),
)]
struct Document;

/// What the groups of operations are for, in the order in which they are shown.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Signing up and in, tokens, passwords."),
    ("me", "One's own account and sessions."),
    ("listing types", "What can be offered here, and what is said of it."),
    ("categories", "The tree that listings stand in."),
    ("listings", "Finding what is offered, and offering: from the draft to the archive."),
    ("providers", "Who offers."),
    ("favorites", "What one keeps for later."),
    ("availability", "When a provider can be booked."),
    ("bookings", "From the request to the work that is done."),
    ("calendar", "Bookings in calendar programs."),
    ("payments", "Paying: by the app's own means, through 3-D Secure, or on a gateway's page."),
    ("cards", "Cards that one lets a gateway keep."),
    ("plans", "What can be subscribed to."),
    ("subscriptions", "Running agreements to a plan."),
    ("invoices", "What was paid, on paper."),
    ("balance", "What a provider is owed, and was paid."),
    ("promotions", "Paid visibility of a listing or provider, and what it does."),
    ("webhooks", "Where payment gateways write to."),
    ("reviews", "What clients say of work that was done."),
    ("notifications", "What one is told, and how."),
    ("media", "Pictures and documents."),
    ("admin: moderation", "What waits for a moderator."),
    ("admin: providers", "Verifying and suspending providers."),
    ("admin: reviews", "Deciding on reviews."),
    ("admin: disputes", "Deciding where the two sides of a booking do not agree."),
    ("admin: payments", "Looking at payments, and giving money back."),
    ("admin: ledger", "Every movement of money, twice."),
    ("admin: payouts", "Letting go of what providers are paid, and on which terms."),
    ("admin: webhooks", "Messages of payment gateways."),
    ("admin: plans", "Plans of the marketplace itself."),
    ("admin: promotions", "What promotions can be bought, and taking them back."),
    ("admin: coupons", "Codes that take something off a price."),
    ("admin: accounts", "Roles and suspensions."),
    ("admin: audit", "Who decided what, and why."),
    ("admin: listing types", "Changing what can be offered."),
    ("admin: categories", "Changing the tree that listings stand in."),
    ("admin: jobs", "Work in the background."),
    ("admin: clock", "Time, where it is simulated."),
];

/// The API description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let app =
        actix_web::App::new().into_utoipa_app().openapi(Document::openapi()).configure(routes::api);
    let mut document = app.split_for_parts().1;
    complete(&mut document);
    document
}

fn complete(document: &mut utoipa::openapi::OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token from `POST /api/v1/auth/token`."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let tag = |(name, text): &(&str, &str)| {
        TagBuilder::new().name(*name).description(Some(*text)).build()
    };
    document.tags = Some(TAGS.iter().map(tag).collect());
    for (path, item) in &mut document.paths.paths {
        let has_parameters = path.contains('{');
        for (is_write, operation) in operations(item) {
            permissions::describe(operation);
            parameters::complete(operation);
            refusals::add(operation, is_write, has_parameters);
        }
    }
    name_items(document);
    examples::add(document);
}

/// Lets the pages of lists name what they hold. As derived, every one repeats the whole of it.
fn name_items(document: &mut utoipa::openapi::OpenApi) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    let known: BTreeSet<String> = schemas.keys().cloned().collect();
    for (name, schema) in schemas {
        let Some(item) = name.strip_prefix("PageView_").filter(|item| known.contains(*item)) else {
            continue;
        };
        if let RefOr::T(Schema::Object(page)) = schema
            && let Some(RefOr::T(Schema::Array(data))) = page.properties.get_mut("data")
        {
            data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

/// The operations of a path, and whether each changes something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    [
        (false, &mut item.get),
        (true, &mut item.post),
        (true, &mut item.put),
        (true, &mut item.patch),
        (true, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(is_write, operation)| Some((is_write, operation.as_mut()?)))
}
