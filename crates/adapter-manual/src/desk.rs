use std::fmt;
use std::sync::Arc;

use access::{Action, Actor, AuditEntry, Denial, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{Clock, Failure, FailureKind, Money, Page, PaymentId, StorageError};
use serde_json::json;

use crate::transfer::TransferRefusal;
use crate::{ReturnId, Transfer, TransferCode, TransferFilter, TransferPosition, TransferRegister};

/// Why the desk refuses.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Nobody is signed in.
    #[error("sign in first")]
    Unauthenticated,
    /// Only admins may.
    #[error("only an admin may do this")]
    Forbidden {
        /// What was asked for.
        action: Action,
    },
    /// No such transfer.
    #[error("there is no such transfer")]
    NotFound,
    /// It is not in a state for it.
    #[error(transparent)]
    Refused(#[from] TransferRefusal),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Failure for TransferError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } => FailureKind::Forbidden,
            Self::NotFound | Self::Refused(TransferRefusal::NoReturn) => FailureKind::NotFound,
            Self::Refused(_) => FailureKind::Conflict,
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound => "transfer.not_found",
            Self::Refused(refusal) => match refusal {
                TransferRefusal::OtherAmount => "transfer.other_amount",
                TransferRefusal::Arrived => "transfer.arrived",
                TransferRefusal::NotArrived => "transfer.not_arrived",
                TransferRefusal::TooMuch => "transfer.too_much",
                TransferRefusal::NoReturn => "transfer.return_not_found",
            },
            Self::Storage(error) => error.code(),
        }
    }
}

/// Where admins say what happened on the bank account. Each word stands in the audit log. Billing
/// learns of it when it asks; whoever confirmed something makes it ask.
#[derive(Clone)]
pub struct TransferDesk {
    register: Arc<dyn TransferRegister>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for TransferDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferDesk").field("register", &self.register).finish_non_exhaustive()
    }
}

impl TransferDesk {
    /// The desk over its register.
    pub fn new(register: Arc<dyn TransferRegister>, clock: Arc<dyn Clock>) -> Self {
        Self { register, clock }
    }

    /// The transfer behind a code: whoever has the code may see what to pay.
    pub async fn by_code(&self, code: &TransferCode) -> Result<Transfer, TransferError> {
        self.register.transfer_by_code(code).await?.ok_or(TransferError::NotFound)
    }

    /// A page of transfers, oldest first.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &TransferFilter,
    ) -> Result<Page<Transfer, TransferPosition>, TransferError> {
        gate(actor)?;
        Ok(self.register.transfers(filter).await?)
    }

    /// The money is on the account: all that was expected.
    ///
    /// # Errors
    ///
    /// [`TransferRefusal::OtherAmount`], [`TransferRefusal::Arrived`].
    pub async fn receive(
        &self,
        actor: &Actor,
        payment: PaymentId,
        amount: Money,
    ) -> Result<Transfer, TransferError> {
        self.change(actor, payment, "receive_transfer", |it, now| it.receive(amount, now)).await
    }

    /// Money was sent back.
    ///
    /// # Errors
    ///
    /// [`TransferRefusal::NoReturn`].
    pub async fn sent_back(
        &self,
        actor: &Actor,
        payment: PaymentId,
        id: ReturnId,
    ) -> Result<Transfer, TransferError> {
        self.change(actor, payment, "send_transfer_back", |it, now| it.sent_back(id, now)).await
    }

    async fn change(
        &self,
        actor: &Actor,
        payment: PaymentId,
        command: &'static str,
        change: impl FnOnce(&mut Transfer, DateTime<Utc>) -> Result<(), TransferRefusal> + Send,
    ) -> Result<Transfer, TransferError> {
        gate(actor)?;
        let now = self.clock.now();
        let found = self.register.transfer(payment).await?;
        let mut transfer = found.ok_or(TransferError::NotFound)?;
        let before = transfer.clone();
        change(&mut transfer, now)?;
        if transfer != before {
            let entry = AuditEntry::new(actor, Action::PaymentAdminister, command, &payment, now)
                .changed(shown(&before), shown(&transfer));
            self.register.change_transfer(&transfer, Some(&entry)).await?;
        }
        Ok(transfer)
    }
}

fn shown(transfer: &Transfer) -> serde_json::Value {
    json!({ "progress": transfer.progress, "returns": transfer.returns })
}

fn gate(actor: &Actor) -> Result<(), TransferError> {
    let action = Action::PaymentAdminister;
    decide(actor, action, Relation::Stranger, true).map_err(|denial| match denial {
        Denial::SignIn => TransferError::Unauthenticated,
        Denial::Forbidden(_) | Denial::Hidden => TransferError::Forbidden { action },
    })
}
