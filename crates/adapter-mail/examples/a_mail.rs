//! A mail, written and put into a folder: what a developer without a mail server sees.
//!
//! `cargo run -p mercato-adapter-mail --example a_mail`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use adapter_mail::{MailSettings, Mailer};
use kernel::{Clock, SystemClock, SystemIds};
use notifications::testing::a_contact;
use notifications::{Letter, MailId, MailTransport, Template, Words};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join("mercato-mails");
    let mailer = Mailer::new(&MailSettings {
        marketplace: "Mercato".to_owned(),
        from: "Mercato <no-reply@example.com>".to_owned(),
        server: None,
        folder: folder.clone(),
    })?;
    let letter = Letter {
        id: MailId::next(&SystemIds),
        to: a_contact(),
        template: Template::VerifyAddress,
        words: Words { title: String::new(), body: Vec::new(), action: String::new() },
        link: "https://example.com/verify?token=…".to_owned(),
        unsubscribe: None,
        at: SystemClock.now(),
    };

    mailer.deliver(&letter).await?;

    println!("{}", folder.join(format!("{}.eml", letter.id)).display());
    Ok(())
}
