//! What is told in the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::super::output::say;
use super::invariants::Judged;
use super::tally::Tally;

/// At most so many offenders are listed for each invariant.
const LISTED: usize = 20;

/// Prints what was done, and every invariant with how often it is violated. How many violations
/// there are.
pub(super) fn tell(tally: &Tally, judged: &[Judged], took: Duration) -> anyhow::Result<usize> {
    let mut kinds: BTreeMap<&str, String> = BTreeMap::new();
    for ((kind, outcome), times) in tally.counts() {
        let line = kinds.entry(kind).or_default();
        let _ = write!(line, "  {outcome} ×{times}");
    }
    for (kind, line) in kinds {
        say(&format!("{kind:<22}{line}"))?;
    }
    say(&format!("operations {}, seconds {:.0}\n", tally.begun(), took.as_secs_f64()))?;
    let mut violations = 0;
    for Judged { name, offenders } in judged {
        say(&format!("invariant {name:<60} violations {}", offenders.len()))?;
        for offender in offenders.iter().take(LISTED) {
            say(&format!("    {offender}"))?;
        }
        if offenders.len() > LISTED {
            say(&format!("    and {} more", offenders.len() - LISTED))?;
        }
        violations += offenders.len();
    }
    Ok(violations)
}
