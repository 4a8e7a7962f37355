//! A call that works, for every operation there is.

use chrono::{SubsecRound, TimeDelta};
use identity::LinkPurpose;
use serde_json::{Value, json};

use crate::scenes::{CURATED, VISIT, always_open, listing_type};
use crate::{Marketplace, PASSWORD, Person, World};

/// What a call is made of.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// What stands for the parameters of the path, in their order.
    pub(crate) path: Vec<String>,
    /// The query, from its `?`; empty for none.
    pub(crate) query: String,
    /// The body.
    pub(crate) body: Option<Value>,
    /// Further headers.
    pub(crate) headers: Vec<(String, String)>,
    /// The files of a form.
    pub(crate) files: Vec<Vec<u8>>,
}

impl Arguments {
    pub(crate) fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(crate) fn saying(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }

    pub(crate) fn asking(self, query: &str) -> Self {
        Self { query: format!("?{query}"), ..self }
    }
}

pub(crate) fn nothing() -> Arguments {
    Arguments::default()
}

pub(crate) fn body(body: Value) -> Arguments {
    nothing().with(body)
}

pub(crate) fn of<const N: usize>(path: [&str; N]) -> Arguments {
    Arguments { path: path.map(ToOwned::to_owned).to_vec(), ..nothing() }
}

/// Signs in, after a while if wrong passwords on the way have used up the tries.
pub(crate) async fn sign_in(market: &Marketplace, person: &mut Person) {
    if person.try_to_sign_in().await.status == 429 {
        market.advance(TimeDelta::minutes(16)).await;
        person.sign_in().await;
    }
}

impl World {
    /// The table: one line per operation, each on things of its own.
    pub(crate) async fn arguments(&self, operation: &str) -> Arguments {
        match operation {
            "signUp" | "signIn" | "refreshToken" | "verifyToken" | "revokeToken"
            | "verifyEmail" | "resendVerification" | "forgotPassword" | "resetPassword"
            | "changePassword" | "getMe" | "listMySessions" | "updateMe" | "endMySession" => {
                self.of_accounts(operation).await
            }

            "listListingTypes"
            | "listCategories"
            | "getMyAvailability"
            | "listMyListings"
            | "listBookings"
            | "renewCalendarLink"
            | "listOwnReviews"
            | "listNotifications"
            | "getNotificationPreferences"
            | "listAccounts"
            | "listAuditLog"
            | "listJobs"
            | "listProvidersForModeration"
            | "listModerationQueue"
            | "listReviewQueue"
            | "listDisputes"
            | "listListings"
            | "listProviders"
            | "getMyStats"
            | "listMyFavorites"
            | "listMyFavoriteProviders" => nothing(),
            "suggestListings" => nothing().asking("q=kitch"),

            "getAccount" => of([&self.stranger.account]),
            "changeAccount" => of([&self.market.client().await.account])
                .with(json!({ "roles": ["client", "moderator"], "reason": "helps us" })),
            "retryJob" | "discardJob" => {
                let add = "SELECT (graphile_worker.add_job('idempotency_keys.forget', \
                           payload => '{}', run_at => now() + '1 day'::interval)).id";
                of([&self.market.rows(add).await[0]])
            }
            "advanceClock" => body(json!({ "seconds": 1 })),
            _ if ["Review", "Helpful"].iter().any(|word| operation.contains(word))
                && !["listListingReviews", "listProviderReviews"].contains(&operation) =>
            {
                self.of_reviews(operation).await
            }
            _ => {
                if let Some(arguments) = self.of_money(operation).await {
                    return arguments;
                }
                if let Some(arguments) = self.of_promotions(operation).await {
                    return arguments;
                }
                match self.of_catalog(operation).await {
                    Some(arguments) => arguments,
                    None => self.of_bookings(operation).await,
                }
            }
        }
    }

