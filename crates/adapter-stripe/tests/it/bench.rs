use adapter_stripe::StripeGateway;
use async_trait::async_trait;
use billing::{ChallengeKind, Gateway, Instrument, Secret, TransactionId};
use gateway_client::GatewayClient;
use gateway_fakes::conformance::{Bench, DEADLINE, Inbox, SampleCard};
use gateway_fakes::{Charged, Courier, Faults, StripeFake};
use kernel::Currency;

#[derive(Debug)]
pub(crate) struct Stripe {
    pub(crate) fake: StripeFake,
    pub(crate) gateway: StripeGateway,
}

pub(crate) async fn bench() -> Stripe {
    let fake = StripeFake::start().await;
    let client = GatewayClient::with_deadline(fake.url().parse().unwrap(), DEADLINE);
    let secrets =
        ["whsec_next", StripeFake::WEBHOOK_SECRET].map(|secret| Secret::new(secret.to_owned()));
    let gateway =
        StripeGateway::over(client, Secret::new(StripeFake::SECRET_KEY.to_owned()), secrets.into());
    Stripe { fake, gateway }
}

#[async_trait]
impl Bench for Stripe {
    fn gateway(&self) -> &dyn Gateway {
        &self.gateway
    }

    fn instrument(&self, card: SampleCard) -> Instrument {
        let token = match card {
            SampleCard::Good => "pm_card_visa",
            SampleCard::Poor => "pm_card_visa_chargeDeclinedInsufficientFunds",
            SampleCard::Secure => "pm_card_authenticationRequired",
            SampleCard::SecureThenDeclined => {
                "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
            }
        };
        Instrument::Token(Secret::new(token.to_owned()))
    }

    fn currency(&self) -> Currency {
        Currency::EUR
    }

    async fn charges(&self) -> Vec<Charged> {
        self.fake.charges()
    }

    fn faults(&self) -> &Faults {
        self.fake.faults()
    }

    fn lie(&self) -> (String, String) {
        ("\"amount\":1050,".to_owned(), "\"amount\":1060,".to_owned())
    }

    async fn at_bank(
        &self,
        transaction: &TransactionId,
        challenge: &ChallengeKind,
        passed: bool,
    ) -> Option<Secret> {
        assert!(matches!(challenge, ChallengeKind::Redirect { .. }), "{challenge:?}");
        self.fake.authenticate(transaction, passed);
        None
    }

    fn listen(&self, inbox: &Inbox) {
        self.fake.send_webhooks_to(&inbox.url());
    }

    fn courier(&self) -> &Courier {
        self.fake.webhooks()
    }

    fn signature_header(&self) -> &'static str {
        "stripe-signature"
    }

    fn signs_time(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec![StripeFake::SECRET_KEY, StripeFake::WEBHOOK_SECRET, "pm_card_visa", "secret-way-back"]
    }
}
