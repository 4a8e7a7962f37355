use billing::{
    ChallengeKind, ChargeOutcome, Decline, FactState, GatewayError, KeptCard, PaymentFact, Secret,
    TransactionId, parse_reference,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use gateway_client::senseless;
use kernel::{Currency, Money, PaymentId, Text};
use serde_json::Value;

use crate::amount::money;
use crate::decline::decline;

/// Reservations end after 7 days.
const HOLD: TimeDelta = TimeDelta::days(7);

/// What the gateway says of a transaction: its `Model`.
#[derive(Debug)]
pub(crate) struct Transaction<'a>(pub(crate) &'a Value);

impl Transaction<'_> {
    fn text(&self, name: &str) -> Option<String> {
        match &self.0[name] {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()), // `InvoiceId` is either
            _ => None,
        }
    }

    pub(crate) fn id(&self) -> Result<TransactionId, GatewayError> {
        let id = self.0["TransactionId"]
            .as_u64()
            .ok_or_else(|| senseless("a transaction without an id"))?;
        Text::new(&id.to_string()).map_err(|_| senseless("an id that is none"))
    }

    pub(crate) fn status(&self) -> &str {
        self.0["Status"].as_str().unwrap_or_default()
    }

    pub(crate) fn currency(&self) -> Result<Currency, GatewayError> {
        let code = self.0["Currency"].as_str().unwrap_or_default();
        code.parse().map_err(|_| senseless("an unknown currency"))
    }

    pub(crate) fn amount(&self) -> Result<Money, GatewayError> {
        money(&self.0["Amount"], self.currency()?)
    }

    pub(crate) fn decline(&self) -> Decline {
        decline(self.0["ReasonCode"].as_u64().unwrap_or_default())
    }

    pub(crate) fn is_partly_refunded(&self) -> bool {
        self.0["Refunded"].as_bool().unwrap_or(false)
    }

    pub(crate) fn original(&self) -> Option<u64> {
        self.0["OriginalTransactionId"].as_u64()
    }

    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.0[name].as_str()?;
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|at| at.and_utc())
    }

    pub(crate) fn created(&self) -> Result<DateTime<Utc>, GatewayError> {
        self.time("CreatedDateIso").ok_or_else(|| senseless("a transaction without a time"))
    }

    /// Whether the gateway believes it to be this payment.
    pub(crate) fn is_of(&self, payment: PaymentId) -> bool {
        let reference = self.text("InvoiceId");
        reference
            .and_then(|reference| parse_reference(&reference))
            .is_some_and(|(known, _)| known == payment)
    }

    /// The fact, with what was given back of it.
    pub(crate) fn fact(
        &self,
        payment: PaymentId,
        refunded: i64,
    ) -> Result<PaymentFact, GatewayError> {
        if !self.is_of(payment) {
            return Err(senseless("it is about another payment"));
        }
        let (id, amount, created) = (self.id()?, self.amount()?, self.created()?);
        let authorized = self.time("AuthDateIso").unwrap_or(created);
        let (state, at) = match self.status() {
            "AwaitingAuthentication" => (FactState::RequiresAction, created),
            "Authorized" => (FactState::Authorized { until: Some(authorized + HOLD) }, authorized),
            "Completed" => (FactState::Captured, self.time("ConfirmDateIso").unwrap_or(authorized)),
            "Cancelled" => (FactState::Voided, authorized),
            "Declined" => (FactState::Failed(self.decline()), created),
            _ => return Err(senseless("an unknown status")),
        };
        let fact = PaymentFact::without_money(id, payment, state, amount, at);
        if fact.state != FactState::Captured {
            return Ok(fact);
        }
        let refunded = Money::new(refunded, amount.currency());
        let fact = PaymentFact { captured: amount, refunded, ..fact };
        if fact.is_coherent() { Ok(fact) } else { Err(senseless("its sums do not fit")) }
    }

    /// The card, if the gateway kept it.
    fn card(&self) -> Option<KeptCard> {
        Some(KeptCard {
            token: Secret::new(self.text("Token")?),
            brand: self.text("CardType").unwrap_or_default().to_lowercase(),
            last_four: self.text("CardLastFour").unwrap_or_default(),
            expires: self.text("CardExpDate"),
        })
    }
}

/// What an answer to a charge says. `amount` is what was asked for, where that is known.
pub(crate) fn charge_outcome(
    answer: &Value,
    payment: PaymentId,
    amount: Option<Money>,
    keeps_card: bool,
) -> Result<ChargeOutcome, GatewayError> {
    let model = &answer["Model"];
    if !model.is_object() {
        return Err(refused(answer));
    }
    let transaction = Transaction(model);
    let id = transaction.id()?;
    if let (Some(action), Some(pa_req)) = (model["AcsUrl"].as_str(), model["PaReq"].as_str()) {
        let challenge = ChallengeKind::Form {
            action: action.to_owned(),
            md: id.to_string(),
            pa_req: pa_req.to_owned(),
        };
        return Ok(ChargeOutcome::RequiresAction { transaction: id, challenge });
    }
    match transaction.status() {
        "Authorized" | "Completed" => {
            if amount.is_some_and(|amount| transaction.amount().ok() != Some(amount)) {
                return Err(senseless("it is over another amount"));
            }
            let card = if keeps_card { transaction.card() } else { None };
            Ok(ChargeOutcome::Approved { fact: transaction.fact(payment, 0)?, card })
        }
        "Declined" => {
            Ok(ChargeOutcome::Declined { transaction: Some(id), decline: transaction.decline() })
        }
        "AwaitingAuthentication" => Ok(ChargeOutcome::Pending { transaction: Some(id) }),
        _ => Err(senseless("an unknown status")),
    }
}

/// The error for an answer without a model: the request was wrong, and nothing was done.
pub(crate) fn refused(answer: &Value) -> GatewayError {
    match (answer["Success"].as_bool(), answer["Message"].as_str()) {
        (Some(false), Some(message)) => GatewayError::Refused { message: message.to_owned() },
        _ => senseless("neither a model nor a message"),
    }
}
