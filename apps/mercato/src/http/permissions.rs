//! What every operation asks of its caller: the one table from routes to the permission matrix.
//!
//! The OpenAPI document and `docs/permissions.md` are made from it, and the test that walks every
//! route as every kind of person takes what to expect from it. It decides nothing: the services
//! ask `access`, and the walk shows that they ask for the same.

use access::{Action, Grant, Holder, Relation, Role, grants};
use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

/// What an operation is about, which says how a caller may stand to it and whether they see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// Nothing that exists yet or belongs to anybody: a list, something new.
    Nothing,
    /// The caller's own account; a visitor has none.
    OwnAccount,
    /// The caller's own provider profile, if they have one.
    OwnProvider,
    /// One of the caller's own things, which nobody else sees: a session, a notification.
    Private,
    /// A provider.
    Provider,
    /// A listing that is published.
    Listing,
    /// A listing in any state, so perhaps one that only its owner and moderators see.
    UnpublishedListing,
    /// A booking.
    Booking,
    /// A published review.
    Review,
    /// A review in any state, so perhaps one that only its author sees.
    UnpublishedReview,
    /// A promotion, which only the provider who bought it sees.
    Promotion,
}

impl Object {
    /// Its name in the docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::OwnAccount => "own account",
            Self::OwnProvider => "own provider profile",
            Self::Private => "own thing",
            Self::Provider => "provider",
            Self::Listing => "listing",
            Self::UnpublishedListing => "listing in any state",
            Self::Booking => "booking",
            Self::Review => "review",
            Self::UnpublishedReview => "review in any state",
            Self::Promotion => "promotion",
        }
    }

    /// The action that decides who sees it; `None` where there is nothing to be hidden. Who does
    /// not see it gets 404, as if it were not there.
    pub const fn seen_by(self) -> Option<Action> {
        match self {
            Self::Nothing | Self::OwnAccount | Self::OwnProvider => None,
            Self::Private => Some(Action::SessionManage),
            Self::Provider => Some(Action::ProviderRead),
            Self::Listing => Some(Action::ListingRead),
            Self::UnpublishedListing => Some(Action::ListingReadUnpublished),
            Self::Booking => Some(Action::BookingRead),
            Self::Review => Some(Action::ReviewRead),
            Self::UnpublishedReview => Some(Action::ReviewUpdate),
            Self::Promotion => Some(Action::PromotionRead),
        }
    }
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The operation's id in the OpenAPI document.
    pub operation: &'static str,
    /// What the caller does, by the matrix.
    pub action: Action,
    /// To what.
    pub object: Object,
}

const fn line(operation: &'static str, action: Action, object: Object) -> Permission {
    Permission { operation, action, object }
}

