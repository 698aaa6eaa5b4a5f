//! DOOR: the recipe of a training, from TOML to checked parameters.
//!
//! Enters: a TOML file or text. Leaves: [`Recipe`], in which every parameter is checked, and its raw form, which a
//! bundle keeps so that a training can be repeated, and which goes back to TOML ([`RawRecipe::to_toml`]).
//!
//! The one decision: each room owns its own section (`[source]` the log, `[weights]` the histories, `[recommend]`,
//! `[churn]` and `[value]` the models, `[placements]` the rules) and checks it itself; this file only joins them and names the file when one is wrong. A key
//! that nobody knows is an error, because a misspelt key that silently does nothing costs a shop months.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::churn::value::{RawValueParams, ValueParams, ValueParamsError};
use crate::churn::{ChurnParams, ChurnParamsError, RawChurnParams};
use crate::history::{RawWeighting, Weighting, WeightingError};
use crate::log::{RawSource, Source, SourceError};
use crate::recommend::{RawRecommendParams, RecommendParams, RecommendParamsError};
use crate::rules::{PlacementError, Placements, RawPlacements};

/// A recipe as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRecipe {
    /// How the log's files are read.
    pub source: RawSource,
    /// What an event is worth, by kind and age.
    pub weights: RawWeighting,
    /// Models that rank items.
    pub recommend: RawRecommendParams,
    /// The model that scores who will leave.
    pub churn: RawChurnParams,
    /// What a customer is worth.
    pub value: RawValueParams,
    /// What each place on the shop's pages shows.
    pub placements: RawPlacements,
    /// How the models are judged.
    pub evaluate: RawEvaluation,
    /// Seed of everything that starts from chance.
    pub seed: u64,
}

impl RawRecipe {
    /// The recipe as a file: the lines of `preamble` as comments, then every key that differs from its default.
    ///
    /// # Errors
    /// A value without a TOML form.
    pub fn to_toml(&self, preamble: &str) -> Result<String, toml::ser::Error> {
        let (all, usual) = (
            toml::Value::try_from(self)?,
            toml::Value::try_from(Self::default())?,
        );
        let comments: String = preamble.lines().map(|line| format!("# {line}\n")).collect();
        let keys = match different(&all, &usual) {
            Some(keys) => toml::to_string(&keys)?,
            None => String::new(),
        };
        Ok(format!("{comments}\n{keys}"))
    }
}

/// What of `all` is not the same in `usual`.
fn different(all: &toml::Value, usual: &toml::Value) -> Option<toml::Value> {
    match (all, usual) {
        (toml::Value::Table(all), toml::Value::Table(usual)) => {
            let kept: toml::Table = all
                .iter()
                .filter_map(|(key, value)| {
                    let kept = match usual.get(key) {
                        Some(usual) => different(value, usual),
                        None => Some(value.clone()),
                    };
                    Some((key.clone(), kept?))
                })
                .collect();
            (!kept.is_empty()).then_some(toml::Value::Table(kept))
        }
        _ => (all != usual).then(|| all.clone()),
    }
}

/// `[evaluate]` as written.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `k` | 20 | cut-off of the rankings | 1 to 500 |
/// | `window_days` | 30 | length of the window whose purchases the rankings have to foresee | 1 to 365 |
/// | `folds` | 3 | horizons of the churn backtest, one after the other, back from the end of the log | 1 to 24 |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawEvaluation {
    /// Cut-off of the rankings.
    pub k: u32,
    /// Length of the window whose purchases the rankings have to foresee.
    pub window_days: u32,
    /// Horizons of the churn backtest.
    pub folds: u32,
}

impl Default for RawEvaluation {
    fn default() -> Self {
        Self {
            k: 20,
            window_days: 30,
            folds: 3,
        }
    }
}

impl RawEvaluation {
    fn check(&self) -> Result<(), ValueError> {
        let Self {
            k,
            window_days,
            folds,
        } = *self;
        for (key, value, most) in [
            ("k", k, 500),
            ("window_days", window_days, 365),
            ("folds", folds, 24),
        ] {
            if !(1..=most).contains(&value) {
                return Err(ValueError::Evaluate { key, value, most });
            }
        }
        Ok(())
    }
}

/// A checked recipe.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The recipe as it was written, defaults filled in.
    pub raw: RawRecipe,
    /// How the log's files are read.
    pub source: Source,
    /// What an event is worth, by kind and age.
    pub weighting: Weighting,
    /// Models that rank items.
    pub recommend: RecommendParams,
    /// The model that scores who will leave.
    pub churn: ChurnParams,
    /// What a customer is worth.
    pub value: ValueParams,
    /// What each place on the shop's pages shows.
    pub placements: Placements,
}

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The file cannot be read.
    #[error("cannot read the recipe {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text is no TOML, or has a key or a type that a recipe has not.
    #[error("the recipe {origin} is not valid")]
    Malformed {
        /// The file, or "(defaults)".
        origin: String,
        /// Line, column and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value is outside its range.
    #[error("the recipe {origin} has a value that cannot be used")]
    Value {
        /// The file, or "(defaults)".
        origin: String,
        /// The key, its value and the rule.
        #[source]
        source: ValueError,
    },
}

