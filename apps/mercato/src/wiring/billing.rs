//! Billing from its parts.

use std::sync::Arc;

use adapter_postgres::{Billing, SecretKey, SecretKeys};
use billing::{Addresses, BillingParts, BillingService, GatewayChoice, InvoiceParty, Policy};

use super::{Foundation, derived};
use crate::config::{Secret, Settings};
use crate::profile::Profile;

/// The profile's rules for the gateways that there are: a profile may name more than an operator
/// has a contract with.
fn policy(settings: &Settings, foundation: &Foundation, profile: &Profile) -> Policy {
    let mut policy = profile.billing.clone();
    let configured = |name| foundation.gateways.iter().any(|gateway| gateway.name() == name);
    policy.gateways.retain(|choice| configured(choice.gateway));
    if policy.gateways.is_empty() {
        // A profile that leaves the choice to the operator: the first there is.
        let first = foundation.gateways.first().map(|gateway| gateway.name());
        policy.gateways.extend(first.map(|gateway| GatewayChoice { currency: None, gateway }));
    }
    policy.return_to.extend(settings.gateways.return_to.iter().cloned());
    policy.return_to.extend(settings.mail.web_url.clone());
    let origins = settings.server.cors_origins.iter().filter(|origin| *origin != "*");
    policy.return_to.extend(origins.cloned());
    policy
}

/// The same foundation with a store that knows what billing needs.
pub(super) fn prepared(
    settings: &Settings,
    foundation: &Foundation,
    profile: &Profile,
) -> Foundation {
    let store = foundation.store.as_ref().clone().with_billing(Billing {
        keys: keys(settings),
        issuer: InvoiceParty { name: profile.title.clone(), details: Vec::new() },
        policy: policy(settings, foundation, profile),
        clock: Arc::clone(&foundation.clock),
    });
    Foundation { store: Arc::new(store), ..foundation.clone() }
}

/// The keys for card tokens, from the application's keys. The number of each follows from it, so
/// that two keys have two.
fn keys(settings: &Settings) -> SecretKeys {
    let key = |key: &Secret| {
        let name = derived(key, "number of the key for secrets of billing");
        let id = i16::from_be_bytes([name[0], name[1]]);
        SecretKey { id, bytes: derived(key, "secrets of billing") }
    };
    let server = &settings.server;
    SecretKeys::new(key(&server.application_key), server.former_application_keys.iter().map(key))
}

pub(super) fn service(
    settings: &Settings,
    foundation: &Foundation,
    profile: &Profile,
) -> BillingService {
    BillingService::new(BillingParts {
        store: foundation.store.clone(),
        reads: foundation.store.clone(),
        gateways: foundation.gateways.clone(),
        clock: Arc::clone(&foundation.clock),
        ids: Arc::clone(&foundation.ids),
        random: Arc::clone(&foundation.random),
        policy: policy(settings, foundation, profile),
        addresses: Addresses { api: format!("{}/api/v1", settings.server.public_url) },
    })
}
