//! What was answered, and what is being answered.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use moka::Equivalent;
use moka::sync::Cache;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response, response};

use super::body::Replayed;
use crate::serve::{RawCache, Stamp, bounded};

/// Longest answer that is remembered, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// What an entry takes beside its bytes, roughly: the key, the value and the cache's own book-keeping.
const ENTRY_BYTES: usize = 256;

/// A method's place in the list, and the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Question {
    pub(super) method: usize,
    pub(super) message: Box<[u8]>,
}

/// A question that is not ours to keep.
#[derive(PartialEq, Eq)]
struct Asked<'a> {
    method: usize,
    message: &'a [u8],
}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Asked {
            method: self.method,
            message: &self.message,
        }
        .hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.method);
        state.write(self.message);
    }
}

impl Equivalent<Question> for Asked<'_> {
    fn equivalent(&self, key: &Question) -> bool {
        self.method == key.method && *self.message == *key.message
    }
}

/// A message that is a good answer as of its stamp.
#[derive(Clone, Debug)]
struct Good {
    stamp: Stamp,
    message: Bytes,
}

/// What is remembered of a question.
#[derive(Debug)]
struct Remembered {
    answer: Good,
    /// What a model that is about to serve answers: until then the other one is given.
    next: Option<Good>,
    /// How often it was asked: since this was made, and half as much before. A lost count is no loss.
    asked: AtomicU32,
}

impl Remembered {
    fn as_of(&self, stamp: Stamp) -> Option<&Good> {
        std::iter::once(&self.answer)
            .chain(&self.next)
            .find(|answer| answer.stamp == stamp)
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> usize {
        let next = self.next.as_ref().map_or(0, |next| next.message.len());
        self.answer.message.len() + next
    }
}

/// A response that was read whole.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) is_good: bool,
    pub(super) head: response::Parts,
    pub(super) message: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(super) fn into_response(self) -> Response<Body> {
        Response::from_parts(self.head, Replayed::ended(self.message, self.trailers))
    }
}

/// How the memory of answers has done since the server began. An answer that was not remembered came from the engine,
/// whose rankings have statistics of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::grpc) struct AnswerStats {
    /// Answers that were there.
    pub(in crate::grpc) hits: u64,
    /// Answers that were there and of another model or stock.
    pub(in crate::grpc) stale: u64,
    /// Answers that were being made for somebody else.
    pub(in crate::grpc) coalesced: u64,
    /// Answers that had to be made.
    pub(in crate::grpc) made: u64,
    /// Answers that a model made before it served.
    pub(in crate::grpc) warmed: u64,
    /// Answers that are held now, roughly.
    pub(in crate::grpc) entries: u64,
    /// Bytes that they take, roughly.
    pub(in crate::grpc) bytes: u64,
}

type Making = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// An answer on its way, and the stamp that it will have.
struct Pending {
    stamp: Stamp,
    /// Weak, so that the last asker who hangs up ends the work.
    answer: WeakShared<Making>,
}

/// What was answered, and what is being answered.
pub(in crate::grpc) struct Answers {
    kept: Option<Cache<Question, Arc<Remembered>>>,
    pending: Mutex<HashMap<Question, Pending>>,
    hits: AtomicU64,
    stale: AtomicU64,
    coalesced: AtomicU64,
    made: AtomicU64,
    warmed: AtomicU64,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Answers {
    pub(in crate::grpc) fn new(config: &RawCache) -> Self {
        Self {
            kept: bounded(
                config,
                "answers",
                |question: &Question, answer: &Arc<Remembered>| {
                    ENTRY_BYTES + question.message.len() + answer.bytes()
                },
            ),
            pending: Mutex::default(),
            hits: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            coalesced: AtomicU64::new(0),
            made: AtomicU64::new(0),
            warmed: AtomicU64::new(0),
        }
    }

    /// How the memory has done.
    pub(in crate::grpc) fn stats(&self) -> AnswerStats {
        // The counters order nothing but themselves.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AnswerStats {
            hits: read(&self.hits),
            stale: read(&self.stale),
            coalesced: read(&self.coalesced),
            made: read(&self.made),
            warmed: read(&self.warmed),
            entries: self.kept.as_ref().map_or(0, Cache::entry_count),
            bytes: self.kept.as_ref().map_or(0, Cache::weighted_size),
        }
    }

