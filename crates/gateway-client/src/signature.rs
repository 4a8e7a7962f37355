use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// HMAC-SHA-256 over these parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac(key, parts).finalize().into_bytes().into()
}

/// Whether a code is that of these parts, in a time that does not depend on how wrong it is.
pub fn hmac_holds(key: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
    mac(key, parts).verify_slice(code).is_ok()
}
