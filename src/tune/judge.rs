//! Judges a recipe on the slices: fits one model, or the blend, and measures its ranking.

use super::TuneError;
use super::slices::{Slice, Slices};
use crate::history::{RawWeighting, Weighting};
use crate::id::Row;
use crate::measure::ranking::RankingMetrics;
use crate::progress::Silent;
use crate::recipe::RawRecipe;
use crate::recommend::blend::{Blend, Fitting, Part, Parts, Rehearsal};
use crate::recommend::low_pass::{self, Spectrum};
use crate::recommend::{
    HeldOut, Ials, IalsParams, ItemLinks, LowRank, Popularity, RawWeights, RecommendParams, Recommender,
    Weights, neighbours, ridge,
};

/// A model whose settings are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Item neighbours.
    Neighbours,
    /// Local ridge.
    Ridge,
    /// Soft low-pass.
    LowPass,
    /// Matrix factorisation.
    Ials,
    /// What everybody buys.
    Popularity,
    /// All together.
    Blend,
}

impl Model {
    /// Its name, as reports have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Neighbours => neighbours::NAME,
            Self::Ridge => ridge::NAME,
            Self::LowPass => low_pass::NAME,
            Self::Ials => Ials::NAME,
            Self::Popularity => Popularity::POPULARITY,
            Self::Blend => Blend::NAME,
        }
    }

    /// Its name where it is judged by what the blend reaches with it.
    #[must_use]
    pub fn name_in_blend(self) -> &'static str {
        match self {
            Self::Neighbours => "blend: neighbours",
            Self::Ridge => "blend: ridge",
            Self::LowPass => "blend: low-pass",
            Self::Ials => "blend: ials",
            Self::Popularity => "blend: popularity",
            Self::Blend => Blend::NAME,
        }
    }
}

impl Model {
    /// Which part of a blend it is; what is none stands for the factors.
    fn part(self) -> Part {
        match self {
            Self::Neighbours | Self::Ridge => Part::Links,
            Self::LowPass => Part::LowPass,
            _ => Part::Ials,
        }
    }
}

/// What a trial found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// NDCG, the mean over slices.
    pub ndcg: f64,
    /// The weights that were learned, of a blend.
    pub weights: Option<RawWeights>,
}

/// Fits and measures; keeps what the next trial may need again.
pub struct Judge<'a> {
    slices: &'a Slices<'a>,
    seed: u64,
    k: usize,
    prepared: Option<Prepared>,
    spectra: Option<Spectra>,
    ensemble: Option<Ensemble>,
}

/// All parts, fitted to each slice, and how they go together.
struct Ensemble {
    of: RawRecipe,
    parts: Vec<Parts>,
    rehearsal: Rehearsal,
}

/// The slices under some event weights.
struct Prepared {
    weights: RawWeighting,
    weighting: Weighting,
    slices: Vec<Slice>,
}

/// The latest decomposition of each slice, and what it is of.
struct Spectra {
    of: low_pass::RawLowPassParams,
    each: Vec<Spectrum>,
}

impl<'a> Judge<'a> {
    /// A judge by these slices.
    #[must_use]
    pub fn new(slices: &'a Slices<'a>, seed: u64, k: usize) -> Self {
        Self {
            slices,
            seed,
            k,
            prepared: None,
            spectra: None,
            ensemble: None,
        }
    }

    /// Judges one model under a recipe.
    ///
    /// # Errors
    /// [`TuneError`] when the recipe is none, or the model cannot be fitted under it.
    pub fn judge(&mut self, model: Model, raw: &RawRecipe) -> Result<Verdict, TuneError> {
        let mut raw = raw.clone();
        if model == Model::Blend {
            // Weights that a recipe has already would be taken over instead of learned.
            raw.recommend.blend.weights = None;
        }
        let params = RecommendParams::try_from(raw.recommend.clone()).map_err(TuneError::params)?;
        let Prepared {
            weighting, slices, ..
        } = prepared(&mut self.prepared, self.slices, &raw)?;
        if model == Model::Blend {
            return self.blend(&params);
        }
        if model == Model::LowPass {
            return self.low_pass(&params);
        }
        let fitting = Fitting {
            params: &params,
            seed: self.seed,
            progress: &Silent,
        };
        let mut sum = 0.0;
        for slice in slices {
            let fitted: Box<dyn Recommender> = match model {
                Model::Popularity => Box::new(self.slices.popularity(slice, weighting, &params.popularity)),
                other => fitting.alone(other.name(), &slice.held.fitted)?,
            };
            sum += ndcg(&*fitted, slice, self.k);
        }
        Ok(Verdict {
            ndcg: sum / slices.len().max(1) as f64,
            weights: None,
        })
    }