/// Every operation there is. A test refuses one without a line, and a line without one.
pub const PERMISSIONS: &[Permission] = &[
    // media
    line("getMediaFile", Action::ListingRead, Object::Nothing),
    // auth
    line("signUp", Action::SignIn, Object::Nothing),
    line("signIn", Action::SignIn, Object::Nothing),
    line("refreshToken", Action::SignIn, Object::Nothing),
    line("verifyToken", Action::SignIn, Object::Nothing),
    line("revokeToken", Action::SignIn, Object::Nothing),
    line("verifyEmail", Action::SignIn, Object::Nothing),
    line("resendVerification", Action::SignIn, Object::Nothing),
    line("forgotPassword", Action::SignIn, Object::Nothing),
    line("resetPassword", Action::SignIn, Object::Nothing),
    line("changePassword", Action::SessionManage, Object::OwnAccount),
    // me
    line("getMe", Action::AccountRead, Object::OwnAccount),
    line("updateMe", Action::AccountUpdate, Object::OwnAccount),
    line("listMySessions", Action::SessionManage, Object::OwnAccount),
    line("endMySession", Action::SessionManage, Object::Private),
    // availability
    line("getMyAvailability", Action::AvailabilityUpdate, Object::OwnProvider),
    line("setMyAvailability", Action::AvailabilityUpdate, Object::OwnProvider),
    line("listSlots", Action::AvailabilityRead, Object::Listing),
    line("getAppointmentSettings", Action::AvailabilityUpdate, Object::UnpublishedListing),
    line("setAppointmentSettings", Action::AvailabilityUpdate, Object::UnpublishedListing),
    // bookings
    line("submitBooking", Action::BookingSubmit, Object::Nothing),
    line("listBookings", Action::BookingList, Object::Nothing),
    line("getBooking", Action::BookingRead, Object::Booking),
    line("getBookingHistory", Action::BookingRead, Object::Booking),
    line("getCancellationQuote", Action::BookingRead, Object::Booking),
    line("offerBooking", Action::BookingOffer, Object::Booking),
    line("counterOfferBooking", Action::BookingOffer, Object::Booking),
    line("withdrawBookingOffer", Action::BookingOffer, Object::Booking),
    line("acceptBooking", Action::BookingAccept, Object::Booking),
    line("declineBooking", Action::BookingDecline, Object::Booking),
    line("withdrawBooking", Action::BookingWithdraw, Object::Booking),
    line("startBooking", Action::BookingStart, Object::Booking),
    line("reportBookingDone", Action::BookingReportDone, Object::Booking),
    line("requestBookingChanges", Action::BookingRequestChanges, Object::Booking),
    line("confirmBookingDone", Action::BookingConfirmDone, Object::Booking),
    line("cancelBooking", Action::BookingCancel, Object::Booking),
    line("reportBookingNoShow", Action::BookingNoShow, Object::Booking),
    line("disputeBooking", Action::BookingDispute, Object::Booking),
    line("proposeBookingReschedule", Action::BookingReschedule, Object::Booking),
    line("acceptBookingReschedule", Action::BookingReschedule, Object::Booking),
    line("declineBookingReschedule", Action::BookingReschedule, Object::Booking),
    line("withdrawBookingReschedule", Action::BookingReschedule, Object::Booking),
    // calendar
    line("getBookingCalendar", Action::BookingRead, Object::Booking),
    line("renewCalendarLink", Action::BookingList, Object::Nothing),
    line("getMyCalendar", Action::AvailabilityRead, Object::Nothing),
    // admin: disputes
    line("listDisputes", Action::BookingResolve, Object::Nothing),
    line("resolveBooking", Action::BookingResolve, Object::Nothing),
    // listing types and categories
    line("listListingTypes", Action::TaxonomyRead, Object::Nothing),
    line("getListingType", Action::TaxonomyRead, Object::Nothing),
    line("createListingType", Action::TaxonomyAdminister, Object::Nothing),
    line("replaceListingType", Action::TaxonomyAdminister, Object::Nothing),
    line("deleteListingType", Action::TaxonomyAdminister, Object::Nothing),
    line("listCategories", Action::TaxonomyRead, Object::Nothing),
    line("createCategory", Action::TaxonomyAdminister, Object::Nothing),
    line("updateCategory", Action::TaxonomyAdminister, Object::Nothing),
    line("deleteCategory", Action::TaxonomyAdminister, Object::Nothing),
    // discovery
    line("listListings", Action::ListingRead, Object::Nothing),
    line("suggestListings", Action::ListingRead, Object::Nothing),
    line("listProviders", Action::ProviderRead, Object::Nothing),
    line("favoriteListing", Action::FavoriteManage, Object::Listing),
    line("unfavoriteListing", Action::FavoriteManage, Object::Listing),
    line("favoriteProvider", Action::FavoriteManage, Object::Provider),
    line("unfavoriteProvider", Action::FavoriteManage, Object::Provider),
    line("listMyFavorites", Action::FavoriteManage, Object::OwnAccount),
    line("listMyFavoriteProviders", Action::FavoriteManage, Object::OwnAccount),
    line("getMyStats", Action::ProviderStatsRead, Object::OwnProvider),
    // providers
    line("registerProvider", Action::ProviderRegister, Object::Nothing),
    line("getProvider", Action::ProviderRead, Object::Provider),
    line("updateProvider", Action::ProviderUpdate, Object::Provider),
    line("setProviderAvatar", Action::ProviderAvatarUpdate, Object::Provider),
    line("removeProviderAvatar", Action::ProviderAvatarUpdate, Object::Provider),
    line("requestProviderVerification", Action::ProviderUpdate, Object::Provider),
    line("listProviderListings", Action::ProviderRead, Object::Provider),
    line("listProvidersForModeration", Action::ProviderModerate, Object::Nothing),
    line("verifyProvider", Action::ProviderModerate, Object::Provider),
    line("refuseProviderVerification", Action::ProviderModerate, Object::Provider),
    line("suspendProvider", Action::ProviderModerate, Object::Provider),
    line("restoreProvider", Action::ProviderModerate, Object::Provider),
    // listings
    line("createListing", Action::ListingCreate, Object::Nothing),
    line("getListing", Action::ListingRead, Object::Listing),
    line("getListingBySlug", Action::ListingRead, Object::Listing),
    line("updateListing", Action::ListingUpdate, Object::UnpublishedListing),
    line("deleteListing", Action::ListingPublish, Object::UnpublishedListing),
    line("publishListing", Action::ListingPublish, Object::UnpublishedListing),
    line("withdrawListing", Action::ListingPublish, Object::UnpublishedListing),
    line("pauseListing", Action::ListingPublish, Object::UnpublishedListing),
    line("resumeListing", Action::ListingPublish, Object::UnpublishedListing),
    line("archiveListing", Action::ListingPublish, Object::UnpublishedListing),
    line("withdrawListingChange", Action::ListingUpdate, Object::Listing),
    line("getPriceHistory", Action::ListingRead, Object::Listing),
    line("listMyListings", Action::ListingCreate, Object::OwnProvider),
    // admin: moderation
    line("listModerationQueue", Action::ListingModerate, Object::Nothing),
    line("getChangeRequest", Action::ListingModerate, Object::Nothing),
    line("approveListing", Action::ListingModerate, Object::Nothing),
    line("rejectListing", Action::ListingModerate, Object::Nothing),
    line("approveChangeRequest", Action::ListingModerate, Object::Nothing),
    line("rejectChangeRequest", Action::ListingModerate, Object::Nothing),
    line("decideInBulk", Action::ListingModerate, Object::Nothing),
    // admin: accounts
    line("listAccounts", Action::AccountAdminister, Object::Nothing),
    line("getAccount", Action::AccountAdminister, Object::Nothing),
    line("changeAccount", Action::AccountAdminister, Object::Nothing),
    line("listAuditLog", Action::AuditRead, Object::Nothing),
    // payments
    line("createPayment", Action::PaymentCreate, Object::Nothing),
    line("checkoutPayment", Action::PaymentCreate, Object::Nothing),
    line("listPayments", Action::PaymentRead, Object::OwnAccount),
    line("getPayment", Action::PaymentRead, Object::Private),
    line("returnFromCheckout", Action::SignIn, Object::Nothing),
    line("showThreeDSecure", Action::SignIn, Object::Nothing),
    line("renewThreeDSecure", Action::PaymentRead, Object::Private),
    line("postBackFromBank", Action::SignIn, Object::Nothing),
    line("comeBackFromBank", Action::SignIn, Object::Nothing),
    // cards
    line("saveCard", Action::CardManage, Object::OwnAccount),
    line("listCards", Action::CardManage, Object::OwnAccount),
    line("removeCard", Action::CardManage, Object::Private),
    // plans
    line("listPlans", Action::PlanRead, Object::Nothing),
    line("getPlan", Action::PlanRead, Object::Nothing),
    line("createPlan", Action::PlanManage, Object::OwnProvider),
    line("updatePlan", Action::PlanManage, Object::Provider),
    line("createPlatformPlan", Action::PlanAdminister, Object::Nothing),
    // subscriptions
    line("createSubscription", Action::SubscriptionCreate, Object::Nothing),
    line("listSubscriptions", Action::SubscriptionManage, Object::OwnAccount),
    line("listSubscribedProviders", Action::SubscriptionManage, Object::OwnAccount),
    line("cancelSubscription", Action::SubscriptionManage, Object::Private),
    line("resumeSubscription", Action::SubscriptionManage, Object::Private),
    line("changeSubscription", Action::SubscriptionManage, Object::Private),
    line("setSubscriptionCard", Action::SubscriptionManage, Object::Private),
    // invoices
    line("showTransfer", Action::SignIn, Object::Nothing),
    line("listInvoices", Action::InvoiceRead, Object::OwnAccount),
    line("getInvoice", Action::InvoiceRead, Object::Private),
    // balance
    line("getMyBalance", Action::BalanceRead, Object::OwnProvider),
    line("getMyStatement", Action::BalanceRead, Object::OwnProvider),
    line("listMyPayouts", Action::BalanceRead, Object::OwnProvider),
    line("setMyPayoutAccount", Action::PayoutAccountManage, Object::OwnProvider),
    // promotions
    line("listPromotionProducts", Action::PromotionProductRead, Object::Nothing),
    line("buyPromotion", Action::PromotionBuy, Object::Listing),
    line("listPromotions", Action::PromotionRead, Object::OwnProvider),
    line("getPromotion", Action::PromotionRead, Object::Promotion),
    line("getPromotionStats", Action::PromotionRead, Object::Promotion),
    line("cancelPromotion", Action::PromotionCancel, Object::Promotion),
    // admin: promotions, coupons
    line("listAllPromotionProducts", Action::PromotionAdminister, Object::Nothing),
    line("declarePromotionProduct", Action::PromotionAdminister, Object::Nothing),
    line("getPromotionProduct", Action::PromotionAdminister, Object::Nothing),
    line("changePromotionProduct", Action::PromotionAdminister, Object::Nothing),
    line("closePromotionProduct", Action::PromotionAdminister, Object::Nothing),
    line("listAllPromotions", Action::PromotionAdminister, Object::Nothing),
    line("getAnyPromotion", Action::PromotionAdminister, Object::Nothing),
    line("revokePromotion", Action::PromotionAdminister, Object::Nothing),
    line("listCoupons", Action::CouponAdminister, Object::Nothing),
    line("createCoupon", Action::CouponAdminister, Object::Nothing),
    line("getCoupon", Action::CouponAdminister, Object::Nothing),
    line("changeCoupon", Action::CouponAdminister, Object::Nothing),
    line("closeCoupon", Action::CouponAdminister, Object::Nothing),
    // webhooks
    line("receiveWebhook", Action::SignIn, Object::Nothing),
    line("receiveWebhookTopic", Action::SignIn, Object::Nothing),
    // admin: payments, ledger, payouts, webhooks
    line("listAllPayments", Action::PaymentAdminister, Object::Nothing),
    line("getAnyPayment", Action::PaymentAdminister, Object::Nothing),
    line("refundPayment", Action::PaymentAdminister, Object::Nothing),
    line("inquirePayment", Action::PaymentAdminister, Object::Nothing),
    line("acknowledgePayment", Action::PaymentAdminister, Object::Nothing),
    line("listTransfers", Action::PaymentAdminister, Object::Nothing),
    line("receiveTransfer", Action::PaymentAdminister, Object::Nothing),
    line("sendTransferBack", Action::PaymentAdminister, Object::Nothing),
    line("listJournals", Action::LedgerRead, Object::Nothing),
    line("listPayouts", Action::PayoutAdminister, Object::Nothing),
    line("approvePayout", Action::PayoutAdminister, Object::Nothing),
    line("cancelPayout", Action::PayoutAdminister, Object::Nothing),
    line("sendPayout", Action::PayoutAdminister, Object::Nothing),
    line("confirmPayout", Action::PayoutAdminister, Object::Nothing),
    line("failPayout", Action::PayoutAdminister, Object::Nothing),
    line("setPayoutTerms", Action::PayoutAdminister, Object::Nothing),
    line("listWebhooks", Action::WebhookAdminister, Object::Nothing),
    line("replayWebhook", Action::WebhookAdminister, Object::Nothing),
    // reviews
    line("writeReview", Action::ReviewWrite, Object::Booking),
    line("submitReview", Action::ReviewUpdate, Object::UnpublishedReview),
    line("confirmReview", Action::ReviewUpdate, Object::UnpublishedReview),
    line("confirmReviewByLink", Action::SignIn, Object::Nothing),
    line("editReview", Action::ReviewUpdate, Object::Review),
    line("changeReviewPictures", Action::ReviewUpdate, Object::Review),
    line("replyToReview", Action::ReviewReply, Object::Review),
    line("markReviewHelpful", Action::ReviewVote, Object::Review),
    line("unmarkReviewHelpful", Action::ReviewVote, Object::Review),
    line("reportReview", Action::ReviewVote, Object::Review),
    line("getReview", Action::ReviewRead, Object::Review),
    line("listListingReviews", Action::ReviewRead, Object::Listing),
    line("listProviderReviews", Action::ReviewRead, Object::Provider),
    line("listOwnReviews", Action::ReviewUpdate, Object::OwnAccount),
    line("listReviewQueue", Action::ReviewModerate, Object::Nothing),
    line("approveReview", Action::ReviewModerate, Object::Review),
    line("hideReview", Action::ReviewModerate, Object::Review),
    line("restoreReview", Action::ReviewModerate, Object::Review),
    // notifications
    line("listNotifications", Action::NotificationManage, Object::OwnAccount),
    line("markNotificationsRead", Action::NotificationManage, Object::OwnAccount),
    line("getNotificationPreferences", Action::NotificationManage, Object::OwnAccount),
    line("chooseNotificationPreferences", Action::NotificationManage, Object::OwnAccount),
    line("showUnsubscribe", Action::SignIn, Object::Nothing),
    line("unsubscribe", Action::SignIn, Object::Nothing),
    // admin: jobs, clock
    line("listJobs", Action::JobAdminister, Object::Nothing),
    line("retryJob", Action::JobAdminister, Object::Nothing),
    line("discardJob", Action::JobAdminister, Object::Nothing),
    line("advanceClock", Action::ClockAdvance, Object::Nothing),
];

