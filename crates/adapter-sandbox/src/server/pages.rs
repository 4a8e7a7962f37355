//! The pages on which payers act.

use hostile_http::{Answer, Button, Form, Page, Request};
use kernel::Money;

use super::office::{Office, Refusal};
use crate::TestCard;
use crate::wire::{NewPayment, PaymentStatus};

pub(crate) async fn answer(office: &mut Office, request: &Request) -> Answer {
    let fields = request.form_fields();
    let choice = fields.iter().find(|(name, _)| name == "choice").map(|(_, value)| value.as_str());
    let choice = choice.filter(|_| request.method == "POST");
    let answer = match (request.segments().as_slice(), choice) {
        (["challenge", id], None) => challenge(office, id).await,
        (["challenge", id], Some(choice)) => answer_bank(office, id, choice == "pass").await,
        (["checkout", id], None) => checkout(office, id).await,
        (["checkout", id], Some(card)) => pay(office, id, card).await,
        (["checkout", id, "return"], _) => back(office, id).await,
        _ => Err(Refusal::NotFound),
    };
    answer.unwrap_or_else(|refusal| refused(&refusal))
}

pub(crate) fn refused(refusal: &Refusal) -> Answer {
    let (status, text) = match refusal {
        Refusal::NotFound => (404, "There is nothing here."),
        Refusal::Storage(_) => (500, "The sandbox could not read or write. Try again later."),
        Refusal::Invalid(_) | Refusal::UnknownCard | Refusal::Forbidden(_) => {
            (409, "This was done already, or cannot be done any more.")
        }
    };
    Answer::html(status, Page::new("Sandbox").paragraph(text).render())
}

async fn challenge(office: &mut Office, id: &str) -> Result<Answer, Refusal> {
    let payment = office.payment(id).await?;
    if payment.status != PaymentStatus::RequiresAction {
        return Err(Refusal::Invalid("status"));
    }
    let buttons = [
        Button { name: "choice", value: "pass", label: "Yes, I pay" },
        Button { name: "choice", value: "fail", label: "No, refuse it" },
    ];
    let action = format!("{}/challenge/{id}", office.public_url);
    let page = Page::new("3-D Secure (sandbox)")
        .paragraph(&format!(
            "Your bank asks: do you pay {}?",
            shown(payment.amount, &payment.currency)
        ))
        .paragraph("This is a test. No money moves.")
        .form(&Form { action: &action, hidden: &[], buttons: &buttons });
    Ok(Answer::html(200, page.render()))
}

async fn answer_bank(office: &mut Office, id: &str, passed: bool) -> Result<Answer, Refusal> {
    let now = office.clock.now();
    let payment = office.payment(id).await?;
    let payment = if payment.status == PaymentStatus::RequiresAction {
        office.change(id, None, |payment| payment.answer_bank(passed, now)).await?
    } else {
        payment // pressed twice: the payer is sent back as before
    };
    match &payment.return_url {
        Some(url) => Ok(Answer::see_other(url)),
        None => Ok(Answer::html(200, Page::new("You can close this page").render())),
    }
}

async fn checkout(office: &mut Office, id: &str) -> Result<Answer, Refusal> {
    let checkout = office.checkout(id).await?;
    if checkout.order.expires_at <= office.clock.now() {
        return Err(Refusal::Invalid("time"));
    }
    let button =
        |card: &TestCard| Button { name: "choice", value: card.token(), label: card.label() };
    let buttons: Vec<_> = TestCard::ALL.iter().map(button).collect();
    let action = format!("{}/checkout/{id}", office.public_url);
    let page = Page::new("Checkout (sandbox)")
        .paragraph(&checkout.order.description)
        .paragraph(&format!("{} are due.", shown(checkout.order.amount, &checkout.order.currency)))
        .form(&Form { action: &action, hidden: &[], buttons: &buttons });
    Ok(Answer::html(200, page.render()))
}

async fn pay(office: &mut Office, id: &str, card: &str) -> Result<Answer, Refusal> {
    let mut checkout = office.checkout(id).await?;
    if let Some(earlier) = &checkout.payment {
        // One page, one payment: only what failed may be tried again.
        if office.payment(earlier).await?.status != PaymentStatus::Failed {
            return back(office, id).await;
        }
    }
    if checkout.order.expires_at <= office.clock.now() {
        return Err(Refusal::Invalid("time"));
    }
    let order = checkout.order.clone();
    let payment = office
        .pay(NewPayment {
            reference: order.reference,
            amount: order.amount,
            currency: order.currency,
            capture: order.capture,
            card: card.to_owned(),
            account: order.account,
            description: order.description,
            save_card: order.save_card,
            return_url: Some(format!("{}/checkout/{id}/return", office.public_url)),
        })
        .await?;
    let challenge = payment.view(&office.public_url).challenge_url;
    checkout.payment = Some(payment.id);
    office.keep_checkout(&checkout);
    match challenge {
        Some(challenge) => Ok(Answer::see_other(&challenge)),
        None => back(office, id).await,
    }
}

async fn back(office: &mut Office, id: &str) -> Result<Answer, Refusal> {
    Ok(Answer::see_other(&office.checkout(id).await?.order.return_url))
}

fn shown(amount: i64, currency: &str) -> String {
    currency.parse().map_or_else(
        |_| format!("{amount} {currency}"),
        |currency| Money::new(amount, currency).to_string(),
    )
}
