//! Who uses the server. Every user keeps a named pipe open for writing; a shell that holds the server reads it. When
//! the last writer is gone, by whatever end, the shell sees the end of the file and stops the server.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    process::Stdio,
};

use nix::{errno::Errno, fcntl::OFlag, sys::stat::Mode, unistd::mkfifo};

use crate::{LaunchError, error::file, home::Home};

/// What the shell does. `$1`: the file that says the server is about to stop. `$2`: seconds to wait for another user
/// once the last has gone. The rest: the server's command line.
///
/// A newcomer writes a line, then looks for the file; the shell makes the file, then looks for a line. So at least one
/// of them sees the other: either the server stays, or the newcomer knows that it goes.
///
/// The signal is repeated: one that comes before PostgreSQL has installed its handlers is lost.
pub(crate) const SCRIPT: &str = r#"
closing=$1 linger=$2
shift 2
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{
  while :; do
    if read -r _ <&3; then continue; fi
    sleep "$linger"
    : >"$closing"
    read -r _ <&3 || break
    rm -f "$closing"
  done
  while kill -INT "$server" 2>/dev/null; do sleep 0.2; done
} &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// One user's hold on the server.
pub(crate) struct Lease {
    pipe: File,
    /// A shared lock, so that who leaves can tell whether others stay.
    user: File,
}

/// The answer to a request to attach.
pub(crate) enum Attachment {
    Held(Lease),
    /// The last user has gone and the server stops: come back.
    Closing,
    /// No shell reads the pipe.
    Nobody,
}

impl Lease {
    /// Makes the pipe. What the shell reads comes second.
    pub(crate) fn found(home: &Home) -> Result<(Self, Stdio), LaunchError> {
        let path = home.lease();
        for stale in [&path, &home.closing()] {
            match fs::remove_file(stale) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(file("remove", stale)(error));
                }
                _ => {}
            }
        }
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| file("create", &path)(errno.into()))?;
        let open = |read, write| {
            OpenOptions::new().read(read).write(write).open(&path).map_err(file("open", &path))
        };
        // Opening one end of a pipe waits for the other, opening both does not.
        let both = open(true, true)?;
        let reader = open(true, false)?;
        let pipe = open(false, true)?;
        drop(both);
        Ok((Self { pipe, user: enter(home)? }, Stdio::from(reader)))
    }

    /// Takes part in what another has started.
    pub(crate) fn attach(home: &Home) -> Result<Attachment, LaunchError> {
        let path = home.lease();
        let opened =
            OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path);
        let pipe = match opened {
            Ok(pipe) => pipe,
            Err(error) if error.kind() == ErrorKind::NotFound || is_without_reader(&error) => {
                return Ok(Attachment::Nobody);
            }
            Err(source) => return Err(file("open", path)(source)),
        };
        let lease = Self { pipe, user: enter(home)? };
        if !lease.is_read() {
            return Ok(Attachment::Nobody);
        }
        Ok(if home.closing().exists() { Attachment::Closing } else { Attachment::Held(lease) })
    }

    /// Tells the shell that we are here; false when there is no shell.
    pub(crate) fn is_read(&self) -> bool {
        match (&self.pipe).write_all(b"\n") {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock, // full, so somebody has it open
        }
    }

    /// Ends the lease; true when it was the last.
    pub(crate) fn end(self) -> bool {
        let Self { pipe, user } = self;
        drop(pipe);
        user.unlock().is_ok() && user.try_lock().is_ok()
    }
}

fn enter(home: &Home) -> Result<File, LaunchError> {
    let path = home.users();
    let user = File::create(&path).map_err(file("create", &path))?;
    user.lock_shared().map_err(file("lock", &path))?;
    Ok(user)
}

fn is_without_reader(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw) == Some(Errno::ENXIO)
}
