//! What the commands tell the person at the terminal. Logs are another matter: see `telemetry`.

use std::io::{ErrorKind, IsTerminal, Write};

use crate::seed::Progress;

/// Clears the rest of a terminal's line.
const CLEAR: &str = "\x1b[K";

/// Characters of a whole bar.
const BAR: usize = 30;

/// Writes to standard output. A reader that went away (`mercato openapi | head`) is no failure.
pub(super) fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Shows how far something is: a bar that grows on a terminal, else a line at its end. Progress is
/// for people; who cannot see it misses nothing.
pub(super) fn show(progress: Progress<'_>) {
    let Progress { done, of, .. } = progress;
    let mut out = std::io::stdout().lock();
    let _ = if out.is_terminal() {
        let end = if done >= of { "\n" } else { "" };
        write!(out, "\r  {}{CLEAR}{end}", bar(progress)).and_then(|()| out.flush())
    } else if done >= of && of > 0 {
        writeln!(out, "  {of} {}", progress.what)
    } else {
        Ok(())
    };
}

fn bar(Progress { what, done, of }: Progress<'_>) -> String {
    let full = (done * BAR).checked_div(of).map_or(BAR, |full| full.min(BAR));
    format!("[{}{}] {done}/{of} {what}", "#".repeat(full), " ".repeat(BAR - full))
}

/// Writes why a command failed.
pub(super) fn complain(text: &str) {
    // Nobody is left to tell that nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_to_its_end() {
        let bar = |done, of| bar(Progress { what: "listings", done, of });

        assert_eq!(bar(0, 40), format!("[{}] 0/40 listings", " ".repeat(30)));
        assert_eq!(bar(20, 40), format!("[{}{}] 20/40 listings", "#".repeat(15), " ".repeat(15)));
        assert_eq!(bar(40, 40), format!("[{}] 40/40 listings", "#".repeat(30)));
        assert!(bar(0, 0).starts_with(&format!("[{}]", "#".repeat(30))), "nothing to do is done");
    }
}
