use anyhow::bail;

use super::database::Database;
use super::output::say;
use crate::config::Settings;

pub(super) async fn migrate(settings: &Settings, check: bool) -> anyhow::Result<()> {
    let database = Database::open(settings).await?;
    let pending = adapter_postgres::pending_migrations(&database.url).await?;
    if check {
        database.close().await?;
        if pending.is_empty() {
            return say("the schema is up to date");
        }
        bail!("not applied yet: {}", pending.join(", "));
    }
    adapter_postgres::migrate(&database.url).await?;
    for name in &pending {
        say(&format!("applied {name}"))?;
    }
    say("the schema is up to date")?;
    database.close().await
}
