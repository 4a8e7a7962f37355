use hostile_http::Answer;
use serde_json::{Value, json};

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

/// An error of the API, in its own shape.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) decline_code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) param: Option<String>,
    /// The object that the error is about, and the name under which it is shown.
    pub(crate) object: Option<(&'static str, Value)>,
    pub(crate) charge: Option<String>,
}

impl Refusal {
    fn new(status: u16, kind: &'static str, message: &str) -> Self {
        Self {
            status,
            kind,
            code: None,
            decline_code: None,
            message: message.to_owned(),
            param: None,
            object: None,
            charge: None,
        }
    }

    pub(crate) fn request(message: &str) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    pub(crate) fn invalid(param: &str, message: &str) -> Self {
        Self { param: Some(param.to_owned()), ..Self::request(message) }
    }

    pub(crate) fn missing(param: &str) -> Self {
        Self::invalid(param, &format!("Missing required param: {param}."))
            .coded("parameter_missing")
    }

    pub(crate) fn not_found(kind: &str, param: &str, id: &str) -> Self {
        let message = format!("No such {kind}: '{id}'");
        Self { status: 404, ..Self::invalid(param, &message).coded("resource_missing") }
    }

    pub(crate) fn idempotency(status: u16, message: &str) -> Self {
        Self::new(status, "idempotency_error", message)
    }

    pub(crate) fn card(
        code: &'static str,
        decline_code: Option<&'static str>,
        message: &str,
    ) -> Self {
        let error = Self::new(402, "card_error", message);
        Self { code: Some(code), decline_code, ..error }
    }

    #[must_use]
    pub(crate) fn coded(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    #[must_use]
    pub(crate) fn about(self, name: &'static str, object: Value) -> Self {
        Self { object: Some((name, object)), ..self }
    }

    /// Whether nothing was executed, so that no answer is kept under an idempotency key.
    pub(crate) fn is_validation(&self) -> bool {
        self.status == 400 || self.status == 404 || self.status == 401 || self.status == 409
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                error[name] = value;
            }
        };
        set("code", self.code.map(Into::into));
        set(
            "doc_url",
            self.code.map(|code| format!("https://stripe.com/docs/error-codes/{code}").into()),
        );
        set("decline_code", self.decline_code.map(Into::into));
        set("param", self.param.clone().map(Into::into));
        set("charge", self.charge.clone().map(Into::into));
        if let Some((name, object)) = &self.object {
            set(name, Some(object.clone()));
        }
        json!({ "error": error })
    }

    pub(crate) fn answer(&self) -> Answer {
        Answer::json(self.status, &self.body())
    }
}
