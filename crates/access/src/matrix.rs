use crate::{Action, Role};

/// How the actor stands to the object at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// In no way; also where there is no object, as when something is created.
    Stranger,
    /// It is theirs: their account, profile, listing, review.
    Owner,
    /// They are the client of the booking.
    ClientSide,
    /// They are the provider of the booking.
    ProviderSide,
    /// It is about them: the reviewed side of a review.
    Subject,
}

impl Relation {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 5] =
        [Self::Stranger, Self::Owner, Self::ClientSide, Self::ProviderSide, Self::Subject];

    /// Its name in docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Owner => "owner",
            Self::ClientSide => "client of the booking",
            Self::ProviderSide => "provider of the booking",
            Self::Subject => "subject",
        }
    }
}

/// Who holds a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Everyone, signed in or not.
    Everyone,
    /// Accounts with the role.
    Role(Role),
}

/// One line of the matrix: whoever holds it may, if they stand to the object in this relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Who.
    pub holder: Holder,
    /// The relation that is needed; `None` if any will do.
    pub relation: Option<Relation>,
}

const EVERYONE: Grant = Grant { holder: Holder::Everyone, relation: None };
const CLIENT: Grant = any(Role::Client);
const PROVIDER: Grant = any(Role::Provider);
const MODERATOR: Grant = any(Role::Moderator);
const ADMIN: Grant = any(Role::Admin);
const ACCOUNT_OWNER: Grant = only(Role::Client, Relation::Owner);
const PROVIDER_OWNER: Grant = only(Role::Provider, Relation::Owner);
const CLIENT_SIDE: Grant = only(Role::Client, Relation::ClientSide);
const PROVIDER_SIDE: Grant = only(Role::Provider, Relation::ProviderSide);
const SUBJECT: Grant = only(Role::Client, Relation::Subject);

const fn any(role: Role) -> Grant {
    Grant { holder: Holder::Role(role), relation: None }
}

const fn only(role: Role, relation: Relation) -> Grant {
    Grant { holder: Holder::Role(role), relation: Some(relation) }
}

/// The permission matrix: the only place that says who may do what. An admin gets nothing here on
/// a person's own paths, but for the picture of a provider: admins act through their own calls.
/// Whatever they do is audited.
pub const fn grants(action: Action) -> &'static [Grant] {
    match action {
        Action::SignIn => &[EVERYONE],
        Action::SessionManage | Action::AccountRead | Action::AccountUpdate => &[ACCOUNT_OWNER],
        Action::AccountAdminister | Action::AuditRead => &[ADMIN],

        Action::TaxonomyRead => &[EVERYONE],
        Action::TaxonomyAdminister => &[ADMIN],

        Action::ProviderRegister => &[CLIENT],
        Action::ProviderRead => &[EVERYONE],
        Action::ProviderUpdate | Action::ProviderStatsRead => &[PROVIDER_OWNER],
        Action::ProviderAvatarUpdate => &[PROVIDER_OWNER, ADMIN],
        Action::ProviderModerate => &[MODERATOR, ADMIN],

        Action::ListingCreate => &[PROVIDER],
        Action::ListingRead => &[EVERYONE],
        Action::ListingReadUnpublished => &[PROVIDER_OWNER, MODERATOR, ADMIN],
        Action::ListingUpdate | Action::ListingPublish => &[PROVIDER_OWNER],
        Action::ListingModerate => &[MODERATOR, ADMIN],
        Action::FavoriteManage => &[CLIENT],

        Action::BookingSubmit | Action::BookingList => &[CLIENT],
        Action::BookingRead => &[CLIENT_SIDE, PROVIDER_SIDE],
        Action::BookingOffer
        | Action::BookingAccept
        | Action::BookingCancel
        | Action::BookingReschedule
        | Action::BookingNoShow => &[CLIENT_SIDE, PROVIDER_SIDE],
        Action::BookingDecline | Action::BookingStart | Action::BookingReportDone => {
            &[PROVIDER_SIDE]
        }
        Action::BookingWithdraw
        | Action::BookingRequestChanges
        | Action::BookingConfirmDone
        | Action::BookingDispute => &[CLIENT_SIDE],
        Action::BookingResolve => &[MODERATOR, ADMIN],
        Action::AvailabilityUpdate => &[PROVIDER_OWNER],
        Action::AvailabilityRead => &[EVERYONE],

        Action::ReviewWrite => &[CLIENT_SIDE, PROVIDER_SIDE],
        Action::ReviewRead => &[EVERYONE],
        Action::ReviewUpdate => &[ACCOUNT_OWNER],
        Action::ReviewReply => &[SUBJECT],
        Action::ReviewVote => &[CLIENT],
        Action::ReviewModerate => &[MODERATOR, ADMIN],

        Action::PromotionProductRead => &[EVERYONE],
        Action::PromotionBuy | Action::PromotionRead | Action::PromotionCancel => &[PROVIDER_OWNER],
        Action::PromotionAdminister | Action::CouponAdminister => &[ADMIN],

        Action::NotificationManage => &[ACCOUNT_OWNER],

        Action::PaymentCreate | Action::SubscriptionCreate => &[CLIENT],
        Action::PaymentRead
        | Action::CardManage
        | Action::SubscriptionManage
        | Action::InvoiceRead => &[ACCOUNT_OWNER],
        Action::PlanRead => &[EVERYONE],
        Action::PlanManage | Action::BalanceRead | Action::PayoutAccountManage => &[PROVIDER_OWNER],
        Action::PaymentAdminister
        | Action::PlanAdminister
        | Action::LedgerRead
        | Action::PayoutAdminister
        | Action::WebhookAdminister => &[ADMIN],

        Action::JobAdminister | Action::ClockAdvance => &[ADMIN],
    }
}
