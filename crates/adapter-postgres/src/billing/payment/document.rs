//! What is stored of a payment as JSON.

use billing::{
    CardId, Challenge, ChallengeKind, Decline, Flight, Holding, InFlight, Initiator, Inquiry,
    PaymentRecord, RefundId, Reserve, Right, SaleTerms, Secret, Stage, Wanted,
};
use chrono::{DateTime, Utc};
use kernel::{PaymentId, StorageError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::billing::document::{DeclineDocument, RightDocument, Source};
use crate::billing::secrets::{Sealed, SecretKeys};

/// What was agreed when it was made, and never changes.
#[derive(Serialize, Deserialize)]
pub(super) struct AgreementDocument {
    /// When a hosted page ends.
    checkout_until: Option<DateTime<Utc>>,
    terms: TermsDocument,
    grants: Option<RightDocument>,
    pub(super) description: String,
    pub(super) return_to: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum TermsDocument {
    Commission { basis_points: u32, fixed: u32, vat_basis_points: u32 },
    OwnSale { vat_basis_points: u32 },
}

impl AgreementDocument {
    pub(super) fn of(record: &PaymentRecord) -> Self {
        let checkout_until = match record.initiator {
            Initiator::Checkout { until } => Some(until),
            Initiator::Payer | Initiator::Engine { .. } | Initiator::Gateway => None,
        };
        let terms = match record.terms {
            SaleTerms::Commission { basis_points, fixed, vat_basis_points } => {
                TermsDocument::Commission { basis_points, fixed, vat_basis_points }
            }
            SaleTerms::OwnSale { vat_basis_points } => TermsDocument::OwnSale { vat_basis_points },
        };
        Self {
            checkout_until,
            terms,
            grants: record.grants.map(RightDocument::from),
            description: record.description.to_string(),
            return_to: record.return_to.clone(),
        }
    }

    pub(super) fn initiator(&self, name: &str, card: Option<Uuid>) -> Result<Initiator, Source> {
        Ok(match (name, self.checkout_until, card) {
            ("payer", _, _) => Initiator::Payer,
            ("checkout", Some(until), _) => Initiator::Checkout { until },
            ("engine", _, Some(card)) => Initiator::Engine { card: CardId::from_uuid(card) },
            ("gateway", _, _) => Initiator::Gateway,
            (other, _, _) => return Err(format!("started by `{other}`").into()),
        })
    }

    pub(super) const fn terms(&self) -> SaleTerms {
        match self.terms {
            TermsDocument::Commission { basis_points, fixed, vat_basis_points } => {
                SaleTerms::Commission { basis_points, fixed, vat_basis_points }
            }
            TermsDocument::OwnSale { vat_basis_points } => SaleTerms::OwnSale { vat_basis_points },
        }
    }

    pub(super) fn grants(&mut self) -> Result<Option<Right>, Source> {
        self.grants.take().map(Right::try_from).transpose()
    }
}

pub(super) const fn initiator_name(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::Payer => "payer",
        Initiator::Checkout { .. } => "checkout",
        Initiator::Engine { .. } => "engine",
        Initiator::Gateway => "gateway",
    }
}

/// The way through 3-D Secure.
#[derive(Serialize, Deserialize)]
pub(super) struct ChallengeDocument {
    token_hash: [u8; 32],
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    way: Option<WayDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum WayDocument {
    Redirect { url: String },
    Form { action: String, md: String, pa_req: String },
    Script { key: i16, sealed: Vec<u8> },
}

/// Where the secret of a challenge opens.
fn place(payment: PaymentId) -> String {
    format!("challenge of {payment}")
}

impl ChallengeDocument {
    pub(super) fn of(
        challenge: &Challenge,
        payment: PaymentId,
        keys: &SecretKeys,
    ) -> Result<Self, StorageError> {
        let Challenge { token_hash, expires_at, used_at, kind } = challenge;
        let way = match kind {
            None => None,
            Some(ChallengeKind::Redirect { url }) => {
                Some(WayDocument::Redirect { url: url.clone() })
            }
            Some(ChallengeKind::Form { action, md, pa_req }) => Some(WayDocument::Form {
                action: action.clone(),
                md: md.clone(),
                pa_req: pa_req.clone(),
            }),
            Some(ChallengeKind::Script { client_secret }) => {
                let Sealed { key, bytes } = keys.seal(client_secret, &place(payment))?;
                Some(WayDocument::Script { key, sealed: bytes })
            }
        };
        Ok(Self { token_hash: *token_hash, expires_at: *expires_at, used_at: *used_at, way })
    }

    pub(super) fn challenge(
        self,
        payment: PaymentId,
        keys: &SecretKeys,
    ) -> Result<Challenge, Source> {
        let Self { token_hash, expires_at, used_at, way } = self;
        let kind = match way {
            None => None,
            Some(WayDocument::Redirect { url }) => Some(ChallengeKind::Redirect { url }),
            Some(WayDocument::Form { action, md, pa_req }) => {
                Some(ChallengeKind::Form { action, md, pa_req })
            }
            Some(WayDocument::Script { key, sealed }) => {
                let sealed = Sealed { key, bytes: sealed };
                let client_secret: Secret = keys.open(&sealed, &place(payment))?;
                Some(ChallengeKind::Script { client_secret })
            }
        };
        Ok(Challenge { token_hash, expires_at, used_at, kind })
    }
}

/// What only one stage knows.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct StageDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline: Option<DeclineDocument>,
}

impl From<&Stage> for StageDocument {
    fn from(stage: &Stage) -> Self {
        match stage {
            Stage::Created | Stage::RequiresAction => Self::default(),
            Stage::Processing { unknown } => Self { unknown: Some(*unknown), ..Self::default() },
            Stage::Failed { decline, at } => {
                let decline = Some(decline.clone().into());
                Self { at: Some(*at), decline, ..Self::default() }
            }
            Stage::Authorized { until } => Self { until: *until, ..Self::default() },
            Stage::Voided { at } | Stage::Captured { at } => {
                Self { at: Some(*at), ..Self::default() }
            }
        }
    }
}

impl StageDocument {
    pub(super) fn stage(self, name: &str) -> Result<Stage, Source> {
        let Self { unknown, at, until, decline } = self;
        Ok(match (name, unknown, at, decline) {
            ("created", _, _, _) => Stage::Created,
            ("requires_action", _, _, _) => Stage::RequiresAction,
            ("processing", Some(unknown), _, _) => Stage::Processing { unknown },
            ("failed", _, Some(at), Some(decline)) => {
                Stage::Failed { decline: Decline::from(decline), at }
            }
            ("authorized", _, _, _) => Stage::Authorized { until },
            ("voided", _, Some(at), _) => Stage::Voided { at },
            ("captured", _, Some(at), _) => Stage::Captured { at },
            (other, _, _, _) => return Err(format!("stage `{other}`").into()),
        })
    }
}

/// What is with the gateway, what waits, and when it is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct ProgressDocument {
    /// How much of a reservation is to be taken.
    capture: Option<i64>,
    /// The refund that gives back what was to be let go and came all the same.
    void_refund: Option<RefundId>,
    in_flight: Option<FlightDocument>,
    pub(super) attempt: u16,
    pub(super) tries: u8,
    pub(super) retry_at: Option<DateTime<Utc>>,
    asked_since: DateTime<Utc>,
    asked: u8,
    #[serde(default)]
    asked_again_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, Deserialize)]
