use chrono::{DateTime, Utc};
use kernel::AccountId;

use crate::Side;

/// One line of what happened to a booking. Lines are never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its place in the history, from 1: the version of the booking it led to.
    pub number: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// Which side.
    pub by: Side,
    /// Who; `None` for the clock and the gateway.
    pub account: Option<AccountId>,
    /// What they did, by the name of the command.
    pub command: String,
    /// The state before; `None` for the submission.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// What they said.
    pub note: Option<String>,
}
