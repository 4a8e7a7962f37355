//! Programs of Python, each in an environment of its own.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::say;

/// Installs a requirement, such as `stripe==16.1.0`, unless it is there.
pub(crate) async fn install(environment: &Path, requirement: &str) -> Result<()> {
    let stamp = environment.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirement) {
        return Ok(());
    }
    say(&format!("installing {requirement} into {}", environment.display()));
    let made =
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment).status().await;
    ensure!(
        made.is_ok_and(|status| status.success()),
        "this needs Python 3.10 or newer with its module venv (Debian: apt-get install python3-venv)"
    );
    let installed = Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", requirement])
        .status()
        .await?;
    ensure!(installed.success(), "{requirement} cannot be installed");
    fs::write(stamp, requirement)?;
    Ok(())
}
