//! The project's own automation: `cargo xtask test`, `fuzz`, `stripe`, `dependencies` and `reset`.

mod dependencies;
mod fuzz;
mod python;
mod reset;
mod stripe;
mod test;

use std::process::ExitCode;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use clap::Parser;

/// Automation for those who work on Mercato.
#[derive(Parser)]
enum Task {
    /// Run every test against a PostgreSQL of its own.
    Test {
        /// What to test, in the words of `cargo test`, instead of the whole workspace.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        selection: Vec<String>,
    },
    /// Call a demonstration marketplace as nobody would, and compare its answers with its description. Needs Python.
    Fuzz(fuzz::Effort),
    /// Drive the fake of Stripe with Stripe's own library. Needs Python.
    Stripe,
    /// Check that dependencies point in one direction only.
    Dependencies,
    /// Delete the data of the demonstration and of the tests.
    Reset,
}

fn main() -> Result<ExitCode> {
    let task = Task::parse();
    let workspace = MetadataCommand::new().no_deps().exec().context("cannot read the workspace")?;
    match task {
        Task::Test { selection } => test::run(&workspace, &selection),
        Task::Fuzz(effort) => fuzz::run(&workspace, &effort),
        Task::Stripe => stripe::run(&workspace),
        Task::Dependencies => Ok(dependencies::run(&workspace)),
        Task::Reset => reset::run(&workspace),
    }
}

/// Where everything built and everything temporary lies.
fn target(workspace: &Metadata) -> &std::path::Path {
    workspace.target_directory.as_std_path()
}

#[expect(clippy::print_stdout, reason = "a command line tool speaks to its user")]
fn say(text: &str) {
    println!("{text}");
}
