//! 3-D Secure: to the payer's bank and back. Browsers come here, without a token of ours.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION,
};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use billing::{BillingError, ChallengePage, Payment, ReturnToken, Secret, Status};
use kernel::{PaymentId, Random, SystemRandom};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::PaymentView;
use crate::http::Problem;
use crate::http::body::bytes;
use crate::http::command::Command;
use crate::http::html::{escaped, page, shown};
use crate::http::query::Query;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(renew).service(post_back).service(come_back);
}

/// The largest form of a bank: 256 kB.
const MAX_FORM: usize = 256 * 1024;

/// The secret of the way.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Way {
    /// The secret that `action.url` of the payment carries.
    #[param(example = "kJ7pQz5b0mVd1cWn3xYt8uRa2sEf4hGi6oLq9wZe0Xk")]
    state: String,
}

/// Go to the payer's bank
///
/// For a browser: `action.url` of a payment that asks for a form leads here. A page that posts `MD`,
/// `PaReq` and `TermUrl` to the bank by itself, or by a button where scripts are off. It needs the
/// secret in its address and no sign-in.
#[utoipa::path(
    operation_id = "showThreeDSecure",
    tag = "payments",
    params(
        ("id" = String, Path, description = "The payment", example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        Way,
    ),
    responses(
        (status = OK, description = "The page", body = String, content_type = "text/html"),
        (status = GONE, description = "Not for this payment, used, or too late", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[get("/payments/{id}/3ds")]
async fn show(
    id: Path<PaymentId>,
    Query(way): Query<Way>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let token = ReturnToken::from_text(&way.state);
    match state.services.billing.challenge_page(*id, &token).await {
        Ok(page) => Ok(leading(&page)),
        Err(error) => refused(&request, error),
    }
}

/// Make a new way to the bank
///
/// For a payer who lost theirs: the one before does not hold any more.
#[utoipa::path(
    operation_id = "renewThreeDSecure",
    tag = "payments",
    params(Command<PaymentId>),
    responses(PaymentView),
)]
#[post("/payments/{id}/3ds")]
async fn renew(command: Command<PaymentId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let seen = state.services.billing.renew_challenge(actor, *id).await?;
    Ok(command.answer(seen.payment.version(), &PaymentView::seen(&seen, state)))
}

/// Come back from the bank with a form
///
/// Where the bank's page posts `MD` and `PaRes`. It is believed to be the payer once, in time, by the
/// secret in the address; the gateway says what happened, and the browser goes on to the app's
/// `return_to`. A return that is forged, repeated, late or of another payment changes nothing.
#[utoipa::path(
    operation_id = "postBackFromBank",
    tag = "payments",
    params(
        ("id" = String, Path, description = "The payment", example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        Way,
    ),
    request_body(content = BankFormFields, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = OK, description = "A page, where the app named no address", body = String,
            content_type = "text/html"),
        (status = SEE_OTHER, description = "On to the app"),
        (status = GONE, description = "Not for this payment, used, or too late", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/payments/{id}/3ds/callback")]
async fn post_back(
    id: Path<PaymentId>,
    Query(way): Query<Way>,
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let body = bytes(payload.into_inner(), MAX_FORM).await?;
    let media_type = request.content_type();
    if !body.is_empty() && !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send application/x-www-form-urlencoded, as the bank's page does",
        ));
    }
    let form = BankForm::read(&body)?;
    returned(*id, &way.state, form, &request, &state).await
}

/// What Stripe adds to the address; it proves nothing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WayBack {
    /// The secret of the way.
    #[param(example = "kJ7pQz5b0mVd1cWn3xYt8uRa2sEf4hGi6oLq9wZe0Xk")]
    state: String,
    /// The gateway's transaction, where the gateway adds it.
    #[param(example = "pi_3Pq0")]
    payment_intent: Option<String>,
    /// Added by Stripe, and not looked at.
    #[serde(rename = "payment_intent_client_secret")]
    _client_secret: Option<String>,
    /// Added by Stripe, and not looked at.
    #[serde(rename = "source_type")]
    _source_type: Option<String>,
    /// Added by Stripe, and not looked at.
    #[serde(rename = "redirect_status")]
    _redirect_status: Option<String>,
}

