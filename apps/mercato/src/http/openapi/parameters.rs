//! What parameters of the same name have in common everywhere.

use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};

use crate::http::idempotency;

/// Sets bounds and examples. A header is a text: it may be left out, but never null.
pub(super) fn complete(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let schema = match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Query, "limit") => page_size(),
            (ParameterIn::Header, "If-Match" | "If-None-Match") => tag(),
            (ParameterIn::Header, "Idempotency-Key") => key(),
            _ => continue,
        };
        parameter.schema = Some(RefOr::T(schema.build().into()));
    }
}

fn of_type(schema_type: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(schema_type))
}

/// As `kernel::Limit` has it.
fn page_size() -> ObjectBuilder {
    of_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .minimum(Some(1))
        .maximum(Some(50))
        .default(Some(json!(20)))
}

fn tag() -> ObjectBuilder {
    of_type(Type::String).examples([json!("\"3-9f86d081884c7d65\"")])
}

fn key() -> ObjectBuilder {
    of_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(idempotency::LONGEST))
        .pattern(Some("^[!-~]+$"))
        .examples([json!("0192d4c0-a1b2-7c3d-8e4f-5a6b7c8d9e0f")])
}
