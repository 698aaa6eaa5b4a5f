//! What is held out of the data to judge trials by.
//!
//! Pairs give a share of every customer's items away. A log gives windows of its past, the latest of which ends where the
//! window begins that `evaluate` judges by: no trial sees anything of that one.

use sha2::{Digest, Sha256};

use super::TuneError;
use super::space::significant;
use crate::history::{Csr, Histories, Weighting};
use crate::log::EventKind;
use crate::recipe::RawRecipe;
use crate::recommend::{HeldOut, Popularity, PopularityParams};
use crate::time::Timestamp;

/// A slice with fewer judged customers ranks settings by chance.
pub const FEWEST_JUDGED: usize = 30;

/// What is tuned on.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// Pairs without times, as a matrix.
    Pairs(&'a Csr),
    /// A log.
    Log {
        /// The histories.
        histories: &'a Histories,
        /// Fingerprint of the log.
        fingerprint: &'a str,
        /// End of the log: one instant after its last event.
        through: Timestamp,
    },
}

/// A window of a log: from when to when purchases have to be foreseen.
pub type Window = (Timestamp, Timestamp);

/// One slice: what is fitted to, and who is judged how.
#[derive(Debug)]
pub struct Slice {
    /// What is held out.
    pub held: HeldOut,
    /// The window, of a log.
    window: Option<Window>,
}

/// Which slices there are, and how to make them.
#[derive(Debug)]
pub struct Slices<'a> {
    data: Data<'a>,
    seed: u64,
    windows: Vec<Window>,
}

impl<'a> Slices<'a> {
    /// The slices of the data: for a log, as many windows as the recipe has folds, as far as customers bought in them.
    ///
    /// # Errors
    /// [`TuneError`] when there is nothing to learn from, or too few customers to judge by.
    pub fn new(data: Data<'a>, raw: &RawRecipe, weighting: &Weighting, seed: u64) -> Result<Self, TuneError> {
        let mut slices = Self {
            data,
            seed,
            windows: Vec::new(),
        };
        let Data::Log {
            through, histories, ..
        } = data
        else {
            let judged = slices
                .make(raw, weighting)
                .iter()
                .map(|slice| slice.held.n_judged())
                .sum();
            return slices.if_enough(judged);
        };
        if histories.n_events() == 0 {
            return Err(TuneError::NoEvents);
        }
        let days = f64::from(raw.evaluate.window_days);
        let end = |back: u32| through.plus_days(-days * f64::from(back));
        // Window 0, the last of the log, is what `evaluate` judges by.
        slices.windows = (1..=raw.evaluate.folds)
            .map(|back| (end(back + 1), end(back)))
            .collect();
        let made = slices.make(raw, weighting);
        let judged = |slice: &Slice| slice.held.n_judged();
        let most = made.iter().map(judged).max().unwrap_or(0);
        let keep = |slice: &Slice| judged(slice) >= FEWEST_JUDGED && slice.held.fitted.n_entries() > 0;
        slices.windows = made
            .iter()
            .filter(|slice| keep(slice))
            .filter_map(|slice| slice.window)
            .collect();
        if slices.windows.is_empty() {
            return slices.if_enough(most.min(FEWEST_JUDGED - 1));
        }
        Ok(slices)
    }

    fn if_enough(self, judged: usize) -> Result<Self, TuneError> {
        if judged >= FEWEST_JUDGED {
            return Ok(self);
        }
        Err(TuneError::TooFewJudged {
            judged,
            least: FEWEST_JUDGED,
            slice: self.describe_kind(),
        })
    }

    /// The slices under these event weights, latest first.
    #[must_use]
    pub fn make(&self, raw: &RawRecipe, weighting: &Weighting) -> Vec<Slice> {
        let blend = &raw.recommend.blend;
        match self.data {
            Data::Pairs(matrix) => vec![Slice {
                held: HeldOut::by_share(matrix, blend.share(), blend.most_judged, self.seed),
                window: None,
            }],
            Data::Log { histories, .. } => self
                .windows
                .iter()
                .map(|&window| Slice {
                    held: HeldOut::by_time(histories, weighting, window, blend.most_judged),
                    window: Some(window),
                })
                .collect(),
        }
    }

    /// What everybody bought before the slice.
    #[must_use]
    pub fn popularity(&self, slice: &Slice, weighting: &Weighting, params: &PopularityParams) -> Popularity {
        match (self.data, slice.window) {
            (Data::Log { histories, .. }, Some((cut_off, _))) => {
                Popularity::fit(histories, weighting, params, cut_off)
            }
            _ => Popularity::of_matrix(&slice.held.fitted),
        }
    }

    /// Whether the log has events of a kind where the search may look; `None` for pairs.
    #[must_use]
    pub fn kinds(&self) -> Option<[bool; 4]> {
        let Data::Log { histories, .. } = self.data else {
            return None;
        };
        let end = self.windows.iter().map(|window| window.1).max()?;
        let mut has = [false; 4];
        for customer in histories.customers().rows() {
            for kind in histories.of(customer).before(end).kinds() {
                has[usize::from(kind.code())] = true;
            }
        }
        Some(has)
    }

    /// Fingerprint of the data, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match self.data {
            Data::Log { fingerprint, .. } => fingerprint.to_owned(),
            Data::Pairs(matrix) => {
                let mut hash = Sha256::new();
                hash.update((matrix.n_columns() as u64).to_le_bytes());
                for row in 0..matrix.n_rows() {
                    let columns = matrix.row(row).0;
                    hash.update((columns.len() as u64).to_le_bytes());
                    columns
                        .iter()
                        .for_each(|column| hash.update(column.to_le_bytes()));
                }
                hex(&hash.finalize())
            }
        }
    }

    /// The slices in words.
    #[must_use]
    pub fn describe(&self, raw: &RawRecipe) -> String {
        let blend = &raw.recommend.blend;
        let (most, percent) = (blend.most_judged, |part: f64| significant(100.0 * part));
        match self.data {
            Data::Pairs(_) => format!(
                "{} % of each customer's items (of {} % of the customers, items that go together), at most {most} customers",
                percent(blend.held_out_share),
                percent(blend.held_out_together)
            ),
            Data::Log { .. } => {
                let windows: Vec<String> = self
                    .windows
                    .iter()
                    .map(|(from, to)| format!("{from} to {to}"))
                    .collect();
                format!(
                    "purchases of {}, at most {most} customers each",
                    windows.join(", ")
                )
            }
        }
    }

    fn describe_kind(&self) -> &'static str {
        match self.data {
            Data::Pairs(_) => "with four items or more",
            Data::Log { .. } => {
                "with a past who bought something new in one of the windows before the last, which `evaluate` judges by; \
                 evaluate.window_days and evaluate.folds set the windows"
            }
        }
    }
}

/// Whether a kind is among those found.
pub fn has(kinds: [bool; 4], kind: EventKind) -> bool {
    kinds[usize::from(kind.code())]
}

/// SHA-256 of a text, in hexadecimal.
pub fn fingerprint(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
