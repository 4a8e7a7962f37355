use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use serde_json::Value as Json;

use super::{ConfigError, Settings};

const PREFIX: &str = "MERCATO__";

/// Settings given one by one, as text; the default of each says what kind of value it is.
pub(super) struct Values {
    origin: &'static str,
    values: Dict,
}

impl Values {
    /// `MERCATO__SECTION__KEY`, the same with `_FILE` for a file that holds the value, and
    /// `DATABASE_URL`.
    pub(super) fn of_environment(variables: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut values = Self { origin: "environment variables", values: Dict::new() };
        let known = known();
        for (variable, text) in variables {
            let key = match variable.as_str() {
                "DATABASE_URL" | "DATABASE_URL_FILE" if !is_set(variables, variable) => {
                    variable.to_lowercase().replacen('_', ".", 1)
                }
                _ => match variable.strip_prefix(PREFIX) {
                    Some(rest) => rest.to_lowercase().replace("__", "."),
                    None => continue,
                },
            };
            let named_file = key.strip_suffix("_file").filter(|_| find(&known, &key).is_none());
            let (key, text) = match named_file {
                Some(key) => (key.to_owned(), read_secret(variable, text)?),
                None => (key, text.clone()),
            };
            values.set(&known, variable, &key, &text)?;
        }
        Ok(values)
    }

    /// `--set section.key=value` and the flags with a name of their own.
    pub(super) fn of_flags(flags: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut values = Self { origin: "flags", values: Dict::new() };
        let known = known();
        for (key, text) in flags {
            values.set(&known, &format!("--set {key}"), key, text)?;
        }
        Ok(values)
    }

    fn set(
        &mut self,
        known: &Json,
        origin: &str,
        key: &str,
        text: &str,
    ) -> Result<(), ConfigError> {
        let default = find(known, key).filter(|value| !value.is_object()).ok_or_else(|| {
            ConfigError::Unknown { origin: origin.to_owned(), key: key.to_owned() }
        })?;
        insert(&mut self.values, key, typed(default, text));
        Ok(())
    }
}

impl Provider for Values {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// Whether the longer, more exact form of a well-known variable is set and so goes first.
fn is_set(variables: &[(String, String)], short: &str) -> bool {
    let long = format!("{PREFIX}{}", short.replacen('_', "__", 1));
    variables.iter().any(|(name, _)| *name == long)
}

fn known() -> Json {
    serde_json::to_value(Settings::default()).expect("settings are plain tables and values")
}

fn find<'a>(known: &'a Json, key: &str) -> Option<&'a Json> {
    key.split('.').try_fold(known, |table, part| table.get(part))
}

/// Text that cannot be read as the kind of the default stays text, so that the error that follows
/// names the key and what was expected.
fn typed(default: &Json, text: &str) -> Value {
    match default {
        Json::Bool(_) => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Json::Number(_) => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
        Json::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::from(items.map(Value::from).collect::<Vec<_>>())
        }
        // Unset by default: a text, or a yes or no.
        Json::Null => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Json::String(_) | Json::Object(_) => Value::from(text),
    }
}

fn insert(table: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let entry = table.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

fn read_secret(variable: &str, path: &str) -> Result<String, ConfigError> {
    let path = PathBuf::from(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(source) => Err(ConfigError::SecretFile { variable: variable.to_owned(), path, source }),
    }
}
