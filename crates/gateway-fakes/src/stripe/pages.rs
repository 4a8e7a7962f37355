use hostile_http::{Answer, Button, Form, Page, Request};

use super::error::Result;
use super::intent::Stage;
use super::state::State;

/// The pages on which payers act: the bank's, and the hosted checkout.
pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let segments = request.segments();
    let chosen = request.form_fields().into_iter().find(|(name, _)| name == "choice");
    let chosen = chosen.map(|(_, value)| value);
    let page = match (segments.as_slice(), chosen) {
        (["pages", "authenticate", id], None) => authentication(state, id),
        (["pages", "authenticate", id], Some(choice)) => authenticate(state, id, choice == "pass"),
        (["pages", "checkout", id], None) => checkout(state, id),
        (["pages", "checkout", id], Some(card)) => pay(state, id, &card),
        (["pages", "checkout", id, "return"], _) => back(state, id),
        (["pages", "onboard", id], _) => onboard(state, id, request),
        _ => return Answer::text(404, "no such page"),
    };
    page.unwrap_or_else(|refusal| {
        Answer::html(400, Page::new("This did not work").paragraph(&refusal.message).render())
    })
}

fn authentication(state: &State, id: &str) -> Result<Answer> {
    let about = if id.starts_with("seti_") {
        state.setups.get(id)?;
        "Your card is to be kept.".to_owned()
    } else {
        let intent = state.intents.get(id)?;
        format!("{} {} are to be paid.", intent.amount, intent.currency)
    };
    let buttons = [
        Button { name: "choice", value: "pass", label: "Complete" },
        Button { name: "choice", value: "fail", label: "Fail" },
    ];
    let form =
        Form { action: &format!("/pages/authenticate/{id}"), hidden: &[], buttons: &buttons };
    let page = Page::new("3-D Secure test page").paragraph(&about).form(&form);
    Ok(Answer::html(200, page.render()))
}

fn authenticate(state: &mut State, id: &str, passed: bool) -> Result<Answer> {
    if id.starts_with("seti_") {
        if passed {
            state.confirm_setup(id, true)?;
        } else {
            state.fail_setup(id)?;
        }
        let setup = state.setups.get(id)?;
        let url = setup.return_url.clone().unwrap_or_default();
        return Ok(Answer::see_other(&with(
            &url,
            &[("setup_intent", id), ("redirect_status", word(setup.status == "succeeded"))],
        )));
    }
    state.authenticated(id, passed)?;
    let intent = state.intents.get(id)?;
    let good = matches!(intent.stage, Stage::Succeeded | Stage::RequiresCapture);
    let Some(url) = &intent.return_url else {
        return Ok(Answer::html(200, Page::new("You can close this page").render()));
    };
    let fields = [
        ("payment_intent", id),
        ("payment_intent_client_secret", &intent.client_secret()),
        ("redirect_status", word(good)),
    ];
    Ok(Answer::see_other(&with(url, &fields)))
}

fn checkout(state: &State, id: &str) -> Result<Answer> {
    let session = state.sessions.get(id)?;
    let buttons = [
        Button { name: "choice", value: "pm_card_visa", label: "Pay by a card that works" },
        Button {
            name: "choice",
            value: "pm_card_authenticationRequired",
            label: "Pay by a card with 3-D Secure",
        },
        Button {
            name: "choice",
            value: "pm_card_visa_chargeDeclined",
            label: "Pay by a card that is declined",
        },
    ];
    let form = Form { action: &format!("/pages/checkout/{id}"), hidden: &[], buttons: &buttons };
    let due = format!("{} {} are due.", session.amount, session.currency);
    Ok(Answer::html(200, Page::new("Checkout").paragraph(&due).form(&form).render()))
}

fn pay(state: &mut State, id: &str, card: &str) -> Result<Answer> {
    if let Some(bank) = state.pay_session(id, card)? {
        return Ok(Answer::see_other(&bank));
    }
    back_to_shop(state, id)
}

fn back(state: &mut State, id: &str) -> Result<Answer> {
    if state.complete_session(id)? {
        return back_to_shop(state, id);
    }
    Ok(Answer::see_other(&format!("/pages/checkout/{id}")))
}

fn back_to_shop(state: &State, id: &str) -> Result<Answer> {
    let url = &state.sessions.get(id)?.success_url;
    Ok(Answer::see_other(&url.replace("{CHECKOUT_SESSION_ID}", id)))
}

fn onboard(state: &mut State, id: &str, request: &Request) -> Result<Answer> {
    state.enable_account(id, true)?;
    let url = request.query_fields().into_iter().find(|(name, _)| name == "return_url");
    Ok(Answer::see_other(&url.map(|(_, url)| url).unwrap_or_default()))
}

fn word(good: bool) -> &'static str {
    if good { "succeeded" } else { "failed" }
}

fn with(url: &str, fields: &[(&str, &str)]) -> String {
    let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{fields}")
}
