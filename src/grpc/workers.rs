//! Where answers are computed: apart from the threads that read and write the wire, and never more at once than there
//! are cores.
//!
//! The one decision: a request that finds too many before it is refused at once, instead of waiting in a queue that
//! only grows. A caller who hangs up while waiting costs nothing: the work has not begun. One who hangs up later ends it
//! soon: the work looks now and then whether anybody still waits. What takes less time than the way to another thread
//! is computed where it is asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::serve::ServeError;

/// A request that has been let in.
#[derive(Debug)]
pub(super) struct Ticket(#[expect(dead_code, reason = "held for what its drop does")] OwnedSemaphorePermit);

/// Whether anybody still waits for a piece of work.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Somebody who waits until the other is dropped.
    pub(super) fn until_dropped() -> (Self, HangUp) {
        let waiting = Self::default();
        (waiting.clone(), HangUp(waiting))
    }

    /// Whether nobody waits any more.
    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Says that nobody waits any more, when it is dropped.
#[derive(Debug)]
pub(super) struct HangUp(Waiting);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// The room for computing answers; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Workers {
    admitted: Arc<Semaphore>,
    limit: usize,
    slots: Arc<Semaphore>,
}

impl Workers {
    /// Room for one computation per core, and for `limit` requests that compute or wait.
    pub(super) fn per_core(limit: usize) -> Self {
        Self::new(available_parallelism().map_or(1, usize::from), limit)
    }

    /// Room for one computation at a time, and for `limit` requests that compute or wait.
    pub(super) fn one_by_one(limit: usize) -> Self {
        Self::new(1, limit)
    }

    fn new(slots: usize, limit: usize) -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            limit,
            slots: Arc::new(Semaphore::new(slots)),
        }
    }

    /// Lets a request in, unless too many are being answered. It is answered when the ticket is dropped.
    pub(super) fn admit(&self) -> Result<Ticket, ServeError> {
        Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map(Ticket)
            .map_err(|_| ServeError::Overloaded { limit: self.limit })
    }

    /// Lets a request in and computes its answer.
    pub(super) async fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Waiting) -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError> {
        let _ticket = self.admit()?;
        self.run(work).await.and_then(|outcome| outcome)
    }

    /// Computes the answer of a request that has been admitted here and now: for work that takes less time than the way to
    /// another thread and back.
    pub(super) fn run_here<T>(work: impl FnOnce() -> Result<T, ServeError>) -> Result<T, ServeError> {
        // What is half done is dropped: nothing that others see is changed but by whole steps.
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(internal(&"it panicked")))
    }

    /// Computes part of an answer that has been admitted.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Waiting) -> T + Send + 'static,
    ) -> Result<T, ServeError> {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|error| internal(&error))?;
        let (waiting, _hang_up) = Waiting::until_dropped();
        // The slot goes along: work that nobody waits for any more still occupies its core until it looks.
        spawn_blocking(move || {
            let _slot = slot;
            (!waiting.is_over()).then(|| work(&waiting))
        })
        .await
        .map_err(|error| internal(&error))?
        .ok_or(ServeError::Cancelled)
    }
}

/// A computation that broke down. What it was is for the log; the caller can do nothing with it.
fn internal(error: &dyn std::fmt::Display) -> ServeError {
    tracing::error!(%error, "a computation broke down");
    ServeError::Internal {
        message: "a computation broke down, the server's log tells more".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_too_many_is_refused_at_once_and_room_comes_back() {
        let workers = Workers::one_by_one(1);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let workers = workers.clone();
            async move {
                workers
                    .answer(move |_| {
                        let _ = started.send(());
                        held.recv().ok();
                        Ok(1)
                    })
                    .await
            }
        });
        running.await.unwrap();
        assert!(matches!(
            workers.answer(|_| Ok(2)).await,
            Err(ServeError::Overloaded { limit: 1 })
        ));
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(workers.answer(|_| Ok(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_panic_stays_inside() {
        let workers = Workers::one_by_one(1);
        let outcome: Result<(), _> = workers.answer(|_| panic!("broken")).await;
        assert!(matches!(outcome, Err(ServeError::Internal { .. })));
        let here: Result<(), _> = Workers::run_here(|| panic!("broken"));
        assert!(matches!(here, Err(ServeError::Internal { .. })));
        assert_eq!(workers.answer(|_| Ok(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn who_hangs_up_ends_the_work_and_gives_the_place_back() {
        let workers = Workers::one_by_one(1);
        let (started, running) = tokio::sync::oneshot::channel();
        let (ended, end) = std::sync::mpsc::channel();
        let caller = tokio::spawn({
            let workers = workers.clone();
            async move {
                let work = move |waiting: &Waiting| {
                    let _ = started.send(());
                    while !waiting.is_over() {
                        std::thread::yield_now();
                    }
                    let _ = ended.send(());
                    Ok(())
                };
                workers.answer(work).await
            }
        });
        running.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        // Without the signal this would wait for ever.
        spawn_blocking(move || end.recv().unwrap()).await.unwrap();
        assert_eq!(workers.answer(|_| Ok(3)).await.unwrap(), 3);
    }
}
