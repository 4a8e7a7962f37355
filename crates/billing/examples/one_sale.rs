//! One sale without any database or network: paid with 3-D Secure, released, a part given back,
//! and what every account holds in the end.
//!
//! `cargo run -p mercato-billing --features testing --example one_sale`

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use billing::testing::{MemoryBilling, Trick, TrickyGateway, a_pay_command, a_payable};
use billing::testing::{an_admin, the_payer};
use billing::{
    Addresses, BillingParts, BillingService, BillingStore, CaptureMode, CommissionRule,
    GatewayChoice, GatewayName, Instruction, Policy, Purpose, PurposeKind, Reason,
};
use chrono::{TimeDelta, TimeZone, Utc};
use kernel::{BookingId, Clock, Currency, ManualClock, Money, SystemIds, SystemRandom};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let start = Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).single().ok_or("no such time")?;
    let store = MemoryBilling::default();
    let gateway = Arc::new(TrickyGateway::new(start));
    let clock = Arc::new(ManualClock::new(start));
    let rule = CommissionRule {
        basis_points: 1_000,
        vat_basis_points: 2_000,
        ..CommissionRule::default()
    };
    let service = BillingService::new(BillingParts {
        store: Arc::new(store.clone()),
        reads: Arc::new(store.clone()),
        gateways: vec![gateway.clone()],
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        random: Arc::new(SystemRandom),
        policy: Policy {
            gateways: vec![GatewayChoice { currency: None, gateway: GatewayName::Sandbox }],
            commission: vec![rule],
            ..Policy::default()
        },
        addresses: Addresses { api: "https://shop.example/api/v1".to_owned() },
    });
    let booking = Purpose::Booking(BookingId::next(&SystemIds));
    let payable = a_payable(PurposeKind::Booking, CaptureMode::AtOnce);
    store.with(|state| state.payables.push((booking, payable)));

    gateway.play([Trick::Challenge]);
    let seen = service.pay(&the_payer(), a_pay_command(booking), None).await?;
    let id = seen.payment.id();
    writeln!(out, "asked for 3-D Secure: {}", seen.payment.status().name())?;
    let token = seen.token.ok_or("there is a way back")?;
    let answer = billing::Secret::new("what the bank says".to_owned());
    let paid = service.continue_challenge(id, &token, None, Some(answer.clone())).await?;
    writeln!(out, "back from the bank: {}", paid.status().name())?;
    if let Err(refusal) = service.continue_challenge(id, &token, None, Some(answer)).await {
        writeln!(out, "back again: {refusal}")?;
    }

    let mut tx = store.begin().await?;
    let delivered_at = Some(clock.now());
    let delivered = Instruction::Settle { refund: Money::zero(Currency::EUR), delivered_at };
    service.books().instruct(&mut *tx, booking, delivered, clock.now()).await?;
    tx.commit().await?;
    clock.advance(TimeDelta::days(8));
    store.run_due(&service, clock.now()).await?;

    let reason = Reason::new("The sink still drips.")?;
    let part = Some(Money::new(3_333, Currency::EUR));
    service.refund(&an_admin(), id, part, reason, None).await?;
    store.run_due(&service, clock.now()).await?;

    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let journals = store.with(|state| state.journals.clone());
    for posting in journals.iter().flat_map(|journal| journal.entry().postings()) {
        *sums.entry(posting.account.to_string()).or_default() += posting.amount.minor();
    }
    for (account, sum) in &sums {
        writeln!(out, "{account:<60} {:>12}", Money::new(*sum, Currency::EUR).to_string())?;
    }
    writeln!(out, "added up: {}", sums.values().sum::<i64>())?;
    Ok(())
}
