//! A cache of values that are costly to load, for at most five minutes. Concurrent requests for a missing value load it once; a
//! failure goes to all requests that waited for it, and is not cached.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use super::error::VaultError;

/// Time for which a value is cached, counted from before it was loaded.
pub const LIFETIME: Duration = Duration::from_mins(5);

type CacheEntries<K, V> = Mutex<HashMap<K, Arc<CacheEntry<V>>>>;

/// A value, or the load that is under way.
struct CacheEntry<V> {
    value: OnceCell<Result<V, VaultError>>,
    expires_at: Timestamp,
}

/// Values by key.
pub(super) struct Cache<K, V>(Arc<CacheEntries<K, V>>);

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Returns the value, loaded by `load` where it is not cached. If the caller that loads it is dropped, the next one in line
    /// loads it.
    pub(super) async fn get_or_load(
        &self,
        key: K,
        now: Timestamp,
        load: impl Future<Output = Result<V, VaultError>>,
    ) -> Result<V, VaultError> {
        let entry = self.entry(&key, now);
        let value = entry.value.get_or_init(|| load).await.clone();
        if value.is_err() {
            forget(&self.0, &key, &entry);
        }
        value
    }

    /// Returns the value, if it is cached.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = lock(&self.0);
        let entry = entries.get(key).filter(|entry| entry.expires_at > now)?;
        entry.value.get().and_then(|value| value.as_ref().ok().cloned())
    }

    /// Drops all values.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Caches a value that is already known, unless one is cached.
    pub(super) fn put(&self, key: &K, now: Timestamp, value: V) {
        // A load that is under way returns the same value.
        let _ = self.entry(key, now).value.set(Ok(value));
    }

    /// Returns the entry of the key; a new one where none is fresh.
    fn entry(&self, key: &K, now: Timestamp) -> Arc<CacheEntry<V>> {
        let mut entries = lock(&self.0);
        if let Some(fresh) = entries.get(key).filter(|entry| entry.expires_at > now) {
            return Arc::clone(fresh);
        }
        entries.retain(|_, entry| entry.expires_at > now);
        let expires_at = SignedDuration::try_from(LIFETIME).ok().and_then(|lifetime| now.checked_add(lifetime).ok());
        let entry = Arc::new(CacheEntry { value: OnceCell::new(), expires_at: expires_at.unwrap_or(now) });
        entries.insert(key.clone(), Arc::clone(&entry));
        forget_on_expiry(Arc::downgrade(&self.0), key.clone(), Arc::downgrade(&entry));
        entry
    }
}

/// Drops the entry when it expires, even where the cache is not used any more.
fn forget_on_expiry<K, V>(entries: Weak<CacheEntries<K, V>>, key: K, entry: Weak<CacheEntry<V>>)
where
    K: Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
{
    tokio::spawn(async move {
        tokio::time::sleep(LIFETIME).await;
        if let (Some(entries), Some(entry)) = (entries.upgrade(), entry.upgrade()) {
            forget(&entries, &key, &entry);
        }
    });
}

/// Drops this entry, but not one that has replaced it.
fn forget<K: Eq + Hash, V>(entries: &CacheEntries<K, V>, key: &K, entry: &Arc<CacheEntry<V>>) {
    let mut entries = lock(entries);
    if entries.get(key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
        entries.remove(key);
    }
}

/// A poisoned lock is safe to use: no code that can panic changes the map while it holds the lock.
fn lock<K, V>(entries: &CacheEntries<K, V>) -> MutexGuard<'_, HashMap<K, Arc<CacheEntry<V>>>> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
