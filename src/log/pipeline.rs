//! Jobs done side by side, results taken in order on the calling thread, a bounded number in flight.

use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Takes jobs one by one, works on as many at a time as rayon has threads, and gives the results to `take` in the order
/// of the jobs. At most two results a thread wait to be taken. The first error in that order ends it.
///
/// # Determinism
/// `take` sees the same results in the same order for any number of threads.
pub(super) fn ordered<J, T, E>(
    jobs: impl Iterator<Item = Result<J, E>> + Send,
    work: impl Fn(J) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E>
where
    J: Send,
    T: Send,
    E: Send,
{
    let jobs = Mutex::new(jobs);
    // Threads of its own and not rayon's: they wait for the taker, and a waiting pool thread could be the taker itself.
    std::thread::scope(|scope| {
        let (turns, next_turn) = channel();
        let results: Vec<_> = (0..rayon::current_num_threads())
            .map(|worker| {
                let (done, result) = sync_channel(1);
                let (turns, jobs, work) = (turns.clone(), &jobs, &work);
                scope.spawn(move || {
                    loop {
                        // The turn is told under the lock, so turns come in the order of the jobs.
                        let job = {
                            let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
                            match jobs.next() {
                                Some(job) if turns.send(worker).is_ok() => job,
                                _ => return,
                            }
                        };
                        // Nobody takes any more: an earlier job failed.
                        if done.send(job.and_then(work)).is_err() {
                            return;
                        }
                    }
                });
                result
            })
            .collect();
        drop(turns);
        while let Ok(worker) = next_turn.recv() {
            // A worker that sent no result has panicked; leaving lets the scope pass the panic on.
            let Ok(result) = results[worker].recv() else {
                break;
            };
            take(result?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let mut seen = Vec::new();
        let outcome: Result<(), String> = ordered(
            (0..1000u64).map(Ok),
            // Uneven work, so that threads overtake one another.
            |job| {
                (0..(job % 7) * 1000).for_each(|n| drop(std::hint::black_box(n.to_string())));
                Ok(job)
            },
            |result| {
                seen.push(result);
                Ok(())
            },
        );
        assert_eq!(outcome, Ok(()));
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_in_order_ends_it() {
        let mut taken = 0;
        let outcome = ordered(
            (0..).map(Ok),
            |job| if job >= 20 { Err(job) } else { Ok(job) },
            |_| {
                taken += 1;
                Ok(())
            },
        );
        assert_eq!((outcome, taken), (Err(20), 20));
        assert_eq!(
            ordered((0..5).map(Ok), Ok, |job| if job == 3 { Err(job) } else { Ok(()) }),
            Err(3)
        );
    }
}
