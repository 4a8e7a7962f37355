use std::fmt;

use kernel::ProviderId;

use crate::GatewayName;

/// What an account is for, without its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKind {
    /// Owed to a provider once what was sold is delivered.
    ProviderPending,
    /// Owed to a provider now; below nothing if it owes us.
    ProviderPayable,
    /// Owed to a provider, kept back for a while against refunds.
    ProviderReserve,
    /// Earned by the marketplace.
    PlatformRevenue,
    /// Owed to the tax office.
    Tax,
    /// Taken by a gateway for us, gross.
    GatewayClearing,
    /// Given back by a gateway for us.
    Refunds,
    /// Taken back by payers' banks from a gateway.
    Chargebacks,
    /// Kept by a gateway for its service.
    GatewayFees,
    /// On its way to providers.
    PayoutsInTransit,
    /// At the marketplace's bank.
    Bank,
}

impl AccountKind {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 11] = [
        Self::ProviderPending,
        Self::ProviderPayable,
        Self::ProviderReserve,
        Self::PlatformRevenue,
        Self::Tax,
        Self::GatewayClearing,
        Self::Refunds,
        Self::Chargebacks,
        Self::GatewayFees,
        Self::PayoutsInTransit,
        Self::Bank,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProviderPending => "provider_pending",
            Self::ProviderPayable => "provider_payable",
            Self::ProviderReserve => "provider_reserve",
            Self::PlatformRevenue => "platform_revenue",
            Self::Tax => "tax",
            Self::GatewayClearing => "gateway_clearing",
            Self::Refunds => "refunds",
            Self::Chargebacks => "chargebacks",
            Self::GatewayFees => "gateway_fees",
            Self::PayoutsInTransit => "payouts_in_transit",
            Self::Bank => "bank",
        }
    }
}

/// An account of the ledger; with a currency it has a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// See [`AccountKind::ProviderPending`].
    ProviderPending(ProviderId),
    /// See [`AccountKind::ProviderPayable`].
    ProviderPayable(ProviderId),
    /// See [`AccountKind::ProviderReserve`].
    ProviderReserve(ProviderId),
    /// See [`AccountKind::PlatformRevenue`].
    PlatformRevenue,
    /// See [`AccountKind::Tax`].
    Tax,
    /// See [`AccountKind::GatewayClearing`].
    GatewayClearing(GatewayName),
    /// See [`AccountKind::Refunds`].
    Refunds(GatewayName),
    /// See [`AccountKind::Chargebacks`].
    Chargebacks(GatewayName),
    /// See [`AccountKind::GatewayFees`].
    GatewayFees(GatewayName),
    /// See [`AccountKind::PayoutsInTransit`].
    PayoutsInTransit,
    /// See [`AccountKind::Bank`].
    Bank,
}

/// Columns that name no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{kind}` of `{owner}` is not an account of the ledger")]
pub struct UnknownAccount {
    /// The kind that was given.
    pub kind: String,
    /// The owner that was given.
    pub owner: String,
}

impl Account {
    /// What it is for.
    pub const fn kind(self) -> AccountKind {
        match self {
            Self::ProviderPending(_) => AccountKind::ProviderPending,
            Self::ProviderPayable(_) => AccountKind::ProviderPayable,
            Self::ProviderReserve(_) => AccountKind::ProviderReserve,
            Self::PlatformRevenue => AccountKind::PlatformRevenue,
            Self::Tax => AccountKind::Tax,
            Self::GatewayClearing(_) => AccountKind::GatewayClearing,
            Self::Refunds(_) => AccountKind::Refunds,
            Self::Chargebacks(_) => AccountKind::Chargebacks,
            Self::GatewayFees(_) => AccountKind::GatewayFees,
            Self::PayoutsInTransit => AccountKind::PayoutsInTransit,
            Self::Bank => AccountKind::Bank,
        }
    }

    /// Whose it is, as a database column holds it: a provider's id, a gateway's name, `platform`.
    pub fn owner(self) -> String {
        match self {
            Self::ProviderPending(provider)
            | Self::ProviderPayable(provider)
            | Self::ProviderReserve(provider) => provider.to_string(),
            Self::GatewayClearing(gateway)
            | Self::Refunds(gateway)
            | Self::Chargebacks(gateway)
            | Self::GatewayFees(gateway) => gateway.name().to_owned(),
            Self::PlatformRevenue | Self::Tax | Self::PayoutsInTransit | Self::Bank => {
                "platform".to_owned()
            }
        }
    }

    /// The provider whose it is, if it is a provider's.
    pub const fn provider(self) -> Option<ProviderId> {
        match self {
            Self::ProviderPending(provider)
            | Self::ProviderPayable(provider)
            | Self::ProviderReserve(provider) => Some(provider),
            Self::GatewayClearing(_)
            | Self::Refunds(_)
            | Self::Chargebacks(_)
            | Self::GatewayFees(_)
            | Self::PlatformRevenue
            | Self::Tax
            | Self::PayoutsInTransit
            | Self::Bank => None,
        }
    }

    /// The account behind two database columns.
    pub fn parse(kind: &str, owner: &str) -> Result<Self, UnknownAccount> {
        let unknown =
            || UnknownAccount { kind: kind.to_owned(), owner: owner.chars().take(64).collect() };
        let provider = || owner.parse::<ProviderId>().map_err(|_| unknown());
        let gateway = || owner.parse::<GatewayName>().map_err(|_| unknown());
        let known = AccountKind::ALL.into_iter().find(|known| known.name() == kind);
        let account = match known.ok_or_else(unknown)? {
            AccountKind::ProviderPending => Self::ProviderPending(provider()?),
            AccountKind::ProviderPayable => Self::ProviderPayable(provider()?),
            AccountKind::ProviderReserve => Self::ProviderReserve(provider()?),
            AccountKind::PlatformRevenue => Self::PlatformRevenue,
            AccountKind::Tax => Self::Tax,
            AccountKind::GatewayClearing => Self::GatewayClearing(gateway()?),
            AccountKind::Refunds => Self::Refunds(gateway()?),
            AccountKind::Chargebacks => Self::Chargebacks(gateway()?),
            AccountKind::GatewayFees => Self::GatewayFees(gateway()?),
            AccountKind::PayoutsInTransit => Self::PayoutsInTransit,
            AccountKind::Bank => Self::Bank,
        };
        if account.owner() == owner { Ok(account) } else { Err(unknown()) }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind().name(), self.owner())
    }
}
