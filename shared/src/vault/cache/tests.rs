//! What is kept, for how long, and how often it is got.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;
use crate::clock::{Clock, ManualClock};

/// A cache whose values count how often one was got.
struct Counted {
    cache: Cache<&'static str, Arc<usize>>,
    clock: ManualClock,
    got: AtomicUsize,
}

impl Counted {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        Self { cache: Cache::new(), clock, got: AtomicUsize::new(0) }
    }

    async fn get(&self, key: &'static str) -> Arc<usize> {
        let load = async {
            tokio::task::yield_now().await;
            Ok(Arc::new(self.got.fetch_add(1, Ordering::SeqCst) + 1))
        };
        self.cache.get_or_load(key, self.clock.now(), load).await.unwrap()
    }

    async fn fail(&self, key: &'static str) -> VaultError {
        let load = async {
            tokio::task::yield_now().await;
            self.got.fetch_add(1, Ordering::SeqCst);
            Err(VaultError::KeyRefused)
        };
        self.cache.get_or_load(key, self.clock.now(), load).await.unwrap_err()
    }

    fn kept(&self) -> usize {
        lock(&self.cache.0).len()
    }
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_gets_it_for_all() {
    let counted = Counted::new();
    let all = join_all((0..50).map(|_| counted.get("a"))).await;
    assert!(all.iter().all(|value| **value == 1));
    assert_eq!(*counted.get("b").await, 2);
}

#[tokio::test]
async fn it_is_kept_for_five_minutes_however_often_it_is_used() {
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
async fn what_has_run_out_is_dropped_when_anything_else_is_got() {
    let counted = Counted::new();
    let value = Arc::downgrade(&counted.get("a").await);
    counted.clock.advance(300);
    assert!(value.upgrade().is_some());
    counted.get("b").await;
    assert!(value.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_has_run_out_is_dropped_though_nobody_asks_for_anything() {
    let counted = Counted::new();
    let value = Arc::downgrade(&counted.get("a").await);
    tokio::time::sleep(LIFETIME.saturating_sub(Duration::from_secs(1))).await;
    assert!(value.upgrade().is_some());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(value.upgrade().is_none());
    assert_eq!(counted.kept(), 0);
}

#[tokio::test]
async fn a_failure_is_given_to_all_who_waited_and_to_nobody_after() {
    let counted = Counted::new();
    let failures = join_all((0..50).map(|_| counted.fail("a"))).await;
    assert_eq!((failures.len(), counted.got.load(Ordering::SeqCst), counted.kept()), (50, 1, 0));
    assert_eq!(*counted.get("a").await, 2);
}

#[tokio::test]
async fn where_the_one_who_is_getting_it_goes_away_the_next_one_does() {
    let counted = Counted::new();
    {
        let mut first = Box::pin(counted.cache.get_or_load("a", counted.clock.now(), std::future::pending()));
        let polled = futures_util::poll!(&mut first);
        assert!(polled.is_pending());
    }
    assert_eq!(*counted.get("a").await, 1);
}

#[tokio::test]
async fn a_value_that_is_put_is_not_got_again() {
    let counted = Counted::new();
    counted.cache.put(&"a", counted.clock.now(), Arc::new(7));
    assert_eq!(*counted.get("a").await, 7);
}
