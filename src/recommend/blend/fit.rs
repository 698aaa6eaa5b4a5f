//! Fitting all parts, and finding how they go together.

use super::held_out::HeldOut;
use super::learn::learn;
use super::weights::Weights;
use super::{Blend, Parts};
use crate::history::{Csr, Histories, Weighting, interaction_matrix};
use crate::progress::Progress;
use crate::recommend::{
    FitError, Ials, Popularity, RecommendParams, Recommender, low_pass, neighbours, ridge,
};
use crate::time::Timestamp;

/// Cut-off of the rankings that the weights are learned by.
const LEARNED_AT: usize = 20;
/// A slice of fewer customers says too little about how parts go together.
const FEWEST_JUDGED: usize = 30;

/// What a fit needs beside the data.
#[derive(Clone, Copy)]
pub struct Fitting<'a> {
    /// The parameters of every part.
    pub params: &'a RecommendParams,
    /// Seed of what starts from chance.
    pub seed: u64,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

impl Fitting<'_> {
    /// Fits every part to a matrix. `lap` is told the name of each part when it is done.
    ///
    /// # Errors
    /// [`FitError`] when the matrix is empty or holds something that is no weight.
    pub fn parts(
        &self,
        matrix: &Csr,
        popularity: Popularity,
        lap: &mut dyn FnMut(&'static str),
    ) -> Result<Parts, FitError> {
        let Self {
            params,
            seed,
            progress,
        } = *self;
        let weights = params.blend.weights().map(Weights::raw);
        // What the recipe's weights leave out is not fitted.
        let counts = |term: fn(&super::RawWeights) -> f64| weights.is_none_or(|weights| term(weights) > 0.0);
        let links =
            |share: fn(&super::RawWeights) -> f64| counts(|weights| weights.links.weight) && counts(share);
        let neighbours = links(|weights| 1.0 - weights.ridge_share)
            .then(|| neighbours::fit(matrix, &params.neighbours, progress))
            .transpose()?;
        lap(neighbours::NAME);
        let ridge = links(|weights| weights.ridge_share)
            .then(|| ridge::fit(matrix, &params.ridge, progress))
            .transpose()?;
        lap(ridge::NAME);
        let low_pass = counts(|weights| weights.low_pass.weight)
            .then(|| low_pass::fit(matrix, &params.low_pass, seed, progress))
            .transpose()?;
        lap(low_pass::NAME);
        let ials = Ials::fit(matrix, &params.ials, seed, progress)?;
        lap(Ials::NAME);
        Ok(Parts {
            neighbours,
            ridge,
            low_pass,
            ials,
            popularity,
        })
    }

    /// Fits the model of this name alone; any name that is no other model's is popularity's.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn alone(&self, name: &str, matrix: &Csr) -> Result<Box<dyn Recommender>, FitError> {
        let Self {
            params,
            seed,
            progress,
        } = *self;
        Ok(match name {
            neighbours::NAME => Box::new(neighbours::fit(matrix, &params.neighbours, progress)?),
            ridge::NAME => Box::new(ridge::fit(matrix, &params.ridge, progress)?),
            low_pass::NAME => Box::new(low_pass::fit(matrix, &params.low_pass, seed, progress)?),
            Ials::NAME => Box::new(Ials::fit(matrix, &params.ials, seed, progress)?),
            _ => Box::new(Popularity::of_matrix(matrix)),
        })
    }

    /// The weights for pairs without times: those of the recipe, or learned on a share of every customer's items.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn weights_for_pairs(&self, matrix: &Csr) -> Result<Weights, FitError> {
        let blend = self.params.blend.raw();
        self.weights(|| {
            let held = HeldOut::by_share(matrix, blend.share(), blend.most_judged, self.seed);
            let popularity = Popularity::of_matrix(&held.fitted);
            (held, popularity)
        })
    }

    /// The weights for a log: those of the recipe, or learned on its last days before `now`; where hardly anybody bought
    /// then, on a share of every customer's items.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn weights_for_log(
        &self,
        histories: &Histories,
        weighting: &Weighting,
        now: Timestamp,
    ) -> Result<Weights, FitError> {
        let blend = self.params.blend.raw();
        self.weights(|| {
            let cut_off = now.plus_days(-blend.held_out_days);
            let held = HeldOut::by_time(histories, weighting, (cut_off, now), blend.most_judged);
            if held.n_judged() >= FEWEST_JUDGED && held.fitted.n_entries() > 0 {
                let popularity = Popularity::fit(histories, weighting, &self.params.popularity, cut_off);
                return (held, popularity);
            }
            let matrix = interaction_matrix(histories, weighting, now);
            let held = HeldOut::by_share(&matrix, blend.share(), blend.most_judged, self.seed);
            let popularity = Popularity::of_matrix(&held.fitted);
            (held, popularity)
        })
    }

    fn weights(&self, hold_out: impl FnOnce() -> (HeldOut, Popularity)) -> Result<Weights, FitError> {
        if let Some(weights) = self.params.blend.weights() {
            return Ok(weights.clone());
        }
        let (held, popularity) = hold_out();
        if held.n_judged() < FEWEST_JUDGED || held.fitted.n_entries() == 0 {
            return Ok(Weights::ials_alone());
        }
        let parts = self.parts(&held.fitted, popularity, &mut |_| ())?;
        self.progress.begin("Learning the blend", 1);
        let (weights, _) = learn(&parts, &held, LEARNED_AT, self.params.blend.raw().worth);
        self.progress.end();
        Ok(weights)
    }

    /// The blend for a log, fitted to everything before `now`.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn blend_for_log(
        &self,
        histories: &Histories,
        weighting: &Weighting,
        matrix: &Csr,
        now: Timestamp,
    ) -> Result<Blend, FitError> {
        let weights = self.weights_for_log(histories, weighting, now)?;
        let popularity = Popularity::fit(histories, weighting, &self.params.popularity, now);
        let parts = self.parts(matrix, popularity, &mut |_| ())?;
        Ok(Blend::new(parts, weights, matrix))
    }
}
