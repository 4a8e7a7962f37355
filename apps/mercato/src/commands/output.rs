//! What the commands tell the person at the terminal. Logs are another matter: see `telemetry`.

use std::io::{ErrorKind, Write};

/// Writes to standard output. A reader that went away (`mercato openapi | head`) is no failure.
pub(super) fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes why a command failed.
pub(super) fn complain(text: &str) {
    // Nobody is left to tell that nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}
