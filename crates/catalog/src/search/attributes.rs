use std::collections::BTreeSet;

use chrono::NaiveDate;
use kernel::Text;

use super::parameters::Parameters;
use super::query::{AttributeCondition, AttributeFilter};
use super::range::Range;
use super::vocabulary::{AttributeValues, NoSuchAttribute, Vocabulary};

/// What the names of all conditions on attributes begin with.
const PREFIX: &str = "attr.";
/// The most attributes that one search may filter by.
const MOST_FILTERS: usize = 20;

/// In how many ways a search may choose where any of several choices will do.
const MOST_WAYS: usize = 500;

/// The value, or the two ends, that were given for an attribute.
struct Given {
    key: String,
    exactly: Option<String>,
    least: Option<String>,
    greatest: Option<String>,
}

/// Understands the conditions on attributes, `attr.KEY=…` and `attr.KEY[gte]=…`, by what the
/// listing types declare.
pub(super) fn parse(
    parameters: &mut Parameters,
    types: &BTreeSet<String>,
    vocabulary: &Vocabulary,
) -> Vec<AttributeFilter> {
    let given = gather(parameters);
    if given.len() > MOST_FILTERS {
        let detail = format!("at most {MOST_FILTERS} attributes at once");
        parameters.errors.add("attr", "too_many", detail);
        return Vec::new();
    }
    let filter = |given: Given| {
        let values = declared(parameters, &given.key, types, vocabulary)?;
        let key = given.key.clone();
        condition(parameters, given, &values).map(|condition| AttributeFilter { key, condition })
    };
    let filters: Vec<_> = given.into_iter().filter_map(filter).collect();
    let ways = filters.iter().map(|filter| match &filter.condition {
        AttributeCondition::AnyOf(choices) => choices.len(),
        AttributeCondition::AllOf(_)
        | AttributeCondition::Number(_)
        | AttributeCondition::Day(_)
        | AttributeCondition::Is(_)
        | AttributeCondition::Text(_) => 1,
    });
    if ways.fold(1, usize::saturating_mul) > MOST_WAYS {
        let detail = format!("leave more than {MOST_WAYS} ways to choose; name fewer choices");
        parameters.errors.add("attr", "too_many", detail);
    }
    filters
}

fn gather(parameters: &mut Parameters) -> Vec<Given> {
    let mut all: Vec<Given> = Vec::new();
    for (name, value) in parameters.take_all(PREFIX) {
        let bare = &name[PREFIX.len()..];
        let (key, end) = match bare.strip_suffix(']').and_then(|bare| bare.split_once('[')) {
            Some((key, end)) => (key, Some(end)),
            None => (bare, None),
        };
        if !matches!(end, None | Some("gte" | "lte")) {
            let detail = "an attribute takes [gte], [lte] or neither";
            parameters.errors.add(&name, "unknown_parameter", detail);
            continue;
        }
        if all.last().is_none_or(|last| last.key != key) {
            let key = key.to_owned();
            all.push(Given { key, exactly: None, least: None, greatest: None });
        }
        if let Some(given) = all.last_mut() {
            match end {
                None => given.exactly = Some(value),
                Some("gte") => given.least = Some(value),
                Some(_) => given.greatest = Some(value),
            }
        }
    }
    all
}

fn declared(
    parameters: &mut Parameters,
    key: &str,
    types: &BTreeSet<String>,
    vocabulary: &Vocabulary,
) -> Option<AttributeValues> {
    let name: String = format!("{PREFIX}{key}").chars().take(64).collect();
    match vocabulary.values(key, types) {
        Ok(values) => return Some(values),
        Err(NoSuchAttribute::Undeclared) => {
            parameters.errors.add(name, "unknown_attribute", "no listing type declares this");
        }
        Err(NoSuchAttribute::Unfilterable) => {
            parameters.errors.add(name, "not_filterable", "is not declared as filterable");
        }
        Err(NoSuchAttribute::Ambiguous) => {
            let detail = "listing types declare this differently: say which type is meant";
            parameters.errors.add(name, "ambiguous_attribute", detail);
        }
    }
    None
}

fn condition(
    parameters: &mut Parameters,
    given: Given,
    values: &AttributeValues,
) -> Option<AttributeCondition> {
    let name = format!("{PREFIX}{}", given.key);
    match values {
        AttributeValues::Integer => {
            let whole = |text: &str| text.parse::<i64>().ok().and_then(exact);
            range(parameters, &name, &given, "a whole number", whole)
                .map(AttributeCondition::Number)
        }
        AttributeValues::Decimal => {
            let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
            range(parameters, &name, &given, "a number", number).map(AttributeCondition::Number)
        }
        AttributeValues::Date => {
            let day = |text: &str| text.parse::<NaiveDate>().ok();
            range(parameters, &name, &given, "a day such as 2026-05-01", day)
                .map(AttributeCondition::Day)
        }
        AttributeValues::Boolean => {
            let value = single(parameters, &name, given)?;
            let parsed = value.parse::<bool>().map_err(|_| "must be true or false");
            parameters.errors.check(&name, "invalid_value", parsed).map(AttributeCondition::Is)
        }
        AttributeValues::Text => {
            let value = single(parameters, &name, given)?;
            let text = Text::<1, 200>::new(&value).map(Text::into_string);
            parameters.errors.check(&name, "invalid_value", text).map(AttributeCondition::Text)
        }
        AttributeValues::Enum(known) => {
            choices(parameters, &name, given, known).map(AttributeCondition::AnyOf)
        }
        AttributeValues::MultiEnum(known) => {
            choices(parameters, &name, given, known).map(AttributeCondition::AllOf)
        }
    }
}

/// Numbers are compared as 64-bit floating point; beyond 2^53 that would no longer be exact.
fn exact(number: i64) -> Option<f64> {
    const LIMIT: i64 = 1 << 53;
    if !(-LIMIT..=LIMIT).contains(&number) {
        return None;
    }
    number.to_string().parse().ok()
}

fn range<T: Copy + PartialOrd>(
    parameters: &mut Parameters,
    name: &str,
    given: &Given,
    kind: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<Range<T>> {
    let mut value = |name: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        let detail = format!("must be {kind}");
        parameters.errors.check(name, "invalid_value", parse(text).ok_or(detail))
    };
    let exactly = value(name, &given.exactly);
    let least = value(&format!("{name}[gte]"), &given.least);
    let greatest = value(&format!("{name}[lte]"), &given.greatest);
    if given.exactly.is_some() && (given.least.is_some() || given.greatest.is_some()) {
        let detail = "give one value or a range, not both";
        parameters.errors.add(name, "conflicting", detail);
    }
    exactly.map(Range::exactly).or_else(|| parameters.range(name, least, greatest))
}

fn single(parameters: &mut Parameters, name: &str, given: Given) -> Option<String> {
    for (end, value) in [("gte", &given.least), ("lte", &given.greatest)] {
        if value.is_some() {
            let name = format!("{name}[{end}]");
            parameters.errors.add(name, "no_range", "this attribute has no order: give a value");
        }
    }
    given.exactly
}

fn choices(
    parameters: &mut Parameters,
    name: &str,
    given: Given,
    known: &BTreeSet<String>,
) -> Option<BTreeSet<String>> {
    let value = single(parameters, name, given)?;
    let chosen = parameters.parts(name, &value);
    if chosen.is_empty() {
        return None;
    }
    if chosen.is_subset(known) {
        return Some(chosen);
    }
    let all: Vec<_> = known.iter().map(String::as_str).collect();
    parameters.errors.add(name, "unknown_choice", format!("must be of {}", all.join(", ")));
    None
}
