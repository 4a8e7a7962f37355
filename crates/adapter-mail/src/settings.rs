use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;
use serde::Deserialize;
use thiserror::Error;

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all: for a server on the same machine or in a test.
    None,
    /// By STARTTLS, without which nothing is sent: usually port 587.
    #[default]
    StartTls,
    /// From the first byte on: usually port 465.
    Tls,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name, which its certificate has to show.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Who we are to it; nobody if it asks nobody.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<SecretString>,
    /// The longest that one command may take.
    pub timeout: Duration,
}

/// Which mail server, in parts or as a URL.
#[derive(Debug, Clone)]
pub enum Server {
    /// In parts.
    Parts(Smtp),
    /// `smtp://user:password@host:587?tls=required` for STARTTLS, `smtps://…:465` for TLS from
    /// the first byte on, `smtp://host:25` for neither.
    Url {
        /// The URL; a secret, since it may hold a password.
        url: SecretString,
        /// The longest that one command may take.
        timeout: Duration,
    },
}

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// What the marketplace is called in mails.
    pub marketplace: String,
    /// The sender: `Mercato <no-reply@example.com>`.
    pub from: String,
    /// The mail server; without one, mails are put into `folder`.
    pub server: Option<Server>,
    /// Where mails are put without a mail server, a file `<mail id>.eml` each.
    pub folder: PathBuf,
}

/// Why these settings cannot be used.
#[derive(Debug, Error)]
pub enum MailSettingsError {
    /// Not a mailbox.
    #[error("the sender of mails must be like `Mercato <no-reply@example.com>`")]
    From(#[source] lettre::address::AddressError),
    /// TLS cannot be set up.
    #[error("the connection to the mail server cannot be protected")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// Not the URL of a mail server. It is not repeated: it may hold a password.
    #[error(
        "the URL of the mail server must be like smtp://host:25, or smtps://user:password@host"
    )]
    Url,
    /// A user without a password, or the other way round.
    #[error("the mail server's user and password are set together or not at all")]
    Credentials,
}

impl MailSettings {
    pub(crate) fn mailbox(&self) -> Result<Mailbox, MailSettingsError> {
        self.from.parse().map_err(MailSettingsError::From)
    }
}
