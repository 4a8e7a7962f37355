use billing::{
    ChallengeKind, ChargeOutcome, Decline, FactState, GatewayError, KeptCard, PaymentFact, Secret,
    TransactionId,
};
use chrono::{DateTime, Utc};
use gateway_client::senseless;
use kernel::{Currency, Money, PaymentId, Text};
use serde_json::Value;

/// Why a card was declined: `last_payment_error`, or the error of a call.
pub(crate) fn decline(code: Option<&str>, decline_code: Option<&str>) -> Decline {
    let word = decline_code.or(code).unwrap_or("declined");
    let decline = match word {
        "insufficient_funds" => Decline::soft("insufficient_funds"),
        "expired_card" => Decline::hard("expired_card"),
        "incorrect_number" | "invalid_number" => Decline::hard("incorrect_number"),
        "incorrect_cvc" | "invalid_cvc" => Decline::soft("incorrect_code"),
        "authentication_required"
        | "payment_intent_authentication_failure"
        | "setup_intent_authentication_failure" => Decline::soft("authentication_failed"),
        "lost_card" | "stolen_card" => Decline::hard("lost_card"),
        "fraudulent" | "merchant_blacklist" => Decline::hard("fraud_suspected"),
        "pickup_card"
        | "restricted_card"
        | "invalid_account"
        | "new_account_information_available"
        | "revocation_of_all_authorizations"
        | "revocation_of_authorization"
        | "stop_payment_order"
        | "card_not_supported"
        | "currency_not_supported"
        | "transaction_not_allowed"
        | "testmode_decline" => Decline::hard("declined"),
        "issuer_not_available" | "processing_error" | "reenter_transaction" | "try_again_later" => {
            Decline::soft("bank_unavailable")
        }
        "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
            Decline::soft("limit_exceeded")
        }
        _ => Decline::soft("declined"),
    };
    decline.with_code(word)
}

/// What Stripe says of a payment: a `PaymentIntent`, best with its `latest_charge` expanded.
#[derive(Debug)]
pub(crate) struct Intent<'a>(pub(crate) &'a Value);

/// What was given back and taken back, in minor units.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Returned {
    pub(crate) refunded: i64,
    pub(crate) charged_back: i64,
    pub(crate) reinstated: i64,
}

