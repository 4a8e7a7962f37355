//! People pay.

use std::net::IpAddr;

use access::{Action, Actor};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Answer, Claim, FieldErrors, IdempotencyError, IdempotencyScope, Limit, Locale, Page,
    PaymentId,
};

use super::books::Locked;
use super::{BillingService, gate, gate_own};
use crate::payment::{Challenge, Change};
use crate::{
    BillingError, BillingTx, CaptureMode, CardId, ChargeKind, ChargeOrder, ChargeOutcome,
    ChargeRequest, CheckoutRequest, Decline, Description, GatewayError, GatewayName, Initiator,
    Instrument, KeptCard, NewPayment, OperationKey, Payable, PayerDetails, PayerPresence, Payment,
    PaymentQuery, Position, Purpose, RefundId, ReturnToken, SaleContext, SavedCard,
    SavedCardCharge, Secret, Status, Subscription, terms_for,
};

/// What the payer pays with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayMethod {
    /// A token or cryptogram that the app got from the gateway's script.
    Instrument(Instrument),
    /// A card that the payer lets the gateway keep.
    SavedCard(CardId),
    /// The gateway's own page.
    Checkout,
}

/// What somebody sends to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayCommand {
    /// For what.
    pub purpose: Purpose,
    /// Through which gateway; the marketplace's choice if unset.
    pub gateway: Option<GatewayName>,
    /// With what.
    pub method: PayMethod,
    /// Whether the gateway may keep the card.
    pub save_card: bool,
    /// Where the app wants the payer back.
    pub return_to: Option<String>,
    /// The address that the request came from.
    pub address: Option<IpAddr>,
    /// The language of the gateway's pages.
    pub locale: Locale,
}

/// A payment as its payer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentSeen {
    /// The payment.
    pub payment: Payment,
    /// Opens the way through 3-D Secure: shown once, to the payer alone.
    pub token: Option<ReturnToken>,
    /// The gateway's own page, if that is how it is paid.
    pub checkout_url: Option<String>,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
}

impl PaymentSeen {
    pub(super) const fn of(payment: Payment) -> Self {
        Self { payment, token: None, checkout_url: None, replayed: false }
    }
}

/// A payment that is stored and about to be sent.
struct Opened {
    payment: Payment,
    token: ReturnToken,
    card: Option<SavedCard>,
}

/// How long the answer to a payment may take before a repeated request looks at it as it stands.
const ANSWER_TIME: TimeDelta = TimeDelta::seconds(60);

impl BillingService {
    /// Pays for something. Stored first, then sent to the gateway, then its answer is stored: a
    /// crash in between leaves a payment that the gateway is asked about.
    ///
    /// The same key again answers the same payment as it stands; while the first request is with
    /// the gateway it is refused as under way.
    ///
    /// # Errors
    ///
    /// [`BillingError::NothingToPay`], [`BillingError::AlreadyPaid`], [`BillingError::NoGateway`],
    /// [`BillingError::GatewayUnsupported`], [`BillingError::CardNotFound`]. That the bank refuses
    /// is no error: it is what became of the payment.
    pub async fn pay(
        &self,
        actor: &Actor,
        command: PayCommand,
        idempotency: Option<IdempotencyScope>,
    ) -> Result<PaymentSeen, BillingError> {
        gate(actor, Action::PaymentCreate)?;
        let account = actor.account().ok_or(BillingError::Unauthenticated)?;
        self.check_return(&command)?;
        let now = self.now();

        let mut tx = self.parts.store.begin().await?;
        if let Some(scope) = &idempotency
            && let Claim::Replay(answer) = tx.claim(scope).await?
        {
            drop(tx);
            return self.replayed(actor, &answer, now).await;
        }
        let opened = self.open_payment(&mut *tx, account, &command, now).await?;
        if let Some(scope) = &idempotency {
            let body = opened.payment.id().to_string();
            let answer = Answer { status: 201, headers: Vec::new(), body };
            tx.remember(scope, &answer).await?;
        }
        tx.commit().await?;

        if command.method == PayMethod::Checkout {
            return self.send_to_checkout(opened, &command, account, now).await;
        }
        let answered = self.send_charge(&opened, &command, account).await;
        let payment = self.charge_answered(opened.payment.id(), answered).await?;
        let token = (payment.status() == Status::RequiresAction).then_some(opened.token);
        Ok(PaymentSeen { token, ..PaymentSeen::of(payment) })
    }

