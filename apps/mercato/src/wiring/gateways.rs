//! Payment gateways from the settings: clients of them, and the one that is embedded.

use std::sync::Arc;

use adapter_cloudpayments::CloudPaymentsGateway;
use adapter_postgres::PgStore;
use adapter_sandbox::{Sandbox, SandboxGateway, SandboxSettings, SandboxStore};
use adapter_stripe::StripeGateway;
use anyhow::Context;
use async_trait::async_trait;
use billing::{Gateway, Secret as Hidden};
use gateway_client::Address;
use kernel::{StorageError, SystemRandom};
use serde_json::Value;

use super::Services;
use crate::config::{CloudPayments, Secret, Settings, Stripe};

/// Where the embedded gateway stands on its server.
pub(crate) const SANDBOX: &str = "/sandbox";

/// The gateways that take payments. Those that move money come first.
pub(super) fn clients(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Gateway>>> {
    let mut gateways: Vec<Arc<dyn Gateway>> = Vec::new();
    gateways.extend(stripe(&settings.gateways.stripe)?);
    gateways.extend(cloudpayments(&settings.gateways.cloudpayments)?);
    if settings.gateways.sandbox_is_on(settings.is_production()) {
        let own = &settings.gateways.sandbox;
        let address = Address::without_secrets(&format!("{}{SANDBOX}", server_url(settings)))
            .context("gateways.sandbox.server_url is no address")?;
        let gateway =
            SandboxGateway::new(address, hidden(&own.api_key), vec![hidden(&own.webhook_secret)]);
        gateways.push(Arc::new(gateway));
    }
    Ok(gateways)
}

fn stripe(settings: &Stripe) -> anyhow::Result<Option<Arc<dyn Gateway>>> {
    let Some(key) = &settings.secret_key else { return Ok(None) };
    let address: Address = settings.url.parse().context("gateways.stripe.url is of no use")?;
    let secrets = settings.webhook_secrets.iter().map(hidden).collect();
    Ok(Some(Arc::new(StripeGateway::new(address, hidden(key), secrets))))
}

fn cloudpayments(settings: &CloudPayments) -> anyhow::Result<Option<Arc<dyn Gateway>>> {
    let (Some(id), Some(secret)) = (&settings.public_id, &settings.api_secret) else {
        return Ok(None);
    };
    let address: Address =
        settings.url.parse().context("gateways.cloudpayments.url is of no use")?;
    let former = settings.former_api_secret.as_ref().map(hidden);
    let gateway = CloudPaymentsGateway::new(address, id.clone(), hidden(secret), former);
    Ok(Some(Arc::new(gateway)))
}

/// The embedded gateway, for a server to serve; `None` where it takes no payments.
pub(super) fn sandbox(settings: &Settings, services: &Services) -> Option<Arc<Sandbox>> {
    if !settings.gateways.sandbox_is_on(settings.is_production()) {
        return None;
    }
    let own = &settings.gateways.sandbox;
    let settings = SandboxSettings {
        public_url: Some(format!("{}{SANDBOX}", settings.server.public_url)),
        api_key: own.api_key.expose().to_owned(),
        webhook_secret: own.webhook_secret.expose().to_owned(),
        webhook_url: Some(format!("{}/api/v1/webhooks/sandbox", server_url(settings))),
    };
    let store = Arc::new(Documents(Arc::clone(&services.store)));
    let clock = Arc::clone(&services.clock);
    Some(Arc::new(Sandbox::new(settings, store, clock, Arc::new(SystemRandom))))
}

fn server_url(settings: &Settings) -> String {
    settings.gateways.sandbox.server_url.clone().unwrap_or_else(|| settings.own_url())
}

fn hidden(secret: &Secret) -> Hidden {
    Hidden::new(secret.expose().to_owned())
}

/// What the embedded gateway knows, in the marketplace's own database, so that it outlives a
/// restart and every server knows the same.
#[derive(Debug)]
struct Documents(Arc<PgStore>);

#[async_trait]
impl SandboxStore for Documents {
    async fn hold(&self) -> Result<Box<dyn Send + Sync>, StorageError> {
        Ok(Box::new(self.0.hold_sandbox().await?))
    }

    async fn document(&self, key: &str) -> Result<Option<Value>, StorageError> {
        self.0.sandbox_document(key).await
    }

    async fn put(&self, documents: &[(String, Value)]) -> Result<(), StorageError> {
        self.0.put_sandbox_documents(documents).await
    }

    async fn documents(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StorageError> {
        self.0.sandbox_documents(prefix, after, limit).await
    }
}
