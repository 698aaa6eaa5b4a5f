//! The cache of rankings, and what it shares with the memory of answers at the door.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::config::{CachePolicy, RawCache};
use super::error::ServeError;
use super::ranking::{Key, Ranking};

/// A cache of half the configuration's memory, in which entries take `bytes_of`; `None` where it is switched off.
pub(crate) fn bounded<K, V>(
    config: &RawCache,
    name: &str,
    bytes_of: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
) -> Option<Cache<K, V>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let bytes = config.max_mebibytes << 19;
    if bytes == 0 || config.entries == 0 {
        return None;
    }
    // One capacity keeps both limits: an entry weighs its bytes, and at least its share of all bytes.
    let least = (bytes / config.entries).max(1);
    let policy = match config.policy {
        CachePolicy::Lru => EvictionPolicy::lru(),
        CachePolicy::TinyLfu => EvictionPolicy::tiny_lfu(),
    };
    Some(
        Cache::builder()
            .name(name)
            .eviction_policy(policy)
            .max_capacity(bytes)
            .time_to_live(Duration::from_secs(config.ttl_seconds))
            .weigher(move |key: &K, value: &V| {
                u32::try_from((bytes_of(key, value) as u64).max(least)).unwrap_or(u32::MAX)
            })
            .build(),
    )
}

/// Rankings by everything that they depend on. Concurrent misses of one key compute once, and the others wait for it.
#[derive(Debug)]
pub(super) struct Rankings {
    cache: Option<Cache<Key, Arc<Ranking>>>,
    hits: AtomicU64,
    coalesced: AtomicU64,
    made: AtomicU64,
}

/// How the cache of rankings has done since the engine was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheStats {
    /// Rankings that were there.
    pub hits: u64,
    /// Rankings that were being made for somebody else.
    pub coalesced: u64,
    /// Rankings that had to be made.
    pub made: u64,
    /// Rankings that are held now, roughly.
    pub entries: u64,
    /// Bytes that they take, roughly.
    pub bytes: u64,
}

