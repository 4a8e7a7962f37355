use adapter_sandbox::wire::{PaymentStatus, WirePayment};
use adapter_sandbox::{MemoryStore, SandboxGateway, SandboxServer, SandboxSettings, TestCard};
use async_trait::async_trait;
use billing::{ChallengeKind, Gateway, Instrument, Secret, TransactionId};
use gateway_client::GatewayClient;
use gateway_fakes::Charged;
use gateway_fakes::conformance::{Bench, DEADLINE, Inbox, SampleCard};
use hostile_http::{Courier, Faults};
use kernel::{Currency, SystemClock, SystemRandom};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::shop::{KEY, SECRET};

#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) server: SandboxServer,
    pub(crate) gateway: SandboxGateway,
}

pub(crate) async fn bench() -> Sandbox {
    let settings = SandboxSettings {
        public_url: None,
        api_key: KEY.to_owned(),
        webhook_secret: SECRET.to_owned(),
        webhook_url: None,
    };
    let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(SystemClock));
    let server = SandboxServer::start(
        (Ipv4Addr::LOCALHOST, 0).into(),
        settings,
        store,
        clock,
        Arc::new(SystemRandom),
    )
    .await
    .unwrap();
    let client = GatewayClient::with_deadline(server.url().parse().unwrap(), DEADLINE);
    let secrets = ["next secret", SECRET].map(|secret| Secret::new(secret.to_owned()));
    let gateway = SandboxGateway::over(client, Secret::new(KEY.to_owned()), secrets.into());
    Sandbox { server, gateway }
}

#[async_trait]
impl Bench for Sandbox {
    fn gateway(&self) -> &dyn Gateway {
        &self.gateway
    }

    fn instrument(&self, card: SampleCard) -> Instrument {
        let card = match card {
            SampleCard::Good => TestCard::Success,
            SampleCard::Poor => TestCard::InsufficientFunds,
            SampleCard::Secure => TestCard::Secure,
            SampleCard::SecureThenDeclined => TestCard::SecureThenDeclined,
        };
        Instrument::Token(Secret::new(card.token().to_owned()))
    }

    fn currency(&self) -> Currency {
        Currency::EUR
    }

    async fn charges(&self) -> Vec<Charged> {
        let request = reqwest::Client::new()
            .get(format!("{}/v1/payments", self.server.url()))
            .bearer_auth(KEY);
        let mut payments: Vec<WirePayment> = request.send().await.unwrap().json().await.unwrap();
        payments.retain(|payment| {
            !matches!(payment.status, PaymentStatus::Failed | PaymentStatus::RequiresAction)
        });
        let charged = |payment: WirePayment| Charged {
            transaction: payment.id,
            reference: payment.reference,
            currency: payment.currency,
            amount: payment.amount,
            reserved: payment.reserved,
            captured: payment.captured,
            refunded: payment.refunded,
            charged_back: payment.charged_back,
            reinstated: payment.reinstated,
        };
        payments.into_iter().map(charged).collect()
    }

    fn faults(&self) -> &Faults {
        self.server.faults()
    }

    fn lie(&self) -> (String, String) {
        ("\"amount\":1050,".to_owned(), "\"amount\":1060,".to_owned())
    }

    async fn at_bank(
        &self,
        _transaction: &TransactionId,
        challenge: &ChallengeKind,
        passed: bool,
    ) -> Option<Secret> {
        let ChallengeKind::Redirect { url } = challenge else { panic!("{challenge:?}") };
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let choice = [("choice", if passed { "pass" } else { "fail" })];
        let answer = client.post(url).form(&choice).send().await.unwrap();
        assert_eq!(answer.headers()["location"], "https://shop.example/back/secret-way-back");
        None
    }

    fn listen(&self, inbox: &Inbox) {
        self.server.send_webhooks_to(&inbox.url());
    }

    fn courier(&self) -> &Courier {
        self.server.webhooks()
    }

    fn signature_header(&self) -> &'static str {
        "sandbox-signature"
    }

    fn signs_time(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec![KEY, SECRET, "next secret", "card_success", "secret-way-back"]
    }
}
