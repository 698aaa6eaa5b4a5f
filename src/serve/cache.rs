//! The cache of rankings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::config::{CachePolicy, RawCache};
use super::ranking::{Key, Ranking};

/// Rankings by everything that they depend on. Concurrent misses of one key compute once, and the others wait for it.
#[derive(Debug)]
pub(super) struct Rankings {
    cache: Option<Cache<Key, Arc<Ranking>>>,
    asked: AtomicU64,
    made: AtomicU64,
}

/// How the cache has done since the engine was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheStats {
    /// Rankings that were wanted.
    pub asked: u64,
    /// Rankings that had to be made; the others were there, or being made for somebody else.
    pub made: u64,
    /// Rankings that are held now, roughly.
    pub entries: u64,
    /// Bytes that they take, roughly.
    pub bytes: u64,
}

impl Rankings {
    pub(super) fn new(config: &RawCache) -> Self {
        let bytes = config.max_mebibytes << 20;
        if bytes == 0 || config.entries == 0 {
            return Self::of(None);
        }
        // One capacity keeps both limits: an entry weighs its bytes, and at least its share of all bytes.
        let least = (bytes / config.entries).max(1);
        let policy = match config.policy {
            CachePolicy::Lru => EvictionPolicy::lru(),
            CachePolicy::TinyLfu => EvictionPolicy::tiny_lfu(),
        };
        let cache = Cache::builder()
            .name("rankings")
            .eviction_policy(policy)
            .max_capacity(bytes)
            .time_to_live(Duration::from_secs(config.ttl_seconds))
            .weigher(move |key: &Key, ranking: &Arc<Ranking>| {
                let bytes = (key.bytes() + ranking.bytes()) as u64;
                u32::try_from(bytes.max(least)).unwrap_or(u32::MAX)
            })
            .build();
        Self::of(Some(cache))
    }

    fn of(cache: Option<Cache<Key, Arc<Ranking>>>) -> Self {
        Self {
            cache,
            asked: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// The ranking of this key, made now unless it is there or being made.
    pub(super) fn get_or_make(&self, key: Key, make: impl FnOnce() -> Ranking) -> Arc<Ranking> {
        // The counters order nothing but themselves.
        self.asked.fetch_add(1, Ordering::Relaxed);
        let make = || {
            self.made.fetch_add(1, Ordering::Relaxed);
            Arc::new(make())
        };
        match &self.cache {
            Some(cache) => cache.get_with(key, make),
            None => make(),
        }
    }

    pub(super) fn stats(&self) -> CacheStats {
        let cache = self.cache.as_ref();
        CacheStats {
            asked: self.asked.load(Ordering::Relaxed),
            made: self.made.load(Ordering::Relaxed),
            entries: cache.map_or(0, Cache::entry_count),
            bytes: cache.map_or(0, Cache::weighted_size),
        }
    }

    /// Forgets everything. Keys hold their generation, so this frees memory and is never needed for a right answer.
    pub(super) fn clear(&self) {
        if let Some(cache) = &self.cache {
            cache.invalidate_all();
        }
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
                    let made = rankings.get_or_make(key(0), || ranking(vec![(7, 1.0)]));
                    assert_eq!(made.items, [(7, 1.0)]);
                });
            }
        });
        let stats = rankings.stats();
        assert_eq!((stats.asked, stats.made), (64, 1));
    }

    #[test]
    fn another_generation_is_another_ranking() {
        let rankings = Rankings::new(&RawCache::default());
        let first = |generation| {
            rankings
                .get_or_make(key(generation), || ranking(vec![(generation as u32, 1.0)]))
                .items[0]
                .0
        };
        assert_eq!([first(1), first(2), first(1), first(2)], [1, 2, 1, 2]);
        assert_eq!(rankings.stats().made, 2);
    }

    #[test]
    fn without_room_every_ranking_is_made() {
        let rankings = Rankings::new(&RawCache {
            entries: 0,
            ..RawCache::default()
        });
        for _ in 0..3 {
            rankings.get_or_make(key(0), || ranking(Vec::new()));
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
                rankings.get_or_make(key(generation), || ranking(Vec::new()));
            }
            if let Some(cache) = &rankings.cache {
                cache.run_pending_tasks();
            }
            let entries = rankings.stats().entries;
            assert!((1..=10).contains(&entries), "{policy:?} holds {entries}");
        }
    }
}
