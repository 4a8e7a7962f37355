use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Config, NoTls, error::SqlState};

use crate::{
    LaunchError,
    binaries::Binaries,
    error::file,
    home::Home,
    lease::{Attachment, Lease, SCRIPT},
};

/// How long a start may take: after a crash PostgreSQL first replays what it had not written.
const PATIENCE: Duration = Duration::from_mins(1);

/// The database role that owns everything; a name, not a right: whoever may enter the folder is let in.
const ROLE: &str = "mercato";

/// What PostgreSQL says when an earlier server on the same data has not quite gone.
const PASSING_TROUBLES: [&str; 2] =
    ["pre-existing shared memory block", "lock file \"postmaster.pid\" already exists"];

/// How to start a private PostgreSQL.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for everything the server writes; made when missing.
    pub home: PathBuf,
    /// Whether an answered commit survives a loss of power. Only data that can be made again may do without.
    pub fsync: bool,
    /// Further settings by their names in `postgresql.conf`. They have no effect on a server that runs already.
    pub settings: Vec<(String, String)>,
    /// How long the server waits for another user once the last has gone. Whole seconds count.
    pub linger: Duration,
}

impl Options {
    /// A durable server that stops with its last user.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), fsync: true, settings: Vec::new(), linger: Duration::ZERO }
    }

    /// A fast server for data that nobody will miss.
    pub fn throw_away(home: impl Into<PathBuf>) -> Self {
        Self { fsync: false, ..Self::new(home) }
    }

    /// The server that all tests of a workspace share: below its target folder, with room for many at once.
    pub fn for_tests(target: &Path) -> Self {
        let settings =
            [("max_connections", "400"), ("shared_buffers", "256MB"), ("autovacuum", "off")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { settings, ..Self::throw_away(target.join("test-postgres")) }
    }
}

/// A running private PostgreSQL, and our lease on it.
pub struct Server {
    home: Home,
    lease: Option<Lease>,
    /// The shell that holds the server, when we started it.
    shell: Option<Child>,
    linger: Duration,
}

impl Server {
    /// Starts the server, or attaches to the one that already runs in the folder, and returns when it answers queries.
    ///
    /// # Errors
    ///
    /// Every variant of [`LaunchError`].
    pub async fn start(options: Options) -> Result<Self, LaunchError> {
        let home = Home::prepare(&options.home)?;
        let deadline = Instant::now() + PATIENCE;
        let _lock = home.lock(deadline).await?;
        if let Some(lease) = attach(&home, deadline).await? {
            tracing::debug!(home = %home.folder().display(), "attached to a private PostgreSQL");
            return Ok(Self { home, lease: Some(lease), shell: None, linger: options.linger });
        }
        end_forgotten_server(&home, deadline).await?;
        let binaries = Binaries::find(home.folder(), home.data_version().as_deref())?;
        if home.data_version().is_none() {
            initialise(&home, &binaries, options.fsync)?;
        }
        home.make_socket_folder()?;
        let launched = launch(&home, &binaries, &options, deadline).await;
        let (lease, shell) = match launched {
            // Without fsync a crash of the machine damages the data. It was made to be thrown away.
            Err(LaunchError::NotReady { .. }) if !options.fsync && !home.server_is_alive() => {
                fs::remove_dir_all(home.data()).map_err(file("remove", home.data()))?;
                initialise(&home, &binaries, options.fsync)?;
                launch(&home, &binaries, &options, deadline).await?
            }
            other => other?,
        };
        tracing::debug!(home = %home.folder().display(), "started a private PostgreSQL");
        Ok(Self { home, lease: Some(lease), shell: Some(shell), linger: options.linger })
    }

    /// Whether somebody holds a lease on the server in this folder.
    ///
    /// # Errors
    ///
    /// [`LaunchError::NotOurs`] and [`LaunchError::File`].
    pub fn is_in_use(home: &Path) -> Result<bool, LaunchError> {
        let home = Home::prepare(home)?;
        Ok(matches!(Lease::attach(&home)?, Attachment::Held(_)))
    }

