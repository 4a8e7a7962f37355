//! CloudPayments: basic authentication, an envelope around every answer, cryptograms, 3-D Secure by
//! a form that the browser posts, notifications that are signed twice.

mod body;
mod card;
mod notification;
mod order;
mod recurrent;
mod site;
mod state;
mod transaction;

use std::net::Ipv4Addr;
use std::sync::Arc;

use hostile_http::{Courier, Faults, Request, Server};
use kernel::{Clock, SystemClock};
use tokio::net::TcpListener;

pub use card::sealed_card;
pub use notification::Notification;

use crate::Charged;
use body::Refused;
use notification::Notifications;
use site::CloudPaymentsSite;
use state::State;
use transaction::{Operation, Status};

/// A test terminal of CloudPayments on a free port of this machine.
#[derive(Debug)]
pub struct CloudPaymentsFake {
    server: Server,
    site: Arc<CloudPaymentsSite>,
}

impl CloudPaymentsFake {
    /// The login.
    pub const PUBLIC_ID: &'static str = "test_api_00000000000000000000001";

    /// The password, by which notifications are signed too.
    pub const API_SECRET: &'static str = "fake0secret0of0mercato0tests";

    /// Starts with an empty terminal, by the wall clock.
    pub async fn start() -> Self {
        Self::start_at(Arc::new(SystemClock)).await
    }

    /// Starts with an empty terminal, by a clock of the test's.
    pub async fn start_at(clock: Arc<dyn Clock>) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port exists");
        let base =
            format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let courier = Courier::start(Arc::clone(&clock), Arc::new(Notifications));
        let state = State::new(clock, base);
        let site =
            CloudPaymentsSite::new(Self::PUBLIC_ID, Self::API_SECRET, state, Arc::new(courier));
        let site = Arc::new(site);
        let serving: Arc<CloudPaymentsSite> = Arc::clone(&site);
        let server = Server::on(listener, serving, Arc::default()).expect("the socket is ours");
        Self { server, site }
    }

    /// The address to use instead of `https://api.cloudpayments.ru`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// The deliveries of notifications.
    pub fn notifications(&self) -> &Courier {
        &self.site.courier
    }

    /// The last requests.
    pub fn seen(&self) -> Vec<Request> {
        self.server.seen()
    }

    /// Sends these notifications from now on, each to the address with its name appended:
    /// `https://shop.example/webhooks/cloudpayments/pay`.
    pub fn send_notifications_to(&self, url: &str, kinds: &[Notification]) {
        let mut addresses =
            self.site.addresses.lock().expect("nobody panics with the addresses in hand");
        *addresses = kinds.iter().map(|kind| (*kind, format!("{url}/{}", kind.name()))).collect();
    }

    /// What really happened, a line for each payment that reserved or took money, the oldest first.
    /// The reference is the `InvoiceId`.
    pub fn charges(&self) -> Vec<Charged> {
        let state = self.site.state();
        let payments = state.transactions.iter().filter(|transaction| {
            transaction.operation == Operation::Payment && transaction.authorized.is_some()
        });
        let charged = |payment: &transaction::Transaction| {
            let of = |status| if payment.status == status { payment.amount } else { 0 };
            Charged {
                transaction: payment.id.to_string(),
                reference: payment.invoice.clone().unwrap_or_default(),
                currency: payment.currency.clone(),
                amount: payment.asked,
                reserved: of(Status::Authorized),
                captured: of(Status::Completed),
                refunded: payment.refunded,
                charged_back: payment.charged_back,
                reinstated: 0,
            }
        };
        payments.map(charged).collect()
    }

    /// What the payer's browser brings back from the bank: `PaRes`.
    pub fn answer_of_bank(&self, transaction: &str, passed: bool) -> String {
        site::answer_of_bank(transaction, passed)
    }

    /// The bank refuses the next authorisations with these reason codes, whatever the card.
    pub fn decline_next(&self, codes: &[u16]) {
        self.site.state().verdicts.extend(codes);
    }

    /// Whether payouts are on their way at first, until [`Self::finish_payout`].
    pub fn delay_payouts(&self, delayed: bool) {
        self.site.state().slow_payouts = delayed;
    }

    /// A payout arrived, or did not.
    pub fn finish_payout(&self, transaction: u64, arrived: bool) {
        self.act(|state| state.decide(transaction, if arrived { 0 } else { 5005 }));
    }

    /// The payer's bank takes money back, in hundredths.
    pub fn charge_back(&self, transaction: u64, amount: i64) {
        self.act(|state| {
            state.find_mut(transaction)?.charged_back += amount;
            Ok(())
        });
    }

    /// Does what has become due: charges subscriptions, lets go of old reservations.
    pub fn run_due(&self) {
        self.act(|state| {
            state.expire_holds();
            state.run_recurrents()
        });
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> Result<T, Refused>) -> T {
        let result = act(&mut self.site.state());
        self.site.send_notifications();
        result.unwrap_or_else(|Refused(message)| panic!("{message}"))
    }
}
