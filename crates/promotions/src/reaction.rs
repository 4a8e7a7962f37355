//! What promotions do because of payments and because of time.

use chrono::{DateTime, Utc};
use kernel::{EventMessage, Money, PromotionId, Timer};

use crate::payment::{
    CAPTURED, CHARGED_BACK, FAILED, PaymentFact, PaymentNews, REFUNDED, REINSTATED, VOIDED,
};
use crate::purchase::taken;
use crate::service::record;
use crate::{
    Capture, Due, Notice, PaymentReaction, Promotion, PromotionError, PromotionService,
    PromotionTx, Purpose, Transition,
};

impl PromotionService {
    /// The name of the handler of events.
    pub const HANDLER: &'static str = "promotions.on_event";
    /// The events that it handles: of payments whose purpose is `promotion`.
    pub const EVENTS: &'static [&'static str] =
        &[CAPTURED, FAILED, VOIDED, REFUNDED, CHARGED_BACK, REINSTATED];

    /// News of a payment. Only a captured one makes a promotion effective; in the same transaction
    /// its coupon is redeemed. Handling it twice, late or in another order changes nothing.
    pub async fn on_event(&self, event: &EventMessage) -> Result<(), PromotionError> {
        let Some(fact) = PaymentFact::read(event)? else { return Ok(()) };
        let (Purpose::Promotion, Ok(id)) = (fact.purpose, fact.reference.parse::<PromotionId>())
        else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !tx.first_time(Self::HANDLER, event.id).await? {
            return Ok(());
        }
        let Some(mut promotion) = tx.promotion_for_update(id).await? else { return Ok(()) };
        let timers = promotion.timers();
        let reaction = match fact.news {
            PaymentNews::Captured { payment, amount } => {
                let returned = tx.returned_of_payment(payment).await?;
                let returned = returned.unwrap_or_else(|| Money::zero(amount.currency()));
                let capture = Capture { payment, amount, returned };
                let taken = taken_around(&mut *tx, &promotion, now).await?;
                promotion.captured(capture, &taken, now)?
            }
            PaymentNews::Failed(_) => promotion.payment_failed(now)?,
            PaymentNews::Returned { payment, captured, by_bank } => {
                let Some(returned) = tx.returned_of_payment(payment).await? else { return Ok(()) };
                let whole = returned.minor() >= captured.minor();
                promotion.payment_returned(payment, returned, whole, by_bank, now)?
            }
        };
        react(&mut *tx, &promotion, reaction, &timers, now).await?;
        Ok(tx.commit().await?)
    }

    /// A timer of one of [`TIMER_KINDS`](crate::TIMER_KINDS) is due for a promotion. Handling it
    /// twice, late or for nothing changes nothing.
    pub async fn on_timer(&self, kind: &str, subject: &str) -> Result<(), PromotionError> {
        let Ok(id) = subject.parse::<PromotionId>() else { return Ok(()) };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(mut promotion) = tx.promotion_for_update(id).await? else { return Ok(()) };
        match promotion.due(kind, now) {
            Due::TimeOut => time_out(&mut *tx, &mut promotion, now).await?,
            Due::Tell(notice) => tell(&mut *tx, &mut promotion, notice, now).await?,
            Due::Later(timer) => tx.set_timer(&timer).await?,
            Due::Nothing => return Ok(()),
        }
        Ok(tx.commit().await?)
    }
}

/// The time to pay is over. Money that was taken in time counts, even if the news of it are late.
async fn time_out(
    tx: &mut dyn PromotionTx,
    promotion: &mut Promotion,
    now: DateTime<Utc>,
) -> Result<(), PromotionError> {
    let timers = promotion.timers();
    if let Some(capture) = tx.captured_for_promotion(promotion.id()).await? {
        let taken = taken_around(tx, promotion, now).await?;
        let reaction = promotion.captured(capture, &taken, now)?;
        let paid = matches!(reaction, PaymentReaction::Moved(_));
        react(tx, promotion, reaction, &timers, now).await?;
        if paid {
            return Ok(());
        }
    }
    let transition = promotion.time_out(now)?;
    store(tx, promotion, &transition, &timers, now).await
}

async fn tell(
    tx: &mut dyn PromotionTx,
    promotion: &mut Promotion,
    notice: Notice,
    now: DateTime<Utc>,
) -> Result<(), PromotionError> {
    let record = promotion.record();
    // Whoever ends at `now` is not continued by one that ends with it.
    let open = tx.open_promotions(record.provider, promotion.effect(), now).await?;
    let continued = open.iter().any(|other| promotion.is_continued_by(other));
    let event = promotion.tell(notice, continued, now);
    tx.update_promotion(promotion).await?;
    if let Some(event) = event {
        tx.publish(&event, None, now).await?;
    }
    Ok(())
}

/// The paid periods that a promotion must not overlap.
async fn taken_around(
    tx: &mut dyn PromotionTx,
    promotion: &Promotion,
    now: DateTime<Utc>,
) -> Result<Vec<crate::Period>, PromotionError> {
    let open = tx.open_promotions(promotion.record().provider, promotion.effect(), now).await?;
    Ok(taken(&open, promotion.target()))
}

async fn react(
    tx: &mut dyn PromotionTx,
    promotion: &Promotion,
    reaction: PaymentReaction,
    timers: &[Timer],
    now: DateTime<Utc>,
) -> Result<(), PromotionError> {
    match reaction {
        PaymentReaction::Moved(transition) => store(tx, promotion, &transition, timers, now).await,
        PaymentReaction::Noted => Ok(tx.update_promotion(promotion).await?),
        PaymentReaction::GiveBack(settlement) => {
            Ok(tx.settle_promotion(promotion.id(), &settlement).await?)
        }
        PaymentReaction::Nothing => Ok(()),
    }
}

async fn store(
    tx: &mut dyn PromotionTx,
    promotion: &Promotion,
    transition: &Transition,
    timers: &[Timer],
    now: DateTime<Utc>,
) -> Result<(), PromotionError> {
    tx.update_promotion(promotion).await?;
    record(tx, promotion, transition, timers, None, now).await
}
