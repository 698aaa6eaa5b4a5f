//! Work beside serving: what loads a model while another one answers gets its own threads, few and of low priority.
//!
//! The one decision: loading is in no hurry, answers are. The threads of a pool of their own take at most half the cores, and
//! on Linux the system gives them a core only when no thread that answers wants it (`setpriority(2)`, which there holds for
//! one thread). Elsewhere their number alone has to do.

use std::num::NonZero;
use std::thread::available_parallelism;

/// How much the threads step back: Linux then weighs one as 36 against 1024 of one that answers.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// Does work that is split with rayon on threads that step back behind those that answer. Where the system has no threads
/// left, the caller does it.
pub(super) fn beside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads((cores / 2).max(1))
        .thread_name(|at| format!("load-{at}"))
        .start_handler(|_| step_back())
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        Err(error) => {
            tracing::warn!(%error, "no threads to load a model beside serving");
            work()
        }
    }
}

#[cfg(target_os = "linux")]
fn step_back() {
    // No number stands for the calling thread. Where it is refused, loading is a little more in the way.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "a thread that loads a model keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_half_the_cores_work_and_they_step_back() {
        let cores = available_parallelism().map_or(1, NonZero::get);
        assert_eq!(beside(rayon::current_num_threads), (cores / 2).max(1));
        #[cfg(target_os = "linux")]
        {
            let niceness = || rustix::process::getpriority_process(None).unwrap();
            let usual = niceness();
            assert_eq!(beside(niceness), NICENESS.max(usual));
            assert_eq!(niceness(), usual, "who asks keeps its own");
        }
    }
}
