//! A booking that is paid for, from the submission to the payout, over both domains and one store.

use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use adapter_postgres::{Billing, PgStore, Settings};
use billing::PayoutRepository as _;
use billing::testing::{TrickyGateway, a_pay_command, an_id, the_payer, the_provider_id};
use billing::{
    Addresses, BillingParts, BillingReads, BillingService, CommissionRule, GatewayChoice,
    GatewayName, InvoiceParty, Payment, PayoutAccount, PayoutRoute, Policy, Purpose, Secret,
};
use bookings::testing::office_hours;
use bookings::{
    BookingCommand, BookingService, Message, PAYMENT_EVENTS, ScheduleService, SubmitBooking,
};
use chrono::TimeDelta;
use kernel::{
    AccountId, BookingId, Clock, EventId, ListingId, ManualClock, Once, SessionId, SystemIds,
    SystemRandom,
};
use uuid::Uuid;

use super::{World, an_uuid, commit, keys, noon};

struct Shop {
    world: World,
    store: PgStore,
    clock: Arc<ManualClock>,
    gateway: Arc<TrickyGateway>,
    bookings: BookingService,
    billing: BillingService,
    listing: ListingId,
}

impl Shop {
    async fn open() -> Self {
        let world = World::new(1).await;
        let clock = Arc::new(ManualClock::new(noon()));
        let gateway = Arc::new(TrickyGateway::new(noon()));
        let rule = CommissionRule {
            basis_points: 1000,
            vat_basis_points: 2000,
            ..CommissionRule::default()
        };
        let policy = Policy {
            gateways: vec![GatewayChoice { currency: None, gateway: GatewayName::Sandbox }],
            commission: vec![rule],
            ..Policy::default()
        };
        let store = PgStore::connect(&Settings::new(world.database.url()), |_| &[]).unwrap();
        let store = store.with_billing(Billing {
            keys: keys(),
            issuer: InvoiceParty { name: "The market".to_owned(), details: Vec::new() },
            policy: policy.clone(),
            clock: clock.clone(),
        });
        let shared = Arc::new(store.clone());
        let listing = ListingId::from_uuid(an_uuid());
        let (id, provider) = (listing.as_uuid(), an_id(2));
        let arranged = format!(
            "INSERT INTO listing_types (key, position, declaration, version, created_at, \
                 updated_at) \
             VALUES ('service', 0, \
                 '{{\"key\": \"service\", \"transactions\": [\"appointment\"]}}', 1, now(), now()); \
             INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug, \
                 description, price_minor, currency, price_unit, attributes, access, status, \
                 version, created_at, updated_at, published_at) \
             VALUES ('{id}', 'service', '{provider}', true, 'Haircut', 'haircut', 'Short', 10000, \
                 'EUR', 'fixed', '{{}}', 'free', 'published', 1, now(), now(), now());"
        );
        world.client().await.batch_execute(&arranged).await.unwrap();
        let schedules = ScheduleService::new(
            shared.clone(),
            shared.clone(),
            clock.clone(),
            Arc::new(SystemRandom),
        );
        schedules.set_availability(&provider_actor(), office_hours()).await.unwrap();
        let bookings = BookingService::new(
            shared.clone(),
            shared.clone(),
            clock.clone(),
            Arc::new(SystemIds),
            bookings::Policy::default(),
        );
        let billing = BillingService::new(BillingParts {
            store: shared.clone(),
            reads: shared,
            gateways: vec![gateway.clone()],
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            random: Arc::new(SystemRandom),
            policy,
            addresses: Addresses { api: "https://shop.example/api/v1".to_owned() },
        });
        Self { world, store, clock, gateway, bookings, billing, listing }
    }

    /// A booking whose client has paid.
    async fn paid(&self) -> (BookingId, Payment) {
        let submission = SubmitBooking {
            listing: self.listing,
            message: Message::new("Hello").unwrap(),
            starts_at: Some(noon() + TimeDelta::days(1)),
            budget: None,
        };
        let submitted = self.bookings.submit(&the_payer(), submission, None).await.unwrap();
        let Once::Done(seen) = submitted else { panic!("there is no key to replay") };
        assert_eq!(seen.booking.status().name(), "awaiting_payment");
        let id = seen.booking.id();
        let command = a_pay_command(Purpose::Booking(id));
        let paid = self.billing.pay(&the_payer(), command, None).await.unwrap();
        assert_eq!(paid.payment.status().name(), "authorized");
        self.tell_bookings().await;
        (id, paid.payment)
    }

    /// Every event of a payment reaches bookings, twice.
    async fn tell_bookings(&self) {
        let client = self.world.client().await;
        let sql = "SELECT id::text FROM events WHERE name = ANY ($1) ORDER BY id";
        for row in client.query(sql, &[&PAYMENT_EVENTS]).await.unwrap() {
            let id = EventId::from_uuid(Uuid::parse_str(row.get(0)).unwrap());
            let event = self.store.event(id).await.unwrap().unwrap();
            for _ in 0..2 {
                self.bookings.on_payment(&event).await.unwrap();
            }
        }
    }

