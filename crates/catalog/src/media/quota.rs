use std::num::NonZeroU64;

use super::MediaError;

/// How many bytes the files of one account may have: those of its listings, its avatar and its
/// reviews together. Smaller copies do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StorageQuota(Option<NonZeroU64>);

impl StorageQuota {
    /// So many bytes; 0 for any number.
    pub const fn of_bytes(bytes: u64) -> Self {
        Self(NonZeroU64::new(bytes))
    }

    /// Passes if files of `added` bytes fit beside those of `used` bytes. What adds nothing fits
    /// always, also where the quota was lowered since.
    ///
    /// # Errors
    ///
    /// [`MediaError::QuotaExceeded`].
    pub fn admit(self, used: u64, added: u64) -> Result<(), MediaError> {
        match self.0 {
            Some(allowed) if added > 0 && used.saturating_add(added) > allowed.get() => {
                Err(MediaError::QuotaExceeded { used, added, allowed: allowed.get() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_room_up_to_its_quota_and_not_a_byte_more() {
        let quota = StorageQuota::of_bytes(100);
        assert!(quota.admit(60, 40).is_ok());
        let error = quota.admit(60, 41).unwrap_err();
        assert!(
            matches!(error, MediaError::QuotaExceeded { used: 60, added: 41, allowed: 100 }),
            "{error}"
        );
        assert!(quota.admit(0, u64::MAX).is_err());
    }

    #[test]
    fn what_adds_nothing_fits_where_the_quota_was_lowered() {
        assert!(StorageQuota::of_bytes(10).admit(60, 0).is_ok());
    }

    #[test]
    fn zero_is_no_quota() {
        assert!(StorageQuota::of_bytes(0).admit(u64::MAX, u64::MAX).is_ok());
    }
}
