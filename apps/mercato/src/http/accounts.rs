//! Accounts, as admins see and change them.

use access::{Role, Roles};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, patch};
use chrono::{DateTime, Utc};
use identity::{
    Account, AccountChange, AccountFilter, AccountPosition, Reason, Status, StatusKind,
};
use kernel::{AccountId, FieldErrors, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::etag::{Caching, if_match, tagged};
use super::moment::Moment;
use super::page::{NumberedPageView, PageView, number};
use super::query::{Query, limit};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(detail).service(update);
}

/// What an account may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleView {
    /// Everyone.
    Client,
    /// Has a provider profile.
    Provider,
    /// Judges content and disputes.
    Moderator,
    /// Runs the marketplace.
    Admin,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Client => Self::Client,
            Role::Provider => Self::Provider,
            Role::Moderator => Self::Moderator,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleView> for Role {
    fn from(role: RoleView) -> Self {
        match role {
            RoleView::Client => Self::Client,
            RoleView::Provider => Self::Provider,
            RoleView::Moderator => Self::Moderator,
            RoleView::Admin => Self::Admin,
        }
    }
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AccountStatusView {
    /// May sign in.
    Active,
    /// An admin keeps it from signing in.
    Suspended,
    /// The person's data is gone.
    Erased,
}

impl From<StatusKind> for AccountStatusView {
    fn from(status: StatusKind) -> Self {
        match status {
            StatusKind::Active => Self::Active,
            StatusKind::Suspended => Self::Suspended,
            StatusKind::Erased => Self::Erased,
        }
    }
}

/// An account, as an admin sees it.
#[derive(Debug, Serialize, ToSchema)]
struct AdminAccountView {
    /// Its id.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its mail address; null once erased.
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// Whether the person proved that the address is theirs.
    email_verified: bool,
    /// What others see.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// The language of mails.
    #[schema(example = "en")]
    locale: String,
    /// The time zone of dates in mails.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// What it may be.
    roles: Vec<RoleView>,
    /// Where it stands.
    status: AccountStatusView,
    /// Since when it is suspended.
    suspended_at: Option<DateTime<Utc>>,
    /// Why it is suspended, in the words of who did it.
    #[schema(example = "Sends spam to providers")]
    suspension_reason: Option<String>,
    /// When it signed up.
    created_at: DateTime<Utc>,
}

impl From<&Account> for AdminAccountView {
    fn from(account: &Account) -> Self {
        let profile = account.profile();
        let (suspended_at, suspension_reason) = match account.status() {
            Status::Suspended { at, reason } => (Some(*at), Some(reason.to_string())),
            Status::Active | Status::Erased { .. } => (None, None),
        };
        Self {
            id: account.id().to_string(),
            email: account.email().map(ToString::to_string),
            email_verified: account.is_verified(),
            display_name: profile.display_name.to_string(),
            locale: profile.locale.to_string(),
            time_zone: profile.time_zone.name().to_owned(),
            roles: account.roles().iter().map(RoleView::from).collect(),
            status: account.status().kind().into(),
            suspended_at,
            suspension_reason,
            created_at: account.record().created_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// A part of the address or the name, in any case; 1 to 100 characters.
    #[param(example = "ada")]
    q: Option<String>,
    /// Where the accounts stand: any of `active`, `suspended`, `erased`, parted by commas.
    #[param(example = "active,suspended")]
    status: Option<String>,
    /// Accounts with this role.
    role: Option<RoleView>,
    /// Signed up at or after.
    #[serde(rename = "created_at[gte]")]
    #[param(value_type = Option<DateTime<Utc>>)]
    created_from: Option<Moment>,
    /// Signed up before.
    #[serde(rename = "created_at[lt]")]
    #[param(value_type = Option<DateTime<Utc>>)]
    created_before: Option<Moment>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The number of a page instead, from 1, within the first 10000 items.
    #[param(minimum = 1, example = 1)]
    page: Option<i64>,
    /// Whether to say how many there are, counted up to 10000.
    include_total: Option<bool>,
}

impl Listed {
    fn filter(&self) -> Result<AccountFilter, Problem> {
        let mut errors = FieldErrors::new();
        let names = self.status.iter().flat_map(|names| names.split(','));
        let mut statuses = Vec::new();
        for name in names {
            match StatusKind::named(name) {
                Some(status) => statuses.push(status),
                None => errors.add(
                    "status",
                    "invalid",
                    format!("`{name}` is none of active, suspended, erased"),
                ),
            }
        }
        let words = self.q.as_ref().map(|words| words.trim().to_owned());
        if words.as_ref().is_some_and(|words| !(1..=100).contains(&words.chars().count())) {
            errors.add("q", "out_of_range", "must have 1 to 100 characters");
        }
        if !errors.is_empty() {
            let problem = Problem::malformed("invalid_query", errors.to_string());
            return Err(problem.with_fields(&errors.0));
        }
        Ok(AccountFilter {
            words,
            statuses,
            role: self.role.map(Role::from),
            created_from: self.created_from.map(Into::into),
            created_before: self.created_before.map(Into::into),
        })
    }
}

/// List accounts
///
/// Newest first. Search by a part of the mail address or the name with `q`.
#[utoipa::path(
    operation_id = "listAccounts",
    tag = "admin: accounts",
    params(Listed),
    responses((status = OK, description = "A page of accounts", body = NumberedPageView<AdminAccountView>)),
)]
#[get("/admin/accounts")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<NumberedPageView<AdminAccountView>>, Problem> {
    let limit = limit(query.limit)?;
    let number = number(query.page, query.cursor.as_deref(), limit)?;
    let filter = query.filter()?;
    let name = format!("accounts {filter:?}");
    let after = query
        .cursor
        .map(|cursor| state.cursors.decode::<(DateTime<Utc>, AccountId)>(&name, &cursor))
        .transpose()?
        .map(|(created_at, id)| AccountPosition { created_at, id });
    let accounts = &state.services.accounts;
    let page = match number {
        Some(number) => accounts.accounts_numbered(&actor, &filter, number, limit).await?,
        None => accounts.accounts(&actor, &filter, after, limit).await?,
    };
    let total = match query.include_total {
        Some(true) => Some(accounts.count_accounts(&actor, &filter).await?),
        Some(false) | None => None,
    };
    let next = page.next.map(|position| (position.created_at, position.id));
    let page = Page { items: page.items, next };
    let present = |account: Account| AdminAccountView::from(&account);
    let view = PageView::new(page, limit, &state.cursors, &name, present);
    Ok(Json(NumberedPageView::new(view, total)))
}

