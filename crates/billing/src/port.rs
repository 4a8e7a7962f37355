//! What billing needs of the outside: storage in one transaction, reading without one, and what
//! other domains sell. The gateway has its own module.

mod payments;
mod reads;
mod recurring;

use access::AuditLog;
use async_trait::async_trait;
use kernel::{IdempotencyLedger, Inbox, Outbox, StorageError, Timers, UnitOfWork};

pub use payments::{
    CardRepository, LedgerRepository, Payable, Payables, PaymentRepository, PayoutAccount,
    PayoutRepository, Posted, WebhookRepository,
};
#[cfg(feature = "testing")]
pub use reads::MockBillingReads;
pub use reads::{
    AccountStatement, BillingReads, InvoiceQuery, JournalQuery, PaymentQuery, PayoutCandidate,
    Position, StatementLine, SubscriptionQuery, WebhookQuery,
};
pub use recurring::{
    EntitlementRepository, InvoiceRepository, PlanRepository, SubscriptionRepository,
};

/// Everything that a billing command may touch atomically. Locks are taken in one order: the
/// subscription before its payment, the payment before balances, a payout before balances.
pub trait BillingTx:
    PaymentRepository
    + CardRepository
    + Payables
    + LedgerRepository
    + PayoutRepository
    + WebhookRepository
    + PlanRepository
    + SubscriptionRepository
    + EntitlementRepository
    + InvoiceRepository
    + Outbox
    + Inbox
    + Timers
    + IdempotencyLedger
    + AuditLog
    + UnitOfWork
{
}

impl<T> BillingTx for T where
    T: PaymentRepository
        + CardRepository
        + Payables
        + LedgerRepository
        + PayoutRepository
        + WebhookRepository
        + PlanRepository
        + SubscriptionRepository
        + EntitlementRepository
        + InvoiceRepository
        + Outbox
        + Inbox
        + Timers
        + IdempotencyLedger
        + AuditLog
        + UnitOfWork
{
}

/// Opens transactions.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait BillingStore: Send + Sync {
    /// A new transaction.
    async fn begin(&self) -> Result<Box<dyn BillingTx>, StorageError>;
}
