//! For tests of this crate and of those that link it: builders of every aggregate, a store in
//! memory, a gateway of tricks, and mocks of every port.

mod builders;
mod gateway;
mod memory;
mod memory_reads;
mod memory_recurring;
mod mocks;

pub use builders::*;
pub use gateway::{Trick, TrickyGateway};
pub use memory::{MemoryBilling, MemoryState};
pub use mocks::MockBillingTx;

pub use crate::gateway::MockGateway;
pub use crate::port::{MockBillingReads, MockBillingStore};
