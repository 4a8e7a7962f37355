//! The server that holds the databases of all tests.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use embedded_postgres::{Options, Server};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// Where to find a server that somebody else has started for the tests: the address of any database of it.
const GIVEN: &str = "MERCATO_TEST_DATABASE_URL";

/// How long a server that we start waits for the next test process. Some test runners start one for each test.
const LINGER: Duration = Duration::from_secs(15);

/// Our lease on the server; it ends with the process.
static SERVER: OnceCell<Server> = OnceCell::const_new();

/// The address of a database of the server, which is started when nobody has.
pub(crate) async fn url(database: &str) -> String {
    match env::var(GIVEN) {
        Ok(given) => with_database(&given, database),
        Err(_) => SERVER.get_or_init(start).await.url(database),
    }
}

/// A connection that lives as long as the client and the runtime.
pub(crate) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn start() -> Server {
    let options = Options { linger: LINGER, ..Options::for_tests(&target()) };
    Server::start(options)
        .await
        .unwrap_or_else(|error| panic!("no PostgreSQL for the tests: {error}"))
}

/// The folder cargo builds into, which marks it with a file.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), Path::to_owned)
}

/// The same address with another database.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) =
        url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    format!("{}/{database}{parameters}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_an_address_changes() {
        let changed = ["postgres://a@%2Ftmp/b", "postgres://a@host:1/b?c=d", "postgres://host"]
            .map(|url| with_database(url, "x"));

        assert_eq!(
            changed,
            ["postgres://a@%2Ftmp/x", "postgres://a@host:1/x?c=d", "postgres://host/x"]
        );
    }
}