    async fn of_catalog(&self, operation: &str) -> Option<Arguments> {
        Some(match operation {
            "getListingType" => of(["service"]),
            "createListingType" => body(listing_type(&fresh("kind_"), "after", "request")),
            "replaceListingType" => {
                let key = self.new_listing_type().await;
                of([&key]).with(listing_type(&key, "none", "quote"))
            }
            "deleteListingType" => of([&self.new_listing_type().await]),
            "createCategory" => body(json!({
                "name": "Conservatories", "slug": fresh("conservatories-"), "position": 3,
                "translations": { "de": "Wintergärten" },
            })),
            "updateCategory" => of([&self.new_category().await]).with(
                json!({ "name": "Winter gardens", "translations": { "de": "Wintergarten" } }),
            ),
            "deleteCategory" => of([&self.new_category().await]),

            "registerProvider" => body(json!({
                "name": "Studio North", "headline": "Interiors for small flats",
                "location": crate::berlin(), "service_radius_km": 50, "languages": ["en", "de"],
            })),
            "getProvider"
            | "listProviderListings"
            | "listProviderReviews"
            | "requestProviderVerification"
            | "getProviderStats" => of([&self.owner.provider]),
            "updateProvider" => of([&self.owner.provider])
                .with(json!({ "headline": "Interiors for every flat", "service_radius_km": 20 })),
            "setProviderAvatar" => {
                Arguments { files: vec![crate::picture(2)], ..of([&self.owner.provider]) }
            }
            "removeProviderAvatar" => of([&self.owner.provider]),
            "verifyProvider" => of([&self.market.provider().await.provider]),
            "refuseProviderVerification" | "suspendProvider" | "restoreProvider" => {
                of([&self.market.provider().await.provider])
                    .with(json!({ "reason": "The papers are of somebody else." }))
            }
            "favoriteProvider" | "unfavoriteProvider" => of([&self.owner.provider]),

            "createListing" => body(json!({
                "listing_type": "service", "title": "Kitchen planning",
                "description": "From the first sketch to the last handle.",
                "price": { "amount": 9000, "currency": "EUR" }, "price_unit": "per_hour",
                "attributes": { "on_site": true, "languages": ["en"] },
                "location": crate::berlin(), "access": "free",
            })),
            "updateListing" => of([&self.owner.drafts("service").await]).with(json!({
                "title": "Kitchen plans", "price": { "amount": 9500, "currency": "EUR" },
                "attributes": { "languages": ["de"] }, "location": crate::berlin(),
            })),
            "deleteListing" | "publishListing" | "withdrawListing" | "pauseListing"
            | "resumeListing" | "archiveListing" => of([&self.owner.drafts("service").await]),
            "withdrawListingChange" => of([&self.changed_listing().await.0]),
            "getListing" | "getPriceHistory" | "listListingReviews" | "favoriteListing"
            | "unfavoriteListing" | "getListingStats" => {
                of([&self.owner.publishes("service").await])
            }
            "getListingBySlug" => {
                let id = self.owner.publishes("service").await;
                let slug = self.owner.get(&format!("listings/{id}")).await.text_at("slug");
                of(["service", &slug])
            }
            "getMediaFile" => {
                let url = self.picture().await;
                let key = url.split("/media/").nth(1).expect("files lie below /media");
                let (folder, name) = key.split_once('/').expect("a key has two parts");
                of([folder, name])
            }

            "approveListing" => of([&self.owner.publishes(CURATED).await]),
            "rejectListing" => of([&self.owner.publishes(CURATED).await])
                .with(json!({ "reason": "The pictures show another place." })),
            "getChangeRequest" | "approveChangeRequest" => of([&self.changed_listing().await.1]),
            "rejectChangeRequest" => of([&self.changed_listing().await.1])
                .with(json!({ "reason": "The title promises too much." })),
            "decideInBulk" => body(json!({
                "verdict": "reject", "reason": "Copied from another marketplace.",
                "ids": [self.owner.publishes(CURATED).await],
            })),

            _ => return None,
        })
    }

    async fn of_accounts(&self, operation: &str) -> Arguments {
        let Self { market, client, .. } = self;
        match operation {
            "signUp" => body(json!({
                "email": market.newcomer("signs-up").email, "password": PASSWORD,
                "display_name": "Mary Somerville", "locale": "de", "time_zone": "Europe/Berlin",
            })),
            "signIn" => body(json!({ "email": market.client().await.email, "password": PASSWORD })),
            "refreshToken" => {
                body(json!({ "refresh_token": self.another_session().await.refresh_token }))
            }
            "verifyToken" => body(json!({ "token": client.token })),
            "revokeToken" => body(json!({ "token": self.another_session().await.refresh_token })),
            "verifyEmail" => body(json!({ "token": self.link(LinkPurpose::VerifyEmail).await })),
            "resendVerification" | "forgotPassword" => {
                body(json!({ "email": market.newcomer("forgot").email }))
            }
            "resetPassword" => body(json!({
                "token": self.link(LinkPurpose::ResetPassword).await, "password": PASSWORD,
            })),
            "changePassword" => {
                body(json!({ "current_password": PASSWORD, "new_password": PASSWORD }))
            }
            "updateMe" => body(json!({
                "display_name": "Ada", "locale": "de", "time_zone": "Europe/Berlin",
            })),
            "endMySession" => {
                let sessions = self.another_session().await.get("me/sessions").await.expect(200);
                let current = sessions.data().iter().find(|one| one["is_current"] == true);
                of([current.and_then(|one| one["id"].as_str()).expect("one is current")])
            }
            _ => nothing(),
        }
    }

