//! Deletes what the project keeps on this machine, apart from what it built.

use std::{fs, io::ErrorKind, process::ExitCode};

use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;
use embedded_postgres::{Options, Server};

use crate::{say, target};

pub(crate) fn run(workspace: &Metadata) -> Result<ExitCode> {
    let private = workspace.workspace_root.as_std_path().join(".mercato");
    let homes = [private.join("postgres"), Options::for_tests(target(workspace)).home];
    for home in homes.iter().filter(|home| home.exists()) {
        if Server::is_in_use(home)? {
            bail!("{} is in use: stop the program that runs on it", home.display());
        }
        embedded_postgres::remove(home)?;
        say(&format!("removed {}", home.display()));
    }
    match fs::remove_dir_all(&private) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", private.display()))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
