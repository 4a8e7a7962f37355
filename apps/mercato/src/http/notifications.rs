//! What one was told, and what one wants to be told.

use std::collections::BTreeMap;

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post, put};
use chrono::{DateTime, Utc};
use kernel::{NotificationId, Page};
use notifications::{
    NotificationPosition, Preferences, Presented, ReadCommand, Setting, Topic, UnsubscribePage,
    Words,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::html::{self, escaped};
use super::moment::Moment;
use super::page::PageView;
use super::query::{Query, limit};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list)
        .service(mark_read)
        .service(chosen)
        .service(choose)
        .service(unsubscribe_page)
        .service(unsubscribe);
}

/// What notifications are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TopicView {
    /// Requests, offers, appointments, work.
    Bookings,
    /// Payments, subscriptions, invoices, payouts.
    Payments,
    /// Paid visibility: when it begins and ends.
    Promotions,
    /// Reviews by and of oneself.
    Reviews,
    /// Decisions on one's listings and profile.
    Listings,
    /// Work that waits for a moderator.
    Moderation,
    /// One's account and its safety.
    Account,
}

impl From<Topic> for TopicView {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::Bookings => Self::Bookings,
            Topic::Payments => Self::Payments,
            Topic::Promotions => Self::Promotions,
            Topic::Reviews => Self::Reviews,
            Topic::Listings => Self::Listings,
            Topic::Moderation => Self::Moderation,
            Topic::Account => Self::Account,
        }
    }
}

/// A notification, in the language of its reader.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationView {
    /// Its id.
    #[schema(example = "ntf_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// What it is about.
    topic: TopicView,
    /// Which words it uses, for apps that have their own.
    #[schema(example = "booking_accepted")]
    kind: String,
    /// The id of what it is about: where a click leads.
    #[schema(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    subject: String,
    /// One line.
    #[schema(example = "Loft in Berlin is booked")]
    title: String,
    /// A few sentences; empty if there is no more to say.
    #[schema(example = "Your request for Loft in Berlin was accepted.")]
    body: String,
    /// What to do next: the label of a button.
    #[schema(example = "See the booking")]
    action: String,
    /// When it happened.
    created_at: DateTime<Utc>,
    /// When it was read, if it was.
    read_at: Option<DateTime<Utc>>,
}

impl From<Presented> for NotificationView {
    fn from(presented: Presented) -> Self {
        let Presented { notification, words } = presented;
        Self {
            id: notification.id.to_string(),
            topic: notification.topic.into(),
            kind: notification.text,
            subject: notification.subject,
            title: words.title,
            body: words.body.join(" "),
            action: words.action,
            created_at: notification.created_at,
            read_at: notification.read_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Only what was not read.
    #[serde(default)]
    unread: bool,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List one's notifications
///
/// The latest first, in one's language. `unread=true&limit=1` tells whether there is anything new.
#[utoipa::path(
    operation_id = "listNotifications",
    tag = "notifications",
    params(Listed),
    responses(
        (status = OK, description = "A page of notifications", body = PageView<NotificationView>),
    ),
)]
#[get("/notifications")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<NotificationView>>, Problem> {
    let limit = limit(query.limit)?;
    let name = format!("notifications {}", query.unread);
    let after = match &query.cursor {
        None => None,
        Some(cursor) => {
            let (at, id) = state.cursors.decode(&name, cursor)?;
            Some(NotificationPosition { at, id })
        }
    };
    let notifications = &state.services.notifications;
    let found = notifications.notifications(&actor, query.unread, after, limit).await?;
    let page = Page { items: found.items, next: found.next.map(|next| (next.at, next.id)) };
    Ok(Json(PageView::new(page, limit, &state.cursors, &name, NotificationView::from)))
}

/// What was read: `ids`, or all `up_to` a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ids": ["ntf_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"] }))]
struct ReadNotifications {
    /// These, at most 100.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    ids: Option<Vec<NotificationId>>,
    /// All that happened up to then.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    up_to: Option<Moment>,
}

impl TryFrom<ReadNotifications> for ReadCommand {
    type Error = Problem;

    fn try_from(body: ReadNotifications) -> Result<Self, Problem> {
        match (body.ids, body.up_to) {
            (Some(ids), None) => Ok(Self::These(ids)),
            (None, Some(up_to)) => Ok(Self::UpTo(up_to.into())),
            (None, None) | (Some(_), Some(_)) => Err(Problem::invalid(&[kernel::FieldError {
                pointer: "/ids".to_owned(),
                code: "required",
                detail: "send either `ids` or `up_to`".to_owned(),
            }])),
        }
    }
}