    async fn of_bookings(&self, operation: &str) -> Arguments {
        let Self { market, owner, client, .. } = self;
        match operation {
            "setMyAvailability" => body(always_open()),
            "listSlots" => {
                let listing = owner.publishes(VISIT).await;
                let today = market.now().date_naive();
                of([&listing]).asking(&format!("from={today}&to={today}&tz=Europe/Berlin"))
            }
            "getAppointmentSettings" => of([&owner.drafts(VISIT).await]),
            "setAppointmentSettings" => of([&owner.drafts(VISIT).await]).with(json!({
                "duration_minutes": 90,
                "cancellation": [
                    { "hours_before": 48, "refund_percent": 100 },
                    { "hours_before": 12, "refund_percent": 50 },
                ],
            })),
            "submitBooking" => body(json!({
                "listing_id": owner.publishes("service").await,
                "message": "Could you come and have a look?",
                "budget": { "amount": 50_000, "currency": "EUR" },
            })),
            "getBooking"
            | "getBookingHistory"
            | "getCancellationQuote"
            | "withdrawBookingOffer"
            | "withdrawBooking"
            | "startBooking"
            | "confirmBookingDone"
            | "acceptBookingReschedule"
            | "declineBookingReschedule"
            | "withdrawBookingReschedule" => of([&self.booking().await]),
            "acceptBooking" => of([&self.booking().await]).with(json!({})),
            "offerBooking" | "counterOfferBooking" => of([&self.booking().await]).with(json!({
                "price": { "amount": 45_000, "currency": "EUR" }, "work": "Two coats of paint",
            })),
            "declineBooking" | "cancelBooking" => {
                of([&self.booking().await]).with(json!({ "reason": "I am ill that day" }))
            }
            "reportBookingDone" => of([&self.booking().await])
                .with(json!({ "note": "The key is with your neighbour" })),
            "requestBookingChanges" => {
                of([&self.booking().await]).with(json!({ "text": "The door still sticks" }))
            }
            "reportBookingNoShow" => of([&self.booking().await]).with(json!({ "who": "client" })),
            "disputeBooking" => {
                of([&self.booking().await]).with(json!({ "reason": "Nobody came" }))
            }
            "proposeBookingReschedule" => of([&self.booking().await]).with(json!({
                "starts_at": (market.now() + TimeDelta::days(3)).trunc_subsecs(0),
            })),
            "resolveBooking" => of([&self.booking().await])
                .with(json!({ "refund_percent": 50, "reason": "Half of the work was done" })),
            "getBookingCalendar" => of([&self.appointment().await]),
            "getMyCalendar" => {
                let url = client.command("me/calendar-link").await.expect(200).text_at("url");
                let token = url.split("token=").nth(1).expect("a link holds its token");
                nothing().asking(&format!("token={token}"))
            }
            "markNotificationsRead" => body(json!({ "up_to": market.now() })),
            "chooseNotificationPreferences" => {
                body(json!({ "topics": { "bookings": { "in_app": true, "mail": true } } }))
            }
            "showUnsubscribe" | "unsubscribe" => {
                nothing().asking(&format!("token={}", self.unsubscribe_token().await))
            }
            _ => panic!("tests/src/calls.rs has no call for {operation}"),
        }
    }

    async fn of_reviews(&self, operation: &str) -> Arguments {
        let text = "On time, tidy, and the shelves are straight.";
        match operation {
            "writeReview" => body(json!({
                "booking_id": self.completed_booking().await, "stars": 5, "text": text,
                "criteria": { "quality": 5 }, "draft": false,
            })),
            "submitReview" => of([&self.review(true).await]),
            "confirmReview" => of([&self.review(false).await]),
            "confirmReviewByLink" => {
                let id = self.review(false).await;
                let mail = self.market.mails.mail_that(|mail| mail.text().contains(&id)).await;
                let link = mail.text();
                let token = link.split("token=").nth(1).expect("the mail has a link");
                let token = token.split_whitespace().next().unwrap_or_default();
                of([&id]).with(json!({ "token": token }))
            }
            "editReview" => of([&self.published_review().await])
                .with(json!({ "stars": 4, "text": text, "criteria": { "quality": 4 } })),
            "changeReviewPictures" => Arguments {
                files: vec![crate::picture(3)],
                ..of([&self.published_review().await])
                    .with(json!({ "media_alt": ["The shelves from the left"] }))
            },
            "replyToReview" => of([&self.published_review().await])
                .with(json!({ "text": "Thank you, it was a pleasure." })),
            "reportReview" => of([&self.published_review().await])
                .with(json!({ "reason": "spam", "note": "It only links to another shop." })),
            "hideReview" | "restoreReview" => of([&self.published_review().await])
                .with(json!({ "reason": "It shows a private address." })),
            "getReview" | "markReviewHelpful" | "unmarkReviewHelpful" | "approveReview" => {
                of([&self.published_review().await])
            }
            _ => panic!("tests/src/calls.rs has no call for {operation}"),
        }
    }

