use std::collections::BTreeMap;

use super::error::{Refusal, Result};

/// The parameters of a request, in the notation `metadata[key]`, `items[0][price]`. Each is taken
/// once; what nobody took is unknown, and an error.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// A parameter; one that is empty counts as unset.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn integer(&mut self, name: &str) -> Result<Option<i64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Refusal::invalid(name, &format!("Invalid integer: {text}"));
        text.parse().map(Some).map_err(|_| wrong().coded("parameter_invalid_integer"))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refusal::invalid(name, &format!("Invalid boolean: {other}"))),
        }
    }

    pub(crate) fn one_of(&mut self, name: &str, words: &[&str]) -> Result<Option<String>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if words.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        let words = words.join(", ");
        Err(Refusal::invalid(name, &format!("Invalid {name}: must be one of {words}")))
    }

    /// An amount in the currency's minor unit.
    pub(crate) fn amount(&mut self, name: &str) -> Result<Option<i64>> {
        match self.integer(name)? {
            Some(amount) if amount < 1 => {
                Err(Refusal::invalid(name, "This value must be greater than or equal to 1.")
                    .coded("parameter_invalid_integer"))
            }
            Some(amount) if amount > 99_999_999 => {
                Err(Refusal::invalid(name, "Amount must be no more than 999,999.99")
                    .coded("amount_too_large"))
            }
            amount => Ok(amount),
        }
    }

    pub(crate) fn currency(&mut self, name: &str) -> Result<String> {
        let text = self.required(name)?;
        if text.parse_currency() {
            return Ok(text);
        }
        Err(Refusal::invalid(name, &format!("Invalid currency: {text}")))
    }

    /// `name[key]=value` for any key.
    pub(crate) fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        let prefix = format!("{name}[");
        let mut map = BTreeMap::new();
        self.0.retain(|(known, value)| {
            let key = known.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(']'));
            match key {
                Some(key) if !key.contains('[') => {
                    map.insert(key.to_owned(), value.clone());
                    false
                }
                _ => true,
            }
        });
        map
    }

    /// `name[]` or `name[0]`, `name[1]`, …
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let prefix = format!("{name}[");
        let (mut list, mut rest) = (Vec::new(), Vec::new());
        for (known, value) in self.0.drain(..) {
            let index = known.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(']'));
            if index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit())) {
                list.push(value);
            } else {
                rest.push((known, value));
            }
        }
        self.0 = rest;
        list
    }

    /// Everything was taken.
    pub(crate) fn finish(self) -> Result<()> {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        match names.as_slice() {
            [] => Ok(()),
            [name] => Err(Refusal::invalid(name, &format!("Received unknown parameter: {name}"))
                .coded("parameter_unknown")),
            [name, ..] => {
                let message = format!("Received unknown parameters: {}", names.join(", "));
                Err(Refusal::invalid(name, &message).coded("parameter_unknown"))
            }
        }
    }
}

trait ParseCurrency {
    fn parse_currency(&self) -> bool;
}

impl ParseCurrency for String {
    /// Lower case is what the manual says; the letters themselves must be of ISO 4217.
    fn parse_currency(&self) -> bool {
        let lower = self.bytes().all(|byte| byte.is_ascii_lowercase());
        lower && self.to_uppercase().parse::<kernel::Currency>().is_ok()
    }
}
