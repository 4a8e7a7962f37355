use std::error::Error;

use lettre::Message;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use notifications::Letter;

use crate::Written;

macro_rules! header {
    ($(#[$meta:meta])* $type:ident = $name:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        struct $type(String);

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(value: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
                Ok(Self(value.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                // ASCII, and shorter than the 998 characters that a line may have: an encoded
                // word would not be understood as an address.
                HeaderValue::dangerous_new_pre_encoded(
                    Self::name(),
                    self.0.clone(),
                    self.0.clone(),
                )
            }
        }
    };
}

header! {
    /// Where mail of this kind is stopped (RFC 2369).
    ListUnsubscribe = "List-Unsubscribe"
}
header! {
    /// That one POST stops it (RFC 8058).
    ListUnsubscribePost = "List-Unsubscribe-Post"
}
header! {
    /// That a program wrote it: no out-of-office answers, please (RFC 3834).
    AutoSubmitted = "Auto-Submitted"
}

/// The message of a letter, ready for a server.
pub(crate) fn message(
    letter: &Letter,
    written: Written,
    from: &Mailbox,
) -> Result<Message, Box<dyn Error + Send + Sync>> {
    let address = letter.to.address.as_str().parse()?;
    // A header is a line, and the mail library panics at what is none.
    let name = letter.to.name.replace(char::is_control, " ");
    let to = Mailbox::new(Some(name), address);
    let mut builder = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(written.subject)
        .date(letter.at.into())
        .message_id(Some(format!("<{}@{}>", letter.id, from.email.domain())))
        .header(AutoSubmitted("auto-generated".to_owned()));
    if let Some(url) = &letter.unsubscribe {
        builder = builder
            .header(ListUnsubscribe(format!("<{url}>")))
            .header(ListUnsubscribePost("List-Unsubscribe=One-Click".to_owned()));
    }
    Ok(builder.multipart(MultiPart::alternative_plain_html(written.text, written.html))?)
}
