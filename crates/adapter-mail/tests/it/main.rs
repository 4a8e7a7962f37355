//! Mails as they are written, and as a real mail server receives them.

mod delivery;
mod templates;

use chrono_tz::Tz;
use kernel::{Clock, FixedClock};
use notifications::testing::{a_contact, a_mail};
use notifications::{Contact, Letter, Template, Words};

/// A letter to Kim in Berlin, with a title that a person wrote.
fn a_letter(template: Template, language: &str) -> Letter {
    let now = FixedClock("2026-11-21T12:00:00Z".parse().expect("a time")).now();
    let words = Words {
        title: "Loft <b>in</b>\nBerlin is booked".to_owned(),
        body: vec!["It takes place on 1 Dec 2026, 10:00 (CET).".to_owned(), "Ä & Ö.".to_owned()],
        action: "See the booking".to_owned(),
    };
    let unsubscribe = "https://example.org/api/v1/notifications/unsubscribe?token=bookings.abc";
    Letter {
        id: "mai_0192d4c0000070008000000000000000".parse().expect("an id"),
        to: Contact {
            locale: language.parse().expect("a language"),
            time_zone: Tz::Europe__Berlin,
            ..a_contact()
        },
        template,
        words,
        link: "https://example.org/bookings/bkg_1?a=1&b=2".to_owned(),
        unsubscribe: match template {
            Template::Notification | Template::ConfirmReview => Some(unsubscribe.to_owned()),
            Template::VerifyAddress | Template::ResetPassword | Template::AddressTaken => None,
        },
        at: a_mail(now).created_at,
    }
}
