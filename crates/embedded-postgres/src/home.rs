//! The folder of a private PostgreSQL: where it lies, whose it is, and what is in it.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::signal::kill,
    unistd::{Pid, User, geteuid},
};
use tokio::time::{Instant, sleep};

use crate::{LaunchError, error::file};

/// Where root keeps the data when PostgreSQL's user cannot enter the wanted folder.
const ELSEWHERE: &str = "/var/lib/mercato";

/// A socket's address has room for 104 bytes on some systems, 108 on others; its own name takes some.
const LONGEST_SOCKET_FOLDER: usize = 80;

/// The user who runs the server when we are root.
#[derive(Clone, Copy)]
pub(crate) struct Runner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Runner {
    fn find() -> Result<Self, LaunchError> {
        let user = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten());
        let user = user.ok_or(LaunchError::NoUser)?;
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }

    /// Whether this user may pass through every folder above `path`.
    fn may_reach(self, path: &Path) -> bool {
        path.ancestors().skip(1).filter_map(|folder| folder.metadata().ok()).all(|folder| {
            let enter = match () {
                () if folder.uid() == self.uid => 0o100,
                () if folder.gid() == self.gid => 0o010,
                () => 0o001,
            };
            folder.mode() & enter != 0
        })
    }
}

/// An existing folder that only the server's user may enter.
pub(crate) struct Home {
    folder: PathBuf,
    sockets: PathBuf,
    runner: Option<Runner>,
}

impl Home {
    /// Makes the folder, or checks that it is ours.
    pub(crate) fn prepare(wanted: &Path) -> Result<Self, LaunchError> {
        let wanted = std::path::absolute(wanted).map_err(file("find", wanted))?;
        if let Some(parent) = wanted.parent() {
            fs::create_dir_all(parent).map_err(file("create", parent))?;
        }
        let (folder, runner) = if geteuid().is_root() {
            place_for_root(&wanted)?
        } else {
            (make_private(&wanted)?, None)
        };
        let owner = folder.metadata().map_err(file("examine", &folder))?.uid();
        if runner.map_or(geteuid().as_raw(), |runner| runner.uid) != owner {
            return Err(LaunchError::NotOurs { folder, owner });
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o700))
            .map_err(file("close to others", &folder))?;
        let sockets = socket_folder(&folder);
        Ok(Self { folder, sockets, runner })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn unfinished_data(&self) -> PathBuf {
        self.folder.join("data.new")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    pub(crate) fn previous_log(&self) -> PathBuf {
        self.folder.join("server.previous.log")
    }

    pub(crate) fn lease(&self) -> PathBuf {
        self.folder.join("lease")
    }

    pub(crate) fn users(&self) -> PathBuf {
        self.folder.join("users")
    }

    pub(crate) fn closing(&self) -> PathBuf {
        self.folder.join("closing")
    }

    pub(crate) fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// Who runs the server, if not we ourselves.
    pub(crate) fn runner(&self) -> Option<Runner> {
        self.runner
    }

    /// The major version that wrote the data, if there is any.
    pub(crate) fn data_version(&self) -> Option<String> {
        let text = fs::read_to_string(self.data().join("PG_VERSION")).ok()?;
        Some(text.trim().to_owned())
    }

    /// The process that runs on the data, as far as the data knows.
    pub(crate) fn server_process(&self) -> Option<i32> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    /// Whether a process with the number that the data knows exists.
    pub(crate) fn server_is_alive(&self) -> bool {
        self.server_process()
            .is_some_and(|process| kill(Pid::from_raw(process), None) != Err(Errno::ESRCH))
    }

    /// Keeps others from starting or attaching until the file is dropped.
    pub(crate) async fn lock(&self, deadline: Instant) -> Result<File, LaunchError> {
        let path = self.folder.join("lock");
        let lock = File::create(&path).map_err(file("create", &path))?;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LaunchError::Busy { home: self.folder.clone() });
                }
                Err(TryLockError::Error(source)) => return Err(file("lock", path)(source)),
            }
        }
    }

    /// Makes the folder of the socket. `/tmp` is everybody's, so a folder found there must be proven to be ours.
    pub(crate) fn make_socket_folder(&self) -> Result<(), LaunchError> {
        let path = &self.sockets;
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => self.give_to_runner(path)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(file("create", path)(source)),
        }
        let found = path.symlink_metadata().map_err(file("examine", path))?;
        let owner = self.runner.map_or(geteuid().as_raw(), |runner| runner.uid);
        if !found.is_dir() || found.uid() != owner || found.mode() & 0o077 != 0 {
            return Err(LaunchError::NotOurs { folder: path.clone(), owner: found.uid() });
        }
        Ok(())
    }

    fn give_to_runner(&self, path: &Path) -> Result<(), LaunchError> {
        match self.runner {
            Some(runner) => {
                chown(path, Some(runner.uid), Some(runner.gid)).map_err(file("give away", path))
            }
            None => Ok(()),
        }
    }
}

/// Deletes the folder of a stopped server, wherever it is, with all data in it.
pub fn remove(home: &Path) -> Result<(), LaunchError> {
    let Ok(folder) = home.canonicalize() else { return Ok(()) };
    let sockets = socket_folder(&folder);
    for path in [&sockets, &folder] {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(file("remove", path)(error));
            }
            _ => {}
        }
    }
    if home.is_symlink() {
        fs::remove_file(home).map_err(file("remove", home))?;
    }
    Ok(())
}

/// The folder for a server that root starts, and who runs it.
fn place_for_root(wanted: &Path) -> Result<(PathBuf, Option<Runner>), LaunchError> {
    let newcomer = Runner::find()?;
    if !wanted.exists() && !newcomer.may_reach(wanted) {
        link_elsewhere(wanted)?;
    }
    let folder = make_private(wanted)?;
    let found = folder.metadata().map_err(file("examine", &folder))?;
    let runner = match found.uid() {
        0 => newcomer,
        uid => Runner { uid, gid: found.gid() }, // made by a user before root came: still that user's
    };
    if !runner.may_reach(&folder) {
        return Err(LaunchError::Unreachable { folder });
    }
    chown(&folder, Some(runner.uid), Some(runner.gid)).map_err(file("give away", &folder))?;
    Ok((folder, Some(runner)))
}

/// Makes `wanted` a link to a folder that PostgreSQL's user can enter.
fn link_elsewhere(wanted: &Path) -> Result<(), LaunchError> {
    fs::create_dir_all(ELSEWHERE).map_err(file("create", ELSEWHERE))?;
    let place = Path::new(ELSEWHERE).join(fingerprint(wanted));
    make_private(&place)?;
    let dangling = wanted.is_symlink();
    match symlink(&place, wanted) {
        Err(error) if !dangling && error.kind() != ErrorKind::AlreadyExists => {
            Err(file("link", wanted)(error))
        }
        _ => Ok(()), // somebody who started at the same time made the same link
    }
}

fn make_private(path: &Path) -> Result<PathBuf, LaunchError> {
    let made: io::Result<()> = match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    made.map_err(file("create", path))?;
    path.canonicalize().map_err(file("find", path))
}

fn socket_folder(folder: &Path) -> PathBuf {
    let inside = folder.join("sockets");
    match inside.as_os_str().len() {
        0..=LONGEST_SOCKET_FOLDER => inside,
        _ => Path::new("/tmp").join(format!("mercato-{}", fingerprint(folder))),
    }
}

/// A short name for a path, the same in every process of this program.
fn fingerprint(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