/// Which section has the value that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// `[source]`.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `[weights]`.
    #[error(transparent)]
    Weights(#[from] WeightingError),
    /// `[recommend]`.
    #[error(transparent)]
    Recommend(#[from] RecommendParamsError),
    /// `[churn]`.
    #[error(transparent)]
    Churn(#[from] ChurnParamsError),
    /// `[value]`.
    #[error(transparent)]
    Value(#[from] ValueParamsError),
    /// `[placements]`.
    #[error(transparent)]
    Placements(#[from] PlacementError),
    /// `[evaluate]`.
    #[error("evaluate.{key} = {value} is not between 1 and {most}")]
    Evaluate {
        /// The key.
        key: &'static str,
        /// The value.
        value: u32,
        /// The greatest accepted value.
        most: u32,
    },
}

impl Recipe {
    /// The recipe in a file, or the defaults when there is none.
    ///
    /// # Errors
    /// [`RecipeError`] with the file, the key and the rule.
    pub fn read(path: Option<&Path>) -> Result<Self, RecipeError> {
        let Some(path) = path else {
            return Self::parse("", "(defaults)");
        };
        let text = fs::read_to_string(path).map_err(|source| RecipeError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// The recipe in a text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`RecipeError`] with the origin, the key and the rule.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let raw: RawRecipe = toml::from_str(text).map_err(|source| RecipeError::Malformed {
            origin: origin.to_owned(),
            source: Box::new(source),
        })?;
        Self::check(raw).map_err(|source| RecipeError::Value {
            origin: origin.to_owned(),
            source,
        })
    }

    fn check(raw: RawRecipe) -> Result<Self, ValueError> {
        raw.evaluate.check()?;
        Ok(Self {
            source: raw.source.clone().try_into()?,
            weighting: raw.weights.clone().try_into()?,
            recommend: raw.recommend.clone().try_into()?,
            churn: raw.churn.clone().try_into()?,
            value: raw.value.clone().try_into()?,
            placements: raw.placements.clone().try_into()?,
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let error = anyhow::Error::from(Recipe::parse(text, "shop.toml").unwrap_err());
        format!("{error:#}")
    }

    #[test]
    fn every_shipped_recipe_is_valid_and_default_toml_says_the_defaults() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let shipped = |name: &str| Recipe::read(Some(&models.join(name))).unwrap().raw;
        assert_eq!(shipped("default.toml"), RawRecipe::default());
        for tuned in [
            "online-retail-ii.toml",
            "benchmarks/gowalla.toml",
            "benchmarks/gowalla-serving.toml",
            "benchmarks/yelp2018.toml",
            "benchmarks/cdnow.toml",
            "benchmarks/serenade.toml",
            "benchmarks/diginetica.toml",
        ] {
            assert_ne!(shipped(tuned), RawRecipe::default(), "{tuned}");
        }
    }

    #[test]
    fn a_recipe_is_written_without_its_defaults_and_reads_back_the_same() {
        let text = "seed = 7\n[source]\ntime_zone = \"Europe/Paris\"\nkinds = { buy = \"purchase\" }\n\
                    [source.columns]\ncustomer_id = \"who\"\n[recommend.ials]\nunobserved_weight = 0.0123\n\
                    [recommend.popularity]\nhalf_life_days = 12.5\n";
        let raw = Recipe::parse(text, "test").unwrap().raw;
        let written = raw.to_toml("by hand\nof somebody").unwrap();
        assert!(written.starts_with("# by hand\n# of somebody\n\n"), "{written}");
        assert!(
            !written.contains("saturation") && !written.contains("epochs"),
            "{written}"
        );
        assert_eq!(Recipe::parse(&written, "written").unwrap().raw, raw);
        assert_eq!(RawRecipe::default().to_toml("usual").unwrap(), "# usual\n\n");
    }

    #[test]
    fn a_wrong_recipe_names_file_key_and_rule() {
        let unknown = message("[weights]\nveiw = 1.0");
        assert!(
            unknown.contains("shop.toml") && unknown.contains("veiw"),
            "{unknown}"
        );
        let value = message("[weights]\nview = -1.0");
        assert!(value.contains("weights.view") && value.contains("-1"), "{value}");
        let folds = message("[evaluate]\nfolds = 0");
        assert!(folds.contains("evaluate.folds = 0"), "{folds}");
        let margin = message("[value]\nmargin = 1.5");
        assert!(margin.contains("value.margin = 1.5"), "{margin}");
    }
}
