use std::fmt::Debug;

/// Unpredictable bytes, for secrets. A port, so that a test can foresee them.
pub trait Random: Debug + Send + Sync {
    /// Fills `bytes` from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The bytes 1, 2, 3 and so on, over and over.
#[cfg(feature = "testing")]
#[derive(Debug, Default)]
pub struct RepeatingRandom(std::sync::atomic::AtomicU8);

#[cfg(feature = "testing")]
impl Random for RepeatingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).wrapping_add(1);
        }
    }
}
