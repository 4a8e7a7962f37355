use chrono::{DateTime, Utc};
use gateway_client::hmac_sha256;

/// `t=<seconds>,v1=<hex of HMAC-SHA-256 over "t.body">`.
pub(crate) fn signature(secret: &str, body: &[u8], at: DateTime<Utc>) -> String {
    let time = at.timestamp().to_string();
    let code = hmac_sha256(secret.as_bytes(), &[time.as_bytes(), b".", body]);
    format!("t={time},v1={}", hex::encode(code))
}
