//! What processes have used, from `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// What the kernel counts processor time in, as every program sees it on Linux.
const TICK: Duration = Duration::from_millis(10);

/// Some of the fields of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: u32,
    /// Of children that have ended.
    ended: u32,
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// The most that was resident at any time.
    pub(crate) peak: u64,
    pub(crate) now: u64,
}

/// Forgets the peak of a process's memory so far.
pub(crate) fn reset_peak(process: u32) -> Result<()> {
    let path = format!("/proc/{process}/clear_refs");
    fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// Processor time of a process and all its threads.
pub(crate) fn cpu_of(process: u32) -> Result<Duration> {
    Ok(TICK * stat(process)?.own)
}

/// Processor time of a process and all its children, those that have ended too.
pub(crate) fn cpu_of_family(process: u32) -> Result<Duration> {
    let parent = stat(process)?;
    let mut ticks = parent.own + parent.ended;
    for entry in fs::read_dir("/proc").context("there is no /proc: only Linux is measured")? {
        let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended since the folder was read; then its parent answers for it.
        if let Ok(stat) = stat(child)
            && stat.parent == process
        {
            ticks += stat.own;
        }
    }
    Ok(TICK * ticks)
}

pub(crate) fn parent_of(process: u32) -> Result<u32> {
    Ok(stat(process)?.parent)
}

pub(crate) fn memory_of(process: u32) -> Result<Memory> {
    let text = read(process, "status")?;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.map(|kib| kib * 1024).with_context(|| format!("no {name} in /proc/{process}/status"))
    };
    Ok(Memory { peak: bytes("VmHWM:")?, now: bytes("VmRSS:")? })
}

fn read(process: u32, name: &str) -> Result<String> {
    let path = format!("/proc/{process}/{name}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

fn stat(process: u32) -> Result<Stat> {
    let text = read(process, "stat")?;
    parse(&text).with_context(|| format!("cannot understand /proc/{process}/stat"))
}

fn parse(text: &str) -> Option<Stat> {
    // The name stands in brackets and may hold anything; the state follows it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
    Some(Stat { parent: field(4)?, own: field(14)? + field(15)?, ended: field(16)? + field(17)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_moves_no_field() {
        let text = "7 (a ) b) S 3 7 7 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7";

        assert_eq!(parse(text), Some(Stat { parent: 3, own: 120, ended: 7 }));
    }
}
