use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex;

use async_trait::async_trait;
use kernel::StorageError;
use serde_json::Value;

/// Where the sandbox keeps what it knows, so that it survives a restart: documents by key. A table
/// of two columns will do.
#[async_trait]
pub trait SandboxStore: Debug + Send + Sync {
    /// Keeps all other processes that use the same store from working with it until what it answers
    /// is dropped. A store of one process has nobody to keep out.
    async fn hold(&self) -> Result<Box<dyn Send + Sync>, StorageError> {
        Ok(Box::new(()))
    }

    /// The document under a key.
    async fn document(&self, key: &str) -> Result<Option<Value>, StorageError>;

    /// Writes all of these, or none.
    async fn put(&self, documents: &[(String, Value)]) -> Result<(), StorageError>;

    /// The documents whose keys begin so, in the order of keys, after a key, at most so many.
    async fn documents(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StorageError>;
}

/// Keeps everything in memory, until the process ends.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Value>>);

#[async_trait]
impl SandboxStore for MemoryStore {
    async fn document(&self, key: &str) -> Result<Option<Value>, StorageError> {
        Ok(self.documents_now().get(key).cloned())
    }

    async fn put(&self, documents: &[(String, Value)]) -> Result<(), StorageError> {
        self.documents_now().extend(documents.iter().cloned());
        Ok(())
    }

    async fn documents(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StorageError> {
        let documents = self.documents_now();
        let from = documents.range(prefix.to_owned()..);
        let fits = from.take_while(|(key, _)| key.starts_with(prefix));
        let found = fits.filter(|(key, _)| key.as_str() > after).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl MemoryStore {
    fn documents_now(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Value>> {
        self.0.lock().expect("nobody panics with the documents in hand")
    }
}
