//! Titles for what somebody begins to type.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use kernel::{FieldError, Text, TextError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::etag::{Caching, tagged};
use super::query::Query;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(suggest);
}

/// What may be meant.
#[derive(Debug, Serialize, ToSchema)]
struct SuggestionsView {
    /// Titles of listings, at most eight.
    data: Vec<SuggestionView>,
}

/// A title that may be meant.
#[derive(Debug, Serialize, ToSchema)]
struct SuggestionView {
    /// The title.
    #[schema(example = "Grey sofa in Berlin")]
    title: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Typed {
    /// What was typed so far, 1 to 80 characters.
    #[param(example = "sof", min_length = 1, max_length = 80)]
    q: String,
}

/// Complete what is being typed
///
/// Titles of public listings in which a word, with those that follow it, begins like this. Quick
/// enough to ask at every keystroke.
#[utoipa::path(
    operation_id = "suggestListings",
    tag = "listings",
    security((), ("bearer" = [])),
    params(Typed),
    responses((status = OK, description = "What may be meant", body = SuggestionsView)),
)]
#[get("/listings/suggest")]
async fn suggest(
    Query(Typed { q }): Query<Typed>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let typed = Text::<1, 80>::new(&q).map_err(refused)?;
    let titles = state.services.discovery.search.titles(&typed).await?;
    let data = titles.into_iter().map(|title| SuggestionView { title }).collect();
    Ok(tagged(&request, 0, &SuggestionsView { data }, Caching::Public { max_age: 60 }))
}

fn refused(error: TextError) -> Problem {
    let field =
        FieldError { pointer: "q".to_owned(), code: error.code(), detail: error.to_string() };
    Problem::malformed("invalid_query", format!("q {error}")).with_fields(&[field])
}