struct FlightDocument {
    what: String,
    refund: Option<RefundId>,
    since: DateTime<Utc>,
    refunded_before: i64,
}

impl From<InFlight> for FlightDocument {
    fn from(flight: InFlight) -> Self {
        let InFlight { what, since, refunded_before } = flight;
        let refund = match what {
            Flight::Refund(id) => Some(id),
            Flight::Charge | Flight::Capture | Flight::Void => None,
        };
        Self { what: what.name().to_owned(), refund, since, refunded_before }
    }
}

impl TryFrom<FlightDocument> for InFlight {
    type Error = Source;

    fn try_from(document: FlightDocument) -> Result<Self, Source> {
        let FlightDocument { what, refund, since, refunded_before } = document;
        let what = match (what.as_str(), refund) {
            ("charge", _) => Flight::Charge,
            ("capture", _) => Flight::Capture,
            ("void", _) => Flight::Void,
            ("refund", Some(id)) => Flight::Refund(id),
            (other, _) => return Err(format!("`{other}` is with the gateway").into()),
        };
        Ok(Self { what, since, refunded_before })
    }
}

impl ProgressDocument {
    pub(super) fn of(record: &PaymentRecord) -> Self {
        let (capture, void_refund) = match record.wanted {
            None => (None, None),
            Some(Wanted::Capture { amount }) => (Some(amount), None),
            Some(Wanted::Void { refund }) => (None, Some(refund)),
        };
        Self {
            capture,
            void_refund,
            in_flight: record.in_flight.map(FlightDocument::from),
            attempt: record.attempt,
            tries: record.tries,
            retry_at: record.retry_at,
            asked_since: record.inquiry.since,
            asked: record.inquiry.asked,
            asked_again_at: record.inquiry.again_at,
        }
    }

