//! Money: payments, cards, plans, subscriptions, invoices, what providers are owed, and what admins
//! do about all of it. A room per subject.

mod balance;
mod cards;
mod checkout;
mod invoices;
mod ledger;
mod messages;
mod oversight;
mod payments;
mod payouts;
mod plans;
mod subscriptions;
mod three_d_secure;
mod transfers;
mod view;
mod webhooks;

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;
use billing::{GatewayName, Position};
use chrono::{DateTime, Utc};
use kernel::{FieldErrors, Limit, Locale, Page, Text};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::Problem;
use super::limits::ClientAddress;
use super::page::PageView;
use super::query::limit;
use super::server::State;

pub(in crate::http) use view::PurposeView;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(checkout::routes)
        .configure(payments::routes)
        .configure(three_d_secure::routes)
        .configure(cards::routes)
        .configure(plans::routes)
        .configure(subscriptions::routes)
        .configure(invoices::routes)
        .configure(balance::routes)
        .configure(webhooks::routes)
        .configure(oversight::routes)
        .configure(ledger::routes)
        .configure(payouts::routes)
        .configure(transfers::routes)
        .configure(messages::routes);
}

/// Who takes the money.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum GatewayView {
    /// Stripe.
    Stripe,
    /// CloudPayments.
    CloudPayments,
    /// The embedded gateway of development.
    Sandbox,
    /// Bank transfers that people confirm.
    Manual,
}

impl From<GatewayView> for GatewayName {
    fn from(gateway: GatewayView) -> Self {
        match gateway {
            GatewayView::Stripe => Self::Stripe,
            GatewayView::CloudPayments => Self::CloudPayments,
            GatewayView::Sandbox => Self::Sandbox,
            GatewayView::Manual => Self::Manual,
        }
    }
}

/// A page of a list that has neither filter nor sort.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Listed {
    fn read(&self, state: &State, list: &str) -> Result<(Limit, Option<Position>), Problem> {
        Ok((limit(self.limit)?, position(state, list, self.cursor.as_deref())?))
    }
}

/// Where a page starts, from its cursor.
fn position(state: &State, list: &str, cursor: Option<&str>) -> Result<Option<Position>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let (at, id) = state.cursors.decode::<(DateTime<Utc>, Uuid)>(list, cursor)?;
    Ok(Some(Position { at, id }))
}

/// A page as it is shown.
fn page<T: ToSchema, U>(
    page: Page<U, Position>,
    limit: Limit,
    state: &State,
    list: &str,
    present: impl FnMut(U) -> T,
) -> PageView<T> {
    let next = page.next.map(|Position { at, id }| (at, id));
    PageView::new(Page { items: page.items, next }, limit, &state.cursors, list, present)
}

/// Names parted by commas, each of which must be known; 400 for another one.
fn names(
    parameter: &str,
    given: Option<&str>,
    known: &[&'static str],
) -> Result<Vec<String>, Problem> {
    let names = given.into_iter().flat_map(|names| names.split(','));
    names
        .map(|name| {
            let is_known = known.contains(&name);
            is_known
                .then(|| name.to_owned())
                .ok_or_else(|| super::query::unknown(parameter, name, known))
        })
        .collect()
}

/// Reads an id in a query; 400 for what is none.
fn id<T: std::str::FromStr>(parameter: &str, given: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(given) = given else { return Ok(None) };
    given.parse().map(Some).map_err(|_| {
        let mut errors = FieldErrors::new();
        errors.add(parameter, "invalid_id", "must be an id of the kind that is asked for");
        Problem::malformed("invalid_query", "an id of another kind, or none").with_fields(&errors.0)
    })
}

/// Reads a text, or notes what is wrong with it.
fn text<const MIN: usize, const MAX: usize>(
    errors: &mut FieldErrors,
    pointer: &str,
    text: &str,
) -> Option<Text<MIN, MAX>> {
    Text::new(text).map_err(|error| errors.add(pointer, error.code(), error.to_string())).ok()
}

/// Reads a text that must be there.
fn one_text<const MIN: usize, const MAX: usize>(
    pointer: &str,
    given: &str,
) -> Result<Text<MIN, MAX>, Problem> {
    let mut errors = FieldErrors::new();
    text(&mut errors, pointer, given).ok_or_else(|| Problem::invalid(&errors.0))
}

/// The language that a browser asks for first.
fn language(request: &HttpRequest) -> Locale {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let first = header.and_then(|tags| tags.split([',', ';']).next()).unwrap_or_default();
    first.trim().parse().unwrap_or_default()
}

/// Where a request came from, as far as that is known.
fn address(client: ClientAddress) -> Option<IpAddr> {
    (!client.0.is_unspecified()).then_some(client.0)
}
