use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::Request;

/// One way in which an answer goes wrong. *Before* and *after* are before and after the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends, and nothing was done.
    HangUpBefore,
    /// The connection ends, and it was done: the answer is lost.
    HangUpAfter,
    /// An answer with this status, and nothing was done.
    FailBefore(u16),
    /// An answer with this status, and it was done.
    FailAfter(u16),
    /// It is under way for so long, and then done, whether or not the client still waits.
    Work(Duration),
    /// It is done at once, and answered after so long.
    DelayAfter(Duration),
    /// It is done, and the body of the answer ends in the middle.
    Truncate,
    /// It is done, and the answer says something else: every `truth` in its body is replaced.
    Lie {
        /// What stands there.
        truth: String,
        /// What will stand there.
        lie: String,
    },
}

/// The faults that lie ahead.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Planned>>);

#[derive(Debug)]
struct Planned {
    pattern: String,
    fault: Fault,
    /// How often more; unset for ever.
    left: Option<u32>,
}

impl Faults {
    /// The next request to this path goes wrong. A `*` stands for any one part of the path, as in
    /// `/v1/payment_intents/*/capture`, and `**` at the end for whatever follows.
    pub fn next(&self, pattern: &str, fault: Fault) {
        self.plan(pattern, fault, Some(1));
    }

    /// The next so many requests to this path go wrong.
    pub fn next_times(&self, pattern: &str, times: u32, fault: Fault) {
        self.plan(pattern, fault, Some(times));
    }

    /// All requests to this path go wrong, until [`Self::clear`].
    pub fn always(&self, pattern: &str, fault: Fault) {
        self.plan(pattern, fault, None);
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.planned().clear();
    }

    /// The fault for this request, which uses it up.
    pub(crate) fn take(&self, request: &Request) -> Option<Fault> {
        let mut planned = self.planned();
        let index = planned.iter().position(|planned| fits(&planned.pattern, &request.path))?;
        let fault = planned[index].fault.clone();
        if let Some(left) = &mut planned[index].left {
            *left -= 1;
            if *left == 0 {
                planned.remove(index);
            }
        }
        Some(fault)
    }

    fn plan(&self, pattern: &str, fault: Fault, left: Option<u32>) {
        if left != Some(0) {
            self.planned().push(Planned { pattern: pattern.to_owned(), fault, left });
        }
    }

    fn planned(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.0.lock().expect("nobody panics with the faults in hand")
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    for wanted in pattern.split('/').filter(|part| !part.is_empty()) {
        if wanted == "**" {
            return true;
        }
        match parts.next() {
            Some(part) if wanted == "*" || wanted == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_part_of_a_path() {
        assert!(fits("/v1/intents/*/capture", "/v1/intents/pi_1/capture"));
        assert!(fits("/v1/**", "/v1/intents/pi_1"));
        assert!(fits("**", "/"));
        assert!(!fits("/v1/intents", "/v1/intents/pi_1"));
        assert!(!fits("/v1/intents/*", "/v1/intents"));
    }
}