    /// α₀ of iALS as the latest slice resolves it.
    ///
    /// # Errors
    /// [`TuneError`] when the recipe's weights are none.
    pub fn unobserved_weight(&mut self, raw: &RawRecipe) -> Result<Option<f64>, TuneError> {
        let params = IalsParams::try_from(raw.recommend.ials.clone()).map_err(TuneError::params)?;
        let prepared = prepared(&mut self.prepared, self.slices, raw)?;
        let resolved = prepared.slices.first().and_then(|slice| {
            let (filled, _) = slice.held.fitted.without_empty();
            params.resolved(&filled).raw().unobserved_weight
        });
        Ok(resolved)
    }

    /// Decomposes every slice as these parameters ask, unless the latest decomposition does.
    fn decompose(&mut self, params: &RecommendParams) -> Result<(), TuneError> {
        let raw = params.low_pass.raw();
        let is_same = |spectra: &Spectra| low_pass::same_spectrum(&spectra.of, raw);
        let Some(prepared) = self
            .prepared
            .as_ref()
            .filter(|_| !self.spectra.as_ref().is_some_and(is_same))
        else {
            return Ok(());
        };
        // Two decompositions at once would double the memory.
        self.spectra = None;
        let each = prepared
            .slices
            .iter()
            .map(|slice| Spectrum::of(&slice.held.fitted, &params.low_pass, self.seed, &Silent))
            .collect::<Result<Vec<_>, _>>()?;
        self.spectra = Some(Spectra {
            of: raw.clone(),
            each,
        });
        Ok(())
    }

    fn low_pass(&mut self, params: &RecommendParams) -> Result<Verdict, TuneError> {
        self.decompose(params)?;
        let Some(prepared) = &self.prepared else {
            return Ok(Verdict {
                ndcg: 0.0,
                weights: None,
            });
        };
        let spectra = self.spectra.iter().flat_map(|spectra| &spectra.each);
        let mut sum = 0.0;
        for (slice, spectrum) in prepared.slices.iter().zip(spectra) {
            let model: LowRank = spectrum.filtered(&params.low_pass)?;
            sum += ndcg(&model, slice, self.k);
        }
        Ok(Verdict {
            ndcg: sum / prepared.slices.len().max(1) as f64,
            weights: None,
        })
    }

    fn blend(&mut self, params: &RecommendParams) -> Result<Verdict, TuneError> {
        // Room for the parts of every slice.
        self.spectra = None;
        self.ensemble = None;
        let Some(prepared) = &self.prepared else {
            return Ok(Verdict {
                ndcg: 0.0,
                weights: None,
            });
        };
        let parts = all_parts(self.slices, prepared, params, self.seed)?;
        Ok(Verdict::of(
            Rehearsal::new(&pairs(&parts, prepared), self.k, params.blend.raw().worth).learned(),
        ))
    }

    /// Judges the blend of `base` with one model under `raw` in the place of its own; nothing else may differ.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn judge_among(
        &mut self,
        model: Model,
        raw: &RawRecipe,
        base: &RawRecipe,
    ) -> Result<Verdict, TuneError> {
        let mut base = base.clone();
        base.recommend.blend.weights = None;
        let mut raw = raw.clone();
        raw.recommend.blend.weights = None;
        let params = RecommendParams::try_from(raw.recommend.clone()).map_err(TuneError::params)?;
        prepared(&mut self.prepared, self.slices, &base)?;
        if self.ensemble.as_ref().is_none_or(|ensemble| ensemble.of != base) {
            self.ensemble = None;
            self.spectra = None;
            if let Some(prepared) = &self.prepared {
                let params = RecommendParams::try_from(base.recommend.clone()).map_err(TuneError::params)?;
                let parts = all_parts(self.slices, prepared, &params, self.seed)?;
                let rehearsal = Rehearsal::new(&pairs(&parts, prepared), self.k, params.blend.raw().worth);
                self.ensemble = Some(Ensemble {
                    of: base.clone(),
                    parts,
                    rehearsal,
                });
            }
        }
        let Some(mut ensemble) = self.ensemble.take() else {
            return Ok(Verdict {
                ndcg: 0.0,
                weights: None,
            });
        };
        let verdict = match &self.prepared {
            // Learned from where the weights are, as with any other part in its place.
            Some(prepared) if raw == base => {
                let pairs = pairs(&ensemble.parts, prepared);
                Ok(Verdict::of(ensemble.rehearsal.with(model.part(), &pairs)))
            }
            _ => self.replaced(model, &params, &mut ensemble),
        };
        self.ensemble = Some(ensemble);
        verdict
    }

    fn replaced(
        &mut self,
        model: Model,
        params: &RecommendParams,
        ensemble: &mut Ensemble,
    ) -> Result<Verdict, TuneError> {
        if model == Model::LowPass {
            self.decompose(params)?;
        }
        let Some(prepared) = &self.prepared else {
            return Ok(Verdict {
                ndcg: 0.0,
                weights: None,
            });
        };
        let mut others = Vec::with_capacity(prepared.slices.len());
        for (at, slice) in prepared.slices.iter().enumerate() {
            let matrix = &slice.held.fitted;
            others.push(match model {
                Model::Neighbours => Other::Neighbours(neighbours::fit(matrix, &params.neighbours, &Silent)?),
                Model::Ridge => Other::Ridge(ridge::fit(matrix, &params.ridge, &Silent)?),
                Model::LowPass => match self.spectra.as_ref().and_then(|spectra| spectra.each.get(at)) {
                    Some(spectrum) => Other::LowPass(spectrum.filtered(&params.low_pass)?),
                    None => Other::LowPass(low_pass::fit(matrix, &params.low_pass, self.seed, &Silent)?),
                },
                _ => Other::Ials(Box::new(Ials::fit(matrix, &params.ials, self.seed, &Silent)?)),
            });
        }
        let mut swap = |parts: &mut Vec<Parts>| {
            for (parts, other) in parts.iter_mut().zip(&mut others) {
                other.swap(parts);
            }
        };
        swap(&mut ensemble.parts);
        let found = ensemble
            .rehearsal
            .with(model.part(), &pairs(&ensemble.parts, prepared));
        swap(&mut ensemble.parts);
        Ok(Verdict::of(found))
    }
}

