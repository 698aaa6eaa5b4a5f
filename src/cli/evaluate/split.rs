//! A fixed split: what its files hold decides who is judged and how.

use std::path::Path;

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::{Args, baskets, fixed, sessions};
use crate::cli::Usage;
use crate::cli::memory::ProcessMemory;
use crate::cli::progress::Bars;
use crate::evaluate::fixed::{FixedOptions, FixedReport, MODELS, evaluate_fixed};
use crate::evaluate::next_basket::{self, BasketsReport};
use crate::evaluate::sessions::{self as foretold, SessionsReport};
use crate::log::{Split, read_pairs};
use crate::recipe::Recipe;

/// The report of whatever the files hold.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum SplitReport {
    Pairs(FixedReport),
    Sessions(SessionsReport),
    Baskets(BasketsReport),
}

impl SplitReport {
    /// For a person.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Pairs(report) => fixed::describe_fixed(report),
            Self::Sessions(report) => sessions::describe(report),
            Self::Baskets(report) => baskets::describe(report),
        }
    }
}

/// The models of all splits.
pub(super) fn model_names() -> PossibleValuesParser {
    let mut names: Vec<&str> = Vec::new();
    for name in MODELS.iter().chain(&foretold::MODELS).chain(&next_basket::MODELS) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names.into()
}

/// Judges on the two files.
pub(super) fn on_split(args: &Args, train: &Path, test: &Path) -> anyhow::Result<SplitReport> {
    let recipe = Recipe::read(args.recipe.as_deref())?;
    let split = Split::of(train, test).context("cannot tell what is to be evaluated")?;
    let (holds, models) = match split {
        Split::Pairs => ("pairs", &MODELS[..]),
        Split::Sessions { .. } => ("sessions", &foretold::MODELS[..]),
        Split::Baskets => ("baskets", &next_basket::MODELS[..]),
    };
    let model = args.model.as_deref();
    if let Some(name) = model.filter(|name| !models.contains(name)) {
        let known = models.join(", ");
        return Err(Usage(format!(
            "--model {name} is not judged on {holds}; there are {known}"
        ))
        .into());
    }
    let k = args.k.unwrap_or(match split {
        Split::Baskets => baskets::USUAL_K,
        _ => recipe.raw.evaluate.k,
    }) as usize;
    Ok(match split {
        Split::Pairs => {
            let read = |path: &Path| read_pairs(path).context("cannot read the pairs");
            let options = FixedOptions {
                k,
                model,
                seed: recipe.raw.seed,
                memory: &ProcessMemory,
            };
            let (train, test) = (read(train)?, read(test)?);
            SplitReport::Pairs(evaluate_fixed(
                &train,
                &test,
                &recipe.recommend,
                &options,
                &Bars::default(),
            )?)
        }
        Split::Sessions {
            train: train_shape,
            test: test_shape,
        } => {
            let train = sessions::read_train(train, train_shape)?;
            let test = sessions::read_test(test, test_shape)?;
            SplitReport::Sessions(sessions::judge(&train, &test, &recipe, k, model)?)
        }
        Split::Baskets => SplitReport::Baskets(baskets::judge(train, test, &recipe, k, model)?),
    })
}
