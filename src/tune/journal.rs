//! The journal: every trial as a line of JSON, so that a search that was interrupted goes on where it stopped.
//!
//! Enters: the text of a journal. Leaves: its trials by what was tried. The first line says what they are about; a
//! journal about anything else is refused, because its scores would be believed.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::recommend::RawWeights;

/// Version of the journal's form.
const FORM: u32 = 1;

/// What the trials of a journal are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the journal's form.
    pub journal: u32,
    /// Version of the program.
    pub version: String,
    /// Fingerprint of the data.
    pub data: String,
    /// What was held out of it.
    pub slice: String,
    /// Fingerprint of the recipe that the search began with.
    pub base: String,
    /// The seed.
    pub seed: u64,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was tried.
    #[serde(flatten)]
    pub tried: Tried,
    /// NDCG on the slice.
    pub ndcg: f64,
    /// Seconds that it took.
    pub seconds: f64,
    /// The weights that were learned, of a blend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<RawWeights>,
}

/// A model and where it was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The model.
    pub model: String,
    /// By key of the recipe: everything that the search may have changed and the score depends on.
    pub values: BTreeMap<String, f64>,
}

/// Why a journal cannot be gone on with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It is about something else.
    #[error(
        "the journal is about another {what} ({found}; this is {expected}): give another --journal or --out, or --force to begin anew"
    )]
    Other {
        /// What differs.
        what: &'static str,
        /// What the journal says.
        found: String,
        /// What it would have to say.
        expected: String,
    },
    /// A line that is none of a journal.
    #[error("line {line} is no line of a journal: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Trials of the past.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    trials: HashMap<String, Trial>,
    /// Length in bytes of the whole lines: what follows was torn off.
    pub whole_bytes: usize,
}

impl Header {
    /// A header of this program.
    #[must_use]
    pub fn new(data: String, slice: String, base: String, seed: u64) -> Self {
        Self {
            journal: FORM,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data,
            slice,
            base,
            seed,
        }
    }

    fn check(&self, expected: &Self) -> Result<(), JournalError> {
        let number = |x: u32| x.to_string();
        let pairs = [
            ("form of journal", number(self.journal), number(expected.journal)),
            (
                "version of Rapport",
                self.version.clone(),
                expected.version.clone(),
            ),
            ("data set", self.data.clone(), expected.data.clone()),
            ("slice", self.slice.clone(), expected.slice.clone()),
            ("recipe to begin with", self.base.clone(), expected.base.clone()),
            ("seed", self.seed.to_string(), expected.seed.to_string()),
        ];
        match pairs.into_iter().find(|(_, found, expected)| found != expected) {
            Some((what, found, expected)) => Err(JournalError::Other {
                what,
                found,
                expected,
            }),
            None => Ok(()),
        }
    }
}

impl Tried {
    /// The same for the same trial: floats print as the shortest text that reads back the same.
    pub(super) fn name(&self) -> String {
        let values: Vec<String> = self
            .values
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!("{} {}", self.model, values.join(" "))
    }
}

impl Journal {
    /// Reads a journal that must be about `expected`. A last line without its end was torn off while it was written and is
    /// left out.
    ///
    /// # Errors
    /// [`JournalError`] when it is about something else, or a line is none.
    pub fn read(text: &str, expected: &Header) -> Result<Self, JournalError> {
        let whole_bytes = text.rfind('\n').map_or(0, |end| end + 1);
        let mut journal = Self {
            trials: HashMap::new(),
            whole_bytes,
        };
        for (at, line) in text[..whole_bytes].lines().enumerate() {
            let wrong = |error: serde_json::Error| JournalError::Line {
                line: at + 1,
                problem: error.to_string(),
            };
            if at == 0 {
                let header: Header = serde_json::from_str(line).map_err(wrong)?;
                header.check(expected)?;
            } else {
                let trial: Trial = serde_json::from_str(line).map_err(wrong)?;
                journal.trials.insert(trial.tried.name(), trial);
            }
        }
        Ok(journal)
    }

    /// What is known of a trial.
    #[must_use]
    pub fn find(&self, tried: &Tried) -> Option<&Trial> {
        self.trials.get(&tried.name())
    }

    /// Number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether there is no trial.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::new("abc".into(), "10 %".into(), "def".into(), 3)
    }

    fn trial(power: f64) -> Trial {
        Trial {
            tried: Tried {
                model: "neighbours".into(),
                values: BTreeMap::from([("recommend.neighbours.power".to_owned(), power)]),
            },
            ndcg: 0.1 + 0.2,
            seconds: 1.25,
            weights: None,
        }
    }

    fn text(trials: &[Trial]) -> String {
        let mut text = serde_json::to_string(&header()).unwrap() + "\n";
        for trial in trials {
            text += &(serde_json::to_string(trial).unwrap() + "\n");
        }
        text
    }

    #[test]
    fn trials_are_found_again_and_a_torn_line_is_not() {
        let whole = text(&[trial(0.3), trial(0.1 + 0.2)]);
        let journal = Journal::read(&whole, &header()).unwrap();
        assert_eq!((journal.len(), journal.whole_bytes), (2, whole.len()));
        assert_eq!(journal.find(&trial(0.3).tried), Some(&trial(0.3)));
        assert_eq!(journal.find(&trial(0.4).tried), None);
        let torn = &whole[..whole.len() - 9];
        let journal = Journal::read(torn, &header()).unwrap();
        assert_eq!(journal.len(), 1);
        assert_eq!(&whole[..journal.whole_bytes], text(&[trial(0.3)]));
        assert!(Journal::read("", &header()).unwrap().is_empty());
    }

    #[test]
    fn a_journal_of_something_else_is_refused_by_what_differs() {
        let text = text(&[trial(0.3)]);
        let refused = |change: fn(&mut Header)| {
            let mut expected = header();
            change(&mut expected);
            Journal::read(&text, &expected).unwrap_err().to_string()
        };
        assert!(refused(|header| header.data = "xyz".into()).contains("another data set (abc; this is xyz)"));
        assert!(refused(|header| header.seed = 4).contains("another seed (3; this is 4)"));
        assert!(refused(|header| header.base = "x".into()).contains("another recipe"));
        let broken = text.replace("\"seconds\"", "\"secs\"") + "\n";
        let error = Journal::read(&broken, &header()).unwrap_err();
        assert!(matches!(error, JournalError::Line { line: 2, .. }), "{error}");
    }
}
