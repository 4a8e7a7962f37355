//! Examples of bodies, put together from the examples of their fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, Content, OpenApi, RefOr, Schema};

/// Deeper than any body of ours; what goes deeper refers to itself.
const DEEPEST: usize = 32;

/// Gives every JSON body an example that has none of its own.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.clone().unwrap_or_default();
    let composer = Composer::new(&components);
    for item in document.paths.paths.values_mut() {
        for (_, operation) in super::operations(item) {
            composer.complete(operation);
        }
    }
}

/// The example of a schema of the document.
#[cfg(test)]
pub(super) fn of(document: &Value, schema: &Value) -> Option<Value> {
    let schemas = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    Composer(schemas.into_iter().collect()).compose(schema, DEEPEST)
}

/// Puts examples together.
struct Composer(BTreeMap<String, Value>);

impl Composer {
    fn new(components: &Components) -> Self {
        let plain =
            |schema: &RefOr<Schema>| serde_json::to_value(schema).expect("a schema is plain data");
        let schemas = components.schemas.iter();
        Self(schemas.map(|(name, schema)| (name.clone(), plain(schema))).collect())
    }

    fn complete(&self, operation: &mut Operation) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            for (media_type, content) in &mut body.content {
                self.exemplify(media_type, content);
            }
        }
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                for (media_type, content) in &mut response.content {
                    self.exemplify(media_type, content);
                }
            }
        }
    }

    fn exemplify(&self, media_type: &str, content: &mut RefOr<Content>) {
        let RefOr::T(content) = content else { return };
        if content.example.is_some() || !media_type.ends_with("json") {
            return;
        }
        let Some(schema) = &content.schema else { return };
        let schema = serde_json::to_value(schema).expect("a schema is plain data");
        content.example = self.compose(&schema, DEEPEST);
    }

    /// An example of the schema: its own, else one made of those of its parts. `None` where a part
    /// that is no object or list has none.
    fn compose(&self, schema: &Value, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        if let Some(example) = schema.get("example") {
            return Some(example.clone());
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.rsplit('/').next().unwrap_or_default();
            return self.compose(self.0.get(name)?, depth);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.first().cloned();
        }
        for alternatives in ["oneOf", "anyOf"] {
            if let Some(schemas) = schema.get(alternatives).and_then(Value::as_array) {
                let given = |schema: &&Value| schema["type"] != "null";
                return self.compose(schemas.iter().find(given)?, depth);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let mut whole = Map::new();
            for part in parts {
                whole.extend(self.compose(part, depth)?.as_object().cloned().unwrap_or_default());
            }
            return Some(Value::Object(whole));
        }
        match type_of(schema) {
            "object" => {
                let fields = schema.get("properties").and_then(Value::as_object);
                let fields = fields
                    .into_iter()
                    .flatten()
                    .filter_map(|(name, field)| Some((name.clone(), self.compose(field, depth)?)));
                Some(Value::Object(fields.collect()))
            }
            "array" => {
                let item = self.compose(schema.get("items")?, depth)?;
                Some(Value::Array(vec![item]))
            }
            "boolean" => Some(json!(true)),
            "string" if schema["format"] == "date-time" => Some(json!("2026-01-12T09:00:00Z")),
            "string" if schema["format"] == "date" => Some(json!("2026-01-12")),
            _ => None,
        }
    }
}

/// The type, or the first one that is not null.
fn type_of(schema: &Value) -> &str {
    let given = match &schema["type"] {
        Value::Array(types) => types.iter().find(|one| *one != "null"),
        one => Some(one),
    };
    given.and_then(Value::as_str).unwrap_or_default()
}
