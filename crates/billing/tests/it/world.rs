//! A marketplace in memory: store, gateway, clock and service.

use std::collections::BTreeMap;
use std::sync::Arc;

use billing::testing::{MemoryBilling, TrickyGateway};
use billing::{
    Addresses, BillingParts, BillingService, CommissionRule, GatewayChoice, GatewayName, Policy,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, ManualClock, RepeatingRandom, SequentialIds};

pub(crate) const NOW: DateTime<Utc> =
    DateTime::from_timestamp(1_767_603_600, 0).expect("a valid time");

pub(crate) struct World {
    pub(crate) store: MemoryBilling,
    pub(crate) gateway: Arc<TrickyGateway>,
    pub(crate) service: BillingService,
    clock: Arc<ManualClock>,
}

pub(crate) fn policy() -> Policy {
    let rule =
        CommissionRule { basis_points: 1000, vat_basis_points: 2000, ..CommissionRule::default() };
    Policy {
        gateways: vec![GatewayChoice { currency: None, gateway: GatewayName::Sandbox }],
        commission: vec![rule],
        return_to: vec!["https://app.example".to_owned()],
        ..Policy::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(policy())
    }

    pub(crate) fn with(policy: Policy) -> Self {
        let store = MemoryBilling::default();
        let gateway = Arc::new(TrickyGateway::new(NOW));
        let clock = Arc::new(ManualClock::new(NOW));
        let service = BillingService::new(BillingParts {
            store: Arc::new(store.clone()),
            reads: Arc::new(store.clone()),
            gateways: vec![gateway.clone()],
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
            random: Arc::new(RepeatingRandom::default()),
            policy,
            addresses: Addresses { api: "https://shop.example/api/v1".to_owned() },
        });
        Self { store, gateway, service, clock }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves time and runs what is due by it.
    pub(crate) async fn pass(&self, time: TimeDelta) {
        let end = self.now() + time;
        // Timers run at their own time, as they would.
        loop {
            let due = self.store.with(|state| state.timers.values().min().copied());
            let step = due.unwrap_or(end).clamp(self.now(), end);
            self.clock.advance(step - self.now());
            self.gateway.set_now(step);
            self.store.run_due(&self.service, step).await.unwrap();
            let next = self.store.with(|state| state.timers.values().min().copied());
            if step == end && next.is_none_or(|next| next > end) {
                return;
            }
        }
    }

    /// Moves time at once, as if nobody had been there meanwhile, and runs what was due then.
    pub(crate) async fn leap(&self, time: TimeDelta) {
        self.clock.advance(time);
        self.gateway.set_now(self.now());
        self.store.run_due(&self.service, self.now()).await.unwrap();
    }

    /// Whether the ledger adds up, and says the same as the gateway.
    pub(crate) fn check_books(&self) {
        let journals = self.store.with(|state| state.journals.clone());
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for posting in journals.iter().flat_map(|journal| journal.entry().postings()) {
            *sums.entry(posting.account.to_string()).or_default() += posting.amount.minor();
        }
        assert_eq!(sums.values().sum::<i64>(), 0, "{sums:?}");
        let (mut captured, mut refunded, mut charged_back) = (0, 0, 0);
        for id in self.store.with(|state| state.payments.keys().copied().collect::<Vec<_>>()) {
            if let Some(fact) = self.gateway.truth(id) {
                captured += fact.captured.minor();
                refunded += fact.refunded.minor();
                charged_back += fact.charged_back.minor();
            }
        }
        let of = |name: &str| sums.get(name).copied().unwrap_or_default();
        assert_eq!(of("gateway_clearing/sandbox"), captured, "{sums:?}");
        assert_eq!(of("refunds/sandbox"), -refunded, "{sums:?}");
        assert_eq!(of("chargebacks/sandbox"), -charged_back, "{sums:?}");
    }

    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        self.store.with(|state| state.event_names())
    }
}
