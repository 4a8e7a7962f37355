use kernel::Money;

use super::PayoutTerms;

/// What a run of payouts does for a provider in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutDecision {
    /// Nothing: too little, or stopped.
    Nothing,
    /// What is kept back covers what the provider owes, as far as it goes.
    Clawback(Money),
    /// All that is the provider's is paid out.
    Pay {
        /// How much.
        amount: Money,
        /// Whether an admin has to let it go first.
        needs_approval: bool,
    },
}

/// Decides by what is owed to a provider (`payable`, below nothing if it owes us after refunds of
/// money that it was paid) and what is kept back of it. A debt is netted by itself: nothing is
/// paid out before new sales have covered it.
pub fn decide_payout(payable: Money, reserved: Money, terms: &PayoutTerms) -> PayoutDecision {
    if payable.minor() < 0 {
        let covered = payable.minor().saturating_neg().min(reserved.minor()).max(0);
        return if covered == 0 || payable.currency() != reserved.currency() {
            PayoutDecision::Nothing
        } else {
            PayoutDecision::Clawback(Money::new(covered, payable.currency()))
        };
    }
    let enough =
        payable.minor() > 0 && payable.minor() >= terms.minimum_in(payable.currency()).minor();
    if !enough || terms.stopped {
        return PayoutDecision::Nothing;
    }
    PayoutDecision::Pay { amount: payable, needs_approval: terms.needs_approval(payable) }
}
