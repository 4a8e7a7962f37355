//! Paying, and looking at what one paid.

use access::Actor;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use billing::{CardId, Instrument, PayCommand, PayMethod, PaymentSeen, Purpose, Secret};
use kernel::{FieldErrors, PaymentId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::{PaymentView, PurposeView};
use super::{GatewayView, Listed, address, language, page};
use crate::http::Problem;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::etag::{Caching, tagged};
use crate::http::idempotency::{created, required};
use crate::http::limits::ClientAddress;
use crate::http::page::PageView;
use crate::http::query::Query;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(pay).service(list).service(show);
}

/// The longest token or packet of a gateway's script.
const LONGEST_INSTRUMENT: usize = 16_384;

/// What one pays with: a token, a cryptogram, or a saved card. Card numbers never come here.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "card_success" }))]
pub(super) struct MethodBody {
    /// The token that the gateway's script made of a card.
    #[schema(max_length = 16384, example = "card_success")]
    token: Option<String>,
    /// The packet that the gateway's script sealed for it.
    #[schema(max_length = 16384, example = "eyJUeXBlIjoiQ2xvdWRDYXJkIn0=")]
    cryptogram: Option<String>,
    /// The name on the card, beside a cryptogram.
    #[schema(max_length = 100, example = "ADA LOVELACE")]
    cardholder: Option<String>,
    /// A card that the gateway keeps.
    #[schema(example = "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    card_id: Option<String>,
}

impl MethodBody {
    pub(super) fn read(self, errors: &mut FieldErrors) -> Option<PayMethod> {
        let pointers = ["/method/token", "/method/cryptogram", "/method/cardholder"];
        for (pointer, text, most) in [
            (pointers[0], &self.token, LONGEST_INSTRUMENT),
            (pointers[1], &self.cryptogram, LONGEST_INSTRUMENT),
            (pointers[2], &self.cardholder, 100),
        ] {
            let length = text.as_ref().map_or(1, |text| text.chars().count());
            if length == 0 || length > most {
                errors.add(pointer, "out_of_range", format!("must have 1 to {most} characters"));
                return None;
            }
        }
        match self {
            Self { token: Some(token), cryptogram: None, cardholder: None, card_id: None } => {
                Some(PayMethod::Instrument(Instrument::Token(Secret::new(token))))
            }
            Self { token: None, cryptogram: Some(packet), cardholder, card_id: None } => {
                let packet = Secret::new(packet);
                Some(PayMethod::Instrument(Instrument::Cryptogram { packet, cardholder }))
            }
            Self { token: None, cryptogram: None, cardholder: None, card_id: Some(id) } => {
                let id = errors.check("/method/card_id", "invalid_id", id.parse::<CardId>());
                id.map(PayMethod::SavedCard)
            }
            _ => {
                let detail = "must hold one of token, cryptogram and card_id, and a cardholder \
                              only beside a cryptogram";
                errors.add("/method", "invalid", detail);
                None
            }
        }
    }
}

/// What one pays for, and with what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": "booking",
    "reference": "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "method": { "token": "card_success" },
    "return_to": "https://app.example/bookings",
}))]
struct PayBody {
    /// What kind of thing.
    purpose: PurposeView,
    /// What exactly, by its id.
    #[schema(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    reference: String,
    /// Through which gateway; the marketplace's choice without it.
    gateway: Option<GatewayView>,
    /// With what.
    method: MethodBody,
    /// Whether the gateway may keep the card, with the payer's consent.
    #[serde(default)]
    save_card: bool,
    /// Where the app wants the payer back from 3-D Secure: an address that the marketplace allows.
    #[schema(max_length = 2000, example = "https://app.example/bookings")]
    return_to: Option<String>,
}

/// Pay for something
///
/// What is due for a booking, a subscription and so on, by a token or cryptogram that the app got
/// from the gateway's script, or by a saved card. The money is reserved or taken at once; with
/// 3-D Secure the status is `requires_action`, and `action` says what to do. That the bank refuses is
/// no error: `status` is `failed` and `decline` says why. The same key again answers the same
/// payment as it stands. A body that holds a card number is refused.
#[utoipa::path(
    operation_id = "createPayment",
    tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "A value of your own per attempt")),
    request_body = PayBody,
    responses(
        (status = CREATED, description = "The payment", body = PaymentView),
        (status = NOT_FOUND, description = "Nothing of the caller's to pay for, or no such card",
            body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, description = "It is being paid for or is paid already, the gateway \
            cannot do this, or a request with this key is under way", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/payments")]
async fn pay(
    Caller(actor): Caller,
    client: ClientAddress,
    request: HttpRequest,
    Cardless(body): Cardless<PayBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let Body { value, hash } = body;
    let mut errors = FieldErrors::new();
    let purpose = purpose(&mut errors, value.purpose, &value.reference);
    let method = value.method.read(&mut errors);
    let (Some(purpose), Some(method)) = (purpose, method) else {
        return Err(Problem::invalid(&errors.0));
    };
    let command = PayCommand {
        purpose,
        gateway: value.gateway.map(Into::into),
        method,
        save_card: value.save_card,
        return_to: value.return_to,
        address: address(client),
        locale: language(&request),
    };
    send(&request, &actor, hash, command, &state).await
}

/// What is paid for, or what is wrong with its id.
pub(super) fn purpose(
    errors: &mut FieldErrors,
    purpose: PurposeView,
    reference: &str,
) -> Option<Purpose> {
    let purpose = Purpose::parse(purpose.into(), reference);
    errors.check("/reference", "invalid_id", purpose)
}

/// Carries out a payment and answers what became of it.
pub(super) async fn send(
    request: &HttpRequest,
    actor: &Actor,
    hash: [u8; 32],
    command: PayCommand,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let scope = required(request, actor, hash)?;
    let seen = state.services.billing.pay(actor, command, scope).await?;
    Ok(answer(&seen, state))
}

fn answer(seen: &PaymentSeen, state: &State) -> HttpResponse {
    let location = format!("/api/v1/payments/{}", seen.payment.id());
    let version = Some(seen.payment.version());
    let answer = created(&location, version, &PaymentView::seen(seen, state));
    let mut response = HttpResponse::build(StatusCode::CREATED);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    if seen.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.content_type("application/json").body(answer.body)
}

/// List one's own payments
///
/// Newest first.
#[utoipa::path(
    operation_id = "listPayments",
    tag = "payments",
    params(Listed),
    responses((status = OK, description = "A page of payments", body = PageView<PaymentView>)),
)]
#[get("/payments")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<PaymentView>>, Problem> {
    const LIST: &str = "payments";
    let (limit, after) = query.read(&state, LIST)?;
    let found = state.services.billing.payments(&actor, limit, after).await?;
    Ok(Json(page(found, limit, &state, LIST, |payment| PaymentView::of(&payment, &state))))
}

/// Look at a payment
///
/// For whoever pays it. While 3-D Secure is awaited `action` says what is to be done.
#[utoipa::path(
    operation_id = "getPayment",
    tag = "payments",
    params(("id" = String, Path, description = "The payment", example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "The payment", body = PaymentView)),
)]
#[get("/payments/{id}")]
async fn show(
    Caller(actor): Caller,
    id: Path<PaymentId>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let payment = state.services.billing.payment(&actor, *id).await?;
    let view = PaymentView::of(&payment, &state);
    Ok(tagged(&request, payment.version(), &view, Caching::Private))
}
