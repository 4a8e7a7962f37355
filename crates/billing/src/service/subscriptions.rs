//! People subscribe, change and cancel.

use access::{Action, Actor};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, Answer, Claim, IdempotencyScope, Limit, Page, PaymentId, PlanId, SubscriptionId,
    Text,
};

use super::pay::subscription_payable;
use super::{BillingService, gate, gate_own};
use crate::subscription::{ChargeKind, Driver, Input, NewSubscription};
use crate::{
    BillingError, BillingTx, CardId, GatewayName, Initiator, NewPayment, ObservedCharge,
    OperationKey, Payment, PaymentEvent, Position, Right, Seller, Subscription, SubscriptionQuery,
    terms_for, tier_of,
};

/// What somebody sends to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeCommand {
    /// To which plan.
    pub plan: PlanId,
    /// By which kept card renewals are paid, if there is one already. The first period is paid by
    /// [`BillingService::pay`] for the subscription, which can keep the card.
    pub card: Option<CardId>,
    /// Through which gateway; the card's, or the marketplace's choice, if unset.
    pub gateway: Option<GatewayName>,
}

/// A subscription that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// As it stands.
    pub subscription: Subscription,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
}

impl BillingService {
    /// Subscribes to a plan. A trial begins at once; without one the subscription waits for its
    /// first payment.
    ///
    /// # Errors
    ///
    /// [`BillingError::AlreadySubscribed`], [`BillingError::OwnPlan`],
    /// [`BillingError::PlanClosed`], [`BillingError::CardNotFound`], [`BillingError::NoGateway`].
    pub async fn subscribe(
        &self,
        actor: &Actor,
        command: SubscribeCommand,
        idempotency: Option<IdempotencyScope>,
    ) -> Result<Subscribed, BillingError> {
        gate(actor, Action::SubscriptionCreate)?;
        let account = actor.account().ok_or(BillingError::Unauthenticated)?;
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        if let Some(scope) = &idempotency
            && let Claim::Replay(answer) = tx.claim(scope).await?
        {
            drop(tx);
            let id = answer.body.parse::<SubscriptionId>();
            let id = id.map_err(|_| BillingError::not_found(&answer.body))?;
            let subscription = self.subscription(actor, id).await?;
            return Ok(Subscribed { subscription, replayed: true });
        }
        let plan = tx.plan(command.plan).await?;
        let plan = plan.ok_or_else(|| BillingError::not_found(&command.plan))?;
        if matches!(plan.seller, Seller::Provider { account: seller, .. } if seller == account) {
            return Err(BillingError::OwnPlan);
        }
        if !plan.open {
            return Err(BillingError::PlanClosed);
        }
        let card = match command.card {
            Some(id) => {
                let card = tx.saved_card(id).await?;
                Some(card.ok_or(BillingError::CardNotFound { id })?)
            }
            None => None,
        };
        let gateway = command
            .gateway
            .or_else(|| card.as_ref().map(|card| card.gateway))
            .or_else(|| self.parts.policy.gateway_for(plan.details.price.currency()))
            .ok_or(BillingError::NoGateway)?;
        let card = card.map(|card| card.usable(account, gateway)).transpose()?;
        let trial = !tx.was_subscribed(account, plan.right).await?;
        let new = NewSubscription {
            id: SubscriptionId::next(&*self.parts.ids),
            subscriber: account,
            driver: Driver::Engine { gateway },
            card: card.map(|card| card.id),
            trial,
        };
        let (subscription, events) = Subscription::subscribe(&plan, new, now);
        self.books()
            .store_subscription(&mut *tx, &subscription, events, Some(account), now)
            .await?;
        if let Some(scope) = &idempotency {
            let body = subscription.id().to_string();
            tx.remember(scope, &Answer { status: 201, headers: Vec::new(), body }).await?;
        }
        tx.commit().await?;
        Ok(Subscribed { subscription, replayed: false })
    }

