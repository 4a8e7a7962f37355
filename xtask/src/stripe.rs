//! Drives the fake of Stripe with Stripe's own library: what the adapter is tested against speaks as Stripe does.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use cargo_metadata::Metadata;
use tokio::process::Command;

use crate::{python, target};

/// The version that is known to work.
const STRIPE: &str = "stripe==16.1.0";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(workspace: &Metadata) -> Result<ExitCode> {
    let environment = target(workspace).join("stripe-sdk");
    python::install(&environment, STRIPE).await?;
    let build = ["build", "--package", "mercato-gateway-fakes", "--example", "stripe"];
    ensure!(Command::new("cargo").args(build).status().await?.success(), "the fake does not build");
    let passed = Command::new(environment.join("bin/python"))
        .arg(workspace.workspace_root.join("xtask/stripe_sdk.py"))
        .arg(target(workspace).join("debug/examples/stripe"))
        .status()
        .await?;
    Ok(if passed.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
