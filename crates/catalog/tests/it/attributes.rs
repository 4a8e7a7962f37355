//! Values against what a listing type declares: everything that is wrong, at once.

use std::collections::BTreeMap;

use catalog::testing::a_listing_type;
use catalog::{
    Attributes, Change, Content, ContentPatch, GivenMoney, GivenPlace, ListingType,
    ListingTypeDeclaration,
};
use kernel::FieldErrors;
use proptest::prelude::*;
use serde_json::{Value, json};

fn recipes() -> ListingType {
    a_listing_type(json!({
        "key": "recipe",
        "title": "Recipe",
        "plural": "Recipes",
        "price_required": true,
        "attributes": [
            {"key": "story", "label": "Story", "kind": "text", "max_length": 10},
            {"key": "minutes", "label": "Time", "kind": "integer", "min": 1, "max": 600, "required": true},
            {"key": "rating", "label": "Rating", "kind": "decimal", "min": 0.5, "max": 5},
            {"key": "vegan", "label": "Vegan", "kind": "boolean"},
            {"key": "course", "label": "Course", "kind": "enum", "choices": [
                {"key": "starter", "label": "Starter"}, {"key": "main", "label": "Main"},
            ]},
            {"key": "allergens", "label": "Allergens", "kind": "multi_enum", "choices": [
                {"key": "nuts", "label": "Nuts"}, {"key": "milk", "label": "Milk"},
            ]},
            {"key": "since", "label": "Since", "kind": "date"},
        ],
    }))
}

fn patch(values: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(values).unwrap()
}

fn refusals(values: Value) -> Vec<(String, &'static str)> {
    let mut errors = FieldErrors::new();
    let _ = Attributes::new().patched(recipes().attributes(), &patch(values), &mut errors);
    errors.0.into_iter().map(|error| (error.pointer, error.code)).collect()
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let wrong = refusals(json!({
        "allergens": ["nuts", "nuts"], "course": "dessert", "minutes": 601, "rating": "4",
        "since": "3026-01-01", "story": "eleven char", "vegan": 1, "x/y~z": true,
    }));

    let expected = [
        ("/attributes/allergens", "duplicate"),
        ("/attributes/course", "unknown_choice"),
        ("/attributes/minutes", "out_of_range"),
        ("/attributes/rating", "wrong_kind"),
        ("/attributes/since", "out_of_range"),
        ("/attributes/story", "too_long"),
        ("/attributes/vegan", "wrong_kind"),
        ("/attributes/x~1y~0z", "unknown_attribute"),
    ];
    assert_eq!(wrong, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn values_of_another_kind_are_refused() {
    let wrong = [
        ("minutes", json!(1.5)),
        ("minutes", json!("1")),
        ("minutes", json!(9_223_372_036_854_775_808_u64)),
        ("rating", json!(null_of_numbers())),
        ("story", json!("a\u{0}b")),
        ("story", json!("  ")),
        ("since", json!("2026-02-30")),
        ("since", json!("2026-2-3")),
        ("since", json!("+2026-02-3")),
        ("allergens", json!([])),
        ("allergens", json!("nuts")),
        ("course", json!(["main"])),
        ("vegan", json!("true")),
    ];
    for (key, value) in wrong {
        assert_eq!(refusals(json!({ key: value })).len(), 1, "{key}: {value}");
    }
}

fn null_of_numbers() -> Value {
    json!({"number": 1})
}

#[test]
fn null_takes_a_value_away() {
    let mut errors = FieldErrors::new();
    let declared = recipes();
    let before = Attributes::new().patched(
        declared.attributes(),
        &patch(json!({"minutes": 30, "vegan": true})),
        &mut errors,
    );

    let after = before.patched(declared.attributes(), &patch(json!({"vegan": null})), &mut errors);

    assert!(errors.is_empty());
    assert_eq!(json!(after), json!({"minutes": 30}));
    assert_eq!(before.differing(&after).into_iter().collect::<Vec<_>>(), ["vegan"]);
}

#[test]
fn a_draft_may_lack_what_a_public_listing_needs() {
    let title = ContentPatch { title: Change::Set("Apple pie".to_owned()), ..<_>::default() };

    let content = Content::draft(&recipes(), &title).unwrap();

    let mut errors = FieldErrors::new();
    content.check(&recipes(), &mut errors);
    let missing: Vec<_> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(missing, ["/price", "/attributes/minutes"]);
}

#[test]
fn bad_content_is_refused_with_every_field() {
    let bad = ContentPatch {
        title: Change::Set("a\u{0}".to_owned()),
        description: Change::Set("x".repeat(10_001)),
        category: Change::Set("prv_1".to_owned()),
        price: Change::Set(GivenMoney { amount: -1, currency: "eur".to_owned() }),
        price_unit: Change::Set("per_moon".to_owned()),
        stock: Change::Set(-1),
        attributes: patch(json!({"minutes": 0})),
        location: Change::Set(GivenPlace { lat: 91.0, lon: 0.0 }),
        access: Change::Set("purchase".to_owned()),
    };

    let errors = Content::draft(&recipes(), &bad).unwrap_err();

    let pointers: Vec<_> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/title",
        "/description",
        "/category_id",
        "/price/currency",
        "/price/amount",
        "/price_unit",
        "/stock",
        "/location",
        "/access",
        "/attributes/minutes",
    ];
    assert_eq!(pointers, expected);
}

#[test]
fn a_declaration_that_makes_no_sense_is_refused_with_every_place() {
    let declaration: ListingTypeDeclaration = serde_json::from_value(json!({
        "key": "lamp",
        "title": "",
        "plural": "Lamps",
        "transactions": ["none", "order"],
        "access": [],
        "attributes": [
            {"key": "watts", "label": "Watts", "kind": "integer", "min": 5, "max": 1},
            {"key": "watts", "label": "Watts", "kind": "text", "unit": "W"},
            {"key": "base", "label": "Base", "kind": "enum"},
        ],
    }))
    .unwrap();

    let errors = ListingType::new(declaration).unwrap_err();

    let pointers: Vec<_> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/title",
        "/transactions",
        "/access",
        "/attributes/1/key",
        "/attributes/0/min",
        "/attributes/1/unit",
        "/attributes/2/choices",
    ];
    assert_eq!(pointers, expected);
}

