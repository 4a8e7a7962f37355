use std::collections::BTreeSet;

use anyhow::bail;
use catalog::media::ObjectStore;
use clap::ValueEnum;
use reviews::RatingDrift;

use super::arguments::{DoctorFlags, Settlement};
use super::output::say;
use super::platform::Platform;
use crate::config::{MailTransport, Settings, StorageKind};

/// What the doctor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Settings, database, storage: whether they are reached and fit together.
    Config,
    /// Whether every picture that is named is there.
    Storage,
    /// Whether every rating is what its reviews add up to.
    Ratings,
    /// Whether the ledger adds up, and says what balances, payments and a gateway's file say.
    Ledger,
}

/// Looks, and fails if something is wrong.
pub(super) async fn examine(
    settings: Settings,
    DoctorFlags { part, mend, settlement }: DoctorFlags,
) -> anyhow::Result<()> {
    let settlement = settlement.read(part)?;
    let platform = Platform::look(&settings).await?;
    let parts = part.map_or_else(|| Part::value_variants().to_vec(), |part| vec![part]);
    let mut faults = 0;
    for part in parts {
        faults += match part {
            Part::Config => config(&settings, &platform).await?,
            Part::Storage => storage(&platform).await?,
            Part::Ratings => ratings(&platform, mend).await?,
            Part::Ledger => ledger(&platform, settlement.as_ref()).await?,
        };
    }
    platform.stop().await?;
    if faults > 0 {
        bail!("{faults} findings");
    }
    say("nothing to complain of")
}

async fn config(settings: &Settings, platform: &Platform) -> anyhow::Result<usize> {
    let mut findings = Vec::new();
    let facts = platform.services.store.server_facts().await?;
    if facts.version < 150_000 {
        findings.push(format!("PostgreSQL is {}; 15 or newer is needed", facts.version / 10_000));
    }
    let wanted = settings.database.connections
        + settings.database.search_connections
        + settings.jobs.concurrency.div_ceil(2)
        + 4;
    if usize::try_from(facts.max_connections).unwrap_or(usize::MAX) < wanted {
        findings.push(format!(
            "one process may open {wanted} connections, but PostgreSQL takes {}",
            facts.max_connections
        ));
    }
    let pending = adapter_postgres::pending_migrations(&platform.database.url).await?;
    if !pending.is_empty() {
        findings.push(format!("not migrated yet: {}", pending.join(", ")));
    }
    if settings.is_production() {
        if settings.mail.transport == MailTransport::Folder {
            findings.push("mail.transport is folder: nobody gets any mail".to_owned());
        }
        if !settings.limits.enabled {
            findings.push("limits.enabled is false: passwords can be guessed".to_owned());
        }
        if settings.storage.kind == StorageKind::Folder {
            say("config: pictures lie in a folder, so only one machine can serve them")?;
        }
    }
    report("config", &findings)
}

async fn storage(platform: &Platform) -> anyhow::Result<usize> {
    let there: BTreeSet<_> =
        platform.services.media.files.list().await?.iter().map(ToString::to_string).collect();
    let named = platform.services.store.named_objects().await?;
    let missing: Vec<_> = named
        .into_iter()
        .filter(|key| !there.contains(key))
        .map(|key| format!("{key} is named, but not there"))
        .collect();
    report("storage", &missing)
}

/// What was mended is told, and is no finding any more.
async fn ratings(platform: &Platform, mend: bool) -> anyhow::Result<usize> {
    let drift = platform.services.reviews.recompute_all(mend).await?;
    let findings: Vec<_> = drift
        .iter()
        .map(|RatingDrift { rated, stored, counted }| {
            let (shown, found) = (stored.count, counted.count);
            let (stars, sum) = (stored.stars, counted.stars);
            format!("{rated} shows {shown} reviews of {stars} stars, it has {found} of {sum}")
        })
        .collect();
    let found = report("ratings", &findings)?;
    if mend && found > 0 {
        say("ratings: mended")?;
        return Ok(0);
    }
    Ok(found)
}

/// Everything is added up again; with a gateway's file every transaction of it is looked for.
async fn ledger(platform: &Platform, settlement: Option<&Settlement>) -> anyhow::Result<usize> {
    let mut findings = platform.services.store.ledger_findings().await?;
    if let Some(Settlement { gateway, from, to, lines }) = settlement {
        let differences = platform.services.billing.reconcile(*gateway, *from, *to, lines).await?;
        findings.extend(differences.iter().map(ToString::to_string));
        say(&format!("ledger: compared with {} lines of {gateway}", lines.len()))?;
    }
    report("ledger", &findings)
}

/// At most so many findings are listed.
const LISTED: usize = 20;

fn report(part: &str, findings: &[String]) -> anyhow::Result<usize> {
    for finding in findings.iter().take(LISTED) {
        say(&format!("{part}: {finding}"))?;
    }
    if findings.len() > LISTED {
        say(&format!("{part}: and {} more", findings.len() - LISTED))?;
    }
    if findings.is_empty() {
        say(&format!("{part}: well"))?;
    }
    Ok(findings.len())
}
