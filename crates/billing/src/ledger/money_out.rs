//! What happens to a provider's money after it was released, and to what gateways hold.

use kernel::{Money, PaymentId, PayoutId, ProviderId};

use super::Account;
use super::journal::{Entry, LedgerError, LedgerFact, negated};
use crate::GatewayName;

fn moved(
    fact: LedgerFact,
    reference: String,
    amount: Money,
    from: Account,
    to: Account,
) -> Result<Option<Entry>, LedgerError> {
    if amount.minor() < 0 {
        return Err(LedgerError::Negative { reference });
    }
    Entry::balanced(fact, reference, [(from, amount), (to, negated(amount)?)])
}

/// A part of what was released for a payment is kept back against refunds.
pub fn reserve_hold(
    payment: PaymentId,
    provider: ProviderId,
    amount: Money,
) -> Result<Option<Entry>, LedgerError> {
    let (from, to) = (Account::ProviderPayable(provider), Account::ProviderReserve(provider));
    let entry =
        moved(LedgerFact::ReserveHold, format!("{payment}:reserve_hold"), amount, from, to)?;
    Ok(entry.map(|entry| entry.about_payment(payment)))
}

/// What was kept back for a payment is the provider's again.
pub fn reserve_release(
    payment: PaymentId,
    provider: ProviderId,
    amount: Money,
) -> Result<Option<Entry>, LedgerError> {
    let (from, to) = (Account::ProviderReserve(provider), Account::ProviderPayable(provider));
    let entry =
        moved(LedgerFact::ReserveRelease, format!("{payment}:reserve_release"), amount, from, to)?;
    Ok(entry.map(|entry| entry.about_payment(payment)))
}

/// What was kept back covers what a provider owes after refunds of money it was paid. `reference`
/// tells the run of payouts that did it.
pub fn clawback(
    provider: ProviderId,
    amount: Money,
    reference: &str,
) -> Result<Option<Entry>, LedgerError> {
    let (from, to) = (Account::ProviderReserve(provider), Account::ProviderPayable(provider));
    let reference = format!("{provider}:{reference}:clawback");
    moved(LedgerFact::Clawback, reference, amount, from, to)
}

/// Money is on its way to a provider.
pub fn payout_sent(
    payout: PayoutId,
    provider: ProviderId,
    amount: Money,
) -> Result<Option<Entry>, LedgerError> {
    let (from, to) = (Account::ProviderPayable(provider), Account::PayoutsInTransit);
    let entry = moved(LedgerFact::PayoutSent, format!("{payout}:sent"), amount, from, to)?;
    Ok(entry.map(|entry| entry.about_payout(payout)))
}

/// It arrived.
pub fn payout_paid(payout: PayoutId, amount: Money) -> Result<Option<Entry>, LedgerError> {
    let (from, to) = (Account::PayoutsInTransit, Account::Bank);
    let entry = moved(LedgerFact::PayoutPaid, format!("{payout}:paid"), amount, from, to)?;
    Ok(entry.map(|entry| entry.about_payout(payout)))
}

/// It did not arrive, or was called off.
pub fn payout_returned(
    payout: PayoutId,
    provider: ProviderId,
    amount: Money,
) -> Result<Option<Entry>, LedgerError> {
    let (from, to) = (Account::PayoutsInTransit, Account::ProviderPayable(provider));
    let entry = moved(LedgerFact::PayoutReturned, format!("{payout}:returned"), amount, from, to)?;
    Ok(entry.map(|entry| entry.about_payout(payout)))
}

/// A gateway paid us what it held: `gross` less its `fee`. `batch` is its name for the payment.
pub fn gateway_settlement(
    gateway: GatewayName,
    batch: &str,
    gross: Money,
    fee: Money,
) -> Result<Option<Entry>, LedgerError> {
    let reference = format!("{gateway}:{batch}:settlement");
    if gross.minor() < 0 || fee.minor() < 0 {
        return Err(LedgerError::Negative { reference });
    }
    let net = gross.checked_sub(fee)?;
    let postings = [
        (Account::Bank, net),
        (Account::GatewayFees(gateway), fee),
        (Account::GatewayClearing(gateway), negated(gross)?),
    ];
    Entry::balanced(LedgerFact::Settlement, reference, postings)
}
