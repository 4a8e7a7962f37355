use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::{EmailAddress, Network};

/// So many tries at once, and as many again over a time: a leaky bucket.
///
/// Whoever empties it waits for one try to come back, not for the whole time: attackers are slowed
/// down, and nobody is locked out for long because somebody else guessed at their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Tries at once; at least 1.
    pub tries: u32,
    /// The time after which all of them are back.
    pub over: TimeDelta,
}

impl Allowance {
    /// So many tries over so many minutes.
    pub const fn per_minutes(tries: u32, minutes: i64) -> Self {
        Self { tries, over: TimeDelta::minutes(minutes) }
    }

    /// After how long one try comes back.
    pub fn step(&self) -> TimeDelta {
        let tries = i32::try_from(self.tries.max(1)).unwrap_or(i32::MAX);
        self.over / tries
    }

    /// Takes one try from a bucket that drains until `empty_at`: when it will be empty now, or how
    /// long to wait for the next try.
    pub fn take(
        &self,
        empty_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, TimeDelta> {
        let after = empty_at.map_or(now, |at| at.max(now)) + self.step();
        let excess = after - (now + self.step() * i32::try_from(self.tries).unwrap_or(i32::MAX));
        if excess <= TimeDelta::zero() { Ok(after) } else { Err(excess) }
    }
}

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThrottleKind {
    /// Passwords tried.
    SignIn,
    /// Accounts created and mails asked for.
    Mail,
}

/// The name of a bucket: a digest, so that what is stored is no list of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BucketKey([u8; 32]);

impl BucketKey {
    /// The bucket of a mail address, whether it belongs to an account or not.
    pub fn of_address(kind: ThrottleKind, email: &EmailAddress) -> Self {
        Self::of(kind, "address", email.as_str())
    }

    /// The bucket of a network.
    pub fn of_network(kind: ThrottleKind, network: Network) -> Self {
        Self::of(kind, "network", &network.to_string())
    }

    /// The bare bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(kind: ThrottleKind, what: &str, which: &str) -> Self {
        let kind = match kind {
            ThrottleKind::SignIn => "sign_in",
            ThrottleKind::Mail => "mail",
        };
        Self(Sha256::digest(format!("{kind} {what} {which}")).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEN: Allowance = Allowance::per_minutes(10, 15);

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn the_eleventh_try_waits_for_one_to_come_back() {
        let now = start();
        let mut bucket = None;
        for _ in 0..10 {
            bucket = Some(TEN.take(bucket, now).unwrap());
        }

        assert_eq!(TEN.take(bucket, now), Err(TimeDelta::seconds(90)));
        assert!(TEN.take(bucket, now + TimeDelta::seconds(89)).is_err());
        let later = now + TimeDelta::seconds(90);
        let bucket = Some(TEN.take(bucket, later).unwrap());
        assert_eq!(TEN.take(bucket, later), Err(TimeDelta::seconds(90)));
    }

    proptest! {
        #[test]
        fn no_schedule_of_tries_gets_more_than_its_share(gaps in prop::collection::vec(0_i64..300, 1..200)) {
            let mut now = start();
            let mut bucket = None;
            let mut admitted = 0;
            for gap in gaps {
                now += TimeDelta::seconds(gap);
                match TEN.take(bucket, now) {
                    Ok(after) => { bucket = Some(after); admitted += 1; }
                    Err(wait) => {
                        prop_assert!(wait > TimeDelta::zero() && wait <= TEN.step());
                        prop_assert!(TEN.take(bucket, now + wait).is_ok());
                    }
                }
            }
            prop_assert!(admitted <= 10 + (now - start()).num_seconds() / 90);
        }
    }
}