    /// The remembered answer, unless something has changed since.
    pub(super) fn get(&self, method: usize, message: &[u8], stamp: Stamp) -> Option<Bytes> {
        let remembered = self.kept.as_ref()?.get(&Asked { method, message })?;
        let Some(answer) = remembered.as_of(stamp) else {
            self.stale.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        remembered.asked.fetch_add(1, Ordering::Relaxed);
        Some(answer.message.clone())
    }

    /// The questions that were asked of late and are remembered, the most often asked first; no more than `most`.
    pub(super) fn asked_lately(&self, most: usize) -> Vec<Arc<Question>> {
        let kept = self.kept.iter().flatten();
        let mut asked: Vec<_> = kept
            .map(|(question, remembered)| (remembered.asked(), question))
            .filter(|&(asked, _)| asked > 0)
            .collect();
        asked.sort_by_key(|&(asked, _)| Reverse(asked));
        asked.truncate(most);
        asked.into_iter().map(|(_, question)| question).collect()
    }

    /// Remembers what a model that is about to serve answers, beside what is answered as of `now`.
    pub(super) fn warm(&self, question: &Question, next: Stamp, message: Bytes, now: Stamp) {
        let Some(kept) = self.kept.as_ref().filter(|_| message.len() <= MAX_ANSWER) else {
            return;
        };
        let next = Good { stamp: next, message };
        let before = kept.get(question);
        let asked = before.as_ref().map_or(0, |before| before.asked() / 2);
        // If an asker's answer comes in between, one of the two is lost: it is made again, and never a wrong one given.
        let (answer, next) = match before.as_ref().and_then(|before| before.as_of(now)) {
            Some(answer) => (answer.clone(), Some(next)),
            None => (next, None),
        };
        let remembered = Remembered {
            answer,
            next,
            asked: AtomicU32::new(asked),
        };
        kept.insert(question.clone(), Arc::new(remembered));
        self.warmed.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer that `make` gives, or that somebody else is waiting for already.
    pub(super) async fn make(
        self: &Arc<Self>,
        method: usize,
        message: &[u8],
        stamp: Stamp,
        make: impl Future<Output = Answer> + Send + 'static,
    ) -> Answer {
        if self.kept.is_none() {
            self.made.fetch_add(1, Ordering::Relaxed);
            return make.await;
        }
        self.shared(method, message, stamp, make).await
    }

    fn shared(
        self: &Arc<Self>,
        method: usize,
        message: &[u8],
        stamp: Stamp,
        make: impl Future<Output = Answer> + Send + 'static,
    ) -> Shared<Making> {
        let question = Question {
            method,
            message: message.into(),
        };
        let mut pending = self.pending();
        let there = pending.get(&question).filter(|there| there.stamp == stamp);
        if let Some(answer) = there.and_then(|there| there.answer.upgrade()) {
            self.coalesced.fetch_add(1, Ordering::Relaxed);
            return answer;
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        let leaving = Leaving {
            answers: Arc::clone(self),
            question: question.clone(),
            stamp,
        };
        let making: Making = Box::pin(async move {
            let answer = make.await;
            leaving.remember(&answer);
            answer
        });
        let making = making.shared();
        // It has not been asked for yet, so it is not over.
        if let Some(answer) = making.downgrade() {
            pending.insert(question, Pending { stamp, answer });
        }
        making
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<Question, Pending>> {
        // A poisoned lock holds whole entries all the same: each is changed in one step.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes an answer off the list of those that are being made: when it is there, or when nobody waits for it any more.
struct Leaving {
    answers: Arc<Answers>,
    question: Question,
    stamp: Stamp,
}

impl Leaving {
    fn remember(&self, answer: &Answer) {
        if let Some(kept) = &self.answers.kept
            && answer.is_good
            && answer.message.len() <= MAX_ANSWER
        {
            let before = kept.get(&self.question);
            let remembered = Remembered {
                answer: Good {
                    stamp: self.stamp,
                    // A copy of its own: what was sent may be part of a larger buffer.
                    message: Bytes::copy_from_slice(&answer.message),
                },
                next: None,
                asked: AtomicU32::new(1 + before.map_or(0, |before| before.asked() / 2)),
            };
            kept.insert(self.question.clone(), Arc::new(remembered));
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut pending = self.answers.pending();
        // Somebody may be making a newer one under the same question.
        if pending
            .get(&self.question)
            .is_some_and(|there| there.stamp == self.stamp)
        {
            pending.remove(&self.question);
        }
    }
}
