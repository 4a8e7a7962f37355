//! Reviews.

mod moderate;
mod pictures;
mod read;
mod view;
mod write;

use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(write::routes)
        .configure(pictures::routes)
        .configure(read::routes)
        .configure(moderate::routes);
}
