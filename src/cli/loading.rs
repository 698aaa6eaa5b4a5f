//! Loading a model, told to the operator: how long each stage took, and what the process holds afterwards.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::memory::Resident;
use crate::progress::Progress;

/// Writes a line of the log when a stage is over.
#[derive(Debug, Default)]
pub struct LoadLog {
    /// The stage that runs, and since when. Pinned models may be loaded beside the one that is to serve: the stages of both
    /// are told then, the first one's with the time of the later.
    current: Mutex<Option<(String, Instant)>>,
}

impl LoadLog {
    fn replace(&self, stage: Option<(String, Instant)>) -> Option<(String, Instant)> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, stage)
    }
}

impl Progress for LoadLog {
    fn begin(&self, stage: &str, _total: u64) {
        self.replace(Some((stage.to_owned(), Instant::now())));
    }

    fn advance(&self, _steps: u64) {}

    fn end(&self) {
        let Some((stage, began)) = self.replace(None) else {
            return;
        };
        let seconds = (began.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        match Resident::now() {
            Some(Resident { private, of_files }) => tracing::info!(
                stage,
                seconds,
                private_mib = private >> 20,
                mapped_mib = of_files >> 20,
                "loading a model"
            ),
            None => tracing::info!(stage, seconds, "loading a model"),
        }
    }
}