    /// Whether another [`Server`] value had started it: then others use the same data at the same time.
    pub fn attached(&self) -> bool {
        self.shell.is_none()
    }

    /// The address of a database of this server, in the form that libpq, tokio-postgres and diesel-async read.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encoded(&self.home.sockets().to_string_lossy());
        format!("postgres://{ROLE}@{host}/{}", percent_encoded(database))
    }

    /// Makes an empty database unless there is one of that name.
    ///
    /// # Errors
    ///
    /// [`LaunchError::Query`].
    pub async fn create_database_if_missing(&self, name: &str) -> Result<(), LaunchError> {
        let failed =
            |source| LaunchError::Query { action: format!("create the database {name}"), source };
        let client = connect(&self.home).await.map_err(failed)?;
        let found = client
            .query("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
            .await
            .map_err(failed)?;
        if !found.is_empty() {
            return Ok(());
        }
        let quoted = name.replace('"', "\"\"");
        match client.batch_execute(&format!("CREATE DATABASE \"{quoted}\"")).await {
            // Another instance was faster.
            Err(error)
                if [Some(&SqlState::DUPLICATE_DATABASE), Some(&SqlState::UNIQUE_VIOLATION)]
                    .contains(&error.code()) =>
            {
                Ok(())
            }
            other => other.map_err(failed),
        }
    }

    /// Ends our lease and, if it was the last on a server that does not linger, waits until the server has stopped.
    ///
    /// # Errors
    ///
    /// [`LaunchError::NotReady`] when the server has not stopped after a minute.
    pub async fn stop(mut self) -> Result<(), LaunchError> {
        let was_last = self.lease.take().is_none_or(Lease::end);
        if !was_last || !self.linger.is_zero() {
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        while self.home.server_is_alive() || self.shell_is_running() {
            if Instant::now() > deadline {
                return Err(not_ready(&self.home));
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.shell = None;
        Ok(())
    }

    fn shell_is_running(&mut self) -> bool {
        self.shell.as_mut().is_some_and(|shell| matches!(shell.try_wait(), Ok(None)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lease.take());
        if let Some(mut shell) = self.shell.take() {
            // Nobody waits for the server, but its shell must not stay behind as a zombie.
            thread::spawn(move || shell.wait());
        }
    }
}

/// Joins the users of a running server, if there is one.
async fn attach(home: &Home, deadline: Instant) -> Result<Option<Lease>, LaunchError> {
    loop {
        match Lease::attach(home)? {
            Attachment::Nobody => return Ok(None),
            Attachment::Closing => {}
            Attachment::Held(lease) => {
                // It may still be replaying its log, or it may be about to fail.
                while lease.is_read() && Instant::now() < deadline {
                    if connect(home).await.is_ok() {
                        return Ok(Some(lease));
                    }
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
        if Instant::now() > deadline {
            return Err(not_ready(home));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Stops a server whose shell was killed: it would outlive all of its users.
async fn end_forgotten_server(home: &Home, deadline: Instant) -> Result<(), LaunchError> {
    // The number alone proves nothing: another program may have it by now.
    while connect(home).await.is_ok() {
        if let Some(process) = home.server_process() {
            tracing::warn!(process, "stopping a private PostgreSQL that nobody holds");
            let _ = kill(Pid::from_raw(process), Signal::SIGINT); // gone already is just as well
        }
        if Instant::now() > deadline {
            return Err(not_ready(home));
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Makes the data; a run that was interrupted leaves nothing that looks like data.
fn initialise(home: &Home, binaries: &Binaries, fsync: bool) -> Result<(), LaunchError> {
    let (data, unfinished) = (home.data(), home.unfinished_data());
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(file("remove", unfinished)(error));
        }
        _ => {}
    }
    let initdb = binaries.initdb();
    let mut command = prepared(home, &initdb);
    command.arg("-D").arg(&unfinished).args([
        "-U",
        ROLE,
        "-E",
        "UTF8",
        "--no-locale",
        "-A",
        "trust",
    ]);
    if !fsync {
        command.arg("--no-sync");
    }
    let output = command.stdin(Stdio::null()).output().map_err(file("run", &initdb))?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        return Err(LaunchError::Initdb { output: String::from_utf8_lossy(&text).into_owned() });
    }
    fs::rename(&unfinished, &data).map_err(file("rename", unfinished))
}

/// Starts the server below its shell and waits for its first answer.
async fn launch(
    home: &Home,
    binaries: &Binaries,
    options: &Options,
    deadline: Instant,
) -> Result<(Lease, Child), LaunchError> {
    loop {
        let (lease, reader) = Lease::found(home)?;
        let mut shell = start_shell(home, binaries, options, reader)?;
        while matches!(shell.try_wait(), Ok(None)) && Instant::now() < deadline {
            if connect(home).await.is_ok() {
                return Ok((lease, shell));
            }
            sleep(Duration::from_millis(20)).await;
        }
        let log = fs::read_to_string(home.log()).unwrap_or_default();
        let may_pass = PASSING_TROUBLES.iter().any(|trouble| log.contains(trouble));
        if !may_pass || Instant::now() > deadline {
            return Err(not_ready(home));
        }
        sleep(Duration::from_millis(300)).await;
    }
}

fn start_shell(
    home: &Home,
    binaries: &Binaries,
    options: &Options,
    reader: Stdio,
) -> Result<Child, LaunchError> {
    let log = home.log();
    let _ = fs::rename(&log, home.previous_log()); // absent at the first start
    let output = File::create(&log).map_err(file("create", &log))?;
    let errors = output.try_clone().map_err(file("open", &log))?;
    let linger = options.linger.as_secs().to_string();
    let mut shell = prepared(home, Path::new("/bin/sh"));
    shell.args(["-c", SCRIPT, "mercato-postgres"]).arg(home.closing()).arg(linger);
    shell.arg(binaries.postgres()).arg("-D").arg(home.data());
    for (name, value) in settings(home, options) {
        shell.arg("-c").arg(format!("{name}={value}"));
    }
    // A group of its own: Ctrl-C in the terminal is for us, and we stop the server when we are done with it.
    shell.stdin(reader).stdout(output).stderr(errors).process_group(0);
    shell.spawn().map_err(file("run", "/bin/sh"))
}

fn settings(home: &Home, options: &Options) -> Vec<(String, String)> {
    let sockets = home.sockets().display();
    let mut settings = vec![
        ("listen_addresses".to_owned(), String::new()),
        ("unix_socket_directories".to_owned(), format!("\"{sockets}\"")),
        ("unix_socket_permissions".to_owned(), "0700".to_owned()),
        ("port".to_owned(), "5432".to_owned()),
        ("timezone".to_owned(), "UTC".to_owned()),
        ("log_timezone".to_owned(), "UTC".to_owned()),
    ];
    if !options.fsync {
        let off = ["fsync", "synchronous_commit", "full_page_writes"];
        settings.extend(off.map(|name| (name.to_owned(), "off".to_owned())));
    }
    settings.extend(options.settings.iter().cloned());
    settings
}

/// A command that runs as the server's user, in its folder, and inherits nothing of our environment.
fn prepared(home: &Home, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home.folder()).env_clear();
    command
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("HOME", home.folder());
    if let Some(runner) = home.runner() {
        command.uid(runner.uid).gid(runner.gid);
    }
    command
}

async fn connect(home: &Home) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config
        .host_path(home.sockets())
        .user(ROLE)
        .dbname("postgres")
        .connect_timeout(Duration::from_secs(5));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    client.simple_query("SELECT 1").await?;
    Ok(client)
}

fn not_ready(home: &Home) -> LaunchError {
    let log = home.log();
    let text = fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    LaunchError::NotReady { log, tail }
}

/// Percent-encodes everything but letters, digits and `-._~`.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
