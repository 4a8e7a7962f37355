//! A provider's month on top, without any storage: bought with a coupon, paid, bought again,
//! shown, given up. Links this crate alone.
//!
//! `cargo run -p mercato-promotions --example a_month_on_top`

use std::io::Write;

use chrono::{TimeDelta, TimeZone, Utc};
use kernel::{
    AccountId, Currency, FieldErrors, Ids, Limit, ListingId, Money, PaymentId, PromotionId,
    ProviderId, SystemIds,
};
use promotions::{
    Bought, Capture, Coupon, CouponCode, CouponId, CouponRequest, CouponTerms, CouponUseId,
    Discount, FirstPage, Flags, GrantedDiscount, NewCoupon, NewPromotion, PaidPeriod,
    PaymentReaction, Period, Policy, PriceDeclaration, Product, ProductDeclaration, Promotion,
    Purpose, Target, Term, Turn, Uses,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let ids: &dyn Ids = &SystemIds;
    let now = Utc.with_ymd_and_hms(2026, 5, 1, 9, 0, 0).single().ok_or("no such time")?;
    let policy = Policy::default();
    let owner = (AccountId::next(ids), ProviderId::next(ids), ListingId::next(ids));

    let top = Product::declare(&declaration(), now).map_err(|errors| sentence(&errors))?;
    let coupon = Coupon::create(welcome(ids, now)?, now).map_err(|errors| sentence(&errors))?;

    let mut first = buy(ids, owner, &top, Some(&coupon), &[], now)?;
    let due = first.payment_due(now).ok_or("it has a price")?;
    writeln!(out, "{}: {} until {}", first.status(now).name(), due.amount, due.pay_by)?;

    pay(ids, &mut first, &[], now)?;
    let taken: Vec<Period> = first.period().into_iter().collect();
    let mut second = buy(ids, owner, &top, None, &taken, now)?;
    pay(ids, &mut second, &taken, now + TimeDelta::days(10))?;
    let paid: Vec<PaidPeriod> =
        [&first, &second].into_iter().filter_map(Promotion::paid_period).collect();
    for day in [0, 29, 30, 59, 60] {
        let at = now + TimeDelta::days(day);
        let (flags, status) = (Flags::at(&paid, at), first.status(at).name());
        writeln!(out, "day {day}: the first is {status}, is_top is {}", flags.is_top)?;
    }

    let others: Vec<ListingId> = (0..4).map(|_| ListingId::next(ids)).collect();
    let candidates = vec![owner.2, others[3]];
    let page = FirstPage::arrange(others, candidates, Limit::new(4)?, Turn::of(now), |id| *id);
    for placed in &page.items {
        let label = if placed.sponsored { "sponsored" } else { "" };
        writeln!(out, "{} {label}", placed.item)?;
    }

    let later = now + TimeDelta::days(45);
    writeln!(out, "given up on day 45, {} come back", second.refund_now(&policy, later)?)?;
    let transition = second.cancel(&policy, later)?;
    writeln!(out, "{}: {:?}", transition.to.name(), transition.settlement)?;
    Ok(())
}

fn declaration() -> ProductDeclaration {
    ProductDeclaration {
        key: "top".to_owned(),
        title: "Top".to_owned(),
        target: "listing".to_owned(),
        effect: None,
        currency: "EUR".to_owned(),
        prices: vec![
            PriceDeclaration { duration_days: 7, amount: 1_000 },
            PriceDeclaration { duration_days: 30, amount: 3_500 },
        ],
        limits: promotions::Limits::default(),
    }
}

fn welcome(
    ids: &dyn Ids,
    now: chrono::DateTime<Utc>,
) -> Result<NewCoupon, promotions::CouponCodeError> {
    Ok(NewCoupon {
        id: CouponId::next(ids),
        code: CouponCode::new("welcome")?,
        discount: Discount::Percent(20),
        purpose: Purpose::Promotion,
        minimum: Some(Money::new(500, Currency::EUR)),
        terms: CouponTerms {
            from: now,
            until: None,
            total_limit: Some(100),
            per_account_limit: Some(1),
        },
    })
}

fn buy(
    ids: &dyn Ids,
    (account, provider, listing): (AccountId, ProviderId, ListingId),
    product: &Product,
    coupon: Option<&Coupon>,
    taken: &[Period],
    now: chrono::DateTime<Utc>,
) -> Result<Promotion, Box<dyn std::error::Error>> {
    let id = PromotionId::next(ids);
    let price = product.price(Term::Month).ok_or("a month has a price")?;
    let request = CouponRequest {
        id: CouponUseId::next(ids),
        purpose: Purpose::Promotion,
        reference: id.to_string(),
        account,
        price,
        until: now + TimeDelta::hours(1),
    };
    let reserved =
        coupon.map(|coupon| coupon.reserve(request, Uses::default(), now)).transpose()?;
    let new = NewPromotion {
        id,
        account,
        provider,
        target: Target::Listing(listing),
        bought: Bought {
            product: product.record().key.clone(),
            version: product.record().version,
            title: product.record().title.to_string(),
            effect: product.record().effect,
            term: Term::Month,
            price,
        },
        discount: reserved.map(|it| GrantedDiscount {
            coupon_use: it.record().id,
            code: it.record().code.clone(),
            amount: it.record().discount,
        }),
        wanted_start: None,
    };
    Ok(Promotion::buy(new, &Policy::default(), taken, now)?.0)
}

fn pay(
    ids: &dyn Ids,
    promotion: &mut Promotion,
    taken: &[Period],
    now: chrono::DateTime<Utc>,
) -> Result<(), Box<dyn std::error::Error>> {
    let capture = Capture {
        payment: PaymentId::next(ids),
        amount: promotion.to_pay(),
        returned: Money::zero(promotion.to_pay().currency()),
    };
    match promotion.captured(capture, taken, now)? {
        PaymentReaction::Moved(_) => Ok(()),
        other => Err(format!("the money had no effect: {other:?}").into()),
    }
}

fn sentence(errors: &FieldErrors) -> String {
    errors.to_string()
}