    async fn replayed(
        &self,
        actor: &Actor,
        answer: &Answer,
        now: DateTime<Utc>,
    ) -> Result<PaymentSeen, BillingError> {
        let id = answer.body.parse::<PaymentId>();
        let id = id.map_err(|_| BillingError::not_found(&answer.body))?;
        let payment = self.payment(actor, id).await?;
        let fresh = now < payment.record().created_at + ANSWER_TIME;
        if payment.status() == Status::Created && fresh {
            return Err(IdempotencyError::InFlight.into());
        }
        if payment.status() == Status::RequiresAction {
            let seen = self.renew_challenge(actor, id).await?;
            return Ok(PaymentSeen { replayed: true, ..seen });
        }
        Ok(PaymentSeen { replayed: true, ..PaymentSeen::of(payment) })
    }

    fn check_return(&self, command: &PayCommand) -> Result<(), BillingError> {
        let mut errors = FieldErrors::new();
        if let Some(address) = &command.return_to
            && !self.parts.policy.admits_return(address)
        {
            let detail = "must be an address that this marketplace allows";
            errors.add("/return_to", "not_allowed", detail);
        }
        errors.into_result().map_err(BillingError::Invalid)
    }

    async fn open_payment(
        &self,
        tx: &mut dyn BillingTx,
        account: AccountId,
        command: &PayCommand,
        now: DateTime<Utc>,
    ) -> Result<Opened, BillingError> {
        let (payable, owed) = self.payable(tx, account, command.purpose, now).await?;
        let card = match command.method {
            PayMethod::SavedCard(id) => {
                let card = tx.saved_card(id).await?;
                Some(card.ok_or(BillingError::CardNotFound { id })?)
            }
            PayMethod::Instrument(_) | PayMethod::Checkout => None,
        };
        let currency = payable.amount.currency();
        let name = command
            .gateway
            .or_else(|| card.as_ref().map(|card| card.gateway))
            .or_else(|| owed.as_ref().map(|(subscription, _)| subscription.gateway()))
            .or_else(|| self.parts.policy.gateway_for(currency))
            .ok_or(BillingError::NoGateway)?;
        let card = card.map(|card| card.usable(account, name)).transpose()?;
        self.check_ability(name, command, payable.capture)?;
        self.make_room(tx, command.purpose, now).await?;

        let token = ReturnToken::generate(&*self.parts.random);
        let initiator = match command.method {
            PayMethod::Checkout => Initiator::Checkout { until: self.checkout_ends(now) },
            PayMethod::Instrument(_) | PayMethod::SavedCard(_) => Initiator::Payer,
        };
        let policy = &self.parts.policy;
        let (payment, event) = Payment::create(
            NewPayment {
                id: PaymentId::next(&*self.parts.ids),
                purpose: command.purpose,
                payer: account,
                seller: payable.sale.seller,
                amount: payable.amount,
                gateway: name,
                capture: payable.capture,
                initiator,
                terms: terms_for(
                    &policy.commission,
                    policy.own_vat_basis_points,
                    &payable.sale,
                    payable.amount,
                ),
                grants: payable.grants,
                description: payable.description,
                return_to: command.return_to.clone(),
                challenge: Some(Challenge::new(&token, now)),
            },
            now,
        );
        let books = self.books();
        if let Some((mut subscription, kind)) = owed {
            subscription.await_charge(payment.id(), kind);
            books.store_subscription(tx, &subscription, Vec::new(), Some(account), now).await?;
        }
        books.open(tx, &payment, event, Some(account), now).await?;
        // From here on it is stored as it is.
        let payment = Payment::restore(payment.record().clone());
        Ok(Opened { payment, token, card })
    }

