use serde::{Deserialize, Serialize};

use super::Secret;

/// Who takes money for the marketplace. Without any of them it takes none, and the two sides of a
/// booking settle it between them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateways {
    /// Where apps may have payers sent back to: what the addresses begin with. The web app
    /// (`mail.web_url`) and the origins of `server.cors_origins` always may.
    pub return_to: Vec<String>,
    /// The embedded gateway of development.
    pub sandbox: SandboxGateway,
    /// CloudPayments.
    pub cloudpayments: CloudPayments,
    /// Stripe.
    pub stripe: Stripe,
    /// Bank transfers that admins confirm.
    pub manual: ManualTransfers,
}

/// The embedded gateway of development, below `/sandbox` of the API's own server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxGateway {
    /// Whether it takes payments; unset, it does in development only. Refused in production.
    pub enabled: Option<bool>,
    /// How servers and workers reach the server that it is embedded in; the address of
    /// `server.address` on this machine where it is unset.
    pub server_url: Option<String>,
    /// What its API is called with.
    pub api_key: Secret,
    /// What its messages are signed with.
    pub webhook_secret: Secret,
}

impl Default for SandboxGateway {
    fn default() -> Self {
        Self {
            enabled: None,
            server_url: None,
            api_key: Secret::new("sandbox-key-of-the-demo"),
            webhook_secret: Secret::new("sandbox-webhook-secret-of-the-demo"),
        }
    }
}

/// CloudPayments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudPayments {
    /// Where its API is.
    pub url: String,
    /// The terminal's public id.
    pub public_id: Option<String>,
    /// The terminal's API secret: signs its notifications, too.
    pub api_secret: Option<Secret>,
    /// The API secret of before, by which notifications are still believed while it is replaced.
    pub former_api_secret: Option<Secret>,
}

impl Default for CloudPayments {
    fn default() -> Self {
        let url = "https://api.cloudpayments.ru".to_owned();
        Self { url, public_id: None, api_secret: None, former_api_secret: None }
    }
}

/// Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stripe {
    /// Where its API is.
    pub url: String,
    /// The account's secret key.
    pub secret_key: Option<Secret>,
    /// What signs its events: two while one is being replaced.
    pub webhook_secrets: Vec<Secret>,
}

impl Default for Stripe {
    fn default() -> Self {
        let url = "https://api.stripe.com".to_owned();
        Self { url, secret_key: None, webhook_secrets: Vec::new() }
    }
}

/// Bank transfers to an account of the marketplace, which admins confirm. On where an account is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ManualTransfers {
    /// The account's number, as payers read it.
    pub iban: Option<String>,
    /// Whose account it is, as payers read it.
    pub account_holder: Option<String>,
    /// The bank and its code, as payers read it.
    pub bank: Option<String>,
    /// Days for which a transfer is waited for, 1 to 60.
    pub wait_days: u16,
}

impl Default for ManualTransfers {
    fn default() -> Self {
        Self { iban: None, account_holder: None, bank: None, wait_days: 14 }
    }
}

impl Gateways {
    /// Whether the embedded gateway takes payments.
    pub fn sandbox_is_on(&self, production: bool) -> bool {
        self.sandbox.enabled.unwrap_or(!production)
    }

    /// What may be wrong with them, each with whether it is.
    pub(super) fn faults(&self, production: bool) -> [(bool, &'static str); 6] {
        let slashed = |url: &Option<String>| url.as_ref().is_some_and(|url| url.ends_with('/'));
        [
            (
                production && self.sandbox_is_on(production),
                "gateways.sandbox.enabled is true: production takes real money, by a real gateway",
            ),
            (
                self.cloudpayments.public_id.is_some() != self.cloudpayments.api_secret.is_some(),
                "gateways.cloudpayments needs both public_id and api_secret, or none of them",
            ),
            (
                self.stripe.secret_key.is_some() == self.stripe.webhook_secrets.is_empty(),
                "gateways.stripe needs both secret_key and webhook_secrets, or none of them",
            ),
            (
                slashed(&self.sandbox.server_url),
                "gateways.sandbox.server_url must not end with a slash",
            ),
            (
                self.manual.iban.is_some() != self.manual.account_holder.is_some(),
                "gateways.manual needs both iban and account_holder, or none of them",
            ),
            (
                !(1..=60).contains(&self.manual.wait_days),
                "gateways.manual.wait_days must be 1 to 60",
            ),
        ]
    }
}
