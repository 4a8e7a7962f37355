//! A private PostgreSQL: started from the programs the system has installed, kept in one folder, gone when we are.
//!
//! It needs no configuration and disturbs no other server: it listens on a Unix socket in a folder only its owner may
//! enter, opens no TCP port, and asks for no password. Run by root, it works as the user `postgres` (else `nobody`),
//! since PostgreSQL refuses root.
//!
//! ```no_run
//! # async fn example() -> Result<(), embedded_postgres::LaunchError> {
//! use embedded_postgres::{Options, Server};
//!
//! let server = Server::start(Options::new(".mercato/postgres")).await?;
//! server.create_database_if_missing("mercato").await?;
//! let url = server.url("mercato"); // for tokio-postgres, diesel-async and psql
//! server.stop().await?;
//! # Ok(()) }
//! ```
//!
//! # Who stops it
//!
//! Every [`Server`] value holds a lease. Whoever comes second to the same folder, in this process or another, attaches
//! to the running server ([`Server::attached`]) and holds a lease of its own. The server stops when the last lease ends,
//! however that happens: [`Server::stop`], `Drop`, the end of the process, `kill -9`. So the first may leave while the
//! second works on. A program that must be alone with its data refuses to go on when `attached` is true.
//!
//! # What lies in the folder
//!
//! | Name | What |
//! |---|---|
//! | `data` | the cluster; written as `data.new` and renamed when complete |
//! | `sockets` | the Unix socket (in `/tmp` when the path would be too long for one) |
//! | `server.log`, `server.previous.log` | what the server said since its last start, and before |
//! | `lock` | held while somebody starts or attaches |
//! | `lease`, `users`, `closing` | who uses it, and that it is about to stop |
//!
//! When root's home is where PostgreSQL's user may not enter (below `/root`, say), the folder is a link to one in
//! `/var/lib/mercato`; [`remove`] deletes both.

mod binaries;
mod error;
mod home;
mod lease;
mod server;

pub use error::LaunchError;
pub use home::remove;
pub use server::{Options, Server};