    /// Takes over a subscription that a gateway runs, such as one made on its hosted page. From
    /// then on what the gateway says is the truth.
    pub async fn adopt_subscription(
        &self,
        account: AccountId,
        plan: PlanId,
        gateway: GatewayName,
        reference: Text<1, 255>,
    ) -> Result<Subscription, BillingError> {
        let snapshot = self.gateway(gateway)?.subscription(&reference).await;
        let snapshot = snapshot.map_err(BillingError::GatewayUnavailable)?;
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let known = tx.subscription_of_reference(gateway, &reference).await?;
        let id = if let Some(id) = known {
            id
        } else {
            let plan_id = plan;
            let plan = tx.plan(plan_id).await?;
            let plan = plan.ok_or_else(|| BillingError::not_found(&plan_id))?;
            let id = SubscriptionId::next(&*self.parts.ids);
            let driver = Driver::Gateway { gateway, reference, version: 0 };
            let new = NewSubscription { id, subscriber: account, driver, card: None, trial: false };
            let (subscription, events) = Subscription::subscribe(&plan, new, now);
            self.books().store_subscription(&mut *tx, &subscription, events, None, now).await?;
            id
        };
        if let Some(snapshot) = snapshot {
            self.take_snapshot(&mut *tx, id, &snapshot).await?;
        }
        tx.commit().await?;
        let subscription = self.parts.reads.subscription(id).await?;
        subscription.ok_or_else(|| BillingError::not_found(&id))
    }

    /// Calls a subscription off: with its period, or at once (what is paid goes on to its end).
    pub async fn cancel(
        &self,
        actor: &Actor,
        id: SubscriptionId,
        at_once: bool,
    ) -> Result<Subscription, BillingError> {
        let subscription = self.subscription(actor, id).await?;
        if let Driver::Gateway { gateway, reference, .. } = &subscription.record().driver {
            // The gateway runs it: it is told, and what it says then is the truth.
            let key = OperationKey::of_subscription(id, subscription.record().version);
            let gateway = self.gateway(*gateway)?;
            let snapshot = gateway.end_subscription(reference, at_once, &key).await;
            let snapshot = snapshot.map_err(BillingError::GatewayUnavailable)?;
            let mut tx = self.parts.store.begin().await?;
            self.take_snapshot(&mut *tx, id, &snapshot).await?;
            tx.commit().await?;
            return self.subscription(actor, id).await;
        }
        let input = if at_once { Input::CancelNow } else { Input::CancelAtPeriodEnd };
        self.give(actor, id, &input).await
    }

    /// Goes on with a subscription that was called off, before it ends.
    pub async fn resume(
        &self,
        actor: &Actor,
        id: SubscriptionId,
    ) -> Result<Subscription, BillingError> {
        self.give(actor, id, &Input::Resume).await
    }

