use billing::Decline;

/// What a reason code means. The codes that must never be tried again are those of the manual's
/// table, with lost, stolen, expired and mistyped cards.
pub(crate) fn decline(code: u64) -> Decline {
    let decline = match code {
        5041 | 5043 => Decline::hard("lost_card"),
        5033 | 5054 => Decline::hard("expired_card"),
        5014 => Decline::hard("incorrect_number"),
        5034 | 5059 => Decline::hard("fraud_suspected"),
        5001 | 5003 | 5004 | 5005 | 5007 | 5012 | 5017 | 5057 => Decline::hard("declined"),
        5051 => Decline::soft("insufficient_funds"),
        5061 | 5065 => Decline::soft("limit_exceeded"),
        5082 => Decline::soft("incorrect_code"),
        5091 | 5092 | 5096 => Decline::soft("bank_unavailable"),
        5206 => Decline::soft("authentication_failed"),
        5207 => Decline::soft("authentication_unavailable"),
        3001..=3008 => Decline::soft("refused_by_merchant"),
        _ => Decline::soft("declined"),
    };
    decline.with_code(code.to_string())
}

#[cfg(test)]
mod tests {
    use billing::Hardness;

    use super::*;

    #[test]
    fn what_the_manual_forbids_to_repeat_is_hard() {
        for code in [5001, 5003, 5005, 5012, 5017, 5033, 5034, 5057] {
            assert_eq!(decline(code).hardness, Hardness::Hard, "{code}");
        }
        for code in [5051, 5065, 5096, 5013, 5206, 3006] {
            assert_eq!(decline(code).hardness, Hardness::Soft, "{code}");
        }
    }
}
