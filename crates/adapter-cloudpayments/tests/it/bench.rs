use adapter_cloudpayments::CloudPaymentsGateway;
use async_trait::async_trait;
use billing::{ChallengeKind, Gateway, Instrument, Secret, TransactionId};
use gateway_client::GatewayClient;
use gateway_fakes::conformance::{Bench, DEADLINE, Inbox, SampleCard};
use gateway_fakes::{Charged, CloudPaymentsFake, Courier, Faults, Notification, sealed_card};
use kernel::Currency;

#[derive(Debug)]
pub(crate) struct CloudPayments {
    pub(crate) fake: CloudPaymentsFake,
    pub(crate) gateway: CloudPaymentsGateway,
}

pub(crate) async fn bench() -> CloudPayments {
    let fake = CloudPaymentsFake::start().await;
    let client = GatewayClient::with_deadline(fake.url().parse().unwrap(), DEADLINE);
    let secret = Secret::new(CloudPaymentsFake::API_SECRET.to_owned());
    let replaced = Some(Secret::new("the secret before".to_owned()));
    let gateway = CloudPaymentsGateway::over(
        client,
        CloudPaymentsFake::PUBLIC_ID.to_owned(),
        secret,
        replaced,
    );
    CloudPayments { fake, gateway }
}

#[async_trait]
impl Bench for CloudPayments {
    fn gateway(&self) -> &dyn Gateway {
        &self.gateway
    }

    fn instrument(&self, card: SampleCard) -> Instrument {
        let number = match card {
            SampleCard::Good => "4000000000003055",
            SampleCard::Poor => "4000056655665556",
            SampleCard::Secure => "4242424242424242",
            SampleCard::SecureThenDeclined => "4012888888881881",
        };
        Instrument::Cryptogram {
            packet: Secret::new(sealed_card(number)),
            cardholder: Some("A NAME".to_owned()),
        }
    }

    fn currency(&self) -> Currency {
        "RUB".parse().unwrap()
    }

    async fn charges(&self) -> Vec<Charged> {
        self.fake.charges()
    }

    fn faults(&self) -> &Faults {
        self.fake.faults()
    }

    fn lie(&self) -> (String, String) {
        ("\"Amount\":10.5,".to_owned(), "\"Amount\":10.6,".to_owned())
    }

    async fn at_bank(
        &self,
        transaction: &TransactionId,
        challenge: &ChallengeKind,
        passed: bool,
    ) -> Option<Secret> {
        let ChallengeKind::Form { md, .. } = challenge else { panic!("{challenge:?}") };
        assert_eq!(md, transaction.as_str());
        Some(Secret::new(self.fake.answer_of_bank(md, passed)))
    }

    fn listen(&self, inbox: &Inbox) {
        // All but the question, which is not a message: it waits for its answer.
        let kinds: Vec<_> =
            Notification::ALL.into_iter().filter(|kind| *kind != Notification::Check).collect();
        self.fake.send_notifications_to(&inbox.url(), &kinds);
    }

    fn courier(&self) -> &Courier {
        self.fake.notifications()
    }

    fn signature_header(&self) -> &'static str {
        "content-hmac"
    }

    fn signs_time(&self) -> bool {
        false
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec![CloudPaymentsFake::API_SECRET, "the secret before", "U0lNfD", "secret-way-back"]
    }
}
