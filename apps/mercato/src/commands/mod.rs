//! The commands of the binary.

mod arguments;
mod create_admin;
mod database;
mod doctor;
mod drain;
mod healthcheck;
mod migrate;
mod output;
mod platform;
mod seed;
mod serve;
mod torture;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, EXAMPLE, Settings, Sources};
use crate::telemetry;
use arguments::{Assignment, DoctorFlags, ServeFlags, WorkerFlags};
use create_admin::AdminFlags;
use output::say;
use seed::SeedFlags;
use torture::TortureFlags;

/// A marketplace backend: API, background worker and tools in one binary.
#[derive(Debug, Parser)]
#[command(name = "mercato", version, about, max_term_width = 100)]
struct Cli {
    /// The configuration file; without it `mercato.toml` in the current folder, if it exists.
    #[arg(long, short, global = true, env = "MERCATO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one setting, over file and environment. May be given several times.
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    assignments: Vec<Assignment>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API and runs background jobs.
    ///
    /// Without a database it starts a private PostgreSQL and fills it with a demo marketplace.
    Serve(ServeFlags),
    /// Runs background jobs only.
    Worker(WorkerFlags),
    /// Brings the database's schema up to date.
    Migrate {
        /// Changes nothing: lists what is not applied yet, and fails if there is something.
        #[arg(long)]
        check: bool,
    },
    /// Fills an empty marketplace with demo data. Refused in production.
    Seed(SeedFlags),
    /// Makes an account that is an admin: the first one comes from here.
    CreateAdmin(AdminFlags),
    /// Examines the marketplace, and fails if something is wrong.
    Doctor(DoctorFlags),
    /// Lets many clients move money through a marketplace of its own, kills everything under them
    /// again and again, and then looks whether a cent is missing.
    Torture(TortureFlags),
    /// Prints the OpenAPI document.
    Openapi,
    /// Asks a running server whether it is ready; for containers.
    Healthcheck {
        /// The server; without it the configured address on this machine.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Shows the configuration.
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum ConfigCommand {
    /// What is in force, secrets masked.
    Print,
    /// A commented file with every setting and its default.
    Example,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    match execute(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    let mut flags: Vec<_> = cli.assignments.into_iter().map(Assignment::into_pair).collect();
    if let Command::Serve(serve) = &cli.command {
        flags.extend(serve.settings());
    }
    if let Command::Seed(seed) = &cli.command {
        flags.extend(seed.settings());
    }
    if let Command::Torture(_) = &cli.command {
        // It follows a database that is killed, and would complain of it all the time.
        flags.insert(0, ("logs.filter".to_owned(), "off".to_owned()));
    }
    let settings = Settings::load(&Sources::of_process(cli.config, flags))?;
    // Whatever ends soon is not worth a collector's while.
    let traces = match &cli.command {
        Command::Serve(_) | Command::Worker(_) => settings.traces.clone(),
        _ => config::Traces::default(),
    };
    let traces = telemetry::start(&settings.logs, &traces)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(flags) => serve::serve(settings, flags).await,
            Command::Worker(flags) => worker::work(settings, flags).await,
            Command::Migrate { check } => migrate::migrate(&settings, check).await,
            Command::Seed(flags) => seed::seed(settings, flags).await,
            Command::CreateAdmin(flags) => create_admin::create_admin(settings, flags).await,
            Command::Doctor(flags) => doctor::examine(settings, flags).await,
            Command::Torture(flags) => torture::torture(flags).await,
            Command::Openapi => say(&crate::http::openapi().to_pretty_json()?),
            Command::Healthcheck { url } => healthcheck::check(&settings, url).await,
            Command::Config { what: ConfigCommand::Print } => say(&settings.masked()),
            Command::Config { what: ConfigCommand::Example } => say(EXAMPLE),
        }
    });
    traces.stop();
    done
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
