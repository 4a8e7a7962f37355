//! A command on one object, as it comes in: who gives it, and to what.

use std::collections::BTreeMap;
use std::future::{Ready, ready};

use access::Actor;
use actix_web::dev::Payload;
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use billing::{CardId, WebhookId};
use kernel::{
    BookingId, ChangeRequestId, IdempotencyScope, InvoiceId, ListingId, PaymentId, PayoutId,
    PlanId, PromotionId, ProviderId, ReviewId, SubscriptionId,
};
use promotions::CouponId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use super::caller::Caller;
use super::etag::{Caching, if_match, required_match, tagged};
use super::idempotency::optional;
use super::server::State;

/// Who gives a command, and the object that the path names.
#[derive(Debug)]
pub(crate) struct Command<Id> {
    pub(crate) actor: Actor,
    pub(crate) id: Id,
    pub(crate) state: Data<State>,
    request: HttpRequest,
}

impl<Id> Command<Id> {
    /// The version that the caller has seen, if they say.
    pub(crate) fn expected(&self) -> Result<Option<i32>, Problem> {
        if_match(&self.request)
    }

    /// The version that the caller has seen; 428 if they do not say.
    pub(crate) fn required(&self) -> Result<Option<i32>, Problem> {
        required_match(&self.request)
    }

    /// The scope of the caller's `Idempotency-Key`, if they sent one.
    pub(crate) fn key(&self, body_hash: [u8; 32]) -> Result<Option<IdempotencyScope>, Problem> {
        optional(&self.request, &self.actor, body_hash)
    }

    /// 200 with the object as it is now, and its tag.
    pub(crate) fn answer<T: Serialize>(&self, version: i32, view: &T) -> HttpResponse {
        tagged(&self.request, version, view, Caching::Private)
    }
}

impl<Id: DeserializeOwned + 'static> FromRequest for Command<Id> {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(read(request, payload))
    }
}

fn read<Id: DeserializeOwned + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<Command<Id>, actix_web::Error> {
    let Caller(actor) = Caller::from_request(request, payload).into_inner()?;
    let id = Path::<Id>::from_request(request, payload).into_inner()?.into_inner();
    let state = Data::<State>::from_request(request, payload).into_inner()?;
    Ok(Command { actor, id, state, request: request.clone() })
}

/// How an id is described.
pub(crate) trait Described {
    /// What it names.
    const OBJECT: &str;
    /// What it starts with.
    const PREFIX: &str;
}

macro_rules! described {
    ($($id:ident = $object:literal;)+) => {
        $(impl Described for $id {
            const OBJECT: &str = $object;
            const PREFIX: &str = $id::PREFIX;
        })+
    };
}

described! {
    BookingId = "The booking";
    CardId = "The card";
    ChangeRequestId = "The change request";
    CouponId = "The coupon";
    InvoiceId = "The invoice";
    ListingId = "The listing";
    PaymentId = "The payment";
    PayoutId = "The payout";
    PlanId = "The plan";
    PromotionId = "The promotion";
    ProviderId = "The provider";
    ReviewId = "The review";
    SubscriptionId = "The subscription";
    WebhookId = "The message";
}

impl<Id: Described> IntoParams for Command<Id> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let example = format!("{}_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f", Id::PREFIX);
        vec![
            ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(Id::OBJECT))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .example(Some(example.into()))
                .build(),
        ]
    }
}

/// `If-Match`, for commands that may say which version they mean.
#[derive(Debug)]
pub(crate) struct IfMatch;

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            ParameterBuilder::new()
                .name("If-Match")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some("The `ETag` that was last seen"))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build(),
        ]
    }
}

/// `Idempotency-Key`, for commands that add something and may be sent without.
#[derive(Debug)]
pub(crate) struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let why = "A value of your own per attempt, so that a retry is safe";
        vec![
            ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(why))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build(),
        ]
    }
}

/// What a command answers that shows a `T`; an operation that has more to say of a refusal says so
/// after it.
pub(crate) fn answers<T: ToSchema>(shown: &str) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str, schema: &str, media_type: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let response = ResponseBuilder::new().description(description);
        RefOr::T(response.content(media_type, content).build())
    };
    let refused = "Not in this state; `allowed` says what is possible";
    [
        ("200", response(shown, &T::name(), "application/json")),
        ("409", response(refused, &Problem::name(), "application/problem+json")),
    ]
    .map(|(status, response)| (status.to_owned(), response))
    .into()
}