    /// What is to be paid, by the domain that sells; for a subscription what it owes.
    async fn payable(
        &self,
        tx: &mut dyn BillingTx,
        account: AccountId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<(Payable, Option<(Subscription, ChargeKind)>), BillingError> {
        let nothing = || BillingError::NothingToPay { reference: purpose.to_string() };
        let Purpose::Subscription(id) = purpose else {
            let payable = tx.payable(purpose).await?;
            let payable = payable.filter(|payable| payable.payer == account);
            return Ok((payable.ok_or_else(nothing)?, None));
        };
        let subscription = tx.subscription_for_update(id).await?;
        let subscription = subscription.filter(|it| it.subscriber() == account);
        let mut subscription = subscription.ok_or_else(nothing)?;
        if let Some(pending) = subscription.record().pending.as_ref() {
            let payment = tx.payment_for_update(pending.payment).await?;
            self.start_again(tx, payment.ok_or(BillingError::AlreadyPaid)?, now).await?;
            subscription.abandon_charge();
        }
        let unowed = || if subscription.is_paid() { BillingError::AlreadyPaid } else { nothing() };
        let (kind, amount) = subscription.owed().ok_or_else(unowed)?;
        let payable = subscription_payable(&subscription, amount);
        Ok((payable, Some((subscription, kind))))
    }

    fn check_ability(
        &self,
        name: GatewayName,
        command: &PayCommand,
        capture: CaptureMode,
    ) -> Result<(), BillingError> {
        let can = self.gateway(name)?.capabilities();
        let cannot = |operation| BillingError::GatewayUnsupported { gateway: name, operation };
        if capture == CaptureMode::Later && !can.authorise {
            return Err(cannot("reserve money"));
        }
        match &command.method {
            PayMethod::Checkout if !can.hosted_checkout => Err(cannot("offer a page of its own")),
            PayMethod::SavedCard(_) if !can.saved_cards => Err(cannot("keep cards")),
            PayMethod::Instrument(Instrument::Cryptogram { .. }) if !can.cryptograms => {
                Err(cannot("read cryptograms"))
            }
            PayMethod::Checkout | PayMethod::SavedCard(_) | PayMethod::Instrument(_) => Ok(()),
        }
    }

    /// What is paid for already is not paid for again, unless its payer starts again.
    async fn make_room(
        &self,
        tx: &mut dyn BillingTx,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        if matches!(purpose, Purpose::Subscription(_)) {
            return Ok(());
        }
        let Some(payment) = tx.live_payment_for_update(purpose).await? else { return Ok(()) };
        self.start_again(tx, payment, now).await
    }

    /// A payer who is stuck at the bank may start again: what they left behind is let go, and goes
    /// back if it arrives all the same. Everything else is one payment at a time.
    async fn start_again(
        &self,
        tx: &mut dyn BillingTx,
        payment: Payment,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        if payment.status() != Status::RequiresAction {
            return Err(BillingError::AlreadyPaid);
        }
        let mut locked = Locked::new(payment, None, now);
        locked.payment.void(RefundId::next(&*self.parts.ids))?;
        self.books().store(tx, locked, Change::default(), None, now).await?;
        Ok(())
    }

    fn checkout_ends(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::minutes(i64::from(self.parts.policy.checkout_minutes))
    }

    async fn send_charge(
        &self,
        opened: &Opened,
        command: &PayCommand,
        account: AccountId,
    ) -> Result<ChargeOutcome, GatewayError> {
        let payment = &opened.payment;
        let Ok(gateway) = self.gateway(payment.gateway()) else {
            return Err(GatewayError::Unsupported { operation: "pay" });
        };
        let order = order_of(payment, "charge");
        let payer = payer_of(command, account);
        let return_url = self.parts.addresses.bank_return(payment.id(), opened.token.reveal());
        let return_url = Secret::new(return_url);
        match (&command.method, &opened.card) {
            (PayMethod::Instrument(instrument), _) => {
                let instrument = instrument.clone();
                let save_card = command.save_card;
                let request = ChargeRequest { order, payer, instrument, return_url, save_card };
                gateway.charge(&request).await
            }
            (PayMethod::SavedCard(_), Some(card)) => {
                let token = card.token.clone();
                let present = Some(PayerPresence { payer, return_url });
                let request = SavedCardCharge { order, account, token, present };
                gateway.charge_saved(&request).await
            }
            (PayMethod::SavedCard(_) | PayMethod::Checkout, _) => {
                Err(GatewayError::Unsupported { operation: "charge without a card" })
            }
        }
    }

    /// Stores what a charge was answered, and all that follows.
    pub(super) async fn charge_answered(
        &self,
        id: PaymentId,
        answered: Result<ChargeOutcome, GatewayError>,
    ) -> Result<Payment, BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let locked = books.lock(&mut *tx, id, now).await?;
        let mut locked = locked.ok_or_else(|| BillingError::not_found(&id))?;
        if let Ok(ChargeOutcome::Approved { card: Some(kept), .. }) = &answered {
            self.keep_card(&mut *tx, &mut locked, kept.clone(), now).await?;
        }
        let payment = &mut locked.payment;
        let change = match answered {
            Ok(outcome) => payment.charge_answered(&outcome, now)?,
            Err(GatewayError::Unknown { .. }) => {
                if payment.may(crate::Command::LoseAnswer) {
                    payment.lose_answer(now)?;
                }
                Change::default()
            }
            Err(error) => {
                let reason = match error {
                    GatewayError::NotDone { .. } | GatewayError::Unknown { .. } => {
                        "gateway_unavailable"
                    }
                    GatewayError::Refused { .. } | GatewayError::Unsupported { .. } => {
                        "gateway_refused"
                    }
                };
                if payment.may(crate::Command::Fail) {
                    payment.fail(Decline::soft(reason), now)?
                } else {
                    Change::default()
                }
            }
        };
        let payment = books.store(&mut *tx, locked, change, None, now).await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// Keeps the card that a payment was made by.
    pub(super) async fn keep_card(
        &self,
        tx: &mut dyn BillingTx,
        locked: &mut Locked,
        kept: KeptCard,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let payment = &locked.payment;
        let id = CardId::next(&*self.parts.ids);
        let card = SavedCard::keep(id, payment.payer(), payment.gateway(), kept, now);
        let card = tx.store_card(&card).await?;
        if let Some(subscription) = &mut locked.subscription {
            // The card that pays for the first period pays for the others.
            subscription.use_card(card);
        }
        Ok(())
    }

    async fn send_to_checkout(
        &self,
        opened: Opened,
        command: &PayCommand,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<PaymentSeen, BillingError> {
        let payment = opened.payment;
        let request = CheckoutRequest {
            order: order_of(&payment, "checkout"),
            payer: payer_of(command, account),
            return_url: self.parts.addresses.checkout_return(payment.id()),
            save_card: command.save_card,
            expires_at: self.checkout_ends(now),
        };
        match self.gateway(payment.gateway())?.checkout(&request).await {
            Ok(page) => {
                let pending = ChargeOutcome::Pending { transaction: page.transaction };
                let payment = self.charge_answered(payment.id(), Ok(pending)).await?;
                Ok(PaymentSeen { checkout_url: Some(page.url), ..PaymentSeen::of(payment) })
            }
            Err(error) => {
                let payment = self.charge_answered(payment.id(), Err(error)).await?;
                Ok(PaymentSeen::of(payment))
            }
        }
    }

    /// A payment, for its payer.
    pub async fn payment(&self, actor: &Actor, id: PaymentId) -> Result<Payment, BillingError> {
        let payment = self.parts.reads.payment(id).await?;
        let payment = payment.ok_or_else(|| BillingError::not_found(&id))?;
        payment.authorize(actor, Action::PaymentRead)?;
        Ok(payment)
    }

    /// A page of the actor's own payments, newest first.
    pub async fn payments(
        &self,
        actor: &Actor,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<Payment, Position>, BillingError> {
        let payer = Some(gate_own(actor, Action::PaymentRead)?);
        let query = PaymentQuery { payer, limit, after, ..PaymentQuery::default() };
        Ok(self.parts.reads.payments(&query).await?)
    }
}

/// What a subscription owes, as something that can be paid for.
pub(super) fn subscription_payable(subscription: &Subscription, amount: kernel::Money) -> Payable {
    let terms = subscription.terms();
    let name: String = terms.name.chars().take(200).collect();
    Payable {
        payer: subscription.subscriber(),
        amount,
        capture: CaptureMode::AtOnce,
        description: Description::from_stored(name),
        sale: SaleContext {
            purpose: crate::PurposeKind::Subscription,
            seller: terms.seller,
            categories: Vec::new(),
            listing_type: None,
        },
        grants: None,
    }
}

pub(super) fn order_of(payment: &Payment, operation: &str) -> ChargeOrder {
    let record = payment.record();
    ChargeOrder {
        payment: record.id,
        attempt: record.attempt,
        key: OperationKey::of_payment(record.id, record.attempt, operation),
        amount: record.amount,
        capture: record.capture,
        description: record.description.clone(),
    }
}

fn payer_of(command: &PayCommand, account: AccountId) -> PayerDetails {
    PayerDetails { account, address: command.address, locale: command.locale.clone() }
}
