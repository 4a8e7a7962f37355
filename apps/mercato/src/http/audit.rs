//! The audit log, for admins.

use access::Action;
use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use identity::{AuditFilter, AuditRecord};
use kernel::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::moment::Moment;
use super::page::PageView;
use super::query::{Query, limit};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// One line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 4711,
    "actor": "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "action": "account.administer",
    "command": "suspend",
    "object": "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e1a",
    "before": { "status": "active" },
    "after": { "status": "suspended" },
    "reason": "Sends spam to providers",
    "request_id": "0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "at": "2026-01-12T09:00:00Z",
}))]
struct AuditView {
    /// Its number; later lines have higher ones.
    id: i64,
    /// Who did it; null for the marketplace itself, and for somebody who was not signed in.
    actor: Option<String>,
    /// What, by the permission matrix.
    action: String,
    /// What exactly.
    command: String,
    /// To what.
    object: String,
    /// What changed, as it was.
    before: serde_json::Value,
    /// What changed, as it became.
    after: serde_json::Value,
    /// Why, in the words of who did it.
    reason: Option<String>,
    /// The request it was done in.
    request_id: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord {
            id,
            actor,
            action,
            command,
            object,
            before,
            after,
            reason,
            request_id,
            at,
        } = record;
        let actor = actor.map(|actor| actor.to_string());
        Self { id, actor, action, command, object, before, after, reason, request_id, at }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Who did it: the id of an account.
    #[param(value_type = Option<String>, example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    actor: Option<AccountId>,
    /// To what it was done: an id of any kind.
    #[param(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    object: Option<String>,
    /// What was done, by the permission matrix.
    #[param(example = "account.administer")]
    action: Option<String>,
    /// In which request it was done.
    request_id: Option<String>,
    /// At or after.
    #[serde(rename = "at[gte]")]
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<Moment>,
    /// Before.
    #[serde(rename = "at[lt]")]
    #[param(value_type = Option<DateTime<Utc>>)]
    before: Option<Moment>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Read the audit log
///
/// Newest first: every change by a moderator or an admin, and what looks like an attack on an
/// account. Lines are never changed and never removed.
#[utoipa::path(
    operation_id = "listAuditLog",
    tag = "admin: audit",
    params(Listed),
    responses((status = OK, description = "A page of lines", body = PageView<AuditView>)),
)]
#[get("/admin/audit")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<AuditView>>, Problem> {
    let limit = limit(query.limit)?;
    let filter = AuditFilter {
        actor: query.actor,
        object: query.object,
        action: query.action.as_deref().map(action).transpose()?,
        request_id: query.request_id,
        from: query.from.map(Into::into),
        before: query.before.map(Into::into),
    };
    let name = format!("audit {filter:?}");
    let below = query.cursor.map(|cursor| state.cursors.decode(&name, &cursor)).transpose()?;
    let page = state.services.accounts.audit(&actor, &filter, below, limit).await?;
    Ok(Json(PageView::new(page, limit, &state.cursors, &name, AuditView::from)))
}

fn action(name: &str) -> Result<Action, Problem> {
    Action::ALL.iter().copied().find(|action| action.name() == name).ok_or_else(|| {
        Problem::malformed("invalid_query", "action: no such action in the permission matrix")
    })
}