/// Look at an account
///
/// With everything an admin may know of it. Its `ETag` is what `PATCH` takes as `If-Match`.
#[utoipa::path(
    operation_id = "getAccount",
    tag = "admin: accounts",
    params(("id" = String, Path, description = "The account", example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "The account", body = AdminAccountView)),
)]
#[get("/admin/accounts/{id}")]
async fn detail(
    Caller(actor): Caller,
    id: Path<AccountId>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let account = state.services.accounts.account(&actor, *id).await?;
    let view = AdminAccountView::from(&account);
    Ok(tagged(&request, account.version(), &view, Caching::Private))
}

/// What an admin may set an account to.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WantedStatus {
    /// Restore it.
    Active,
    /// Keep it from signing in, and end its sessions.
    Suspended,
}

/// What shall change of an account, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "suspended", "reason": "Sends spam to providers" }))]
struct ChangeAccount {
    /// Where it shall stand.
    status: Option<WantedStatus>,
    /// All roles it shall have. `client` must stay; `provider` comes and goes with a profile only.
    #[schema(example = json!(["client", "moderator"]))]
    roles: Option<Vec<RoleView>>,
    /// Why, for the audit log: 3 to 500 characters.
    #[schema(min_length = 3, max_length = 500, example = "Sends spam to providers")]
    reason: String,
}

impl TryFrom<ChangeAccount> for AccountChange {
    type Error = Problem;

    fn try_from(body: ChangeAccount) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let reason = match Reason::new(&body.reason) {
            Ok(reason) => Some(reason),
            Err(error) => {
                errors.add("/reason", error.code(), error.to_string());
                None
            }
        };
        let suspended = body.status.map(|status| match status {
            WantedStatus::Active => false,
            WantedStatus::Suspended => true,
        });
        let roles = body.roles.map(|roles| roles.into_iter().map(Role::from).collect::<Roles>());
        if suspended.is_none() && roles.is_none() {
            errors.add("", "required", "give a status, roles, or both");
        }
        let reason = reason.filter(|_| errors.is_empty());
        let whole = reason.map(|reason| Self { suspended, roles, reason });
        whole.ok_or_else(|| Problem::invalid(&errors.0))
    }
}

/// Suspend or restore an account, or change its roles
///
/// Suspending ends all its sessions within a second. What is not given stays. Every change is in
/// the audit log with its reason. With `If-Match` it is refused if somebody changed the account
/// since. Nobody can suspend themselves, take their own admin role, or remove the last admin.
#[utoipa::path(
    operation_id = "changeAccount",
    tag = "admin: accounts",
    params(
        ("id" = String, Path, description = "The account", example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    request_body = ChangeAccount,
    responses(
        (status = OK, description = "The account as it is now", body = AdminAccountView),
        (status = CONFLICT, description = "Not from where it stands, or nobody could administer the marketplace any more",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "Somebody changed it since", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[patch("/admin/accounts/{id}")]
async fn update(
    Caller(actor): Caller,
    id: Path<AccountId>,
    request: HttpRequest,
    body: Body<ChangeAccount>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let change = AccountChange::try_from(body.value)?;
    let account = state.services.accounts.change(&actor, *id, change, expected).await?;
    let view = AdminAccountView::from(&account);
    Ok(tagged(&request, account.version(), &view, Caching::Private))
}
