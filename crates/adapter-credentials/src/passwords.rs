use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use identity::{CredentialError, Password, PasswordHash, Passwords, Verdict};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How passwords are hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashSettings {
    /// Memory per hash, in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Hashes at the same time, each on a thread of its own; the others wait.
    pub concurrency: usize,
    /// How many may wait. Whoever comes then is told to come back.
    pub queue: usize,
}

impl Default for HashSettings {
    /// What OWASP recommends for Argon2id, two at a time.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2, lanes: 1, concurrency: 2, queue: 64 }
    }
}

/// A salt, and a hash of nothing but zeros: no password has it.
const NOBODY: &str = "bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Argon2id, a bounded number at a time on threads that serve no requests: a flood of sign-ins
/// takes its share of the processors and no more.
#[derive(Clone)]
pub struct Argon2Passwords {
    hasher: Arc<Argon2<'static>>,
    /// Whom nobody's password matches, so that an unknown address costs what a known one does.
    nobody: Arc<str>,
    /// Everybody at work or waiting.
    admitted: Arc<Semaphore>,
    /// Everybody at work.
    working: Arc<Semaphore>,
}

impl fmt::Debug for Argon2Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Passwords")
            .field("params", self.hasher.params())
            .finish_non_exhaustive()
    }
}

impl Argon2Passwords {
    /// Prepares a hasher.
    ///
    /// # Errors
    ///
    /// When Argon2 refuses the settings.
    pub fn new(settings: &HashSettings) -> Result<Self, CredentialError> {
        let HashSettings { memory, passes, lanes, concurrency, queue } = *settings;
        let params = Params::new(memory, passes, lanes, None)
            .map_err(|error| failed("set Argon2 up", argon2::password_hash::Error::from(error)))?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // To check a password is to hash it anew, so this costs what a real one does.
        let nobody = format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${NOBODY}");
        let concurrency = concurrency.max(1);
        Ok(Self {
            hasher: Arc::new(hasher),
            nobody: nobody.into(),
            admitted: Arc::new(Semaphore::new(concurrency + queue)),
            working: Arc::new(Semaphore::new(concurrency)),
        })
    }

    /// Runs `work` on a thread for blocking work, once it is its turn.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, CredentialError> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let admitted =
            Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| CredentialError::Busy)?;
        let working = Arc::clone(&self.working)
            .acquire_owned()
            .await
            .map_err(|error| failed("wait for a thread", error))?;
        let hasher = Arc::clone(&self.hasher);
        tokio::task::spawn_blocking(move || {
            // The turn ends with the work, also when nobody waits for its result any more.
            let _turn: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (admitted, working);
            work(&hasher)
        })
        .await
        .map_err(|error| failed("hash a password", error))?
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash_password(&self, password: &Password) -> Result<PasswordHash, CredentialError> {
        let password = password.clone();
        self.in_turn(move |hasher| {
            let hash = hasher
                .hash_password(password.expose().as_bytes())
                .map_err(|error| failed("hash a password", error))?;
            Ok(PasswordHash::new(hash.to_string()))
        })
        .await
    }

    async fn check_password(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, CredentialError> {
        let password = password.clone();
        let nobody = Arc::clone(&self.nobody);
        self.in_turn(move |hasher| {
            let known = hash.is_some();
            let stored = hash.as_ref().map_or(&*nobody, PasswordHash::expose);
            let stored = Phc::new(stored).map_err(|e| failed("read a password's hash", e))?;
            let verified = match hasher.verify_password(password.expose().as_bytes(), &stored) {
                Ok(()) => true,
                Err(Error::PasswordInvalid) => false,
                Err(error) => return Err(failed("check a password", error)),
            };
            Ok(match (verified && known, is_current(hasher, &stored)) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOutdated,
            })
        })
        .await
    }
}

/// Whether a hash was made as `hasher` makes them.
fn is_current(hasher: &Argon2<'_>, stored: &Phc) -> bool {
    let params = Params::try_from(stored).ok();
    stored.algorithm == Algorithm::Argon2id.ident()
        && stored.version == Some(Version::V0x13.into())
        && params.is_some_and(|params| {
            let wanted = hasher.params();
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (wanted.m_cost(), wanted.t_cost(), wanted.p_cost())
        })
}

fn failed(
    action: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> CredentialError {
    CredentialError::Failed { action, source: Box::new(source) }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn cheap() -> HashSettings {
        HashSettings { memory: 64, passes: 1, ..HashSettings::default() }
    }

    fn typed(text: &str) -> Password {
        Password::typed(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_found_right_wrong_or_outdated() {
        let hasher = Argon2Passwords::new(&cheap()).unwrap();
        let hash = hasher.hash_password(&typed("correct horse")).await.unwrap();
        let stronger = Argon2Passwords::new(&HashSettings { passes: 2, ..cheap() }).unwrap();

        for (hasher, text, verdict) in [
            (&hasher, "correct horse", Verdict::Right),
            (&hasher, "wrong horse", Verdict::Wrong),
            (&hasher, "", Verdict::Wrong),
            (&stronger, "correct horse", Verdict::RightButOutdated),
            (&stronger, "wrong horse", Verdict::Wrong),
        ] {
            let found = hasher.check_password(&typed(text), Some(hash.clone())).await.unwrap();
            assert_eq!(found, verdict, "{text}");
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_as_owasp_recommends_and_salted() {
        let hasher = Argon2Passwords::new(&HashSettings::default()).unwrap();
        let first = hasher.hash_password(&typed("correct horse")).await.unwrap();
        let second = hasher.hash_password(&typed("correct horse")).await.unwrap();

        assert!(first.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(first != second);
    }

    #[tokio::test]
    async fn nobody_has_a_password() {
        let hasher = Argon2Passwords::new(&cheap()).unwrap();
        for text in ["nobody", "", "correct horse"] {
            assert_eq!(hasher.check_password(&typed(text), None).await.unwrap(), Verdict::Wrong);
        }
    }

    #[test]
    fn whoever_is_nobody_costs_what_a_known_one_does() {
        let hasher = Argon2Passwords::new(&HashSettings::default()).unwrap();

        let nobody = Phc::new(&hasher.nobody).unwrap();

        assert!(is_current(&hasher.hasher, &nobody));
        assert_eq!(nobody.hash.map(|hash| hash.len()), Some(Params::DEFAULT_OUTPUT_LEN));
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_instead_of_queued_without_end() {
        let settings = HashSettings { concurrency: 1, queue: 2, ..HashSettings::default() };
        let hasher = Argon2Passwords::new(&settings).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let hasher = hasher.clone();
            tasks.spawn(async move { hasher.check_password(&typed("x"), None).await.is_ok() });
        }

        let served = tasks.join_all().await.into_iter().filter(|served| *served).count();
        assert_eq!(served, 3);
        assert!(hasher.check_password(&typed("x"), None).await.is_ok());
    }
}
