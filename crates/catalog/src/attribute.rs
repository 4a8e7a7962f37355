use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use kernel::{FieldErrors, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Key;

/// What a listing type wants to know of its listings, as declared.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of an attribute")]
pub struct Attribute {
    /// Its name for programs.
    pub key: Key,
    /// Its name for people.
    pub label: String,
    /// What its values are.
    pub kind: AttributeKind,
    /// Whether a listing needs it to be published.
    pub required: bool,
    /// Whether lists may be filtered by it.
    pub filterable: bool,
    /// Whether the full-text search reads it.
    pub searchable: bool,
    /// Whether a change of it applies at once where others wait for a moderator.
    pub harmless: bool,
    /// What its numbers count, such as `m²`.
    pub unit: Option<String>,
}

/// What the values of an attribute are. Bounds are included.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeKind {
    /// Any text of up to so many characters.
    Text {
        /// At most [`AttributeKind::MAX_TEXT`].
        max_length: usize,
    },
    /// Whole numbers, within ±2^53 so that every client reads them exactly.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Numbers.
    Decimal {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// Yes or no.
    Boolean,
    /// One of the choices.
    Enum {
        /// In the order in which they are shown.
        choices: Vec<Choice>,
    },
    /// Some of the choices, each once.
    MultiEnum {
        /// In the order in which they are shown.
        choices: Vec<Choice>,
    },
    /// A calendar day from 1900 to 2199.
    Date,
}

impl AttributeKind {
    /// The longest text.
    pub const MAX_TEXT: usize = 2_000;
    /// The greatest whole number that every client reads exactly: 2^53.
    pub const MAX_INTEGER: i64 = 9_007_199_254_740_992;
    /// The greatest number.
    pub const MAX_DECIMAL: f64 = 1e15;

    /// Its name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Integer { .. } => "integer",
            Self::Decimal { .. } => "decimal",
            Self::Boolean => "boolean",
            Self::Enum { .. } => "enum",
            Self::MultiEnum { .. } => "multi_enum",
            Self::Date => "date",
        }
    }

    /// Reads a value of this kind.
    fn read(&self, given: &Value) -> Result<AttributeValue, ValueFault> {
        match self {
            Self::Text { max_length } => read_text(given, *max_length),
            Self::Integer { min, max } => {
                let number = given.as_i64().ok_or(ValueFault::Kind("a whole number"))?;
                if (*min..=*max).contains(&number) {
                    Ok(AttributeValue::Integer(number))
                } else {
                    Err(ValueFault::Range { min: min.to_string(), max: max.to_string() })
                }
            }
            Self::Decimal { min, max } => {
                let number = given.as_f64().ok_or(ValueFault::Kind("a number"))?;
                if (*min..=*max).contains(&number) {
                    Ok(AttributeValue::Decimal(number))
                } else {
                    Err(ValueFault::Range { min: min.to_string(), max: max.to_string() })
                }
            }
            Self::Boolean => given
                .as_bool()
                .map(AttributeValue::Boolean)
                .ok_or(ValueFault::Kind("true or false")),
            Self::Enum { choices } => {
                let key = given.as_str().ok_or(ValueFault::Kind("one of the choices, a string"))?;
                chosen(choices, key).map(AttributeValue::Text)
            }
            Self::MultiEnum { choices } => read_choices(given, choices),
            Self::Date => read_date(given),
        }
    }
}

fn read_text(given: &Value, max_length: usize) -> Result<AttributeValue, ValueFault> {
    let text = given.as_str().ok_or(ValueFault::Kind("a string"))?;
    let text = Text::<1, { AttributeKind::MAX_TEXT }>::new(text)
        .map_err(|error| ValueFault::Text { code: error.code(), detail: error.to_string() })?;
    let length = text.chars().count();
    if length > max_length {
        let detail = format!("must have at most {max_length} characters, has {length}");
        return Err(ValueFault::Text { code: "too_long", detail });
    }
    Ok(AttributeValue::Text(text.into_string()))
}

fn read_choices(given: &Value, choices: &[Choice]) -> Result<AttributeValue, ValueFault> {
    let wanted = "a list of choices, each a string";
    let given = given.as_array().ok_or(ValueFault::Kind(wanted))?;
    let mut picked = BTreeSet::new();
    for key in given {
        let key = key.as_str().ok_or(ValueFault::Kind(wanted))?;
        if !picked.insert(chosen(choices, key)?) {
            return Err(ValueFault::Duplicate);
        }
    }
    if picked.is_empty() {
        return Err(ValueFault::Empty);
    }
    Ok(AttributeValue::Choices(picked))
}

fn chosen(choices: &[Choice], key: &str) -> Result<String, ValueFault> {
    if choices.iter().any(|choice| choice.key.as_str() == key) {
        Ok(key.to_owned())
    } else {
        Err(ValueFault::Choice(choices.iter().map(|choice| choice.key.to_string()).collect()))
    }
}

fn read_date(given: &Value) -> Result<AttributeValue, ValueFault> {
    let wanted = ValueFault::Kind("a day such as 2026-01-31");
    let Some(text) = given.as_str().filter(|text| text.len() == 10) else { return Err(wanted) };
    let day: NaiveDate = text.parse().map_err(|_| wanted)?;
    if day.format("%Y-%m-%d").to_string() != text {
        return Err(ValueFault::Kind("a day such as 2026-01-31"));
    }
    if !("1900-01-01"..="2199-12-31").contains(&text) {
        return Err(ValueFault::Range {
            min: "1900-01-01".to_owned(),
            max: "2199-12-31".to_owned(),
        });
    }
    Ok(AttributeValue::Text(text.to_owned()))
}

