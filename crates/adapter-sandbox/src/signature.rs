use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `t=<seconds>,v1=<hex of HMAC-SHA-256 over "t.body">`.
pub(crate) fn signature(secret: &str, body: &[u8], at: DateTime<Utc>) -> String {
    let time = at.timestamp();
    let code = mac(secret, time, body).finalize().into_bytes();
    code.iter().fold(format!("t={time},v1="), |header, byte| format!("{header}{byte:02x}"))
}

/// The code over a body that was signed at a time in seconds since 1970.
pub(crate) fn mac(secret: &str, time: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    mac
}

/// The bytes behind hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = |index: usize| {
        text.get(index..index + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    text.len().is_multiple_of(2).then(|| (0..text.len()).step_by(2).map(digits).collect()).flatten()
}