    /// Moves time, and runs what is due by it.
    async fn pass(&self, time: TimeDelta) {
        self.clock.advance(time);
        self.gateway.set_now(self.clock.now());
        let client = self.world.client().await;
        loop {
            let sql = "DELETE FROM timers WHERE (subject, kind) IN (\
                       SELECT subject, kind FROM timers WHERE due_at <= $1::text::timestamptz \
                       ORDER BY due_at LIMIT 1) RETURNING kind, subject";
            let now = self.clock.now().to_rfc3339();
            let Some(row) = client.query_opt(sql, &[&now]).await.unwrap() else { return };
            let (kind, subject): (String, String) = (row.get(0), row.get(1));
            if billing::TIMER_KINDS.contains(&kind.as_str()) {
                self.billing.on_timer(&kind, &subject).await.unwrap();
            } else {
                self.bookings.on_timer(&kind, &subject).await.unwrap();
            }
            self.tell_bookings().await;
        }
    }

    async fn status(&self, payment: &Payment) -> &'static str {
        let found = BillingReads::payment(&self.store, payment.id()).await.unwrap().unwrap();
        found.status().name()
    }

    async fn booking(&self, id: BookingId) -> String {
        let seen = self.bookings.booking(&the_payer(), id).await.unwrap();
        seen.booking.status().name().to_owned()
    }

    /// What stands on the accounts of one kind.
    async fn balance(&self, kind: &str) -> i64 {
        let sql = format!(
            "SELECT COALESCE(sum(balance_minor), 0)::bigint FROM ledger_balances \
             WHERE account_kind = '{kind}'"
        );
        self.world.number(&sql).await
    }
}

fn provider_actor() -> Actor {
    Actor::member(Member {
        account: AccountId::from_uuid(an_id(3)),
        session: SessionId::from_uuid(an_id(9)),
        roles: Roles::client().with(Role::Provider),
        provider: Some(the_provider_id()),
    })
}

#[tokio::test]
async fn a_booking_is_paid_for_done_and_paid_out() {
    let shop = Shop::open().await;
    let (id, payment) = shop.paid().await;
    assert_eq!(shop.booking(id).await, "requested");

    let provider = provider_actor();
    shop.bookings.command(&provider, id, BookingCommand::Accept { offer: None }).await.unwrap();
    shop.pass(TimeDelta::minutes(1)).await;
    assert_eq!(shop.status(&payment).await, "captured");
    assert_eq!(shop.balance("gateway_clearing").await, 10_000);
    assert_eq!(shop.balance("provider_pending").await, -8_800);
    assert_eq!(shop.balance("platform_revenue").await, -1_000);
    assert_eq!(shop.balance("tax").await, -200);

    shop.pass(TimeDelta::days(2)).await;
    shop.bookings.command(&provider, id, BookingCommand::ReportDone { note: None }).await.unwrap();
    shop.bookings.command(&the_payer(), id, BookingCommand::ConfirmDone).await.unwrap();
    assert_eq!(shop.booking(id).await, "completed");
    shop.pass(TimeDelta::days(6)).await;
    assert_eq!(shop.balance("provider_payable").await, 0, "the holding time is a week");
    shop.pass(TimeDelta::days(2)).await;
    assert_eq!(shop.balance("provider_pending").await, 0);
    assert_eq!(shop.balance("provider_payable").await, -8_800);

    assert_eq!(shop.billing.run_payouts().await.unwrap().without_account, 1);
    let to = PayoutAccount {
        account: AccountId::from_uuid(an_id(3)),
        route: PayoutRoute::Gateway(GatewayName::Sandbox),
        destination: Some(Secret::new("acct_1".to_owned())),
    };
    let mut tx = shop.store.open().await.unwrap();
    tx.store_payout_account(the_provider_id(), &to, noon()).await.unwrap();
    commit(tx).await.unwrap();
    assert_eq!(shop.billing.run_payouts().await.unwrap().payouts, 1);
    assert_eq!(shop.billing.run_payouts().await.unwrap().payouts, 0, "twice pays once");
    shop.pass(TimeDelta::minutes(1)).await;
    assert_eq!(shop.balance("provider_payable").await, 0);
    assert_eq!(shop.balance("payouts_in_transit").await, 0);
    assert_eq!(shop.balance("bank").await, -8_800);
    assert_eq!(
        shop.world.number("SELECT sum(balance_minor)::bigint FROM ledger_balances").await,
        0
    );
}

#[tokio::test]
async fn what_a_provider_declines_is_never_taken() {
    let shop = Shop::open().await;
    let (id, payment) = shop.paid().await;

    let decline = BookingCommand::Decline { reason: None };
    shop.bookings.command(&provider_actor(), id, decline).await.unwrap();
    shop.pass(TimeDelta::minutes(1)).await;

    assert_eq!(shop.status(&payment).await, "voided");
    assert_eq!(shop.world.number("SELECT count(*) FROM ledger_journals").await, 0);
}

#[tokio::test]
async fn money_for_a_booking_that_is_over_goes_back_by_itself() {
    let shop = Shop::open().await;
    let submission = SubmitBooking {
        listing: shop.listing,
        message: Message::new("Hello").unwrap(),
        starts_at: Some(noon() + TimeDelta::days(1)),
        budget: None,
    };
    let submitted = shop.bookings.submit(&the_payer(), submission, None).await.unwrap();
    let Once::Done(seen) = submitted else { panic!("there is no key to replay") };
    let id = seen.booking.id();
    let command = a_pay_command(Purpose::Booking(id));
    let paid = shop.billing.pay(&the_payer(), command, None).await.unwrap();

    // Nobody told bookings before the time for the money was over.
    shop.clock.advance(TimeDelta::hours(1));
    shop.pass(TimeDelta::minutes(1)).await;
    shop.pass(TimeDelta::minutes(1)).await;

    assert_eq!(shop.booking(id).await, "expired");
    assert_eq!(shop.status(&paid.payment).await, "voided");
}
