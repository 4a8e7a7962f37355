//! Mails: written from templates in the reader's language, as text and as HTML, and handed to a
//! mail server over SMTP; where there is none, as on a developer's machine, put into a folder.
//!
//! Implements [`notifications::MailTransport`]. What it reports of a failure is an SMTP code or a
//! word of ours, never an address: the queue prints it.

mod message;
mod settings;
mod template;
mod transport;

pub use settings::{MailSettings, MailSettingsError, Server, Smtp, Tls};
pub use template::{Templates, Written};
pub use transport::Mailer;