    pub(super) fn wanted(&self, name: Option<&str>) -> Result<Option<Wanted>, Source> {
        Ok(match (name, self.capture, self.void_refund) {
            (None, _, _) => None,
            (Some("capture"), Some(amount), _) => Some(Wanted::Capture { amount }),
            (Some("void"), _, Some(refund)) => Some(Wanted::Void { refund }),
            (Some(other), _, _) => return Err(format!("`{other}` is wanted").into()),
        })
    }

    pub(super) fn in_flight(&mut self) -> Result<Option<InFlight>, Source> {
        self.in_flight.take().map(InFlight::try_from).transpose()
    }

    pub(super) const fn inquiry(&self) -> Inquiry {
        Inquiry { since: self.asked_since, asked: self.asked, again_at: self.asked_again_at }
    }
}

pub(super) const fn wanted_name(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Capture { .. } => "capture",
        Wanted::Void { .. } => "void",
    }
}

/// When the provider's part is theirs, and what is kept back of it.
#[derive(Serialize, Deserialize)]
pub(super) struct CustodyDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve: Option<ReserveDocument>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct ReserveDocument {
    amount: i64,
    until: DateTime<Utc>,
    released_at: Option<DateTime<Utc>>,
}

impl CustodyDocument {
    pub(super) fn of(record: &PaymentRecord) -> Self {
        let at = match record.holding {
            Holding::Nothing | Holding::Held => None,
            Holding::Releasing { due } => Some(due),
            Holding::Frozen { due } => due,
            Holding::Released { at } => Some(at),
        };
        let reserve = record.reserve.map(|kept| {
            let Reserve { amount, until, released_at } = kept;
            ReserveDocument { amount, until, released_at }
        });
        Self { at, reserve }
    }

    pub(super) fn holding(&self, name: &str) -> Result<Holding, Source> {
        Ok(match (name, self.at) {
            ("nothing", _) => Holding::Nothing,
            ("held", _) => Holding::Held,
            ("releasing", Some(due)) => Holding::Releasing { due },
            ("frozen", due) => Holding::Frozen { due },
            ("released", Some(at)) => Holding::Released { at },
            (other, _) => return Err(format!("held as `{other}`").into()),
        })
    }

    pub(super) fn reserve(&self) -> Option<Reserve> {
        self.reserve.map(|kept| {
            let ReserveDocument { amount, until, released_at } = kept;
            Reserve { amount, until, released_at }
        })
    }
}
