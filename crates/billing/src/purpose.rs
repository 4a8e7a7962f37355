use std::fmt;
use std::str::FromStr;

use kernel::{
    AccountId, AuctionId, BookingId, CategoryId, OrderId, PromotionId, ProviderId, PurchaseId,
    SubscriptionId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What kind of thing is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurposeKind {
    /// A booking.
    Booking,
    /// An order of stocked listings.
    Order,
    /// A period of a subscription.
    Subscription,
    /// Paid visibility.
    Promotion,
    /// The one-time purchase of a listing's content.
    Purchase,
    /// What the winner of an auction owes.
    Auction,
}

impl PurposeKind {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 6] = [
        Self::Booking,
        Self::Order,
        Self::Subscription,
        Self::Promotion,
        Self::Purchase,
        Self::Auction,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Order => "order",
            Self::Subscription => "subscription",
            Self::Promotion => "promotion",
            Self::Purchase => "purchase",
            Self::Auction => "auction",
        }
    }

    /// Whether the money is the provider's as soon as the holding time is over. What is delivered
    /// later waits until somebody says that it was: see [`Instruction::Settle`](crate::Instruction).
    pub const fn releases_itself(self) -> bool {
        match self {
            Self::Subscription | Self::Promotion | Self::Purchase => true,
            Self::Booking | Self::Order | Self::Auction => false,
        }
    }
}

/// What exactly is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A booking.
    Booking(BookingId),
    /// An order of stocked listings.
    Order(OrderId),
    /// A period of a subscription.
    Subscription(SubscriptionId),
    /// Paid visibility.
    Promotion(PromotionId),
    /// The one-time purchase of a listing's content.
    Purchase(PurchaseId),
    /// What the winner of an auction owes.
    Auction(AuctionId),
}

/// A text that names no purpose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of something that can be paid for")]
pub struct UnknownPurpose(pub String);

impl Purpose {
    /// What kind of thing it is.
    pub const fn kind(self) -> PurposeKind {
        match self {
            Self::Booking(_) => PurposeKind::Booking,
            Self::Order(_) => PurposeKind::Order,
            Self::Subscription(_) => PurposeKind::Subscription,
            Self::Promotion(_) => PurposeKind::Promotion,
            Self::Purchase(_) => PurposeKind::Purchase,
            Self::Auction(_) => PurposeKind::Auction,
        }
    }

    /// The bare UUID of the thing, as a database column holds it beside the kind.
    pub const fn as_uuid(self) -> Uuid {
        match self {
            Self::Booking(id) => id.as_uuid(),
            Self::Order(id) => id.as_uuid(),
            Self::Subscription(id) => id.as_uuid(),
            Self::Promotion(id) => id.as_uuid(),
            Self::Purchase(id) => id.as_uuid(),
            Self::Auction(id) => id.as_uuid(),
        }
    }

    /// The purpose behind two database columns.
    pub const fn from_uuid(kind: PurposeKind, id: Uuid) -> Self {
        match kind {
            PurposeKind::Booking => Self::Booking(BookingId::from_uuid(id)),
            PurposeKind::Order => Self::Order(OrderId::from_uuid(id)),
            PurposeKind::Subscription => Self::Subscription(SubscriptionId::from_uuid(id)),
            PurposeKind::Promotion => Self::Promotion(PromotionId::from_uuid(id)),
            PurposeKind::Purchase => Self::Purchase(PurchaseId::from_uuid(id)),
            PurposeKind::Auction => Self::Auction(AuctionId::from_uuid(id)),
        }
    }

    /// The purpose of a kind and a reference as they stand on the wire.
    pub fn parse(kind: PurposeKind, reference: &str) -> Result<Self, UnknownPurpose> {
        let unknown = |_| UnknownPurpose(reference.chars().take(64).collect());
        Ok(match kind {
            PurposeKind::Booking => Self::Booking(reference.parse().map_err(unknown)?),
            PurposeKind::Order => Self::Order(reference.parse().map_err(unknown)?),
            PurposeKind::Subscription => Self::Subscription(reference.parse().map_err(unknown)?),
            PurposeKind::Promotion => Self::Promotion(reference.parse().map_err(unknown)?),
            PurposeKind::Purchase => Self::Purchase(reference.parse().map_err(unknown)?),
            PurposeKind::Auction => Self::Auction(reference.parse().map_err(unknown)?),
        })
    }
}

impl fmt::Display for Purpose {
    /// The id of the thing on the wire; its prefix tells the kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Booking(id) => id.fmt(f),
            Self::Order(id) => id.fmt(f),
            Self::Subscription(id) => id.fmt(f),
            Self::Promotion(id) => id.fmt(f),
            Self::Purchase(id) => id.fmt(f),
            Self::Auction(id) => id.fmt(f),
        }
    }
}

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        PurposeKind::ALL
            .into_iter()
            .find_map(|kind| Self::parse(kind, text).ok())
            .ok_or_else(|| UnknownPurpose(text.chars().take(64).collect()))
    }
}

impl fmt::Display for PurposeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PurposeKind {
    type Err = UnknownPurpose;

    fn from_str(name: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownPurpose(name.chars().take(64).collect()))
    }
}

/// Who sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seller {
    /// The marketplace itself: promotions, plans of the marketplace.
    Platform,
    /// A provider; the marketplace takes its commission.
    Provider {
        /// Its profile.
        provider: ProviderId,
        /// Its account.
        account: AccountId,
    },
}

impl Seller {
    /// The provider, if one sells.
    pub const fn provider(self) -> Option<ProviderId> {
        match self {
            Self::Platform => None,
            Self::Provider { provider, .. } => Some(provider),
        }
    }

    /// What its invoices are numbered under: `platform`, or the id of the provider.
    pub fn key(self) -> String {
        self.provider().map_or_else(|| "platform".to_owned(), |provider| provider.to_string())
    }
}

/// What a sale is of, as far as the commission depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleContext {
    /// For what kind of thing the payment is.
    pub purpose: PurposeKind,
    /// Who sells.
    pub seller: Seller,
    /// The listing's category and its parents, nearest first, if there is a listing.
    pub categories: Vec<CategoryId>,
    /// The key of the listing's type, if there is a listing.
    pub listing_type: Option<String>,
}
