use billing::GatewayError;
use gateway_client::senseless;
use kernel::{Currency, Money};
use serde_json::Value;

/// An amount as the gateway writes it: `10.50`.
pub(crate) fn decimal(amount: Money) -> Result<String, GatewayError> {
    if amount.currency().exponent() != 2 || amount.minor() < 1 {
        let message = format!("{amount} cannot be said with two decimals");
        return Err(GatewayError::Refused { message });
    }
    Ok(format!("{}.{:02}", amount.minor() / 100, amount.minor() % 100))
}

/// A decimal number, or a text that holds one, in minor units. Digits are read, never a float.
pub(crate) fn money(value: &Value, currency: Currency) -> Result<Money, GatewayError> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(senseless("an amount is missing")),
    };
    let minor = minor(&text).filter(|_| currency.exponent() == 2);
    minor
        .map(|minor| Money::new(minor, currency))
        .ok_or_else(|| senseless("an amount that is none"))
}

pub(crate) fn minor(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (part, rest) = part.split_at_checked(2).unwrap_or((part, ""));
    if whole.is_empty() || !digits(whole) || !digits(part) || rest.bytes().any(|byte| byte != b'0')
    {
        return None;
    }
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_digit_by_digit() {
        let read = ["10", "10.5", "10.50", "0.01", "10.5000", "92233720368547758.07"].map(minor);
        let minors = [1000, 1050, 1050, 1, 1050, i64::MAX];
        assert_eq!(read, minors.map(Some));
        for wrong in ["", "-1", "1.234", "1e3", ".5", "92233720368547758.08", "1,5"] {
            assert_eq!(minor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_money_of_two_decimals_can_be_said() {
        let of = |minor, code: &str| decimal(Money::new(minor, code.parse().unwrap()));
        assert_eq!(of(1050, "RUB").unwrap(), "10.50");
        assert_eq!(of(5, "EUR").unwrap(), "0.05");
        assert!(of(100, "JPY").is_err() && of(0, "RUB").is_err());
    }
}
