//! Values that are costly to get, kept for five minutes at most. However many ask at once for one that is missing, it is
//! got once; a failure is given to all who waited for it, and kept for nobody else.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use super::error::VaultError;

/// How long anything is kept, counted from before it was got.
pub const LIFETIME: Duration = Duration::from_mins(5);

type Entries<K, V> = Mutex<HashMap<K, Arc<Entry<V>>>>;

/// A value, or whoever is getting it now.
struct Entry<V> {
    value: OnceCell<Result<V, VaultError>>,
    expires_at: Timestamp,
}

/// The values by key.
pub(super) struct Cache<K, V>(Arc<Entries<K, V>>);

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// The value, got by `load` where it is not here. If the caller who is getting it goes away, the next in line does.
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

    /// The value, if it is here.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = lock(&self.0);
        let entry = entries.get(key).filter(|entry| entry.expires_at > now)?;
        entry.value.get().and_then(|value| value.as_ref().ok().cloned())
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Keeps a value that is already known, unless there is one.
    pub(super) fn put(&self, key: &K, now: Timestamp, value: V) {
        // Whoever is getting it right now will get the same.
        let _ = self.entry(key, now).value.set(Ok(value));
    }

    /// The key's entry; a new one where there is none that is fresh.
    fn entry(&self, key: &K, now: Timestamp) -> Arc<Entry<V>> {
        let mut entries = lock(&self.0);
        if let Some(fresh) = entries.get(key).filter(|entry| entry.expires_at > now) {
            return Arc::clone(fresh);
        }
        entries.retain(|_, entry| entry.expires_at > now);
        let expires_at = SignedDuration::try_from(LIFETIME).ok().and_then(|lifetime| now.checked_add(lifetime).ok());
        let entry = Arc::new(Entry { value: OnceCell::new(), expires_at: expires_at.unwrap_or(now) });
        entries.insert(key.clone(), Arc::clone(&entry));
        forget_in_time(Arc::downgrade(&self.0), key.clone(), Arc::downgrade(&entry));
        entry
    }
}

/// Drops the entry when its time is up, also where nobody asks for anything any more.
fn forget_in_time<K, V>(entries: Weak<Entries<K, V>>, key: K, entry: Weak<Entry<V>>)
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

/// Drops this very entry, not one that took its place.
fn forget<K: Eq + Hash, V>(entries: &Entries<K, V>, key: &K, entry: &Arc<Entry<V>>) {
    let mut entries = lock(entries);
    if entries.get(key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
        entries.remove(key);
    }
}

/// The map is whole at all times: nothing that can fail happens under the lock, and nothing is awaited.
fn lock<K, V>(entries: &Entries<K, V>) -> MutexGuard<'_, HashMap<K, Arc<Entry<V>>>> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
