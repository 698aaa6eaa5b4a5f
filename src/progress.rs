//! How long work tells how far it is, without knowing who listens.
//!
//! The command line draws bars, tests and the server stay silent.

/// Listens to the progress of a job. Stages follow one another; `advance` may be called from any thread.
pub trait Progress: Sync {
    /// A stage begins; `total` is the number of steps, 0 when it is not known.
    fn begin(&self, stage: &str, total: u64);
    /// Some steps of the current stage are done.
    fn advance(&self, steps: u64);
    /// The current stage is over.
    fn end(&self);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn end(&self) {}
}
