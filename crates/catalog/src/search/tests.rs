use std::sync::Arc;

use kernel::{CategoryId, Currency, Distance, FieldErrors, ListingId, Slug};
use serde_json::json;

use super::*;
use crate::{Category, CategoryName, ListingType, Taxonomy};

fn attribute(key: &str, kind: &str, choices: &[&str]) -> serde_json::Value {
    let choices: Vec<_> = choices.iter().map(|key| json!({"key": key, "label": key})).collect();
    json!({
        "key": key, "label": key, "kind": kind, "filterable": kind != "text", "choices": choices,
    })
}

fn a_type(key: &str, attributes: &[serde_json::Value]) -> ListingType {
    let declaration = json!({"key": key, "title": key, "plural": key, "attributes": attributes});
    ListingType::new(serde_json::from_value(declaration).unwrap()).unwrap()
}

fn a_category(number: u64, parent: Option<u64>) -> Category {
    let id = |number| CategoryId::from_uuid(uuid::Uuid::from_u64_pair(0, number));
    Category {
        id: id(number),
        parent: parent.map(id),
        slug: Slug::new(&format!("category-{number}")).unwrap(),
        name: CategoryName::new("A category").unwrap(),
        translations: std::collections::BTreeMap::new(),
        position: 0,
        version: 1,
    }
}

fn vocabulary() -> Vocabulary {
    let project = [
        attribute("area", "integer", &[]),
        attribute("style", "enum", &["loft", "classic"]),
        attribute("diet", "multi_enum", &["vegan", "nut_free"]),
        attribute("height", "decimal", &[]),
        attribute("furnished", "boolean", &[]),
        attribute("ready_on", "date", &[]),
        attribute("notes", "text", &[]),
    ];
    let animal = [attribute("area", "date", &[]), attribute("style", "enum", &["show"])];
    let categories = vec![a_category(1, None), a_category(2, Some(1)), a_category(3, Some(2))];
    let types = vec![a_type("project", &project), a_type("animal", &animal)];
    Vocabulary::new(Arc::new(Taxonomy::new(types, categories)), Currency::EUR)
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

fn listings(query: &str) -> ListingQuery {
    ListingQuery::parse(pairs(query), &vocabulary()).unwrap().query
}

fn refused(query: &str) -> Vec<(String, &'static str)> {
    let errors = ListingQuery::parse(pairs(query), &vocabulary()).unwrap_err();
    codes(errors)
}

fn codes(FieldErrors(errors): FieldErrors) -> Vec<(String, &'static str)> {
    errors.into_iter().map(|error| (error.pointer, error.code)).collect()
}

#[test]
fn a_list_without_parameters_is_the_newest_first() {
    let query = listings("");

    assert_eq!(query.sort, Sort::Newest);
    assert_eq!(query.limit.get(), 20);
    assert_eq!(query.price, None);
}

#[test]
fn words_are_ranked_unless_asked_otherwise() {
    assert_eq!(listings("q=sofa").sort, Sort::Relevance);
    assert_eq!(listings("q=sofa&sort=-rating").sort, Sort::BestRated);
}

#[test]
fn a_price_is_of_the_marketplace_currency_unless_said() {
    let price = listings("price[gte]=1000&price[lte]=2000").price.unwrap();
    assert_eq!(price.currency, Currency::EUR);
    assert_eq!(price.minor, Range::new(Some(1000), Some(2000)));

    let price = listings("sort=price&currency=USD").price.unwrap();
    assert_eq!(price, PriceFilter { currency: Currency::USD, minor: None });
}

#[test]
fn miles_and_kilometres_are_distances() {
    let near = listings("near=52.52,13.40&within_mi=50").near.unwrap();

    assert_eq!(near.within, Some(Distance::from_miles(50.0).unwrap()));
    assert_eq!(near.place.lat().to_string(), "52.52");
}

#[test]
fn every_kind_of_attribute_has_its_condition() {
    let query = listings(
        "type=project&attr.area[gte]=20&attr.area[lte]=80&attr.style=loft,classic&attr.diet=vegan\
         &attr.height=2.5&attr.furnished=true&attr.ready_on[lte]=2026-12-01",
    );

    let conditions: Vec<_> = query
        .attributes
        .into_iter()
        .map(|AttributeFilter { key, condition }| match condition {
            AttributeCondition::Number(range) => format!("{key} in {range}"),
            AttributeCondition::Day(range) => format!("{key} in {range}"),
            AttributeCondition::AnyOf(choices) => format!("{key} any of {choices:?}"),
            AttributeCondition::AllOf(choices) => format!("{key} all of {choices:?}"),
            AttributeCondition::Is(value) => format!("{key} is {value}"),
            AttributeCondition::Text(text) => format!("{key} is {text}"),
        })
        .collect();
    assert_eq!(
        conditions,
        [
            "area in 20.0..80.0",
            "diet all of {\"vegan\"}",
            "furnished is true",
            "height in 2.5..2.5",
            "ready_on in ..2026-12-01",
            "style any of {\"classic\", \"loft\"}",
        ]
    );
}

#[test]
fn types_that_share_an_attribute_share_its_choices() {
    assert_eq!(listings("attr.style=loft,show").attributes.len(), 1);
    assert_eq!(refused("attr.area[gte]=5"), [("attr.area".to_owned(), "ambiguous_attribute")]);
    assert_eq!(listings("type=project&attr.area[gte]=5").attributes.len(), 1);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let codes = refused(
        "colour=red&type=car&attr.wings=2&attr.notes=x&attr.style=cubist&attr.area=big&price[gte]=-1\
         &rating[gte]=6&near=91,0&within_km=5&within_mi=5&sort=cheap&limit=51&category=lst_1,category-9\
         &created_at[gte]=today&is_favorite=yes&q=-&currency=eur&facets=category",
    );

    let mut lines: Vec<_> = codes.iter().map(|(name, code)| format!("{name}: {code}")).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "attr.area: ambiguous_attribute",
            "attr.notes: not_filterable",
            "attr.style: unknown_choice",
            "attr.wings: unknown_attribute",
            "category: unknown_category",
            "category: unknown_category",
            "colour: unknown_parameter",
            "created_at[gte]: invalid_time",
            "currency: unknown_currency",
            "facets: unknown_parameter",
            "is_favorite: invalid_value",
            "limit: out_of_range",
            "near: invalid_place",
            "price[gte]: out_of_range",
            "q: too_short",
            "rating[gte]: out_of_range",
            "sort: invalid_value",
            "type: unknown_listing_type",
            "within_mi: conflicting",
        ]
    );
}

