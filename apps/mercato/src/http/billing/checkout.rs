//! Paying on a gateway's own page, and coming back from it.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use billing::{PayCommand, PayMethod};
use kernel::{FieldErrors, PaymentId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::payments::{purpose, send};
use super::three_d_secure::sent_back;
use super::view::{PaymentView, PurposeView};
use super::{GatewayView, address, language};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::limits::ClientAddress;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(open).service(come_back);
}

/// What one pays for on the gateway's page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": "subscription",
    "reference": "sub_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "save_card": true,
    "return_to": "https://app.example/subscriptions",
}))]
struct CheckoutBody {
    /// What kind of thing.
    purpose: PurposeView,
    /// What exactly, by its id.
    #[schema(example = "sub_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    reference: String,
    /// Through which gateway; the marketplace's choice without it.
    gateway: Option<GatewayView>,
    /// Whether the gateway may keep the card, with the payer's consent.
    #[serde(default)]
    save_card: bool,
    /// Where the app wants the payer back: an address that the marketplace allows.
    #[schema(max_length = 2000, example = "https://app.example/subscriptions")]
    return_to: Option<String>,
}

/// Pay on the gateway's own page
///
/// For apps that show no form of their own: open `action.url` in a browser. The payer comes back to
/// `return_to`; whether the money arrived the payment says, not the way back.
#[utoipa::path(
    operation_id = "checkoutPayment",
    tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "A value of your own per attempt")),
    request_body = CheckoutBody,
    responses(
        (status = CREATED, description = "The payment, with the page to open", body = PaymentView),
        (status = NOT_FOUND, description = "Nothing of the caller's to pay for", body = Problem,
            content_type = "application/problem+json"),
        (status = CONFLICT, description = "It is being paid for or is paid already, the gateway \
            has no page, or a request with this key is under way", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/payments/checkout")]
async fn open(
    Caller(actor): Caller,
    client: ClientAddress,
    request: HttpRequest,
    Cardless(body): Cardless<CheckoutBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let value = body.value;
    let mut errors = FieldErrors::new();
    let Some(purpose) = purpose(&mut errors, value.purpose, &value.reference) else {
        return Err(Problem::invalid(&errors.0));
    };
    let command = PayCommand {
        purpose,
        gateway: value.gateway.map(Into::into),
        method: PayMethod::Checkout,
        save_card: value.save_card,
        return_to: value.return_to,
        address: address(client),
        locale: language(&request),
    };
    send(&request, &actor, body.hash, command, &state).await
}

/// Come back from the gateway's page
///
/// Where the gateway sends the payer's browser. Coming here proves nothing: the gateway is asked how
/// the payment stands, and the browser goes on to the app's `return_to`.
#[utoipa::path(
    operation_id = "returnFromCheckout",
    tag = "payments",
    params(("id" = String, Path, description = "The payment", example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses(
        (status = OK, description = "A page, where the app named no address", body = String,
            content_type = "text/html"),
        (status = SEE_OTHER, description = "On to the app"),
    ),
)]
#[get("/payments/{id}/return")]
async fn come_back(id: Path<PaymentId>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let payment = state.services.billing.returned(*id).await?;
    Ok(sent_back(&payment))
}
