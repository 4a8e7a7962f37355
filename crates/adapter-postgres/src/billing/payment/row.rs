//! A payment as a row.

use billing::{
    CaptureMode, Concern, Description, Initiator, Payment, PaymentRecord, Refund, SaleSums, Stage,
    TransactionId, Wanted,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use kernel::{AccountId, PaymentId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use super::document::{
    AgreementDocument, ChallengeDocument, CustodyDocument, ProgressDocument, StageDocument,
    initiator_name, wanted_name,
};
use crate::billing::document::{
    Source, from_json, money, named, purpose, seller, seller_columns, sensible, to_json,
};
use crate::billing::secrets::SecretKeys;
use crate::schema::billing::payments as table;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
pub(super) struct PaymentRow {
    pub(super) id: Uuid,
    pub(super) purpose: String,
    pub(super) purpose_id: Uuid,
    payer_id: Uuid,
    seller_provider_id: Option<Uuid>,
    seller_account_id: Option<Uuid>,
    amount_minor: i64,
    currency: String,
    gateway: String,
    capture: String,
    initiator: String,
    card_id: Option<Uuid>,
    agreement: Value,
    challenge: Option<Value>,
    transaction_id: Option<String>,
    stage: String,
    stage_detail: Value,
    status: String,
    captured_minor: i64,
    refunded_minor: i64,
    charged_back_minor: i64,
    reinstated_minor: i64,
    wanted: Option<String>,
    progress: Value,
    holding: String,
    custody: Value,
    concerns: Vec<String>,
    parked: bool,
    pub(super) created_at: DateTime<Utc>,
    version: i32,
}

/// Whether it claims its purpose: neither failed, nor let go, nor to be let go.
pub(super) const fn is_live(payment: &Payment) -> bool {
    let record = payment.record();
    !matches!(record.stage, Stage::Failed { .. } | Stage::Voided { .. })
        && !matches!(record.wanted, Some(Wanted::Void { .. }))
}

impl PaymentRow {
    pub(super) fn of(payment: &Payment, keys: &SecretKeys) -> Result<Self, StorageError> {
        let record = payment.record();
        let (seller_provider_id, seller_account_id) = seller_columns(record.seller);
        let SaleSums { captured, refunded, charged_back, reinstated } = record.sums;
        let card_id = match record.initiator {
            Initiator::Engine { card } => Some(card.as_uuid()),
            Initiator::Payer | Initiator::Checkout { .. } | Initiator::Gateway => None,
        };
        let challenge = match &record.challenge {
            Some(way) => Some(to_json(&ChallengeDocument::of(way, record.id, keys)?)),
            None => None,
        };
        Ok(Self {
            id: record.id.as_uuid(),
            purpose: record.purpose.kind().name().to_owned(),
            purpose_id: record.purpose.as_uuid(),
            payer_id: record.payer.as_uuid(),
            seller_provider_id,
            seller_account_id,
            amount_minor: record.amount.minor(),
            currency: record.amount.currency().code().to_owned(),
            gateway: record.gateway.name().to_owned(),
            capture: record.capture.name().to_owned(),
            initiator: initiator_name(record.initiator).to_owned(),
            card_id,
            agreement: to_json(&AgreementDocument::of(record)),
            challenge,
            transaction_id: record.transaction.as_ref().map(ToString::to_string),
            stage: record.stage.name().to_owned(),
            stage_detail: to_json(&StageDocument::from(&record.stage)),
            status: payment.status().name().to_owned(),
            captured_minor: captured,
            refunded_minor: refunded,
            charged_back_minor: charged_back,
            reinstated_minor: reinstated,
            wanted: record.wanted.map(|wanted| wanted_name(wanted).to_owned()),
            progress: to_json(&ProgressDocument::of(record)),
            holding: record.holding.name().to_owned(),
            custody: to_json(&CustodyDocument::of(record)),
            concerns: record.concerns.iter().map(|it| it.name().to_owned()).collect(),
            parked: !record.concerns.is_empty(),
            created_at: record.created_at,
            version: record.version,
        })
    }

    pub(super) fn restore(
        self,
        refunds: Vec<Refund>,
        keys: &SecretKeys,
    ) -> Result<Payment, StorageError> {
        let id = self.id;
        sensible("read a payment", id, record(self, refunds, keys)).map(Payment::restore)
    }
}

fn record(
    row: PaymentRow,
    refunds: Vec<Refund>,
    keys: &SecretKeys,
) -> Result<PaymentRecord, Source> {
    let id = PaymentId::from_uuid(row.id);
    let mut agreement: AgreementDocument = from_json(row.agreement)?;
    let mut progress: ProgressDocument = from_json(row.progress)?;
    let custody: CustodyDocument = from_json(row.custody)?;
    let stage: StageDocument = from_json(row.stage_detail)?;
    let challenge = match row.challenge {
        Some(document) => {
            let document: ChallengeDocument = from_json(document)?;
            Some(document.challenge(id, keys)?)
        }
        None => None,
    };
    let concern = |name: &String| named(&Concern::ALL, Concern::name, name);
    Ok(PaymentRecord {
        id,
        purpose: purpose(&row.purpose, row.purpose_id)?,
        payer: AccountId::from_uuid(row.payer_id),
        seller: seller(row.seller_provider_id, row.seller_account_id),
        amount: money(row.amount_minor, &row.currency)?,
        gateway: row.gateway.parse()?,
        capture: named(&CaptureMode::ALL, CaptureMode::name, &row.capture)?,
        initiator: agreement.initiator(&row.initiator, row.card_id)?,
        terms: agreement.terms(),
        grants: agreement.grants()?,
        description: Description::from_stored(agreement.description),
        return_to: agreement.return_to,
        challenge,
        transaction: row.transaction_id.map(TransactionId::from_stored),
        stage: stage.stage(&row.stage)?,
        sums: SaleSums {
            captured: row.captured_minor,
            refunded: row.refunded_minor,
            charged_back: row.charged_back_minor,
            reinstated: row.reinstated_minor,
        },
        wanted: progress.wanted(row.wanted.as_deref())?,
        refunds,
        in_flight: progress.in_flight()?,
        attempt: progress.attempt,
        tries: progress.tries,
        retry_at: progress.retry_at,
        inquiry: progress.inquiry(),
        holding: custody.holding(&row.holding)?,
        reserve: custody.reserve(),
        concerns: row.concerns.iter().map(concern).collect::<Result<_, _>>()?,
        created_at: row.created_at,
        version: row.version,
    })
}
