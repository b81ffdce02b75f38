//! Which values are cached, for how long, and how often they are loaded.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;
use crate::clock::{Clock, ManualClock};

/// A cache whose values are the number of loads.
struct Counted {
    cache: Cache<&'static str, Arc<usize>>,
    clock: ManualClock,
    loads: AtomicUsize,
}

impl Counted {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        Self { cache: Cache::new(), clock, loads: AtomicUsize::new(0) }
    }

    async fn get(&self, key: &'static str) -> Arc<usize> {
        let load = async {
            tokio::task::yield_now().await;
            Ok(Arc::new(self.loads.fetch_add(1, Ordering::SeqCst) + 1))
        };
        self.cache.get_or_load(key, self.clock.now(), load).await.unwrap()
    }

    async fn fail(&self, key: &'static str) -> VaultError {
        let load = async {
            tokio::task::yield_now().await;
            self.loads.fetch_add(1, Ordering::SeqCst);
            Err(VaultError::KeyRejected)
        };
        self.cache.get_or_load(key, self.clock.now(), load).await.unwrap_err()
    }

    fn size(&self) -> usize {
        lock(&self.cache.0).len()
    }
}

#[tokio::test]
async fn concurrent_requests_load_a_value_once() {
    let counted = Counted::new();
    let all = join_all((0..50).map(|_| counted.get("a"))).await;
    assert!(all.iter().all(|value| **value == 1));
    assert_eq!(*counted.get("b").await, 2);
}

#[tokio::test]
async fn a_value_is_cached_for_five_minutes_regardless_of_its_use() {
    let counted = Counted::new();
    for _ in 0..29 {
        assert_eq!(*counted.get("a").await, 1);
        counted.clock.advance(10);
    }
    assert_eq!(*counted.get("a").await, 1);
    counted.clock.advance(10);
    assert_eq!(*counted.get("a").await, 2);
}

#[tokio::test]
async fn an_expired_value_is_dropped_when_another_is_loaded() {
    let counted = Counted::new();
    let value = Arc::downgrade(&counted.get("a").await);
    counted.clock.advance(300);
    assert!(value.upgrade().is_some());
    counted.get("b").await;
    assert!(value.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_expired_value_is_dropped_without_any_request() {
    let counted = Counted::new();
    let value = Arc::downgrade(&counted.get("a").await);
    tokio::time::sleep(LIFETIME.saturating_sub(Duration::from_secs(1))).await;
    assert!(value.upgrade().is_some());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(value.upgrade().is_none());
    assert_eq!(counted.size(), 0);
}

#[tokio::test]
async fn a_failure_goes_to_all_waiting_requests_and_is_not_cached() {
    let counted = Counted::new();
    let failures = join_all((0..50).map(|_| counted.fail("a"))).await;
    assert_eq!((failures.len(), counted.loads.load(Ordering::SeqCst), counted.size()), (50, 1, 0));
    assert_eq!(*counted.get("a").await, 2);
}

#[tokio::test]
async fn the_next_request_loads_the_value_when_the_first_is_dropped() {
    let counted = Counted::new();
    {
        let mut first = Box::pin(counted.cache.get_or_load("a", counted.clock.now(), std::future::pending()));
        let polled = futures_util::poll!(&mut first);
        assert!(polled.is_pending());
    }
    assert_eq!(*counted.get("a").await, 1);
}

#[tokio::test]
async fn a_value_that_is_put_is_not_loaded() {
    let counted = Counted::new();
    counted.cache.put(&"a", counted.clock.now(), Arc::new(7));
    assert_eq!(*counted.get("a").await, 7);
}
