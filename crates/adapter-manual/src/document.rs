use billing::CaptureMode;
use chrono::{DateTime, Utc};
use kernel::{Currency, Money, PaymentId, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Progress, Return, Transfer, TransferCode};

/// A transfer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    payment: PaymentId,
    code: TransferCode,
    amount_minor: i64,
    currency: Currency,
    at_once: bool,
    description: String,
    ordered_at: DateTime<Utc>,
    expected_until: DateTime<Utc>,
    progress: Progress,
    returns: Vec<Return>,
    version: i32,
}

impl Transfer {
    /// The transfer as a document, for a register that keeps those.
    ///
    /// # Errors
    ///
    /// Never for a transfer that can be made.
    pub fn to_document(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(Document {
            payment: self.payment,
            code: self.code.clone(),
            amount_minor: self.amount.minor(),
            currency: self.amount.currency(),
            at_once: self.capture == CaptureMode::AtOnce,
            description: self.description.to_string(),
            ordered_at: self.ordered_at,
            expected_until: self.expected_until,
            progress: self.progress,
            returns: self.returns.clone(),
            version: self.version,
        })
    }

    /// The transfer of a document.
    ///
    /// # Errors
    ///
    /// When it is another's.
    pub fn from_document(document: Value) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_value(document)?;
        Ok(Self {
            payment: document.payment,
            code: document.code,
            amount: Money::new(document.amount_minor, document.currency),
            capture: if document.at_once { CaptureMode::AtOnce } else { CaptureMode::Later },
            description: Text::from_stored(document.description),
            ordered_at: document.ordered_at,
            expected_until: document.expected_until,
            progress: document.progress,
            returns: document.returns,
            version: document.version,
        })
    }
}
