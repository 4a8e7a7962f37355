use std::collections::HashSet;
use std::sync::LazyLock;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// Every code that `docs/errors.md` explains: the first cell of each row of its tables.
static DOCUMENTED: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("../../docs/errors.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code)
        .collect()
});

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Reply {
    /// Reads an answer to its end, and holds it to what every answer must keep.
    pub async fn of(asked: String, response: reqwest::Response) -> Self {
        let status = response.status();
        let headers = response.headers().clone();
        let text = response.text().await.expect("an answer can be read to its end");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Self { asked, status, headers, text, body };
        reply.keeps_its_promises();
        reply
    }

    /// What no answer may break, whatever was asked.
    fn keeps_its_promises(&self) {
        let Self { asked, status, text, body, .. } = self;
        assert_ne!(*status, StatusCode::INTERNAL_SERVER_ERROR, "{asked}: {text}");
        assert!(self.headers.contains_key("x-request-id"), "{asked}: no request id");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{asked}");
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(self.header("content-type"), "application/problem+json", "{asked}: {text}");
            assert_eq!(body["status"], status.as_u16(), "{asked}: {text}");
            assert_eq!(body["request_id"], self.header("x-request-id"), "{asked}: {text}");
            let code = self.code();
            assert!(DOCUMENTED.contains(code), "{asked}: docs/errors.md lacks `{code}`: {text}");
        }
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem's code; empty if it is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The pointers of the fields that are wrong.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// The same reply, which must have this status.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.text);
        self
    }

    /// The same reply, which must have one of these statuses.
    #[must_use]
    #[track_caller]
    pub fn expect_one_of(self, statuses: &[u16]) -> Self {
        let status = self.status.as_u16();
        assert!(statuses.contains(&status), "{}: {status} {}", self.asked, self.text);
        self
    }

    /// The same reply, which must be this refusal.
    #[must_use]
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.code(), code, "{}: {}", reply.asked, reply.text);
        reply
    }

    /// The `id` of the object in the body.
    #[track_caller]
    pub fn id(&self) -> String {
        self.text_at("id")
    }

    /// A text in the body, by its key.
    #[track_caller]
    pub fn text_at(&self, key: &str) -> String {
        match self.body[key].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("{}: no text `{key}` in {}", self.asked, self.text),
        }
    }

    /// The items of a page.
    #[track_caller]
    pub fn data(&self) -> &[Value] {
        match self.body["data"].as_array() {
            Some(items) => items,
            None => panic!("{}: no page in {}", self.asked, self.text),
        }
    }
}
