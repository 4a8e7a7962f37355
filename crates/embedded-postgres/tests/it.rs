//! The launcher on the real thing. Run by root it starts servers as another user; run by a user, as that user.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use embedded_postgres::{LaunchError, Options, Server, remove};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

/// A folder that goes when the test ends, below which everybody may pass.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("postgres")
    }

    fn options(&self) -> Options {
        Options::throw_away(self.home())
    }

    /// The process number of the running server.
    fn server(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.home().join("data/postmaster.pid")).ok()?;
        Some(Pid::from_raw(text.lines().next()?.parse().ok()?))
    }

    async fn is_free_of_servers(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.server().is_some() {
            if Instant::now() > deadline {
                return false;
            }
            sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        remove(&self.home()).unwrap();
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Writes a row, as durably as the server writes.
async fn remember(url: &str) {
    let client = connect(url).await.unwrap();
    client
        .batch_execute("CREATE TABLE memory (word text); INSERT INTO memory VALUES ('elephant')")
        .await
        .unwrap();
}

async fn remembers(url: &str) -> bool {
    let client = connect(url).await.unwrap();
    client
        .query_one("SELECT word FROM memory", &[])
        .await
        .is_ok_and(|row| row.get::<_, String>(0) == "elephant")
}

/// Another process that holds a server, and the address it was told.
fn holder(home: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_private-postgres"))
        .arg(home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    (child, url.trim().to_owned())
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_a_second_start_finds_the_data() {
    let place = Place::new();
    let server = Server::start(place.options()).await.unwrap();
    server.create_database_if_missing("it's \"mine\"").await.unwrap();
    server.create_database_if_missing("it's \"mine\"").await.unwrap();
    let url = server.url("it's \"mine\"");
    remember(&url).await;
    let process = place.server().unwrap();
    server.stop().await.unwrap();

    assert!(connect(&url).await.is_err());
    assert_eq!(kill(process, None), Err(Errno::ESRCH));

    let server = Server::start(place.options()).await.unwrap();
    assert!(!server.attached());
    assert!(remembers(&url).await);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn only_its_owner_can_come_near_it() {
    let place = Place::new();
    let server = Server::start(place.options()).await.unwrap();

    let client = connect(&server.url("postgres")).await.unwrap();
    let addresses: String = client.query_one("SHOW listen_addresses", &[]).await.unwrap().get(0);

    assert_eq!(addresses, "");
    assert_eq!(fs::metadata(place.home()).unwrap().permissions().mode() & 0o777, 0o700);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_second_attaches_and_may_outlive_the_first() {
    let place = Place::new();
    let first = Server::start(place.options()).await.unwrap();
    let second = Server::start(place.options()).await.unwrap();
    let url = second.url("postgres");

    assert_eq!((first.attached(), second.attached()), (false, true));
    first.stop().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    remember(&url).await;
    second.stop().await.unwrap();

    assert!(place.server().is_none());
}

#[tokio::test]
async fn instances_that_start_at_once_share_one_server() {
    let place = Place::new();

    let starts = (0..5).map(|_| tokio::spawn(Server::start(place.options())));
    let mut servers = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        servers.push(start.await.unwrap().unwrap());
    }

    assert_eq!(servers.iter().filter(|server| !server.attached()).count(), 1);
    for server in servers {
        server.stop().await.unwrap();
    }
    assert!(place.server().is_none());
}

#[tokio::test]
async fn instances_that_come_and_go_without_pause_always_find_a_server() {
    let place = Place::new();

    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let options = place.options();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let server = Server::start(options.clone()).await.unwrap();
                    connect(&server.url("postgres"))
                        .await
                        .unwrap()
                        .simple_query("SELECT 1")
                        .await
                        .unwrap();
                    drop(server);
                }
            })
        })
        .collect();
    for visitor in visitors {
        visitor.await.unwrap();
    }

    assert!(place.is_free_of_servers().await);
}

