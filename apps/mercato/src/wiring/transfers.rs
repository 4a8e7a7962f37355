//! Bank transfers from the settings: a gateway over the database.

use std::sync::Arc;

use access::AuditEntry;
use adapter_manual::{
    ManualGateway, ManualSettings, Transfer, TransferCode, TransferDesk, TransferFilter,
    TransferPosition, TransferRegister,
};
use adapter_postgres::{BankTransfer, PgStore};
use async_trait::async_trait;
use kernel::{Page, PaymentId, StorageError};

use super::Foundation;
use crate::config::Settings;

/// The gateway, where an account is set.
pub(super) fn gateway(settings: &Settings, foundation: &Foundation) -> Option<ManualGateway> {
    let own = &settings.gateways.manual;
    own.iban.as_ref()?;
    let settings = ManualSettings {
        page: format!("{}/api/v1/transfers/", settings.server.public_url),
        wait_days: own.wait_days,
    };
    let Foundation { clock, random, .. } = foundation;
    Some(ManualGateway::new(settings, register(foundation), clock.clone(), random.clone()))
}

/// Where admins confirm transfers.
pub(super) fn desk(foundation: &Foundation) -> TransferDesk {
    TransferDesk::new(register(foundation), foundation.clock.clone())
}

fn register(foundation: &Foundation) -> Arc<dyn TransferRegister> {
    Arc::new(Register(Arc::clone(&foundation.store)))
}

/// The register in the marketplace's database.
#[derive(Debug)]
struct Register(Arc<PgStore>);

fn row(transfer: &Transfer) -> Result<BankTransfer, StorageError> {
    let document = transfer.to_document();
    Ok(BankTransfer {
        payment_id: transfer.payment.as_uuid(),
        code: transfer.code.to_string(),
        standing: transfer.standing().name().to_owned(),
        ordered_at: transfer.ordered_at,
        version: transfer.version,
        document: document
            .map_err(|error| StorageError::corrupt("write a bank transfer", error))?,
    })
}

fn transfer(row: BankTransfer) -> Result<Transfer, StorageError> {
    Transfer::from_document(row.document)
        .map_err(|error| StorageError::corrupt("read a bank transfer", error))
}

#[async_trait]
impl TransferRegister for Register {
    async fn transfer(&self, payment: PaymentId) -> Result<Option<Transfer>, StorageError> {
        self.0.bank_transfer(payment.as_uuid()).await?.map(transfer).transpose()
    }

    async fn transfer_by_code(
        &self,
        code: &TransferCode,
    ) -> Result<Option<Transfer>, StorageError> {
        self.0.bank_transfer_by_code(code.as_str()).await?.map(transfer).transpose()
    }

    async fn expect_transfer(&self, wanted: &Transfer) -> Result<Transfer, StorageError> {
        self.0.insert_bank_transfer(&row(wanted)?).await?;
        let stored = self.transfer(wanted.payment).await?;
        stored.ok_or_else(|| StorageError::corrupt("store a bank transfer", "it is not there"))
    }

    async fn change_transfer(
        &self,
        transfer: &Transfer,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StorageError> {
        self.0.update_bank_transfer(&row(transfer)?, entry).await
    }

    async fn transfers(
        &self,
        filter: &TransferFilter,
    ) -> Result<Page<Transfer, TransferPosition>, StorageError> {
        let after = filter.after.map(|after| (after.ordered_at, after.payment.as_uuid()));
        let page = self.0.bank_transfers(filter.standing.name(), filter.limit, after).await?;
        let items = page.items.into_iter().map(transfer).collect::<Result<_, _>>()?;
        let next = page.next.map(|(ordered_at, payment)| TransferPosition {
            ordered_at,
            payment: PaymentId::from_uuid(payment),
        });
        Ok(Page { items, next })
    }
}