/// The line of an operation.
pub fn permission_of(operation: &str) -> Option<&'static Permission> {
    PERMISSIONS.iter().find(|line| line.operation == operation)
}

/// Whether the matrix lets everyone do it, signed in or not.
fn is_open_to_visitors(action: Action) -> bool {
    grants(action).iter().any(|grant| matches!(grant.holder, Holder::Everyone))
}

/// Completes an operation with whom it serves.
pub(super) fn describe(operation: &mut Operation) {
    let Some(line) = operation.operation_id.as_deref().and_then(permission_of) else { return };
    let who = format!("For {}: `{}`.", audience(line), line.action.name());
    let text = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{text}\n\n{who}").trim().to_owned());
    let extension = json!({ "action": line.action.name(), "object": line.object.name() });
    operation
        .extensions
        .get_or_insert_default()
        .merge(Extensions::from_iter([("x-permission", extension)]));
    let signed_in = SecurityRequirement::new("bearer", Vec::<String>::new());
    operation.security = Some(if is_open_to_visitors(line.action) {
        vec![SecurityRequirement::default(), signed_in]
    } else {
        vec![signed_in]
    });
}

/// Whom the matrix lets do this, in words.
fn audience(line: &Permission) -> String {
    let words: Vec<&str> = grants(line.action)
        .iter()
        .map(|grant| match (grant.holder, grant.relation) {
            (Holder::Role(Role::Client), Some(Relation::Owner))
                if line.object == Object::OwnAccount =>
            {
                "everyone who is signed in"
            }
            _ => holder(*grant),
        })
        .collect();
    match words.as_slice() {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

const fn holder(grant: Grant) -> &'static str {
    match (grant.holder, grant.relation) {
        (Holder::Everyone, _) => "everyone",
        (Holder::Role(Role::Client), None | Some(Relation::Stranger)) => {
            "everyone who is signed in"
        }
        (Holder::Role(Role::Provider), None | Some(Relation::Stranger)) => "providers",
        (Holder::Role(Role::Moderator), _) => "moderators",
        (Holder::Role(Role::Admin), _) => "admins",
        (Holder::Role(Role::Client), Some(Relation::Owner)) => "whom it belongs to",
        (Holder::Role(Role::Provider), Some(Relation::Owner)) => "the provider it belongs to",
        (Holder::Role(_), Some(Relation::ClientSide)) => "the client of the booking",
        (Holder::Role(_), Some(Relation::ProviderSide)) => "the provider of the booking",
        (Holder::Role(_), Some(Relation::Subject)) => "whom the review is about",
    }
}

#[cfg(test)]
mod tests;
