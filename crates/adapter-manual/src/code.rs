use std::fmt;
use std::str::FromStr;

use kernel::Random;
use serde::{Deserialize, Serialize};

/// Letters and digits that people do not take for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What the payer writes on the transfer, and what opens its page: 16 characters of 5 random bits,
/// so that nobody guesses another's. Written in fours: `7K3M-Q0ZT-9XWB-4C2D`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferCode(String);

impl TransferCode {
    /// A new one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        // 256 is a multiple of 32: no letter comes more often than another.
        let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Self(grouped(&letters))
    }

    /// The code as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn grouped(letters: &[char]) -> String {
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

impl fmt::Display for TransferCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 letters and digits, such as 7K3M-Q0ZT-9XWB-4C2D")]
pub struct NoTransferCode;

impl FromStr for TransferCode {
    type Err = NoTransferCode;

    /// Reads it as people write it: in small letters, with or without dashes and spaces, with the
    /// letters O, I and L for the digits that they look like.
    fn from_str(text: &str) -> Result<Self, NoTransferCode> {
        if text.len() > 40 {
            return Err(NoTransferCode);
        }
        let letters: Option<Vec<char>> = text
            .chars()
            .filter(|letter| !matches!(letter, '-' | ' '))
            .map(|letter| match letter.to_ascii_uppercase() {
                'O' => Some('0'),
                'I' | 'L' => Some('1'),
                letter => ALPHABET.iter().map(|byte| char::from(*byte)).find(|it| *it == letter),
            })
            .collect();
        match letters {
            Some(letters) if letters.len() == 16 => Ok(Self(grouped(&letters))),
            Some(_) | None => Err(NoTransferCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::SystemRandom;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = TransferCode::generate(&SystemRandom);
        let written = code.to_string();
        assert_eq!(written.len(), 19);
        for text in [written.clone(), written.to_lowercase(), written.replace('-', " ")] {
            assert_eq!(text.parse(), Ok(code.clone()), "{text}");
        }
        assert_eq!(
            "oOiI-lL00-0000-0000".parse::<TransferCode>().unwrap().as_str(),
            "0011-1100-0000-0000"
        );
        for wrong in
            ["", "7K3M", "7K3M-Q0ZT-9XWB-4C2U", "7K3M-Q0ZT-9XWB-4C2D-1", "\0".repeat(99).as_str()]
        {
            assert_eq!(wrong.parse::<TransferCode>(), Err(NoTransferCode), "{wrong}");
        }
    }
}
