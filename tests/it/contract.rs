//! Answers are what the description of the API says, and what it forbids is refused.

use jsonschema::Validator;
use mercato::http::permission_of;
use scenarios::{Marketplace, Operation, Persona, Reply, World};
use serde_json::{Value, json};

/// The description, as a JSON schema that knows the others of the document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("the schema is none: {error}"))
}

/// What an answer has that its description does not allow.
fn faults(document: &Value, operation: &Operation, reply: &Reply) -> Vec<String> {
    let status = reply.status.as_u16();
    let described = &operation.description["responses"][status.to_string()];
    if described.is_null() {
        return vec![format!("{}: {status} is not documented: {}", reply.asked, reply.text)];
    }
    let media_type = reply.header("content-type").split(';').next().unwrap_or_default();
    let Some(content) = described.get("content") else {
        let is_empty = reply.text.is_empty();
        return if is_empty {
            vec![]
        } else {
            vec![format!("{}: {status} has a body", reply.asked)]
        };
    };
    let Some(content) = content.get(media_type) else {
        return vec![format!("{}: {status} is {media_type:?}", reply.asked)];
    };
    if !media_type.ends_with("json") {
        return vec![];
    }
    validator(document, &content["schema"])
        .iter_errors(&reply.body)
        .map(|error| format!("{}: {status}: {}: {error}", reply.asked, error.instance_path()))
        .collect()
}

#[tokio::test]
async fn every_operation_answers_as_it_is_described() {
    let mut world = World::new().await;
    let document = serde_json::to_value(mercato::http::openapi()).expect("plain data");
    let mut found = Vec::new();
    for operation in Operation::all() {
        let line = permission_of(&operation.id).expect("every operation has a line");
        let allowed = Persona::ALL.into_iter().rev().find(|persona| {
            access::permits(&persona.actor(), line.action, persona.relation_to(line.object))
        });
        let Some(persona) = allowed else { continue };
        let call = world.call(&operation).await;
        let empty = call.with(world.person(persona), Some(json!({}))).await;
        found.extend(faults(&document, &operation, &empty));
        let reply = call.by(world.person(persona)).await;
        found.extend(faults(&document, &operation, &reply));
        world.wake_after(&operation).await;
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_example_obeys_its_schema() {
    let document = serde_json::to_value(mercato::http::openapi()).expect("plain data");
    let mut found = Vec::new();
    for operation in Operation::all() {
        let bodies = operation.description["requestBody"]["content"].as_object();
        let answers = operation.description["responses"].as_object().into_iter().flatten();
        let answers = answers.filter_map(|(_, answer)| answer["content"].as_object());
        for (media_type, content) in bodies.into_iter().chain(answers).flatten() {
            if let Some(example) = content.get("example") {
                let validator = validator(&document, &content["schema"]);
                found.extend(validator.iter_errors(example).map(|error| {
                    format!("{} {media_type}: {}: {error}", operation.id, error.instance_path())
                }));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn a_secret_longer_than_any_of_ours_is_not_even_looked_up() {
    let market = Marketplace::start().await;
    let visitor = market.visitor();
    let review = "reviews/rev_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f/confirm-by-link";

    for (path, field, longest) in [
        ("auth/email/verify", "token", 256),
        ("auth/password/reset", "token", 256),
        ("auth/token/refresh", "refresh_token", 256),
        ("auth/token/verify", "token", 4096),
        ("auth/token/revoke", "token", 4096),
        (review, "token", 200),
    ] {
        let mut body = json!({ field: "x".repeat(longest + 1) });
        if path == "auth/password/reset" {
            body["password"] = json!("correct horse battery staple");
        }
        let reply = visitor.post(path, body).await.refused(422, "validation");
        assert_eq!(reply.pointers(), [format!("/{field}")], "{path}");
    }
}

#[tokio::test]
async fn figures_of_days_that_run_backwards_are_refused_as_described() {
    let market = Marketplace::start().await;
    let provider = market.provider().await;

    let reply = provider.get("providers/me/stats?from=2289-05-22&to=2026-05-08").await;

    let reply = reply.refused(422, "validation");
    let stats = Operation::all().into_iter().find(|operation| operation.id == "getMyStats");
    assert!(stats.is_some_and(|stats| stats.documents(422)), "{}", reply.asked);
}

#[tokio::test]
async fn a_review_of_a_booking_that_is_not_there_is_refused_as_described() {
    let market = Marketplace::start().await;
    let client = market.client().await;
    let body = json!({
        "booking_id": "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
        "stars": 5,
        "text": "On time, tidy, and the shelves are straight.",
    });

    let reply = client.post("reviews", body).await.refused(404, "booking.not_found");

    let write = Operation::all().into_iter().find(|operation| operation.id == "writeReview");
    assert!(write.is_some_and(|write| write.documents(404)), "{}", reply.asked);
}
