//! Stopping: asked once we finish what we do, asked twice we go.

use std::process::exit;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a shell shows for a process that was interrupted.
const INTERRUPTED: i32 = 130;

/// The two ways to ask a process to stop.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// From here on neither ends the process by itself.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns when somebody asks.
    pub(super) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Ends the process at once when somebody asks again.
    pub(super) fn exit_at_the_next(mut self) {
        tokio::spawn(async move {
            self.received().await;
            tracing::warn!("asked to stop a second time: gone at once");
            exit(INTERRUPTED);
        });
    }
}
