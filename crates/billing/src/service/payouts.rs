//! Providers get their money.

use access::{Action, Actor, AuditEntry, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{Limit, Money, Page, PayoutId, ProviderId, Text, Timer};
use serde_json::json;

use super::webhooks::status_of_payout;
use super::{BillingService, gate};
use crate::ledger::clawback;
use crate::payout::{PayoutChange, PayoutDecision, decide_payout};
use crate::{
    Account, BatchId, BillingError, BillingEvent, BillingTx, GatewayError, NewPayout, OperationKey,
    Payout, PayoutAccount, PayoutCandidate, PayoutCommand, PayoutOutcome, PayoutRequest,
    PayoutRoute, PayoutState, PayoutTerms, Position, Reason, Secret, timer,
};

/// What a run of payouts did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunReport {
    /// Payouts that were made.
    pub payouts: u32,
    /// Debts that reserves covered.
    pub clawbacks: u32,
    /// Providers with money who have not said where it goes.
    pub without_account: u32,
}

impl BillingService {
    /// The run: pays out what is owed to each provider in each currency, one transaction each, so
    /// that a crash costs nothing and the next run goes on. Called by a schedule; twice at once
    /// pays once, as balances are locked.
    pub async fn run_payouts(&self) -> Result<RunReport, BillingError> {
        let batch = BatchId::next(&*self.parts.ids);
        let mut report = RunReport::default();
        let mut after = None;
        loop {
            let candidates = self.parts.reads.payout_candidates(after).await?;
            let Some(last) = candidates.last() else { return Ok(report) };
            after = Some(*last);
            for candidate in candidates {
                self.pay_out(batch, candidate, &mut report).await?;
            }
        }
    }

    async fn pay_out(
        &self,
        batch: BatchId,
        candidate: PayoutCandidate,
        report: &mut RunReport,
    ) -> Result<(), BillingError> {
        let PayoutCandidate { provider, currency } = candidate;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let account = tx.payout_account(provider).await?;
        let own = tx.payout_terms(provider).await?;
        let terms = own.unwrap_or_else(|| self.parts.policy.payouts.clone());
        let payable = tx.balance_for_update(Account::ProviderPayable(provider), currency).await?;
        let reserved = tx.balance_for_update(Account::ProviderReserve(provider), currency).await?;
        // What is owed stands as a credit, below nothing.
        let owed = |balance: Money| Money::new(balance.minor().saturating_neg(), currency);
        match decide_payout(owed(payable), owed(reserved), &terms) {
            PayoutDecision::Nothing => return Ok(()),
            PayoutDecision::Clawback(amount) => {
                let entry = clawback(provider, amount, &batch.to_string())?;
                books.post(&mut *tx, Vec::from_iter(entry), now).await?;
                report.clawbacks += 1;
            }
            PayoutDecision::Pay { amount, needs_approval } => {
                let Some(to) = account else {
                    report.without_account += 1;
                    return Ok(());
                };
                let new = NewPayout {
                    id: PayoutId::next(&*self.parts.ids),
                    batch,
                    provider,
                    account: to.account,
                    amount,
                    route: to.route,
                    needs_approval,
                };
                let (payout, change) = Payout::create(new, now)?;
                tx.insert_payout(&payout).await?;
                self.follow_payout(&mut *tx, &payout, change, None, now).await?;
                report.payouts += 1;
            }
        }
        Ok(tx.commit().await?)
    }

