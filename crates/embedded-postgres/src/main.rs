//! `private-postgres FOLDER`: holds a private PostgreSQL until Ctrl-C and prints its address, for `psql` and the like.

use std::{env, error::Error, path::PathBuf};

use embedded_postgres::{Options, Server};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let home: PathBuf = env::args_os().nth(1).ok_or("usage: private-postgres FOLDER")?.into();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::start(Options::new(home)).await?;
    announce(&server);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.stop().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the address is what this program is asked for")]
fn announce(server: &Server) {
    println!("{}", server.url("postgres"));
}