/// A fitted model that waits to take the place of its like.
enum Other {
    Neighbours(ItemLinks),
    Ridge(ItemLinks),
    LowPass(LowRank),
    Ials(Box<Ials>),
}

impl Other {
    fn swap(&mut self, parts: &mut Parts) {
        match self {
            Self::Neighbours(other) => parts
                .neighbours
                .iter_mut()
                .for_each(|part| std::mem::swap(part, other)),
            Self::Ridge(other) => parts
                .ridge
                .iter_mut()
                .for_each(|part| std::mem::swap(part, other)),
            Self::LowPass(other) => parts
                .low_pass
                .iter_mut()
                .for_each(|part| std::mem::swap(part, other)),
            Self::Ials(other) => std::mem::swap(&mut parts.ials, other),
        }
    }
}

impl Verdict {
    fn of((weights, ndcg): (Weights, f64)) -> Self {
        Self {
            ndcg,
            weights: Some(weights.raw().clone()),
        }
    }
}

fn pairs<'p>(parts: &'p [Parts], prepared: &'p Prepared) -> Vec<(&'p Parts, &'p HeldOut)> {
    parts
        .iter()
        .zip(prepared.slices.iter().map(|slice| &slice.held))
        .collect()
}

/// Every part, fitted to each slice.
fn all_parts(
    slices: &Slices<'_>,
    prepared: &Prepared,
    params: &RecommendParams,
    seed: u64,
) -> Result<Vec<Parts>, TuneError> {
    let fitting = Fitting {
        params,
        seed,
        progress: &Silent,
    };
    let mut parts = Vec::with_capacity(prepared.slices.len());
    for slice in &prepared.slices {
        let popularity = slices.popularity(slice, &prepared.weighting, &params.popularity);
        parts.push(fitting.parts(&slice.held.fitted, popularity, &mut |_| ())?);
    }
    Ok(parts)
}

/// The slices under the recipe's event weights, made anew where those have changed.
fn prepared<'p>(
    kept: &'p mut Option<Prepared>,
    slices: &Slices<'_>,
    raw: &RawRecipe,
) -> Result<&'p Prepared, TuneError> {
    let made = match kept.take() {
        Some(prepared) if prepared.weights == raw.weights => prepared,
        old => {
            drop(old);
            let weighting = Weighting::try_from(raw.weights.clone()).map_err(TuneError::params)?;
            Prepared {
                slices: slices.make(raw, &weighting),
                weights: raw.weights.clone(),
                weighting,
            }
        }
    };
    Ok(kept.insert(made))
}

fn ndcg(model: &dyn Recommender, slice: &Slice, k: usize) -> f64 {
    let held = &slice.held;
    let rankings = model.rank_all(&held.profiles, Some(&held.masked), k);
    let lists: Vec<RankingMetrics> = rankings
        .iter()
        .zip(&held.wanted)
        .filter_map(|(ranked, wanted)| {
            RankingMetrics::of(ranked.iter().map(|best| best.0.as_u32()), wanted, wanted.len(), k)
        })
        .collect();
    RankingMetrics::mean(&lists).ndcg
}