    /// The timer: gives a payout to its gateway.
    pub(super) async fn send_payout(&self, id: PayoutId) -> Result<(), BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut payout) = tx.payout_for_update(id).await? else { return Ok(()) };
        let PayoutRoute::Gateway(gateway) = payout.route else { return Ok(()) };
        if !payout.may(PayoutCommand::Send) {
            return Ok(());
        }
        let Some(request) = self.payout_request(&mut *tx, &payout).await? else { return Ok(()) };
        payout.send(now)?;
        tx.update_payout(&payout).await?;
        self.follow_payout(&mut *tx, &payout, PayoutChange::default(), None, now).await?;
        tx.commit().await?;

        let answered = match self.gateway(gateway) {
            Ok(gateway) => gateway.pay_out(&request).await,
            Err(_) => Err(GatewayError::Unsupported { operation: "pay out" }),
        };
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        match answered {
            Ok(outcome) => self.take_payout_outcome(&mut *tx, id, Some(&outcome)).await?,
            Err(GatewayError::Unknown { .. }) => return Ok(()),
            Err(GatewayError::NotDone { .. }) => {
                let Some(mut payout) = tx.payout_for_update(id).await? else { return Ok(()) };
                payout.not_sent()?;
                tx.update_payout(&payout).await?;
                let due_at = now + chrono::TimeDelta::minutes(10);
                let (kind, subject) = (timer::PAYOUT_SEND, id.to_string());
                tx.set_timer(&Timer { kind, subject, due_at }).await?;
            }
            Err(error) => {
                let Some(mut payout) = tx.payout_for_update(id).await? else { return Ok(()) };
                let change = payout.fail(&error.to_string(), now)?;
                tx.update_payout(&payout).await?;
                self.follow_payout(&mut *tx, &payout, change, None, now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// The timer: asks how a payout stands.
    pub(super) async fn inquire_payout(&self, id: PayoutId) -> Result<(), BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(payout) = tx.payout_for_update(id).await? else { return Ok(()) };
        let PayoutRoute::Gateway(gateway) = payout.route else { return Ok(()) };
        if payout.inquiry_due().is_none_or(|due| now < due) {
            return Ok(());
        }
        let request = self.payout_request(&mut *tx, &payout).await?;
        drop(tx);
        // Without an account there is nothing to ask for: admins find it in `processing`.
        let answered = match request {
            Some(request) => Some(status_of_payout(&**self.gateway(gateway)?, &request).await),
            None => None,
        };
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut payout) = tx.payout_for_update(id).await? else { return Ok(()) };
        match &answered {
            Some(Err(_)) => payout.inquiry_failed(now),
            Some(Ok(_)) | None => payout.asked(now),
        }
        tx.update_payout(&payout).await?;
        self.follow_payout(&mut *tx, &payout, PayoutChange::default(), None, now).await?;
        if let Some(Ok(outcome)) = answered {
            self.take_payout_outcome(&mut *tx, id, outcome.as_ref()).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn take_payout_outcome(
        &self,
        tx: &mut dyn BillingTx,
        id: PayoutId,
        outcome: Option<&PayoutOutcome>,
    ) -> Result<(), BillingError> {
        let now = self.now();
        let Some(mut payout) = tx.payout_for_update(id).await? else { return Ok(()) };
        let before = payout.version;
        let change = payout.answered(outcome, now)?;
        if payout.version == before {
            return Ok(());
        }
        tx.update_payout(&payout).await?;
        self.follow_payout(tx, &payout, change, None, now).await
    }

    /// What the gateway is told of a payout; `None` if it has nowhere to go.
    pub(super) async fn payout_request(
        &self,
        tx: &mut dyn BillingTx,
        payout: &Payout,
    ) -> Result<Option<PayoutRequest>, BillingError> {
        let account = tx.payout_account(payout.provider).await?;
        Ok(account.and_then(|account| account.destination).map(|destination| PayoutRequest {
            payout: payout.id,
            key: OperationKey::of_payout(payout.id, payout.attempt),
            amount: payout.amount,
            destination,
        }))
    }

    async fn follow_payout(
        &self,
        tx: &mut dyn BillingTx,
        payout: &Payout,
        change: PayoutChange,
        actor: Option<&Actor>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        self.books().post(tx, change.entries, now).await?;
        let by = actor.and_then(Actor::account);
        for event in change.events {
            tx.publish(&BillingEvent::Payout(event), by, now).await?;
        }
        let subject = payout.id.to_string();
        let through_gateway = matches!(payout.route, PayoutRoute::Gateway(_));
        if payout.state == PayoutState::Ready && through_gateway {
            let timer = Timer { kind: timer::PAYOUT_SEND, subject: subject.clone(), due_at: now };
            tx.set_timer(&timer).await?;
        }
        match payout.inquiry_due() {
            Some(due_at) => {
                tx.set_timer(&Timer { kind: timer::PAYOUT_INQUIRY, subject, due_at }).await?;
            }
            None => tx.clear_timer(timer::PAYOUT_INQUIRY, &subject).await?,
        }
        Ok(())
    }

    /// An admin approves, cancels, or for a payout by hand sends, confirms or fails it. It stands
    /// in the audit log. `reference` is the bank's name for the transfer, for `confirm`.
    pub async fn command_payout(
        &self,
        actor: &Actor,
        id: PayoutId,
        command: PayoutCommand,
        reference: Option<Text<1, 255>>,
        reason: Option<Reason>,
    ) -> Result<Payout, BillingError> {
        let action = Action::PayoutAdminister;
        gate(actor, action)?;
        let admin = actor.account().ok_or(BillingError::Unauthenticated)?;
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let payout = tx.payout_for_update(id).await?;
        let mut payout = payout.ok_or_else(|| BillingError::not_found(&id))?;
        let before = payout.state.name();
        let by_hand = payout.route == PayoutRoute::Bank;
        let why = reason.as_ref().map_or("refused", |reason| reason.as_str());
        let change = match command {
            PayoutCommand::Approve => payout.approve(admin).map(|()| PayoutChange::default())?,
            PayoutCommand::Cancel => payout.cancel(now)?,
            PayoutCommand::Send if by_hand => payout.send(now).map(|()| PayoutChange::default())?,
            PayoutCommand::Confirm if by_hand => {
                let fallback = || Text::from_stored(id.to_string());
                payout.confirm(reference.unwrap_or_else(fallback), now)?
            }
            PayoutCommand::Fail if by_hand => payout.fail(why, now)?,
            // Only its gateway says what became of it.
            PayoutCommand::Send | PayoutCommand::Confirm | PayoutCommand::Fail => {
                return Err(BillingError::NotAllowed {
                    object: id.to_string(),
                    command: command.name(),
                    status: before,
                    allowed: Vec::new(),
                });
            }
        };
        tx.update_payout(&payout).await?;
        self.follow_payout(&mut *tx, &payout, change, Some(actor), now).await?;
        let mut entry = AuditEntry::new(actor, action, command.name(), &id, now)
            .changed(json!({"state": before}), json!({"state": payout.state.name()}));
        if let Some(reason) = reason {
            entry = entry.because(reason.into_string());
        }
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(payout)
    }

    /// Says where the payouts of the actor's provider profile go from now on. What is on its way
    /// goes where it was sent. It stands in the audit log, without what names the account.
    ///
    /// # Errors
    ///
    /// [`BillingError::GatewayUnsupported`] for a gateway that sends no money.
    pub async fn set_payout_account(
        &self,
        actor: &Actor,
        route: PayoutRoute,
        destination: Option<Secret>,
    ) -> Result<(), BillingError> {
        let action = Action::PayoutAccountManage;
        decide(actor, action, Relation::Owner, true)
            .map_err(|denial| BillingError::denied_openly(denial, action))?;
        let forbidden = BillingError::Forbidden { action };
        let (Some(provider), Some(account)) = (actor.provider(), actor.account()) else {
            return Err(forbidden);
        };
        if let PayoutRoute::Gateway(name) = route
            && !self.gateway(name)?.capabilities().payouts
        {
            let operation = "send money to providers";
            return Err(BillingError::GatewayUnsupported { gateway: name, operation });
        }
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let to = PayoutAccount { account, route, destination };
        tx.store_payout_account(provider, &to, now).await?;
        let named = match route {
            PayoutRoute::Gateway(gateway) => gateway.name(),
            PayoutRoute::Bank => "bank",
        };
        let entry = AuditEntry::new(actor, action, "set_payout_account", &provider, now)
            .changed(json!(null), json!({"route": named}));
        tx.record_audit(&entry).await?;
        Ok(tx.commit().await?)
    }

    /// Sets the terms of a provider; `None` for the marketplace's. It stands in the audit log.
    pub async fn set_payout_terms(
        &self,
        actor: &Actor,
        provider: ProviderId,
        terms: Option<PayoutTerms>,
        reason: Reason,
    ) -> Result<(), BillingError> {
        let action = Action::PayoutAdminister;
        gate(actor, action)?;
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let shown = terms.as_ref().map(|terms| {
            json!({
                "hold_days": terms.hold_days,
                "reserve_basis_points": terms.reserve_basis_points,
                "reserve_days": terms.reserve_days,
                "stopped": terms.stopped,
            })
        });
        tx.store_payout_terms(provider, terms, now).await?;
        let entry = AuditEntry::new(actor, action, "set_payout_terms", &provider, now)
            .changed(json!(null), json!(shown))
            .because(reason.into_string());
        tx.record_audit(&entry).await?;
        Ok(tx.commit().await?)
    }

    /// A page of payouts, newest first: the actor's own, or everybody's for an admin.
    pub async fn payouts(
        &self,
        actor: &Actor,
        everybodys: bool,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<Payout, Position>, BillingError> {
        if everybodys {
            gate(actor, Action::PayoutAdminister)?;
            return Ok(self.parts.reads.payouts(None, limit, after).await?);
        }
        let provider = Self::own_provider(actor)?;
        Ok(self.parts.reads.payouts(Some(provider), limit, after).await?)
    }

    /// The actor's provider profile, if they may see its money.
    pub(super) fn own_provider(actor: &Actor) -> Result<ProviderId, BillingError> {
        let action = Action::BalanceRead;
        decide(actor, action, Relation::Owner, true)
            .map_err(|denial| BillingError::denied_openly(denial, action))?;
        actor.provider().ok_or(BillingError::Forbidden { action })
    }
}
