use std::fmt::Write;

use kernel::Random;

/// The secret in the address of a person's calendar. Whoever has the address sees the calendar,
/// as calendar programs cannot sign in; a new one ends the old one.
#[derive(Clone, PartialEq, Eq)]
pub struct CalendarToken(String);

impl CalendarToken {
    /// Bytes of randomness.
    const BYTES: usize = 32;

    /// A new secret.
    pub fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; Self::BYTES];
        random.fill(&mut bytes);
        let mut text = String::with_capacity(2 * Self::BYTES);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The secret that a calendar program shows; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 2 * Self::BYTES
            && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The secret. Storage keeps a digest of it only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for CalendarToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CalendarToken(…)")
    }
}