#[test]
fn a_profile_declares_a_type_in_toml() {
    let declaration: ListingTypeDeclaration = toml::from_str(
        r#"
        key = "animal"
        title = "Animal"
        plural = "Animals"
        transactions = ["request"]
        moderation = "before"

        [media]
        min = 1

        [[attributes]]
        key = "breed"
        label = "Breed"
        kind = "enum"
        filterable = true
        choices = [{ key = "golden_retriever", label = "Golden retriever" }]
        "#,
    )
    .unwrap();

    let listing_type = ListingType::new(declaration.clone()).unwrap();

    assert!(listing_type.attribute("breed").unwrap().filterable);
    let stored = serde_json::to_value(listing_type.declaration()).unwrap();
    assert_eq!(serde_json::from_value::<ListingTypeDeclaration>(stored).unwrap(), declaration);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "(nuts|milk|main|2026-01-0[0-9])".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

proptest! {
    #[test]
    fn what_is_accepted_stays_acceptable_and_survives_storage(
        values in prop::collection::btree_map(
            "(story|minutes|rating|vegan|course|allergens|since|other)",
            json_value(),
            0..8,
        ),
    ) {
        let declared = recipes();
        let mut errors = FieldErrors::new();

        let accepted = Attributes::new().patched(declared.attributes(), &values, &mut errors);

        let mut later = FieldErrors::new();
        accepted.check(declared.attributes(), &mut later);
        later.0.retain(|error| error.code != "required");
        prop_assert_eq!(later, FieldErrors::new());
        let stored = serde_json::to_string(&accepted).unwrap();
        prop_assert_eq!(serde_json::from_str::<Attributes>(&stored).unwrap(), accepted);
    }
}
