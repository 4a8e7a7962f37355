//! The headers that every answer carries (OWASP ASVS 3.4).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::server::State;

/// Nothing may be loaded, framed or run: answers are data.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The documentation page runs its own vendored scripts and styles and talks to this server.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Sets what is not set, on the answer to a request of this path.
pub(crate) fn secure(headers: &mut HeaderMap, path: &str, state: Option<&State>) {
    let docs = path.starts_with("/docs/") || path == "/docs";
    let private = path.starts_with("/api/");
    let https = state.is_some_and(|state| state.settings.public_url.starts_with("https:"));
    let mut default = |name: &'static str, value: &'static str| {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default("x-content-type-options", "nosniff");
    default("referrer-policy", "no-referrer");
    default("content-security-policy", if docs { DOCS_POLICY } else { API_POLICY });
    default("x-frame-options", "DENY");
    default("cross-origin-opener-policy", "same-origin");
    if https {
        default("strict-transport-security", "max-age=31536000; includeSubDomains");
    }
    if private {
        // What is not declared public is somebody's own.
        default("cache-control", "no-store");
    }
}
