use access::{Action, Denial};
use kernel::{Failure, FailureKind, FieldError, FieldErrors, StorageError};
use thiserror::Error;

/// Why something cannot be done with notifications or mail.
#[derive(Debug, Error)]
pub enum NotificationError {
    /// Nobody is signed in.
    #[error("sign in first")]
    Unauthenticated,
    /// The caller may not.
    #[error("you may not do this: {action}")]
    Forbidden {
        /// What was asked for.
        action: Action,
    },
    /// Fields are wrong.
    #[error("the request is not valid: {0}")]
    Invalid(FieldErrors),
    /// The unsubscribe link is not one of ours.
    #[error("this link does not work; change what you are told of in your settings")]
    LinkInvalid,
    /// The mail server did not take a mail now; the job tries again.
    #[error("the mail server did not take the mail: {problem}")]
    MailDelayed {
        /// An SMTP code or a word of ours, never an address.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Denial> for NotificationError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(action) => Self::Forbidden { action },
            // One's own notifications are never hidden from oneself.
            Denial::Hidden => Self::Forbidden { action: Action::NotificationManage },
        }
    }
}

impl Failure for NotificationError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } => FailureKind::Forbidden,
            Self::Invalid(_) => FailureKind::Invalid,
            Self::LinkInvalid => FailureKind::Malformed,
            Self::MailDelayed { .. } => FailureKind::Unavailable,
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::Invalid(_) => "validation",
            Self::LinkInvalid => "notification.link_invalid",
            Self::MailDelayed { .. } => "notification.mail_delayed",
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        if let Self::Invalid(errors) = self { &errors.0 } else { &[] }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        if let Self::Storage(error) = self { error.retry_after() } else { None }
    }
}
