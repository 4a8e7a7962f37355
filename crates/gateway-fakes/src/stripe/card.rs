use super::error::Refusal;

/// What a test card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    Pays,
    Declines {
        code: &'static str,
        decline_code: &'static str,
    },
    /// 3-D Secure on every payment.
    AlwaysAuthenticates,
    /// 3-D Secure, unless it was set up before.
    AuthenticatesUnlessSetUp,
    /// 3-D Secure, and then it is declined.
    AuthenticatesThenDeclines,
    /// It can be kept, and fails when it is charged.
    FailsWhenCharged,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestCard {
    pub(crate) number: &'static str,
    /// What follows `pm_card_` and `tok_` in the names under which it is known.
    pub(crate) name: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) conduct: Conduct,
}

const DECLINED: Conduct =
    Conduct::Declines { code: "card_declined", decline_code: "generic_decline" };
const INSUFFICIENT: Conduct =
    Conduct::Declines { code: "card_declined", decline_code: "insufficient_funds" };
const LOST: Conduct = Conduct::Declines { code: "card_declined", decline_code: "lost_card" };
const EXPIRED: Conduct = Conduct::Declines { code: "expired_card", decline_code: "expired_card" };

/// The test cards of the manual, as far as our flows need them.
pub(crate) const CARDS: [TestCard; 10] = [
    card("4242424242424242", "visa", "visa", Conduct::Pays),
    card("5555555555554444", "mastercard", "mastercard", Conduct::Pays),
    card("4000002760003184", "authenticationRequired", "visa", Conduct::AlwaysAuthenticates),
    card(
        "4000002500003155",
        "authenticationRequiredOnSetup",
        "visa",
        Conduct::AuthenticatesUnlessSetUp,
    ),
    card(
        "4000008260003178",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "visa",
        Conduct::AuthenticatesThenDeclines,
    ),
    card("4000000000000002", "visa_chargeDeclined", "visa", DECLINED),
    card("4000000000009995", "visa_chargeDeclinedInsufficientFunds", "visa", INSUFFICIENT),
    card("4000000000009987", "visa_chargeDeclinedLostCard", "visa", LOST),
    card("4000000000000069", "chargeDeclinedExpiredCard", "visa", EXPIRED),
    card("4000000000000341", "chargeCustomerFail", "visa", Conduct::FailsWhenCharged),
];

const fn card(
    number: &'static str,
    name: &'static str,
    brand: &'static str,
    conduct: Conduct,
) -> TestCard {
    TestCard { number, name, brand, conduct }
}

impl TestCard {
    /// The card behind `pm_card_visa`, `tok_visa` or a test number.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        let alias = name.strip_prefix("pm_card_").or_else(|| name.strip_prefix("tok_"));
        CARDS.iter().find(|card| Some(card.name) == alias || card.number == name)
    }

    pub(crate) fn last_four(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }
}

/// What the issuer says, in the words of the API.
pub(crate) fn declined(code: &'static str, decline_code: &'static str) -> Refusal {
    let message = match decline_code {
        "insufficient_funds" => "Your card has insufficient funds.",
        "expired_card" => "Your card has expired.",
        _ => "Your card was declined.",
    };
    let decline_code = (code == "card_declined").then_some(decline_code);
    Refusal::card(code, decline_code, message)
}