impl Intent<'_> {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> Result<TransactionId, GatewayError> {
        transaction(self.text("id"))
    }

    pub(crate) fn status(&self) -> &str {
        self.text("status")
    }

    pub(crate) fn amount(&self) -> Result<Money, GatewayError> {
        self.money("amount")
    }

    fn money(&self, name: &str) -> Result<Money, GatewayError> {
        let minor = self.0[name].as_i64().ok_or_else(|| senseless("an amount is missing"))?;
        Ok(Money::new(minor, currency(self.text("currency"))?))
    }

    fn is_of(&self, payment: PaymentId) -> bool {
        let known = self.0["metadata"]["payment"].as_str();
        known.and_then(|known| known.parse::<PaymentId>().ok()) == Some(payment)
    }

    fn decline(&self) -> Decline {
        let error = &self.0["last_payment_error"];
        decline(error["code"].as_str(), error["decline_code"].as_str())
    }

    fn at(&self) -> Result<DateTime<Utc>, GatewayError> {
        let charged = self.0["latest_charge"]["created"].as_i64();
        let at = self.0["canceled_at"].as_i64().or(charged).or(self.0["created"].as_i64());
        at.and_then(moment).ok_or_else(|| senseless("a payment without a time"))
    }

    fn state(&self) -> Result<FactState, GatewayError> {
        Ok(match self.status() {
            "requires_action" => FactState::RequiresAction,
            "processing" | "requires_confirmation" => FactState::Processing,
            "requires_payment_method" => FactState::Failed(self.decline()),
            "requires_capture" => {
                let card = &self.0["latest_charge"]["payment_method_details"]["card"];
                FactState::Authorized { until: card["capture_before"].as_i64().and_then(moment) }
            }
            "canceled" => FactState::Voided,
            "succeeded" => FactState::Captured,
            _ => return Err(senseless("an unknown status")),
        })
    }

    pub(crate) fn fact(
        &self,
        payment: PaymentId,
        returned: Returned,
    ) -> Result<PaymentFact, GatewayError> {
        if !self.is_of(payment) {
            return Err(senseless("it is about another payment"));
        }
        let fact = PaymentFact::without_money(
            self.id()?,
            payment,
            self.state()?,
            self.amount()?,
            self.at()?,
        );
        if fact.state != FactState::Captured {
            return Ok(fact);
        }
        let captured = self.money("amount_received")?;
        let money = |minor| Money::new(minor, captured.currency());
        let fact = PaymentFact {
            captured,
            refunded: money(returned.refunded),
            charged_back: money(returned.charged_back),
            reinstated: money(returned.reinstated),
            ..fact
        };
        if fact.is_coherent() { Ok(fact) } else { Err(senseless("its sums do not fit")) }
    }

    /// The card, if it was kept: its customer and itself.
    pub(crate) fn card(&self) -> Option<KeptCard> {
        self.0["setup_future_usage"].as_str()?;
        kept_card(self.0["customer"].as_str()?, &self.0["payment_method"])
    }

    /// What an answer to a charge says. `amount` is what was asked for, where that is known.
    pub(crate) fn outcome(
        &self,
        payment: PaymentId,
        amount: Option<Money>,
    ) -> Result<ChargeOutcome, GatewayError> {
        let fact = self.fact(payment, Returned::default())?;
        if amount.is_some() && amount != Some(self.amount()?) {
            return Err(senseless("it is over another amount"));
        }
        let transaction = fact.transaction.clone();
        Ok(match fact.state.clone() {
            FactState::RequiresAction => {
                let challenge = challenge(self.0).ok_or_else(|| senseless("nowhere to go"))?;
                ChargeOutcome::RequiresAction { transaction, challenge }
            }
            FactState::Processing => ChargeOutcome::Pending { transaction: Some(transaction) },
            FactState::Failed(decline) => {
                ChargeOutcome::Declined { transaction: Some(transaction), decline }
            }
            FactState::Voided => ChargeOutcome::Declined {
                transaction: Some(transaction),
                decline: Decline::soft("voided"),
            },
            FactState::Authorized { .. } | FactState::Captured => {
                ChargeOutcome::Approved { fact, card: self.card() }
            }
        })
    }
}

/// What the payer has to do, by the `next_action` of an intent.
pub(crate) fn challenge(intent: &Value) -> Option<ChallengeKind> {
    if let Some(url) = intent["next_action"]["redirect_to_url"]["url"].as_str() {
        return Some(ChallengeKind::Redirect { url: url.to_owned() });
    }
    let client_secret = Secret::new(intent["client_secret"].as_str()?.to_owned());
    Some(ChallengeKind::Script { client_secret })
}

/// A kept card, from a payment method that was expanded.
pub(crate) fn kept_card(customer: &str, method: &Value) -> Option<KeptCard> {
    let (id, card) = (method["id"].as_str()?, &method["card"]);
    let (month, year) = (card["exp_month"].as_i64(), card["exp_year"].as_i64());
    let expires = month.zip(year).map(|(month, year)| format!("{month:02}/{:02}", year % 100));
    Some(KeptCard {
        token: Secret::new(format!("{customer}:{id}")),
        brand: card["brand"].as_str().unwrap_or_default().to_owned(),
        last_four: card["last4"].as_str().unwrap_or_default().to_owned(),
        expires,
    })
}

pub(crate) fn transaction(id: &str) -> Result<TransactionId, GatewayError> {
    Text::new(id).map_err(|_| senseless("an id that is none"))
}

pub(crate) fn currency(code: &str) -> Result<Currency, GatewayError> {
    code.to_uppercase().parse().map_err(|_| senseless("an unknown currency"))
}

pub(crate) fn moment(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

#[cfg(test)]
mod tests {
    use billing::Hardness;

    use super::*;

    #[test]
    fn a_card_that_will_never_pay_is_a_hard_decline() {
        for word in ["lost_card", "stolen_card", "pickup_card", "fraudulent"] {
            assert_eq!(
                decline(Some("card_declined"), Some(word)).hardness,
                Hardness::Hard,
                "{word}"
            );
        }
        assert_eq!(decline(Some("expired_card"), None).hardness, Hardness::Hard);
        for word in ["insufficient_funds", "generic_decline", "do_not_honor", "try_again_later"] {
            assert_eq!(
                decline(Some("card_declined"), Some(word)).hardness,
                Hardness::Soft,
                "{word}"
            );
        }
    }
}
