//! Cards that one lets a gateway keep.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use billing::{
    CardId, CardSaved, ChallengeKind, Instrument, PayMethod, SaveCardCommand, SavedCard,
};
use chrono::{DateTime, Utc};
use kernel::{Currency, FieldErrors};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::payments::MethodBody;
use super::view::DeclineView;
use super::{GatewayView, address, language};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::command::Command;
use crate::http::limits::ClientAddress;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(save).service(list).service(remove);
}

/// A card that a gateway keeps.
#[derive(Debug, Serialize, ToSchema)]
struct CardView {
    /// Its id: pay with it.
    #[schema(example = "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Where it is kept.
    #[schema(example = "sandbox")]
    gateway: &'static str,
    /// `visa`, `mastercard`, `mir`, … New values may come.
    #[schema(example = "visa")]
    brand: String,
    /// Its last digits.
    #[schema(example = "4242")]
    last_four: String,
    /// Month and year of its end.
    #[schema(example = "12/29")]
    expires: Option<String>,
    /// Since when.
    created_at: DateTime<Utc>,
}

impl From<&SavedCard> for CardView {
    fn from(card: &SavedCard) -> Self {
        Self {
            id: card.id.to_string(),
            gateway: card.gateway.name(),
            brand: card.brand.clone(),
            last_four: card.last_four.clone(),
            expires: card.expires.clone(),
            created_at: card.created_at,
        }
    }
}

/// A card that is to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "method": { "token": "card_success" }, "currency": "EUR" }))]
struct SaveCardBody {
    /// The card, as the gateway's script gave it to the app.
    method: MethodBody,
    /// What it will be charged in.
    #[schema(example = "EUR", min_length = 3, max_length = 3)]
    currency: String,
    /// Where; the marketplace's choice without it.
    gateway: Option<GatewayView>,
}

/// What became of a card that was to be kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "kept",
    "card": {
        "id": "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f", "gateway": "sandbox", "brand": "visa",
        "last_four": "4242", "expires": "12/29", "created_at": "2026-01-12T09:00:00Z",
    },
    "decline": null,
    "action_url": null,
    "client_secret": null,
}))]
struct CardSavedView {
    /// `kept`, `requires_action` or `declined`. New values may come.
    status: &'static str,
    /// The card, if it is kept.
    card: Option<CardView>,
    /// Why not, if the bank refused.
    decline: Option<DeclineView>,
    /// What to open in a browser, if the payer has to act first.
    action_url: Option<String>,
    /// For the gateway's script, if that is how the payer acts.
    client_secret: Option<String>,
}

impl From<&CardSaved> for CardSavedView {
    fn from(saved: &CardSaved) -> Self {
        let status = match saved {
            CardSaved::Kept(_) => "kept",
            CardSaved::RequiresAction(_) => "requires_action",
            CardSaved::Declined(_) => "declined",
        };
        let bare =
            Self { status, card: None, decline: None, action_url: None, client_secret: None };
        match saved {
            CardSaved::Kept(card) => Self { card: Some(card.into()), ..bare },
            CardSaved::Declined(decline) => Self { decline: Some(decline.into()), ..bare },
            CardSaved::RequiresAction(ChallengeKind::Redirect { url }) => {
                Self { action_url: Some(url.clone()), ..bare }
            }
            CardSaved::RequiresAction(ChallengeKind::Form { action, .. }) => {
                Self { action_url: Some(action.clone()), ..bare }
            }
            CardSaved::RequiresAction(ChallengeKind::Script { client_secret }) => {
                Self { client_secret: Some(client_secret.reveal().to_owned()), ..bare }
            }
        }
    }
}

/// Save a card
///
/// Keeps it at the gateway without charging it; the marketplace keeps a name for it that works there
/// alone. The same card is kept once. A body that holds a card number is refused.
#[utoipa::path(
    operation_id = "saveCard",
    tag = "cards",
    request_body = SaveCardBody,
    responses(
        (status = CREATED, description = "What became of it", body = CardSavedView),
        (status = CONFLICT, description = "The gateway keeps no cards, or there is none for this \
            currency", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/cards")]
async fn save(
    Caller(actor): Caller,
    client: ClientAddress,
    request: HttpRequest,
    Cardless(body): Cardless<SaveCardBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let value = body.value;
    let mut errors = FieldErrors::new();
    let method = value.method.read(&mut errors);
    let currency = value.currency.parse::<Currency>();
    let currency = errors.check("/currency", "unknown_currency", currency);
    let instrument = match method {
        Some(PayMethod::Instrument(instrument)) => Some(instrument),
        Some(PayMethod::SavedCard(_) | PayMethod::Checkout) => {
            errors.add("/method", "invalid", "must hold a token or a cryptogram of a new card");
            None::<Instrument>
        }
        None => None,
    };
    let (Some(instrument), Some(currency)) = (instrument, currency) else {
        return Err(Problem::invalid(&errors.0));
    };
    let command = SaveCardCommand {
        gateway: value.gateway.map(Into::into),
        instrument,
        currency,
        address: address(client),
        locale: language(&request),
    };
    let saved = state.services.billing.save_card(&actor, command).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(CardSavedView::from(&saved)))
}

/// One's own cards.
#[derive(Debug, Serialize, ToSchema)]
struct CardList {
    /// Newest first; at most 50.
    data: Vec<CardView>,
}

/// List one's own cards
///
/// Those that gateways keep, newest first, at most 50.
#[utoipa::path(
    operation_id = "listCards",
    tag = "cards",
    responses((status = OK, description = "The cards", body = CardList)),
)]
#[get("/cards")]
async fn list(Caller(actor): Caller, state: Data<State>) -> Result<Json<CardList>, Problem> {
    let cards = state.services.billing.cards(&actor).await?;
    Ok(Json(CardList { data: cards.iter().map(CardView::from).collect() }))
}

/// Take a card back
///
/// It is never charged again; subscriptions on it have nothing to be charged by.
#[utoipa::path(
    operation_id = "removeCard",
    tag = "cards",
    params(Command<CardId>),
    responses((status = NO_CONTENT, description = "It is not charged any more")),
)]
#[delete("/cards/{id}")]
async fn remove(command: Command<CardId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    state.services.billing.remove_card(actor, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