#[test]
fn an_order_needs_what_it_orders_by() {
    assert_eq!(refused("sort=distance"), [("sort".to_owned(), "needs_near")]);
    assert_eq!(refused("sort=relevance"), [("sort".to_owned(), "needs_q")]);
    assert_eq!(refused("within_km=5"), [("near".to_owned(), "required")]);
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    for (query, name, code) in [
        ("attr.area=2.5", "attr.area", "invalid_value"),
        ("attr.area[gte]=9&attr.area[lte]=1", "attr.area[lte]", "empty_range"),
        ("attr.area=9&attr.area[lte]=10", "attr.area", "conflicting"),
        ("attr.area[lt]=9", "attr.area[lt]", "unknown_parameter"),
        ("attr.height=NaN", "attr.height", "invalid_value"),
        ("attr.furnished=1", "attr.furnished", "invalid_value"),
        ("attr.style[gte]=loft", "attr.style[gte]", "no_range"),
        ("attr.style=", "attr.style", "too_short"),
        ("attr.ready_on=2026-02-30", "attr.ready_on", "invalid_value"),
        ("limit=5&limit=5", "limit", "repeated_parameter"),
    ] {
        let query = format!("type=project&{query}");
        assert_eq!(refused(&query), [(name.to_owned(), code)], "{query}");
    }
}

#[test]
fn a_category_is_named_by_id_or_slug_and_holds_what_is_below() {
    let wanted = |query: &str| listings(query).categories.wanted.len();

    assert_eq!(wanted(""), 0);
    assert_eq!(wanted("category=category-1"), 3);
    assert_eq!(wanted("category=cat_00000000000000000000000000000002,category-3"), 2);
}

#[test]
fn providers_have_no_price_and_no_attributes() {
    let parsed =
        ProviderQuery::parse(pairs("q=anna&sort=-rating&rating[gte]=4.25"), &vocabulary()).unwrap();
    assert_eq!(parsed.query.rating.unwrap().hundredths(), 425);

    let errors = ProviderQuery::parse(pairs("price[gte]=1&sort=price&attr.area=2"), &vocabulary())
        .unwrap_err();
    let mut refused = codes(errors);
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            ("attr.area".to_owned(), "unknown_parameter"),
            ("price[gte]".to_owned(), "unknown_parameter"),
            ("sort".to_owned(), "invalid_value"),
        ]
    );
}

#[test]
fn a_fingerprint_knows_its_list_and_not_its_page() {
    let print = |query: &str| listings(query).fingerprint();

    assert_eq!(print("type=project,animal&limit=5"), print("type=animal,project&cursor=abc"));
    assert_ne!(print("sort=price"), print("sort=-price"));
    assert_ne!(print("q=sofa"), print("q=sofas"));
    assert_ne!(print("type=project&attr.area=2"), print("type=project&attr.height=2"));
    assert_ne!(print("is_favorite=true"), print(""));
}

#[test]
fn a_position_belongs_to_one_order() {
    let id = ListingId::from_uuid(uuid::Uuid::nil());
    let key = SortKey::Distance(Exact::new(0.1 + 0.2));
    let position = Position { key, id, corrected: None, sponsored: Vec::new() };
    let wire = serde_json::to_string(&position).unwrap();
    assert_eq!(serde_json::from_str::<Position<ListingId>>(&wire).unwrap(), position);

    assert!(listings("sort=distance&near=1,1").continue_after(position.clone()).is_ok());
    assert_eq!(listings("sort=price").continue_after(position.clone()), Err(NotOfThisList));
    let corrected = Position { corrected: Some("sofa".to_owned()), ..position };
    assert_eq!(listings("sort=distance&near=1,1").continue_after(corrected), Err(NotOfThisList));
}
