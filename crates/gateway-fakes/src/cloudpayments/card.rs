use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a test card does at first, and what its token does later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conduct {
    /// The bank wants 3-D Secure.
    pub(crate) secure: bool,
    /// What the bank says then.
    pub(crate) first: u16,
    /// What it says to a charge by token.
    pub(crate) token: u16,
}

/// Approved.
pub(crate) const OK: u16 = 0;
/// `InsufficientFunds`.
const INSUFFICIENT: u16 = 5051;

/// The test cards of the manual.
const CARDS: [(&[&str], Conduct); 5] = [
    (
        &["4242424242424242", "5555555555554444", "2200000000000004"],
        Conduct { secure: true, first: OK, token: OK },
    ),
    (
        &["4012888888881881", "5105105105105100", "2202202202202200"],
        Conduct { secure: true, first: INSUFFICIENT, token: INSUFFICIENT },
    ),
    (
        &["4000000000003055", "5205000000003055", "2202000000003055"],
        Conduct { secure: false, first: OK, token: OK },
    ),
    (
        &["4111111111111111", "5200828282828210", "2200000022222222"],
        Conduct { secure: false, first: OK, token: INSUFFICIENT },
    ),
    (
        &["4000056655665556", "5404000000000043", "2203000000000043"],
        Conduct { secure: false, first: INSUFFICIENT, token: INSUFFICIENT },
    ),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) number: String,
    /// `MM/YY`.
    pub(crate) expires: String,
}

impl Card {
    /// Reads a packet. The real ones are sealed for the gateway by its script; these are not.
    pub(crate) fn unseal(packet: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(packet).ok()?).ok()?;
        let parts: Vec<_> = text.split('|').collect();
        let ["SIM", number, expires, _code, ..] = parts.as_slice() else { return None };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if number.len() != 16 || !digits(number) || expires.len() != 4 || !digits(expires) {
            return None;
        }
        let expires = format!("{}/{}", &expires[..2], &expires[2..]);
        Some(Self { number: (*number).to_owned(), expires })
    }

    pub(crate) fn conduct(&self) -> Conduct {
        let known = CARDS.iter().find(|(numbers, _)| numbers.contains(&self.number.as_str()));
        known.map_or(Conduct { secure: false, first: 5014, token: 5014 }, |(_, conduct)| *conduct)
    }

    /// The name and the code of its system.
    pub(crate) fn system(&self) -> (&'static str, u8) {
        match self.number.as_bytes().first() {
            Some(b'5') => ("MasterCard", 1),
            Some(b'2') => ("MIR", 3),
            _ => ("Visa", 0),
        }
    }

    pub(crate) fn first_six(&self) -> &str {
        &self.number[..6]
    }

    pub(crate) fn last_four(&self) -> &str {
        &self.number[12..]
    }
}

/// A cryptogram of a test card, as the gateway's script would make it in a browser: good for one
/// call, and another one each time.
pub fn sealed_card(number: &str) -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    STANDARD.encode(format!("SIM|{number}|1239|123|{serial}"))
}

/// The word for a reason code, and what the payer reads.
pub(crate) fn reason(code: u16) -> (&'static str, &'static str) {
    match code {
        0 => ("Approved", "Оплата успешно проведена"),
        3001 => ("InvalidOrderId", "Неверный номер заказа"),
        3002 => ("InvalidAccountId", "Некорректный AccountId"),
        3003 => ("InvalidAmount", "Неверная сумма"),
        3004 => ("CannotBeAccepted", "Платеж не может быть принят"),
        3006 => ("CheckResponseServiceUnavailable", "Сервис временно недоступен"),
        3008 => ("PaymentExpired", "Платеж просрочен"),
        3005..=3007 => ("SystemError", "Сервис временно недоступен"),
        5005 => ("DoNotHonor", "Свяжитесь с вашим банком или воспользуйтесь другой картой"),
        5014 => ("InvalidCardNumber", "Проверьте правильность введенных данных карты"),
        5041 => ("LostCard", "Свяжитесь с вашим банком или воспользуйтесь другой картой"),
        5051 => ("InsufficientFunds", "Недостаточно средств на карте"),
        5054 => ("ExpiredCard", "Проверьте правильность введенных данных карты"),
        5057 => {
            ("TransactionNotPermitted", "Свяжитесь с вашим банком или воспользуйтесь другой картой")
        }
        5082 => ("IncorrectCVV", "Неверно указан код CVV"),
        5091 => ("IssuerUnavailable", "Повторите попытку позже"),
        5096 => ("SystemError", "Повторите попытку позже"),
        5206 => ("AuthenticationFailed", "3-D Secure авторизация не пройдена"),
        5207 => ("AuthenticationUnavailable", "3-D Secure авторизация недоступна"),
        _ => ("Unknown", "Свяжитесь с вашим банком или воспользуйтесь другой картой"),
    }
}