enum ValueFault {
    Kind(&'static str),
    Range { min: String, max: String },
    Text { code: &'static str, detail: String },
    Choice(Vec<String>),
    Duplicate,
    Empty,
}

impl ValueFault {
    fn note(self, pointer: String, errors: &mut FieldErrors) {
        match self {
            Self::Kind(wanted) => errors.add(pointer, "wrong_kind", format!("must be {wanted}")),
            Self::Range { min, max } => {
                errors.add(pointer, "out_of_range", format!("must lie between {min} and {max}"));
            }
            Self::Text { code, detail } => errors.add(pointer, code, detail),
            Self::Choice(choices) => {
                let detail = format!("must be one of {}", choices.join(", "));
                errors.add(pointer, "unknown_choice", detail);
            }
            Self::Duplicate => errors.add(pointer, "duplicate", "names a choice twice"),
            Self::Empty => errors.add(pointer, "empty", "must name a choice; use null for none"),
        }
    }
}

/// One of the values that an `enum` or `multi_enum` attribute may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its name for programs.
    pub key: Key,
    /// Its name for people.
    pub label: String,
}

/// A value on the wire. What it means is said by the kind that the listing type declares: a text
/// may be a free text, a choice or a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Decimal(f64),
    /// A text, the key of a choice, or a day as `2026-01-31`.
    Text(String),
    /// Keys of choices.
    Choices(BTreeSet<String>),
}

/// The values of a listing's attributes. Made only by checking them against a listing type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, AttributeValue>);

impl Attributes {
    /// None.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The values of a record that were checked when they were written.
    pub const fn from_stored(values: BTreeMap<String, AttributeValue>) -> Self {
        Self(values)
    }

    /// The value of an attribute, if it has one.
    pub fn get(&self, key: &str) -> Option<&AttributeValue> {
        self.0.get(key)
    }

    /// All values, by the keys of their attributes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The keys whose values differ between the two.
    pub fn differing(&self, other: &Self) -> BTreeSet<String> {
        let keys = self.0.keys().chain(other.0.keys());
        keys.filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }

    /// These values, but those of `keys` as `other` has them.
    #[must_use]
    pub(crate) fn replaced(&self, keys: &BTreeSet<String>, other: &Self) -> Self {
        let mut values = self.0.clone();
        for key in keys {
            match other.0.get(key) {
                Some(value) => values.insert(key.clone(), value.clone()),
                None => values.remove(key),
            };
        }
        Self(values)
    }

    /// These values with those of `patch` over them, as a JSON merge patch: null takes a value
    /// away. Everything that does not fit the declarations is noted, each under
    /// `/attributes/KEY`.
    #[must_use]
    pub fn patched(
        &self,
        declared: &[Attribute],
        patch: &BTreeMap<String, Value>,
        errors: &mut FieldErrors,
    ) -> Self {
        let mut values = self.0.clone();
        for (key, given) in patch {
            let pointer = pointer_to(key);
            let Some(attribute) = declared.iter().find(|a| a.key.as_str() == key) else {
                let detail = if declared.is_empty() {
                    "this type of listing has no attributes".to_owned()
                } else {
                    let keys: Vec<_> = declared.iter().map(|a| a.key.as_str()).collect();
                    format!("is not declared; declared are {}", keys.join(", "))
                };
                errors.add(pointer, "unknown_attribute", detail);
                continue;
            };
            if given.is_null() {
                values.remove(key);
                continue;
            }
            match attribute.kind.read(given) {
                Ok(value) => {
                    values.insert(key.clone(), value);
                }
                Err(fault) => fault.note(pointer, errors),
            }
        }
        Self(values)
    }

    /// Notes everything that these values lack or break under the declarations: what a listing
    /// needs to be published.
    pub fn check(&self, declared: &[Attribute], errors: &mut FieldErrors) {
        for attribute in declared.iter().filter(|attribute| attribute.required) {
            if !self.0.contains_key(attribute.key.as_str()) {
                errors.add(pointer_to(attribute.key.as_str()), "required", "is needed");
            }
        }
        for (key, value) in &self.0 {
            match declared.iter().find(|a| a.key.as_str() == key) {
                None => errors.add(pointer_to(key), "unknown_attribute", "is not declared"),
                Some(attribute) => {
                    if let Err(fault) = attribute.kind.read(&value.to_json()) {
                        fault.note(pointer_to(key), errors);
                    }
                }
            }
        }
    }
}

impl AttributeValue {
    /// The value as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Boolean(value) => Value::from(*value),
            Self::Integer(value) => Value::from(*value),
            Self::Decimal(value) => Value::from(*value),
            Self::Text(value) => Value::from(value.as_str()),
            Self::Choices(keys) => keys.iter().map(String::as_str).collect(),
        }
    }
}

/// The JSON pointer (RFC 6901) to an attribute, its key cut to a sane length.
fn pointer_to(key: &str) -> String {
    let key: String = key.chars().take(Key::MAX).collect();
    format!("/attributes/{}", key.replace('~', "~0").replace('/', "~1"))
}
