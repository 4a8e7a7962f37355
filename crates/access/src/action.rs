use std::fmt;

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Something that somebody may or may not do. Every route has one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Action {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in docs, problems and the audit log.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it means, in one line.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

actions! {
    /// Create an account, sign in, recover a password, confirm a mail address.
    SignIn = "session.open",
    /// See and end one's own sessions, change one's own password.
    SessionManage = "session.manage",
    /// See an account.
    AccountRead = "account.read",
    /// Change one's own name, locale and time zone.
    AccountUpdate = "account.update",
    /// List, suspend and restore accounts and change their roles.
    AccountAdminister = "account.administer",
    /// Read the audit log.
    AuditRead = "audit.read",

    /// See listing types and categories.
    TaxonomyRead = "taxonomy.read",
    /// Change listing types and categories.
    TaxonomyAdminister = "taxonomy.administer",

    /// Become a provider.
    ProviderRegister = "provider.register",
    /// See an active provider.
    ProviderRead = "provider.read",
    /// Change a provider profile and ask for its verification.
    ProviderUpdate = "provider.update",
    /// Change the picture that stands for a provider.
    ProviderAvatarUpdate = "provider.avatar.update",
    /// See the figures of a provider.
    ProviderStatsRead = "provider.stats.read",
    /// Verify providers, take them down and bring them back.
    ProviderModerate = "provider.moderate",

    /// Create a listing.
    ListingCreate = "listing.create",
    /// See a published listing.
    ListingRead = "listing.read",
    /// See a listing that is not published.
    ListingReadUnpublished = "listing.read_unpublished",
    /// Change a listing and its media.
    ListingUpdate = "listing.update",
    /// Publish, pause, resume, archive or delete a listing.
    ListingPublish = "listing.publish",
    /// Decide on listings and on changes that wait for review.
    ListingModerate = "listing.moderate",
    /// Mark listings and providers as favourites.
    FavoriteManage = "favorite.manage",

    /// Send a request to a provider.
    BookingSubmit = "booking.submit",
    /// See the list of one's own bookings, also as a calendar.
    BookingList = "booking.list",
    /// See a booking.
    BookingRead = "booking.read",
    /// Propose a price and the work.
    BookingOffer = "booking.offer",
    /// Accept a request or an offer.
    BookingAccept = "booking.accept",
    /// Decline a request.
    BookingDecline = "booking.decline",
    /// Withdraw a request.
    BookingWithdraw = "booking.withdraw",
    /// Start the work.
    BookingStart = "booking.start",
    /// Report the work as done.
    BookingReportDone = "booking.report_done",
    /// Ask for changes to work reported as done.
    BookingRequestChanges = "booking.request_changes",
    /// Confirm that the work is done.
    BookingConfirmDone = "booking.confirm_done",
    /// Cancel an accepted booking.
    BookingCancel = "booking.cancel",
    /// Propose and accept another time.
    BookingReschedule = "booking.reschedule",
    /// Report that the other side did not come.
    BookingNoShow = "booking.no_show",
    /// Dispute a booking.
    BookingDispute = "booking.dispute",
    /// See disputed bookings and decide on them.
    BookingResolve = "booking.resolve",
    /// Set opening hours.
    AvailabilityUpdate = "availability.update",
    /// See free slots.
    AvailabilityRead = "availability.read",

    /// Write a review of a completed booking.
    ReviewWrite = "review.write",
    /// See published reviews.
    ReviewRead = "review.read",
    /// Confirm and change one's own review.
    ReviewUpdate = "review.update",
    /// Reply to a review of oneself.
    ReviewReply = "review.reply",
    /// Mark a review as helpful, or report it.
    ReviewVote = "review.vote",
    /// Decide on reviews.
    ReviewModerate = "review.moderate",

    /// See what promotions can be bought.
    PromotionProductRead = "promotion.product.read",
    /// Buy a promotion for one's own listing or profile.
    PromotionBuy = "promotion.buy",
    /// See one's own promotions and their figures.
    PromotionRead = "promotion.read",
    /// Cancel one's own promotion.
    PromotionCancel = "promotion.cancel",
    /// Change what promotions can be bought, see all of them and take them back.
    PromotionAdminister = "promotion.administer",
    /// Make, change and close coupons.
    CouponAdminister = "coupon.administer",

    /// See one's own notifications and choose what to be told of.
    NotificationManage = "notification.manage",

    /// Pay for something.
    PaymentCreate = "payment.create",
    /// See one's own payments and continue them.
    PaymentRead = "payment.read",
    /// See all payments, refund them, and settle those that no gateway answers for.
    PaymentAdminister = "payment.administer",
    /// See and remove one's own saved cards.
    CardManage = "card.manage",
    /// See plans that can be subscribed to.
    PlanRead = "plan.read",
    /// Create and change plans of one's own provider profile.
    PlanManage = "plan.manage",
    /// Create and change plans of the marketplace.
    PlanAdminister = "plan.administer",
    /// Subscribe to a plan.
    SubscriptionCreate = "subscription.create",
    /// See, change, cancel and resume one's own subscriptions.
    SubscriptionManage = "subscription.manage",
    /// See invoices that one paid or issued.
    InvoiceRead = "invoice.read",
    /// See one's own balance, statement and payouts.
    BalanceRead = "balance.read",
    /// Say where one's own payouts go.
    PayoutAccountManage = "payout_account.manage",
    /// Read the ledger.
    LedgerRead = "ledger.read",
    /// Approve, confirm and cancel payouts, set the terms of a provider.
    PayoutAdminister = "payout.administer",
    /// See and replay what gateways sent.
    WebhookAdminister = "webhook.administer",

    /// See and replay background jobs.
    JobAdminister = "job.administer",
    /// Move simulated time.
    ClockAdvance = "clock.advance",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