/// Come back from the bank
///
/// The same where the bank sends the browser by a link.
#[utoipa::path(
    operation_id = "comeBackFromBank",
    tag = "payments",
    params(
        ("id" = String, Path, description = "The payment", example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        WayBack,
    ),
    responses(
        (status = OK, description = "A page, where the app named no address", body = String,
            content_type = "text/html"),
        (status = SEE_OTHER, description = "On to the app"),
        (status = GONE, description = "Not for this payment, used, or too late", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[get("/payments/{id}/3ds/callback")]
async fn come_back(
    id: Path<PaymentId>,
    Query(way): Query<WayBack>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let form = BankForm { md: way.payment_intent, pa_res: None };
    returned(*id, &way.state, form, &request, &state).await
}

/// What a bank's page sends along.
#[derive(Debug, Default, utoipa::ToSchema)]
#[expect(dead_code, reason = "only described: it is read field by field")]
struct BankFormFields {
    /// The gateway's transaction.
    #[schema(rename = "MD", example = "2390")]
    md: Option<String>,
    /// The bank's answer.
    #[schema(rename = "PaRes", example = "eJxVUu9v0jAQ")]
    pa_res: Option<String>,
}

/// What a bank's page sends along.
#[derive(Default)]
struct BankForm {
    md: Option<String>,
    pa_res: Option<String>,
}

impl BankForm {
    /// Banks add fields of their own; one that comes twice is no bank's.
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let field = match &*name {
                "MD" => &mut form.md,
                "PaRes" => &mut form.pa_res,
                _ => continue,
            };
            if value.contains('\0') || field.replace(value.into_owned()).is_some() {
                let detail = format!("`{name}` comes twice, or holds the character NUL");
                return Err(Problem::malformed("malformed_body", detail));
            }
        }
        Ok(form)
    }
}

async fn returned(
    id: PaymentId,
    token: &str,
    form: BankForm,
    request: &HttpRequest,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let token = ReturnToken::from_text(token);
    let response = form.pa_res.map(Secret::new);
    let billing = &state.services.billing;
    match billing.continue_challenge(id, &token, form.md.as_deref(), response).await {
        Ok(payment) => Ok(sent_back(&payment)),
        Err(error) => refused(request, error),
    }
}

/// On to the app; a page where it named no address.
pub(super) fn sent_back(payment: &Payment) -> HttpResponse {
    let Some(address) = &payment.record().return_to else {
        let text = format!("{} You can close this page.", sentence(payment.status()));
        return saying(StatusCode::OK, &text);
    };
    let mut response = HttpResponse::build(StatusCode::SEE_OTHER);
    response.insert_header((LOCATION, with_payment(address, payment.id())));
    response.insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// Where a payment stands, for people.
const fn sentence(status: Status) -> &'static str {
    match status {
        Status::Created => "The payment has begun.",
        Status::RequiresAction => "The payment still waits for your bank.",
        Status::Processing => "The payment is on its way.",
        Status::Authorized => "The money is reserved.",
        Status::Captured => "The payment has arrived.",
        Status::Failed => "The payment has failed.",
        Status::Voided => "The payment was called off, and nothing was taken.",
        Status::PartiallyRefunded => "A part of the payment was given back.",
        Status::Refunded => "The payment was given back.",
        Status::ChargedBack => "Your bank has taken the payment back.",
    }
}

/// The app's address with the payment's id, before a fragment if it has one.
fn with_payment(address: &str, id: PaymentId) -> String {
    let (start, fragment) = match address.split_once('#') {
        Some((start, fragment)) => (start, format!("#{fragment}")),
        None => (address, String::new()),
    };
    let sign = if start.contains('?') { '&' } else { '?' };
    format!("{start}{sign}payment_id={id}{fragment}")
}

/// A way that does not hold: a page for a browser, a problem for a program.
fn refused(request: &HttpRequest, error: BillingError) -> Result<HttpResponse, Problem> {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let wants_page = accepted.is_some_and(|types| types.contains("text/html"));
    if wants_page && matches!(error, BillingError::ReturnRefused) {
        let text = "This way to the bank or back does not hold any more. Go back to where you \
                    paid, and look at the payment.";
        return Ok(saying(StatusCode::GONE, text));
    }
    Err(error.into())
}

/// A page that says one thing.
pub(super) fn saying(status: StatusCode, text: &str) -> HttpResponse {
    shown(status, page("en", "Payment", &format!("<p>{}</p>", escaped(text))))
}

/// The page that posts itself to the bank. Its one script is let run by a number that is used once.
fn leading(way: &ChallengePage) -> HttpResponse {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    let nonce = STANDARD.encode(bytes);
    let field = |name: &str, value: &str| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n", escaped(value))
    };
    let main = format!(
        "<h1>Your bank wants to know that it is you</h1>\n\
         <form method=\"post\" action=\"{}\">\n{}{}{}<button type=\"submit\">Go to your bank</button>\n\
         </form>\n<script nonce=\"{nonce}\">document.forms[0].submit()</script>",
        escaped(&way.action),
        field("MD", &way.md),
        field("PaReq", &way.pa_req),
        field("TermUrl", way.term_url.reveal()),
    );
    let mut response = shown(StatusCode::OK, page("en", "To your bank", &main));
    let policy = HeaderValue::from_str(&policy(&way.action, &nonce));
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// Nothing but the one script may run and nothing be loaded. A form may go to any bank over TLS: many
/// banks pass the browser on to another host, and browsers hold that to the same rule.
fn policy(action: &str, nonce: &str) -> String {
    let target = match action.split_once("://") {
        Some(("https", _)) => "https:".to_owned(),
        Some((scheme, rest)) => {
            format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
        }
        None => "'none'".to_owned(),
    };
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; form-action {target}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_learns_which_payment_it_was() {
        let id: PaymentId = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f".parse().unwrap();
        for (address, expected) in [
            ("https://a.example/b", format!("https://a.example/b?payment_id={id}")),
            ("https://a.example/?x=1#f", format!("https://a.example/?x=1&payment_id={id}#f")),
            ("shop://paid", format!("shop://paid?payment_id={id}")),
        ] {
            assert_eq!(with_payment(address, id), expected);
        }
    }

    #[test]
    fn a_form_of_a_bank_is_read_to_the_letter() {
        let form = BankForm::read(b"MD=23&PaRes=a%2Bb&extra=1").unwrap();
        assert_eq!((form.md.as_deref(), form.pa_res.as_deref()), (Some("23"), Some("a+b")));
        for wrong in [&b"MD=1&MD=2"[..], b"PaRes=a%00"] {
            assert!(BankForm::read(wrong).is_err());
        }
    }

    #[test]
    fn nothing_runs_on_the_page_but_its_own_script() {
        let policy = policy("https://acs.bank.example/x?y", "abc");
        assert!(policy.contains("script-src 'nonce-abc'; form-action https:;"), "{policy}");
        let local = super::policy("http://127.0.0.1:81/acs", "abc");
        assert!(local.contains("form-action http://127.0.0.1:81;"), "{local}");
    }
}
