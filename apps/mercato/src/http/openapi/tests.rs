use serde_json::Value;

use super::*;

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

/// Every operation with its id.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let operations = operations.filter(|operation| operation.get("responses").is_some());
    operations.map(|one| (one["operationId"].as_str().unwrap().to_owned(), one)).collect()
}

#[test]
fn the_committed_document_is_in_step() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let printed = format!("{}\n", openapi().to_pretty_json().unwrap().trim_end());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &printed).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == printed, "docs/openapi.json is stale: `make openapi` writes it anew");
}

#[test]
fn every_operation_is_described() {
    let document = document();
    let tags = document["tags"].as_array().unwrap();
    for (id, operation) in operations(&document) {
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty() && !summary.ends_with('.'), "{id}: summary {summary:?}");
        let description = operation["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{id}: description {description:?}");
        assert!(operation["security"].is_array(), "{id}: who may call it?");
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.iter().any(|known| known["name"] == *tag), "{id}: TAGS lacks {tag}");
        }
    }
    for tag in tags {
        let used = operations(&document)
            .iter()
            .any(|(_, operation)| operation["tags"].as_array().unwrap().contains(&tag["name"]));
        assert!(used, "no operation has the tag {}", tag["name"]);
    }
}

#[test]
fn every_body_and_every_id_in_a_path_has_an_example() {
    let document = document();
    let mut without = Vec::new();
    for (id, operation) in operations(&document) {
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        let answers = operation["responses"].as_object().unwrap().values();
        let answers =
            answers.flat_map(|answer| answer["content"].as_object().into_iter().flatten());
        for (media_type, content) in bodies.chain(answers) {
            let whole = content.get("example").is_some_and(is_whole);
            if media_type.ends_with("json") && !whole {
                without.push(format!("{id}: {}", content["schema"]["$ref"]));
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "path" && parameter.get("example").is_none() {
                without.push(format!("{id}: {}", parameter["name"]));
            }
        }
    }
    without.sort();
    without.dedup();
    assert!(without.is_empty(), "give their fields `example`s: {without:#?}");
}

/// An example that says nothing explains nothing.
fn is_whole(example: &Value) -> bool {
    example.as_object().is_none_or(|fields| !fields.is_empty())
}

#[test]
fn every_field_of_a_body_has_an_example() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut without = Vec::new();
    for (name, schema) in schemas {
        let own = schema.get("example");
        for (field, description) in schema["properties"].as_object().into_iter().flatten() {
            let composed = examples::of(&document, description);
            if own.is_none() && composed.is_none() && !is_binary(description) {
                without.push(format!("{name}.{field}"));
            }
        }
    }
    assert!(without.is_empty(), "these need an `example`: {without:#?}");
}

fn is_binary(schema: &Value) -> bool {
    schema["format"] == "binary" || schema["items"]["format"] == "binary"
}

#[test]
fn every_operation_says_how_it_can_be_refused() {
    let document = document();
    for (id, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap();
        for status in ["400", "401", "429", "503"] {
            assert!(answers.contains_key(status), "{id}: {status}");
        }
        let is_public = operation["security"].as_array().unwrap().contains(&serde_json::json!({}));
        assert!(is_public || answers.contains_key("403"), "{id}: 403");
        for (status, answer) in answers.iter().filter(|(status, _)| *status >= &"400".to_owned()) {
            let problem = &answer["content"]["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{id}: {status}");
            assert_eq!(problem["example"]["status"].to_string(), *status, "{id}");
        }
    }
}
