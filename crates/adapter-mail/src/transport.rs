use std::path::{Path, PathBuf};

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error as SmtpError};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use notifications::{DeliveryError, Letter, MailTransport};
use secrecy::ExposeSecret;

use crate::message::message;
use crate::{MailSettings, MailSettingsError, Server, Smtp, Templates, Tls};

/// Writes mails and hands them to the mail server, or puts them into a folder.
#[derive(Debug)]
pub struct Mailer {
    templates: Templates,
    from: Mailbox,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Mailer {
    /// A mailer by its settings. Connects when the first mail is sent.
    pub fn new(settings: &MailSettings) -> Result<Self, MailSettingsError> {
        let way = match &settings.server {
            Some(Server::Parts(smtp)) => Way::Smtp(server(smtp)?),
            Some(Server::Url { url, timeout }) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                    .map_err(|_| MailSettingsError::Url)?;
                Way::Smtp(builder.timeout(Some(*timeout)).build())
            }
            None => Way::Folder(settings.folder.clone()),
        };
        let templates = Templates::new(settings.marketplace.clone());
        Ok(Self { templates, from: settings.mailbox()?, way })
    }
}

fn server(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailSettingsError> {
    type Transport = AsyncSmtpTransport<Tokio1Executor>;
    let builder: AsyncSmtpTransportBuilder = match smtp.tls {
        Tls::None => Transport::builder_dangerous(&smtp.host),
        Tls::StartTls => Transport::starttls_relay(&smtp.host).map_err(MailSettingsError::Tls)?,
        Tls::Tls => Transport::relay(&smtp.host).map_err(MailSettingsError::Tls)?,
    };
    let builder = builder.port(smtp.port).timeout(Some(smtp.timeout));
    match (&smtp.user, &smtp.password) {
        (Some(user), Some(password)) => {
            let password = password.expose_secret().to_owned();
            Ok(builder.credentials(Credentials::new(user.clone(), password)).build())
        }
        (None, None) => Ok(builder.build()),
        (Some(_), None) | (None, Some(_)) => Err(MailSettingsError::Credentials),
    }
}

#[async_trait]
impl MailTransport for Mailer {
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliveryError> {
        let written = self.templates.write(letter).map_err(|error| {
            tracing::error!(%error, mail = %letter.id, "a mail could not be written");
            DeliveryError::Refused { problem: "template".to_owned() }
        })?;
        let message = message(letter, written, &self.from)
            .map_err(|_| DeliveryError::Refused { problem: "address".to_owned() })?;
        match &self.way {
            Way::Smtp(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(error) => Err(failure(&error)),
            },
            Way::Folder(folder) => put(folder, letter, &message).await,
        }
    }
}

/// What a failed delivery means. Only the code is kept: servers repeat addresses in their words.
fn failure(error: &SmtpError) -> DeliveryError {
    let problem = match error.status() {
        Some(code) => code.to_string(),
        None if error.is_timeout() => "timeout".to_owned(),
        None if error.is_tls() => "tls".to_owned(),
        None => "connection".to_owned(),
    };
    // 53x is about us, not about the mail: a password that expired must not lose what waits.
    let about_us = problem.starts_with("53");
    if error.is_permanent() && !about_us {
        DeliveryError::Refused { problem }
    } else {
        DeliveryError::Unavailable { problem }
    }
}

/// Under the mail's id, so that a mail sent twice is there once.
async fn put(folder: &Path, letter: &Letter, message: &Message) -> Result<(), DeliveryError> {
    let file = folder.join(format!("{}.eml", letter.id));
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&file, message.formatted()).await
    };
    written.await.map_err(|error| DeliveryError::Unavailable { problem: error.kind().to_string() })
}