#[tokio::test]
async fn the_server_goes_with_a_killed_holder_and_keeps_what_was_committed() {
    let place = Place::new();
    let (mut child, url) = holder(&place.home());
    remember(&url).await;
    child.kill().unwrap(); // SIGKILL: the holder gets no chance to do anything
    child.wait().unwrap();

    assert!(place.is_free_of_servers().await);

    let server = Server::start(place.options()).await.unwrap();
    assert!(remembers(&url).await);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_process_keeps_the_server_of_a_killed_first() {
    let place = Place::new();
    let (mut child, url) = holder(&place.home());
    let server = Server::start(place.options()).await.unwrap();
    assert!(server.attached());
    child.kill().unwrap();
    child.wait().unwrap();
    sleep(Duration::from_millis(500)).await;

    remember(&url).await;
    server.stop().await.unwrap();
    assert!(place.server().is_none());
}

#[tokio::test]
async fn a_killed_server_recovers_at_the_next_start() {
    let place = Place::new();
    let server = Server::start(Options::new(place.home())).await.unwrap();
    let url = server.url("postgres");
    remember(&url).await;
    kill(place.server().unwrap(), Signal::SIGKILL).unwrap();
    drop(server);

    let server = Server::start(Options::new(place.home())).await.unwrap();

    assert!(!server.attached());
    assert!(remembers(&url).await);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_holder_stops_its_server_before_it_ends() {
    let place = Place::new();
    let (mut child, _) = holder(&place.home());
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();

    assert!(child.wait().unwrap().success());
    assert!(place.server().is_none());
}

#[tokio::test]
async fn an_interrupted_initialisation_is_begun_anew() {
    let place = Place::new();
    let server = Server::start(place.options()).await.unwrap();
    server.stop().await.unwrap();
    fs::rename(place.home().join("data"), place.home().join("data.new")).unwrap();
    fs::remove_file(place.home().join("data.new/PG_VERSION")).unwrap();

    Server::start(place.options()).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_its_log() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.push(("max_connections".to_owned(), "many".to_owned()));

    let error = Server::start(options).await.err().unwrap();

    assert!(
        matches!(&error, LaunchError::NotReady { tail, .. } if tail.contains("max_connections")),
        "{error}"
    );
}

#[tokio::test]
async fn damaged_data_that_was_made_to_be_thrown_away_is_made_anew() {
    let place = Place::new();
    Server::start(place.options()).await.unwrap().stop().await.unwrap();
    fs::write(place.home().join("data/global/pg_control"), "garbage").unwrap();

    assert!(Server::start(Options::new(place.home())).await.is_err());
    Server::start(place.options()).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_is_in_use_while_somebody_holds_its_server() {
    let place = Place::new();
    let server = Server::start(place.options()).await.unwrap();
    assert!(Server::is_in_use(&place.home()).unwrap());
    server.stop().await.unwrap();

    assert!(!Server::is_in_use(&place.home()).unwrap());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let place = Place::new();
    let options = Options::throw_away(place.home().join("long".repeat(50)).join("postgres"));
    fs::create_dir_all(options.home.parent().unwrap()).unwrap();

    let server = Server::start(options.clone()).await.unwrap();

    connect(&server.url("postgres")).await.unwrap();
    server.stop().await.unwrap();
    remove(&options.home).unwrap();
}

#[tokio::test]
async fn a_folder_that_only_we_may_enter_is_no_obstacle_even_for_root() {
    let place = Place::new();
    fs::set_permissions(place.folder.path(), Permissions::from_mode(0o700)).unwrap();

    let server = Server::start(place.options()).await.unwrap();
    remember(&server.url("postgres")).await;
    server.stop().await.unwrap();

    let real = place.home().canonicalize().unwrap();
    assert_eq!(place.home().is_symlink(), geteuid().is_root());
    remove(&place.home()).unwrap();
    assert!(!real.exists() && !place.home().is_symlink());
}
