//! Messages of payment gateways, for admins.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use billing::{GatewayName, Webhook, WebhookId, WebhookQuery, WebhookState};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{GatewayView, names, page, position};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::command::{Command, answers};
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(replay);
}

/// A message of a gateway. What it holds is not shown: it may name people.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookView {
    /// Its id.
    #[schema(example = "whk_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// From which gateway.
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// What makes it one message there.
    #[schema(example = "evt_1Pq0")]
    event_id: String,
    /// The gateway's word for its kind.
    #[schema(example = "charge.refunded")]
    kind: String,
    /// What it is about: `payment`, `subscription`, `payout` or `other`.
    #[schema(example = "payment")]
    subject: &'static str,
    /// How far it is: `received`, `applied`, `ignored`, `failed` or `parked`. New values may come.
    #[schema(example = "parked")]
    status: &'static str,
    /// How often it was tried in vain.
    #[schema(example = 8)]
    attempts: u8,
    /// The last reason.
    #[schema(example = "the payment gateway is not available; try again in a moment")]
    last_error: Option<String>,
    /// When it came first.
    received_at: DateTime<Utc>,
}

impl IntoResponses for WebhookView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The message as it is now")
    }
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            gateway: webhook.gateway.name(),
            event_id: webhook.event_id.to_string(),
            kind: webhook.kind.to_string(),
            subject: webhook.subject.name(),
            status: webhook.state.name(),
            attempts: webhook.attempts,
            last_error: webhook.last_error.clone(),
            received_at: webhook.received_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// From which gateway.
    gateway: Option<GatewayView>,
    /// States, any of them, parted by commas; all of them without it.
    #[param(example = "failed,parked")]
    status: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List messages of gateways
///
/// Newest first. `status=parked` lists those that could not be applied: read `last_error`, mend the
/// cause, then replay them.
#[utoipa::path(
    operation_id = "listWebhooks",
    tag = "admin: webhooks",
    params(Filtered),
    responses((status = OK, description = "A page of messages", body = PageView<WebhookView>)),
)]
#[get("/admin/webhooks")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<WebhookView>>, Problem> {
    let limit = limit(query.limit)?;
    let states = names("status", query.status.as_deref(), &WebhookState::NAMES)?;
    let gateway = query.gateway.map(GatewayName::from);
    let list = format!("webhooks {} {}", gateway.map_or("", GatewayName::name), states.join(","));
    let after = position(&state, &list, query.cursor.as_deref())?;
    let query = WebhookQuery { gateway, states, limit, after };
    let found = state.services.billing.webhooks(&actor, &query).await?;
    Ok(Json(page(found, limit, &state, &list, |webhook| WebhookView::from(&webhook))))
}

/// Replay a gateway's message
///
/// Applies it again. What was applied before changes nothing the second time. It stands in the audit
/// log.
#[utoipa::path(
    operation_id = "replayWebhook",
    tag = "admin: webhooks",
    params(Command<WebhookId>),
    responses(WebhookView),
)]
#[post("/admin/webhooks/{id}/replay")]
async fn replay(command: Command<WebhookId>) -> Result<Json<WebhookView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let webhook = state.services.billing.replay_webhook(actor, *id).await?;
    Ok(Json(WebhookView::from(&webhook)))
}
