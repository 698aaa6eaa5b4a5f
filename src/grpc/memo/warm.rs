//! Answers of a model that does not serve yet.
//!
//! Enters: a model about to serve. Leaves: its answers to what was asked lately, remembered under the stamp that they will
//! have.
//!
//! The one decision: the questions are answered from their bytes to their bytes on the threads that loaded the model, what
//! is asked most often first, until there are enough or the time is up. A question that this model cannot answer is left to
//! whoever asks it next; none of them keeps the model from serving.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::METHODS;
use super::answers::{Answers, Question};
use crate::grpc::workers::Workers;
use crate::serve::{Engine, ServeError, Successor};

/// Before a message: whether it is compressed (0: it is not), and its length in four bytes.
const HEAD: usize = 5;

/// Whether nobody waits for the model any more.
pub(in crate::grpc) type IsOver<'a> = &'a (dyn Fn() -> bool + Sync);

/// Makes a model answer what was asked lately, before it serves.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct Warming {
    pub(in crate::grpc) engine: Arc<Engine>,
    pub(in crate::grpc) answers: Arc<Answers>,
}

/// What was made before a model served.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::grpc) struct Warmed {
    /// Answers.
    pub(in crate::grpc) answers: u64,
    /// The time that they took.
    pub(in crate::grpc) took: Duration,
}

impl Warming {
    /// Makes them on every thread of the pool that it is called on.
    pub(in crate::grpc) fn run(&self, successor: &Successor<'_>, is_over: IsOver<'_>) -> Warmed {
        let limits = &self.engine.config().raw().cache;
        let begun = Instant::now();
        let most = Duration::from_secs_f64(limits.warm_seconds);
        let questions = match most.is_zero() {
            true => Vec::new(),
            false => self.answers.asked_lately(limits.warm_answers),
        };
        if questions.is_empty() {
            return Warmed::default();
        }
        let is_late = || is_over() || begun.elapsed() >= most;
        let (next, made) = (AtomicUsize::new(0), AtomicU64::new(0));
        // In their order, whatever the number of threads: what is asked most often is there when the time is up.
        rayon::broadcast(|_| {
            while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed))
                && !is_late()
            {
                if self.warm(question, successor, &is_late) {
                    made.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Warmed {
            answers: made.into_inner(),
            took: begun.elapsed(),
        }
    }

    /// Whether there is an answer.
    fn warm(&self, question: &Question, successor: &Successor<'_>, is_late: &dyn Fn() -> bool) -> bool {
        // Read before the answer is made: what changes meanwhile makes the answer stale, and never the other way round.
        let stamp = successor.stamp();
        let answer = METHODS[question.method].answer;
        let Ok(message) = Workers::run_here(|| answer(successor, &question.message, is_late)) else {
            return false;
        };
        self.answers.warm(question, stamp, message, self.engine.stamp());
        true
    }
}

/// Answers a message in its frame with a message in its frame.
///
/// # Errors
/// Those of `answer`; [`ServeError::Internal`] for bytes that are no such message, which nobody gave a good answer.
pub(super) fn framed<Q: Message + Default, A: Message>(
    question: &[u8],
    answer: impl FnOnce(Q) -> Result<A, ServeError>,
) -> Result<Bytes, ServeError> {
    let message = question.get(HEAD..).unwrap_or_default();
    let question = Q::decode(message).map_err(|error| ServeError::Internal {
        message: format!("a remembered question cannot be read: {error}"),
    })?;
    let answer = answer(question)?;
    let length = answer.encoded_len();
    let mut framed = BytesMut::with_capacity(HEAD + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).map_err(|_| ServeError::Internal {
        message: "an answer is longer than a frame".to_owned(),
    })?);
    framed.put_slice(&answer.encode_to_vec());
    Ok(framed.freeze())
}
