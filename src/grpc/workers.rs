//! Where answers are computed: apart from the threads that read and write the wire, and never more at once than there
//! are cores.
//!
//! The one decision: a request that finds too many before it is refused at once, instead of waiting in a queue that
//! only grows. A caller who hangs up while waiting costs nothing: the work has not begun.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::serve::ServeError;

/// A request that has been let in.
#[derive(Debug)]
pub(super) struct Ticket(#[expect(dead_code, reason = "held for what its drop does")] OwnedSemaphorePermit);

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
        work: impl FnOnce() -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError> {
        let _ticket = self.admit()?;
        self.run(work).await.and_then(|outcome| outcome)
    }

    /// Computes part of an answer that has been admitted.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServeError> {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|error| internal(&error))?;
        // The slot goes along: work that nobody waits for any more still occupies its core.
        spawn_blocking(move || {
            let _slot = slot;
            work()
        })
        .await
        .map_err(|error| internal(&error))
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
                    .answer(move || {
                        let _ = started.send(());
                        held.recv().ok();
                        Ok(1)
                    })
                    .await
            }
        });
        running.await.unwrap();
        assert!(matches!(
            workers.answer(|| Ok(2)).await,
            Err(ServeError::Overloaded { limit: 1 })
        ));
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(workers.answer(|| Ok(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_panic_stays_inside() {
        let workers = Workers::one_by_one(1);
        let outcome: Result<(), _> = workers.answer(|| panic!("broken")).await;
        assert!(matches!(outcome, Err(ServeError::Internal { .. })));
        assert_eq!(workers.answer(|| Ok(3)).await.unwrap(), 3);
    }
}
