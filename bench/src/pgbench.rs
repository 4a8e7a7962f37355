//! Runs `pgbench` with a script.

use std::{io::Write as _, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{arguments::Size, script::Script};

/// Transactions per second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate(pub(crate) f64);

/// Runs a script for some time. `at_edge` is called when the counting begins and when it ends: the connections are made
/// before, and statements prepared.
pub(crate) async fn run(
    url: &str,
    script: &Script,
    size: Size,
    round: u32,
    mut at_edge: impl FnMut() -> Result<()>,
) -> Result<Rate> {
    let path = std::env::temp_dir().join(format!("mercato-bench-{}.sql", std::process::id()));
    std::fs::File::create(&path)?.write_all(script.text.as_bytes())?;
    let mut command = tokio::process::Command::new("pgbench");
    command
        .args(["--no-vacuum", "--protocol=prepared", "--progress=1", "--jobs=2"])
        .arg(format!("--client={}", size.connections))
        // The first second and the last do not count.
        .arg(format!("--time={}", size.seconds + 2))
        .arg(format!("--define=round={round}"));
    for (name, value) in &script.variables {
        command.arg(format!("--define={name}={value}"));
    }
    let mut child = command
        .arg("--file")
        .arg(&path)
        .arg(url)
        .env("PGOPTIONS", &script.options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run pgbench")?;
    let errors = child.stderr.take().context("pgbench says nothing")?;
    let mut lines = BufReader::new(errors).lines();
    let (mut said, mut rates) = (String::new(), Vec::new());
    let wanted = usize::from(size.seconds);
    while let Some(line) = lines.next_line().await? {
        if let Some(rate) = progress(&line) {
            if rates.is_empty() || rates.len() == wanted {
                at_edge()?;
            }
            rates.push(rate);
        } else {
            said.push_str(&line);
            said.push('\n');
        }
    }
    let status = child.wait().await?;
    std::fs::remove_file(&path)?;
    if !status.success() || rates.len() <= wanted {
        bail!("pgbench ended with {status}: {said}");
    }
    let seconds = f64::from(size.seconds);
    Ok(Rate(rates[1..=wanted].iter().sum::<f64>() / seconds))
}

/// The rate in `progress: 1.0 s, 2345.6 tps, lat …`.
fn progress(line: &str) -> Option<f64> {
    line.strip_prefix("progress: ")?.split_once(", ")?.1.split_once(" tps")?.0.parse().ok()
}

/// How long a run counts.
pub(crate) fn counted(size: Size) -> Duration {
    Duration::from_secs(u64::from(size.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_the_rate() {
        let line = "progress: 2.0 s, 12345.5 tps, lat 2.590 ms stddev 1.1, 0 failed";

        assert_eq!(progress(line), Some(12345.5));
        assert_eq!(progress("pgbench (15.2)"), None);
    }
}
