//! `models.safetensors` and `params.json`: the models that rank, and the parameters that they were fitted with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::BundleParts;
use super::arrays::{ArrayReader, ArrayWriter};
use super::error::BundleError;
use crate::history::{RawWeighting, Weighting};
use crate::recommend::{Ials, Popularity, PopularityParams, RawRecommendParams, RecommendParams};

pub(super) const FILE: &str = "models.safetensors";
pub(super) const PARAMS: &str = "params.json";

/// The raw parameters, checked again on reading.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParams {
    weights: RawWeighting,
    recommend: RawRecommendParams,
}

/// The checked parameters.
pub(super) struct Params {
    weighting: Weighting,
    recommend: RecommendParams,
}

/// The models that rank, and how.
pub(super) struct Models {
    pub(super) weighting: Weighting,
    pub(super) ials: Ials,
    pub(super) popularity_params: PopularityParams,
    pub(super) popularity: Popularity,
    pub(super) trending_params: PopularityParams,
    pub(super) trending: Popularity,
}

pub(super) fn write(parts: &BundleParts, file: &Path) -> Result<Vec<u8>, BundleError> {
    let mut arrays = ArrayWriter::default();
    arrays.matrix("ials.item_factors", parts.ials.item_factors());
    arrays.vector("popularity.scores", parts.popularity.scores().iter().copied());
    arrays.vector("trending.scores", parts.trending.scores().iter().copied());
    arrays.finish(file)
}

pub(super) fn write_params(parts: &BundleParts) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(&RawParams {
        weights: parts.weighting.raw().clone(),
        recommend: RawRecommendParams {
            // Those of the fitted model: a recipe may leave one to the fit to choose.
            ials: parts.ials.params().raw().clone(),
            popularity: parts.popularity_params.raw().clone(),
            trending: parts.trending_params.raw().clone(),
            // A bundle does not hold the other models.
            ..RawRecommendParams::default()
        },
    })
    .map_err(|error| BundleError::invalid(PARAMS, error.to_string()))
}

pub(super) fn read_params(file: &Path, content: &[u8]) -> Result<Params, BundleError> {
    let raw: RawParams =
        serde_json::from_slice(content).map_err(|error| BundleError::invalid(file, error.to_string()))?;
    let invalid = |error: &dyn std::error::Error| BundleError::invalid(file, error.to_string());
    Ok(Params {
        weighting: raw.weights.try_into().map_err(|error| invalid(&error))?,
        recommend: raw.recommend.try_into().map_err(|error| invalid(&error))?,
    })
}

pub(super) fn read(
    file: &Path,
    content: &[u8],
    params: Params,
    n_items: usize,
) -> Result<Models, BundleError> {
    let arrays = ArrayReader::new(file, content)?;
    let factors = arrays.matrix("ials.item_factors", n_items)?;
    let RecommendParams {
        ials,
        popularity: popularity_params,
        trending: trending_params,
        neighbours: _,
        ridge: _,
        low_pass: _,
    } = params.recommend;
    let ials = Ials::from_factors(ials, factors)
        .map_err(|error| arrays.invalid(format!("\"ials.item_factors\": {error}")))?;
    let popularity = |name: &str| {
        Popularity::from_scores(arrays.vector_of(name, n_items)?)
            .map_err(|error| arrays.invalid(format!("{name:?}: {error}")))
    };
    Ok(Models {
        weighting: params.weighting,
        ials,
        popularity_params,
        popularity: popularity("popularity.scores")?,
        trending_params,
        trending: popularity("trending.scores")?.called(Popularity::TRENDING),
    })
}