    /// The client on another device.
    async fn another_session(&self) -> Person {
        let mut other = self.client.clone();
        sign_in(&self.market, &mut other).await;
        other
    }

    /// A link in a mail to somebody new.
    async fn link(&self, purpose: LinkPurpose) -> String {
        let account = self.market.client().await.account;
        let id = account.parse().expect("an id");
        let link = self.market.services.identity.mint_link(id, purpose).await;
        link.expect("a link can be minted").expect("the link makes sense").token
    }

    async fn new_listing_type(&self) -> String {
        let key = fresh("kind_");
        let declared = listing_type(&key, "none", "request");
        let _ = self.admin.post("admin/listing-types", declared).await.expect(201);
        key
    }

    async fn new_category(&self) -> String {
        let body = json!({ "name": "Conservatories", "slug": fresh("conservatories-") });
        self.admin.post("admin/categories", body).await.expect(201).id()
    }

    /// A published listing with a change that waits for a moderator; both ids.
    async fn changed_listing(&self) -> (String, String) {
        let id = self.owner.publishes(CURATED).await;
        let _ = self.moderator.command(&format!("admin/listings/{id}/approve")).await.expect(200);
        let path = format!("listings/{id}");
        let change = json!({ "title": "Kitchens planned and built" });
        let _ = self.owner.patch(&path, "*", change).await.expect_one_of(&[200, 202]);
        let listing = self.owner.get(&path).await.expect(200);
        let change = listing.body["pending_change"]["id"].as_str();
        let change = change.unwrap_or_else(|| panic!("no change waits: {}", listing.text));
        (id, change.to_owned())
    }

    /// The address of a picture of a published listing.
    async fn picture(&self) -> String {
        let path = format!("listings/{}", self.owner.publishes("service").await);
        let form = crate::form(&json!({}), &[crate::picture(1)]);
        let reply = self.owner.upload(reqwest::Method::PATCH, &path, "*", form).await.expect(200);
        let url = reply.body["media"][0]["url"].as_str().expect("a picture has an address");
        url.to_owned()
    }

    /// A request of the client to the owner.
    async fn booking(&self) -> String {
        self.client.requests(&self.owner.publishes("service").await).await
    }

    /// A booking of the client on a free slot of the owner.
    async fn appointment(&self) -> String {
        let listing = self.owner.publishes(VISIT).await;
        let from = self.market.now().date_naive() + TimeDelta::days(1);
        let to = from + TimeDelta::days(30);
        let path = format!("listings/{listing}/slots");
        let query = [("from", from.to_string()), ("to", to.to_string())];
        let query = [("from", query[0].1.as_str()), ("to", query[1].1.as_str())];
        let slots = self.client.find(&path, &query).await.expect(200);
        let start = slots.data()[0]["start"].clone();
        let body = json!({ "listing_id": listing, "message": "This time, please.", "slot": start });
        let id = self.client.post("bookings", body).await.expect(201).id();
        let _ = self.client.pays("booking", &id, "card_success").await.expect(201);
        // The booking hears of its money by event.
        self.market.settle_despite_failures().await;
        self.owner.about_booking(&id, "accept").await;
        id
    }

    async fn completed_booking(&self) -> String {
        let id = self.booking().await;
        self.owner.about_booking(&id, "accept").await;
        self.client.about_booking(&id, "confirm-done").await;
        id
    }

    /// A review of the client, as a draft or waiting for its confirmation.
    async fn review(&self, draft: bool) -> String {
        let body = json!({
            "booking_id": self.completed_booking().await, "stars": 5, "draft": draft,
            "text": "On time, tidy, and the shelves are straight.",
        });
        self.client.post("reviews", body).await.expect(201).id()
    }

    async fn published_review(&self) -> String {
        let id = self.review(false).await;
        let _ = self.client.command(&format!("reviews/{id}/confirm")).await.expect(200);
        id
    }

    /// What the foot of a mail about a booking carries.
    async fn unsubscribe_token(&self) -> String {
        let _ = self.booking().await;
        let carries =
            |mail: &test_support::Mail| mail.header("List-Unsubscribe").contains("token=");
        let mail = self.market.mails.mail_that(carries).await;
        let header = mail.header("List-Unsubscribe").replace(['\r', '\n', ' '], "");
        let token = header.split("token=").nth(1).unwrap_or_default();
        token.split(['>', '&']).next().unwrap_or_default().to_owned()
    }
}

/// A key that nothing else has.
pub(crate) fn fresh(word: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{word}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
