use adapter_postgres::{migrate, pending_migrations};
use anyhow::{Context, bail};
use embedded_postgres::{Options, Server};

use crate::config::Settings;

/// The database of the private PostgreSQL.
const NAME: &str = "mercato";

/// Where the data is: the operator's PostgreSQL, or a private one that lives as long as this.
pub(super) struct Database {
    pub(super) url: String,
    private: Option<Server>,
}

impl Database {
    /// The configured database, else a private one.
    pub(super) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(url) = settings.database.address() {
            return Ok(Self { url, private: None });
        }
        let server = Server::start(Options::new(&settings.database.folder))
            .await
            .context("cannot start a private PostgreSQL; set DATABASE_URL to use one of yours")?;
        server.create_database_if_missing(NAME).await?;
        Ok(Self { url: server.url(NAME), private: Some(server) })
    }

    /// Whether it is a private one, which only this machine uses.
    pub(super) const fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Brings the schema up to date where that disturbs nobody. In production it must be already:
    /// several servers start at once there, and a migration is a decision of its own.
    pub(super) async fn bring_up_to_date(&self, settings: &Settings) -> anyhow::Result<()> {
        if !settings.is_production() {
            return Ok(migrate(&self.url).await?);
        }
        let pending = pending_migrations(&self.url).await?;
        if !pending.is_empty() {
            bail!(
                "{} migrations are not applied ({}); run `mercato migrate` first",
                pending.len(),
                pending.join(", ")
            );
        }
        Ok(())
    }

    /// Stops the private PostgreSQL, if it is one and nobody else uses it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        if let Some(server) = self.private {
            server.stop().await?;
        }
        Ok(())
    }
}