impl Rankings {
    pub(super) fn new(config: &RawCache) -> Self {
        let bytes_of = |key: &Key, ranking: &Arc<Ranking>| key.bytes() + ranking.bytes();
        Self {
            cache: bounded(config, "rankings", bytes_of),
            hits: AtomicU64::new(0),
            coalesced: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// The ranking of this key, made now unless it is there or being made.
    ///
    /// # Errors
    /// [`ServeError::Cancelled`] when `make` gave up. Whoever waited for the one who gave up makes it himself.
    pub(super) fn get_or_make(
        &self,
        key: &Key,
        make: impl Fn() -> Result<Ranking, ServeError>,
    ) -> Result<Arc<Ranking>, ServeError> {
        // The counters order nothing but themselves.
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        let Some(cache) = &self.cache else {
            count(&self.made);
            return make().map(Arc::new);
        };
        if let Some(ranking) = cache.get(key) {
            count(&self.hits);
            return Ok(ranking);
        }
        loop {
            let mut is_mine = false;
            let made = cache.try_get_with_by_ref(key, || {
                is_mine = true;
                count(&self.made);
                make().map(Arc::new)
            });
            match made {
                Ok(ranking) => {
                    if !is_mine {
                        count(&self.coalesced);
                    }
                    return Ok(ranking);
                }
                Err(error) if is_mine => return Err((*error).clone()),
                // Somebody else's asker hung up.
                Err(_) => {}
            }
        }
    }

    pub(super) fn stats(&self) -> CacheStats {
        let cache = self.cache.as_ref();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            hits: read(&self.hits),
            coalesced: read(&self.coalesced),
            made: read(&self.made),
            entries: cache.map_or(0, Cache::entry_count),
            bytes: cache.map_or(0, Cache::weighted_size),
        }
    }

    /// Forgets the rankings of an index, and keeps those that its successor made already. Keys hold their generation, so
    /// this frees memory and is never needed for a right answer. The caller does the work, entry by entry: forgetting
    /// everything at once would leave it to whoever asks next.
    pub(super) fn forget(&self, generation: u64) {
        let Some(cache) = &self.cache else {
            return;
        };
        for (key, _) in cache {
            if key.generation == generation {
                cache.invalidate(&*key);
            }
        }
        cache.run_pending_tasks();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::super::answer::Strategy;
    use super::super::ranking::Question;
    use super::super::shelf::Grounds;
    use super::*;

    fn key(generation: u64) -> Key {
        Key {
            generation,
            question: Question::Trending,
            depth: 256,
        }
    }

    fn ranking(items: Vec<(u32, f32)>) -> Ranking {
        Ranking::whole(items, Strategy::Popular, Grounds::Popular)
    }

    #[test]
    fn sixty_four_askers_of_one_missing_ranking_make_it_once() {
        let rankings = Rankings::new(&RawCache::default());
        let all_here = Barrier::new(64);
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    all_here.wait();
                    let made = rankings
                        .get_or_make(&key(0), || Ok(ranking(vec![(7, 1.0)])))
                        .unwrap();
                    assert_eq!(made.items, [(7, 1.0)]);
                });
            }
        });
        let stats = rankings.stats();
        assert_eq!((stats.hits + stats.coalesced, stats.made), (63, 1));
    }

    #[test]
    fn who_waits_for_somebody_who_gives_up_makes_it_himself() {
        let rankings = Rankings::new(&RawCache::default());
        let both_here = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let given_up = rankings.get_or_make(&key(0), || {
                    both_here.wait();
                    // Long enough for the other to begin waiting; a right answer does not depend on it.
                    std::thread::sleep(Duration::from_millis(20));
                    Err(ServeError::Cancelled)
                });
                assert!(matches!(given_up, Err(ServeError::Cancelled)));
            });
            both_here.wait();
            let made = rankings
                .get_or_make(&key(0), || Ok(ranking(vec![(7, 1.0)])))
                .unwrap();
            assert_eq!(made.items, [(7, 1.0)]);
        });
        assert_eq!(rankings.stats().made, 2);
    }

    #[test]
    fn another_generation_is_another_ranking() {
        let rankings = Rankings::new(&RawCache::default());
        let first = |generation| {
            rankings
                .get_or_make(&key(generation), || Ok(ranking(vec![(generation as u32, 1.0)])))
                .unwrap()
                .items[0]
                .0
        };
        assert_eq!([first(1), first(2), first(1), first(2)], [1, 2, 1, 2]);
        assert_eq!(rankings.stats().made, 2);
    }

    #[test]
    fn what_a_generation_made_is_forgotten_with_it_and_nothing_else() {
        let rankings = Rankings::new(&RawCache::default());
        let ask = |generation| {
            rankings
                .get_or_make(&key(generation), || Ok(ranking(vec![(generation as u32, 1.0)])))
                .unwrap()
        };
        ask(1);
        ask(2);
        rankings.forget(1);
        let stats = rankings.stats();
        assert_eq!((stats.made, stats.entries), (2, 1));
        ask(2);
        assert_eq!(rankings.stats().made, 2, "the successor's is still there");
        ask(1);
        assert_eq!(rankings.stats().made, 3);
    }

    #[test]
    fn without_room_every_ranking_is_made() {
        let rankings = Rankings::new(&RawCache {
            entries: 0,
            ..RawCache::default()
        });
        for _ in 0..3 {
            rankings.get_or_make(&key(0), || Ok(ranking(Vec::new()))).unwrap();
        }
        assert_eq!(rankings.stats().made, 3);
    }

    #[test]
    fn the_number_of_entries_is_kept_by_either_policy() {
        for policy in [CachePolicy::Lru, CachePolicy::TinyLfu] {
            let rankings = Rankings::new(&RawCache {
                entries: 10,
                policy,
                ..RawCache::default()
            });
            for generation in 0..100 {
                rankings
                    .get_or_make(&key(generation), || Ok(ranking(Vec::new())))
                    .unwrap();
            }
            if let Some(cache) = &rankings.cache {
                cache.run_pending_tasks();
            }
            let entries = rankings.stats().entries;
            assert!((1..=10).contains(&entries), "{policy:?} holds {entries}");
        }
    }
}
