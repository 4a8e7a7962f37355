use crate::wiring::Services;

/// What a job works with.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The use cases of all domains.
    pub services: Services,
    /// Days for which events are kept.
    pub event_retention_days: u32,
}
