use std::{io, path::PathBuf};

use thiserror::Error;

/// Why there is no private PostgreSQL.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// No `postgres` and `initdb` were found in any of the usual places.
    #[error(
        "PostgreSQL's server is not installed; install it with `{install}`, or set PG_BIN to the folder of `initdb`"
    )]
    NotInstalled {
        /// What to type on this system.
        install: &'static str,
    },
    /// `PG_BIN` is set, but to a folder without the server.
    #[error("PG_BIN is {}, which holds no `postgres` and `initdb`", folder.display())]
    WrongFolder {
        /// What `PG_BIN` says.
        folder: PathBuf,
    },
    /// The data was written by a major version that is not installed.
    #[error("{} was made by PostgreSQL {data}, but installed is {installed}; install {data}, or remove the folder to begin anew", home.display())]
    OtherVersion {
        /// The folder with the data.
        home: PathBuf,
        /// The major version that wrote it.
        data: String,
        /// The major versions found.
        installed: String,
    },
    /// The folder, or its place for sockets, belongs to somebody else.
    #[error("{} belongs to the user with the number {owner}; run as that user, or remove it", folder.display())]
    NotOurs {
        /// The folder in question.
        folder: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The folder holds something, but PostgreSQL's user may not enter the folders above it.
    #[error("PostgreSQL's user cannot enter {}; move it below a folder that everybody may enter", folder.display())]
    Unreachable {
        /// The folder in question.
        folder: PathBuf,
    },
    /// PostgreSQL refuses to run as root, and there is no other user to run it.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`"
    )]
    NoUser,
    /// Somebody else has been starting the same server for too long.
    #[error("another process has been starting the server in {} for more than a minute", home.display())]
    Busy {
        /// The folder with the data.
        home: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, in the infinitive.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed:\n{output}")]
    Initdb {
        /// What it printed.
        output: String,
    },
    /// The server ended, or answered no query in time.
    #[error("PostgreSQL did not become ready; {} ends with:\n{tail}", log.display())]
    NotReady {
        /// Where the server writes its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The server runs, but refused a query of ours.
    #[error("cannot {action}")]
    Query {
        /// What was tried, in the infinitive.
        action: String,
        /// Why not.
        #[source]
        source: tokio_postgres::Error,
    },
}

/// For `map_err`: what was tried with which file.
pub(crate) fn file(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> LaunchError {
    let path = path.into();
    move |source| LaunchError::File { action, path, source }
}
