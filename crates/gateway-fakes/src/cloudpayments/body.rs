use hostile_http::Request;
use serde_json::{Map, Value};

/// Why a request is refused before anything happens: the `Message` of the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

pub(crate) type Result<T> = std::result::Result<T, Refused>;

pub(crate) fn refused<T>(message: &str) -> Result<T> {
    Err(Refused(message.to_owned()))
}

/// The parameters of a call: JSON or a form. Unknown ones are ignored, as by the real one.
#[derive(Debug)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    pub(crate) fn read(request: &Request) -> Result<Self> {
        if request.media_type() == "application/json" {
            return match serde_json::from_slice(&request.body) {
                Ok(Value::Object(fields)) => Ok(Self(fields)),
                _ if request.body.is_empty() => Ok(Self(Map::new())),
                _ => refused("Invalid request format"),
            };
        }
        let fields = request.form_fields().into_iter();
        Ok(Self(fields.map(|(name, value)| (name, Value::String(value))).collect()))
    }

    /// A text; a number counts as one.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<String> {
        self.text(name).ok_or_else(|| Refused(format!("{name} is required")))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Refused(format!("{name} is invalid")))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true") || text == "1",
            _ => false,
        }
    }

    /// An amount in hundredths: at least one, with at most two decimals.
    pub(crate) fn amount(&self) -> Result<i64> {
        let text = self.required("Amount")?;
        hundredths(&text)
            .filter(|amount| *amount > 0)
            .ok_or_else(|| Refused("Amount is invalid".into()))
    }

    pub(crate) fn transaction(&self) -> Result<u64> {
        self.integer("TransactionId")?.ok_or_else(|| Refused("TransactionId is required".into()))
    }

    /// What the merchant added: an object, or a text that holds one.
    pub(crate) fn json_data(&self) -> Option<String> {
        match self.0.get("JsonData")? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

/// `10`, `10.5`, `10.50` in hundredths; no other form.
pub(crate) fn hundredths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part)
}

/// Hundredths as the gateway writes them in JSON.
pub(crate) fn number(amount: i64) -> Value {
    serde_json::from_str(&decimal(amount)).unwrap_or_default()
}

/// Hundredths as the gateway writes them in forms: `10.50`.
pub(crate) fn decimal(amount: i64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_decimal_numbers_with_at_most_two_digits() {
        let read = ["10", "10.5", "10.50", "0.01"].map(hundredths);
        assert_eq!(read, [Some(1000), Some(1050), Some(1050), Some(1)]);

        for wrong in ["", "-1", "1.234", "1e3", "1,50", ".5", "5."] {
            assert_eq!(hundredths(wrong), None, "{wrong}");
        }
    }
}