/// Mark notifications as read
///
/// Any number of times; what is not one's own is passed over.
#[utoipa::path(
    operation_id = "markNotificationsRead",
    tag = "notifications",
    request_body = ReadNotifications,
    responses((status = NO_CONTENT, description = "Marked")),
)]
#[put("/notifications/read")]
async fn mark_read(
    Caller(actor): Caller,
    body: Body<ReadNotifications>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let command = body.value.try_into()?;
    state.services.notifications.mark_read(&actor, command).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How one is told of a topic.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingView {
    /// In the list of notifications.
    in_app: bool,
    /// By mail.
    mail: bool,
}

/// What one wants to be told. Messages about one's account and its safety come always.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "topics": { "bookings": { "in_app": true, "mail": false } } }))]
struct PreferencesView {
    /// By topic.
    topics: BTreeMap<TopicView, SettingView>,
}

impl From<Preferences> for PreferencesView {
    fn from(preferences: Preferences) -> Self {
        let view = |(topic, setting): (Topic, Setting)| {
            let Setting { in_app, mail } = setting;
            (topic.into(), SettingView { in_app, mail })
        };
        Self { topics: preferences.all().map(view).collect() }
    }
}

/// Look at what one is told of
#[utoipa::path(
    operation_id = "getNotificationPreferences",
    tag = "notifications",
    responses((status = OK, description = "By topic", body = PreferencesView)),
)]
#[get("/me/notification-preferences")]
async fn chosen(
    Caller(actor): Caller,
    state: Data<State>,
) -> Result<Json<PreferencesView>, Problem> {
    let preferences = state.services.notifications.preferences(&actor).await?;
    Ok(Json(preferences.into()))
}

/// Topics that can be turned on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OptionalTopic {
    /// Requests, offers, appointments, work.
    Bookings,
    /// Payments, subscriptions, invoices, payouts.
    Payments,
    /// Paid visibility: when it begins and ends.
    Promotions,
    /// Reviews by and of oneself.
    Reviews,
    /// Decisions on one's listings and profile.
    Listings,
    /// Work that waits for a moderator.
    Moderation,
}

impl From<OptionalTopic> for Topic {
    fn from(topic: OptionalTopic) -> Self {
        match topic {
            OptionalTopic::Bookings => Self::Bookings,
            OptionalTopic::Payments => Self::Payments,
            OptionalTopic::Promotions => Self::Promotions,
            OptionalTopic::Reviews => Self::Reviews,
            OptionalTopic::Listings => Self::Listings,
            OptionalTopic::Moderation => Self::Moderation,
        }
    }
}

/// What one wants to be told; topics that are not named stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "topics": { "bookings": { "in_app": true, "mail": false } } }))]
struct ChosenPreferences {
    /// By topic.
    topics: BTreeMap<OptionalTopic, SettingView>,
}

/// Choose what one is told of
#[utoipa::path(
    operation_id = "chooseNotificationPreferences",
    tag = "notifications",
    request_body = ChosenPreferences,
    responses((status = OK, description = "By topic", body = PreferencesView)),
)]
#[put("/me/notification-preferences")]
async fn choose(
    Caller(actor): Caller,
    body: Body<ChosenPreferences>,
    state: Data<State>,
) -> Result<Json<PreferencesView>, Problem> {
    let choice: Vec<(Topic, Setting)> = body
        .value
        .topics
        .into_iter()
        .map(|(topic, SettingView { in_app, mail })| (topic.into(), Setting { in_app, mail }))
        .collect();
    let preferences = state.services.notifications.choose(&actor, &choice).await?;
    Ok(Json(preferences.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UnsubscribeLink {
    /// What the link in the mail carries.
    token: String,
}

/// Ask before stopping mails
///
/// What the link at the foot of a mail opens in a browser: a page with one button. Opening it
/// stops nothing, since programs that look at mails open every link in them.
#[utoipa::path(
    operation_id = "showUnsubscribe",
    tag = "notifications",
    params(UnsubscribeLink),
    responses((status = OK, description = "A page", content_type = "text/html", body = String)),
)]
#[get("/notifications/unsubscribe")]
async fn unsubscribe_page(
    Query(link): Query<UnsubscribeLink>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    page(&state, &link, UnsubscribePage::Asked).await
}

/// Stop mails on a topic
///
/// One click in a mail program, without signing in (RFC 8058). Any number of times.
#[utoipa::path(
    operation_id = "unsubscribe",
    tag = "notifications",
    params(UnsubscribeLink),
    responses(
        (status = OK, description = "Stopped", content_type = "text/html", body = String),
        (status = BAD_REQUEST, description = "Not a link of ours", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/notifications/unsubscribe")]
async fn unsubscribe(
    Query(link): Query<UnsubscribeLink>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    state.services.notifications.unsubscribe(&link.token).await?;
    page(&state, &link, UnsubscribePage::Done).await
}

/// A page in the language of whom the mail was for, without anything of the caller's in it. Its
/// form may post to its own address only.
async fn page(
    state: &State,
    link: &UnsubscribeLink,
    page: UnsubscribePage,
) -> Result<HttpResponse, Problem> {
    let notifications = &state.services.notifications;
    let (language, words) = notifications.unsubscribe_page(&link.token, page).await?;
    let Words { title, body, action } = words;
    let body = body.join(" ");
    let form = match page {
        UnsubscribePage::Asked => {
            format!("<form method=\"post\"><button>{}</button></form>", escaped(&action))
        }
        UnsubscribePage::Done => String::new(),
    };
    let main = format!("<h1>{}</h1><p>{}</p>{form}", escaped(&title), escaped(&body));
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((
            "Content-Security-Policy",
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        ))
        .body(html::page(language, &title, &main)))
}