    async fn give(
        &self,
        actor: &Actor,
        id: SubscriptionId,
        input: &Input,
    ) -> Result<Subscription, BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let mut subscription = own_subscription(&mut *tx, actor, id).await?;
        let events = subscription.give(input, now)?;
        self.books()
            .store_subscription(&mut *tx, &subscription, events, actor.account(), now)
            .await?;
        tx.commit().await?;
        Ok(subscription)
    }

    /// Changes to another plan of the same right: to a dearer one at once, when the difference is
    /// paid by the kept card; to a cheaper one with the next period.
    ///
    /// # Errors
    ///
    /// [`BillingError::CardNeeded`] if there is a difference to pay and no card.
    pub async fn change_plan(
        &self,
        actor: &Actor,
        id: SubscriptionId,
        plan: PlanId,
    ) -> Result<Subscription, BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let mut subscription = own_subscription(&mut *tx, actor, id).await?;
        let plan_id = plan;
        let plan = tx.plan(plan_id).await?;
        let plan = plan.ok_or_else(|| BillingError::not_found(&plan_id))?;
        if !plan.open && plan.id != subscription.terms().plan {
            return Err(BillingError::PlanClosed);
        }
        let (events, charge) = subscription.change_plan(plan.terms(), now)?;
        if let Some((kind, amount)) = charge {
            let card = subscription.record().card.ok_or(BillingError::CardNeeded)?;
            self.charge_card(&mut *tx, &mut subscription, kind, amount, card, now).await?;
        }
        books.store_subscription(&mut *tx, &subscription, events, actor.account(), now).await?;
        tx.commit().await?;
        Ok(subscription)
    }

    /// Sets the card that renewals are charged to.
    pub async fn set_card(
        &self,
        actor: &Actor,
        id: SubscriptionId,
        card: CardId,
    ) -> Result<Subscription, BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let mut subscription = own_subscription(&mut *tx, actor, id).await?;
        let found = tx.saved_card(card).await?.ok_or(BillingError::CardNotFound { id: card })?;
        let found = found.usable(subscription.subscriber(), subscription.gateway())?;
        let events = subscription.set_card(Some(found.id), now)?;
        self.books()
            .store_subscription(&mut *tx, &subscription, events, actor.account(), now)
            .await?;
        tx.commit().await?;
        Ok(subscription)
    }

    /// A charge without its payer: a payment is stored, and its job does the rest.
    pub(super) async fn charge_card(
        &self,
        tx: &mut dyn BillingTx,
        subscription: &mut Subscription,
        kind: ChargeKind,
        amount: kernel::Money,
        card: CardId,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let (payment, event) =
            self.subscription_payment(subscription, amount, Initiator::Engine { card }, now);
        self.books().open(tx, &payment, event, None, now).await?;
        subscription.await_charge(payment.id(), kind);
        Ok(())
    }

    /// The payment that stands for a charge of a gateway that runs a subscription.
    pub(super) fn observed_payment(
        &self,
        subscription: &Subscription,
        charge: &ObservedCharge,
        now: DateTime<Utc>,
    ) -> (Payment, PaymentEvent) {
        self.subscription_payment(subscription, charge.amount, Initiator::Gateway, now)
    }

    fn subscription_payment(
        &self,
        subscription: &Subscription,
        amount: kernel::Money,
        initiator: Initiator,
        now: DateTime<Utc>,
    ) -> (Payment, PaymentEvent) {
        let payable = subscription_payable(subscription, amount);
        let policy = &self.parts.policy;
        let vat = policy.own_vat_basis_points;
        Payment::create(
            NewPayment {
                id: PaymentId::next(&*self.parts.ids),
                purpose: crate::Purpose::Subscription(subscription.id()),
                payer: payable.payer,
                seller: payable.sale.seller,
                amount,
                gateway: subscription.gateway(),
                capture: payable.capture,
                initiator,
                terms: terms_for(&policy.commission, vat, &payable.sale, amount),
                grants: None,
                description: payable.description,
                return_to: None,
                challenge: None,
            },
            now,
        )
    }

    /// A subscription, for its subscriber.
    pub async fn subscription(
        &self,
        actor: &Actor,
        id: SubscriptionId,
    ) -> Result<Subscription, BillingError> {
        let subscription = self.parts.reads.subscription(id).await?;
        let subscription = subscription.ok_or_else(|| BillingError::not_found(&id))?;
        subscription.authorize(actor, Action::SubscriptionManage)?;
        Ok(subscription)
    }

    /// A page of the actor's own subscriptions, newest first; only those that give access now, if
    /// asked.
    pub async fn subscriptions(
        &self,
        actor: &Actor,
        with_access: bool,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<Subscription, Position>, BillingError> {
        let subscriber = gate_own(actor, Action::SubscriptionManage)?;
        let with_access_at = with_access.then(|| self.now());
        let query = SubscriptionQuery { subscriber, with_access_at, limit, after };
        Ok(self.parts.reads.subscriptions(&query).await?)
    }

    /// The highest tier of a right that an account has now; `None` if it has none. Right at its
    /// instant, whatever job runs or does not.
    pub async fn entitled(
        &self,
        account: AccountId,
        right: Right,
    ) -> Result<Option<u8>, BillingError> {
        let entitlements = self.parts.reads.entitlements(account, right).await?;
        Ok(tier_of(&entitlements, self.now()))
    }
}

async fn own_subscription(
    tx: &mut dyn BillingTx,
    actor: &Actor,
    id: SubscriptionId,
) -> Result<Subscription, BillingError> {
    let subscription = tx.subscription_for_update(id).await?;
    let subscription = subscription.ok_or_else(|| BillingError::not_found(&id))?;
    subscription.authorize(actor, Action::SubscriptionManage)?;
    Ok(subscription)
}
