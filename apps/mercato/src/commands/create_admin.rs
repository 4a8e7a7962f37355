use std::path::PathBuf;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use identity::{DisplayName, EmailAddress, NewPassword};
use kernel::{Random, SystemRandom};

use super::output::say;
use super::platform::Platform;
use crate::config::Settings;

/// Bytes of a password that is made here: more than anybody guesses.
const SECRET_BYTES: usize = 18;

/// Who becomes an admin.
#[derive(Debug, Clone, Args)]
pub(super) struct AdminFlags {
    /// The mail address; it counts as verified.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// What others see.
    #[arg(long, value_name = "NAME", default_value = "Admin")]
    name: String,
    /// A file that holds the password; without it one is made and printed once.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(super) async fn create_admin(settings: Settings, flags: AdminFlags) -> anyhow::Result<()> {
    let email = flags.email.parse::<EmailAddress>()?;
    let name = DisplayName::new(&flags.name).context("--name")?;
    let (password, made) = if let Some(path) = &flags.password_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        (text.trim_end_matches(['\r', '\n']).to_owned(), false)
    } else {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom.fill(&mut bytes);
        (URL_SAFE_NO_PAD.encode(bytes), true)
    };
    let checked = NewPassword::new(&password).context("the password")?;
    let platform = Platform::start(&settings, false).await?;
    let account = platform.services.accounts.create_admin(email, &checked, name).await;
    platform.stop().await?;
    say(&format!("created the admin {} ({})", flags.email, account?.id()))?;
    if made {
        say(&format!(
            "password: {password}\nIt is shown this once; change it after the first sign-in."
        ))?;
    }
    Ok(())
}
