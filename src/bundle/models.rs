//! `models.safetensors` and `params.json`: the models that rank, and the parameters that they were fitted with.

use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::BundleParts;
use super::arrays::{ArrayReader, ArrayWriter};
use super::error::BundleError;
use crate::history::{Csr, RawWeighting, Weighting};
use crate::recommend::blend::RawBlendParams;
use crate::recommend::{
    Blend, Ials, ItemLinks, LowRank, Popularity, RawRecommendParams, RecommendParams, Weights, low_pass,
};

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
#[derive(Clone)]
pub(super) struct Params {
    pub(super) weighting: Weighting,
    pub(super) recommend: RecommendParams,
}

/// The models that rank, and how.
pub(super) struct Models {
    pub(super) weighting: Weighting,
    pub(super) blend: Blend,
    pub(super) recommend: RecommendParams,
    pub(super) trending: Option<Popularity>,
}

pub(super) fn write(parts: &BundleParts, file: &Path) -> Result<Vec<u8>, BundleError> {
    let mut arrays = ArrayWriter::default();
    let blend = &parts.blend;
    if let Some(links) = blend.links() {
        let links = links.links();
        arrays.vector(
            "links.offsets",
            links.offsets().iter().map(|&offset| offset as u64),
        );
        arrays.vector("links.items", links.columns().iter().copied());
        arrays.vector("links.values", links.values().iter().copied());
    }
    if let Some(low_pass) = blend.low_pass() {
        arrays.matrix("low_pass.directions", low_pass.directions());
        arrays.vector("low_pass.input", low_pass.input().iter().copied());
        arrays.vector("low_pass.gain", low_pass.gain().iter().copied());
    }
    arrays.matrix("ials.item_factors", blend.ials().item_factors());
    arrays.vector("popularity.scores", blend.popularity().scores().iter().copied());
    if let Some(trending) = &parts.trending {
        arrays.vector("trending.scores", trending.scores().iter().copied());
    }
    arrays.finish(file)
}

pub(super) fn write_params(parts: &BundleParts) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(&RawParams {
        weights: parts.weighting.raw().clone(),
        // Those of the fitted models: a recipe may leave some to the fit to choose.
        recommend: RawRecommendParams {
            ials: parts.blend.ials().params().raw().clone(),
            blend: RawBlendParams {
                weights: Some(parts.blend.weights().raw().clone()),
                ..parts.recommend.blend.raw().clone()
            },
            ..parts.recommend.raw()
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
    content: &Bytes,
    params: Params,
    n_items: usize,
) -> Result<Models, BundleError> {
    let arrays = ArrayReader::new(file, content)?;
    let factors = arrays.matrix("ials.item_factors", n_items)?;
    let recommend = params.recommend;
    let ials = Ials::from_rows(recommend.ials.clone(), factors)
        .map_err(|error| arrays.invalid(format!("\"ials.item_factors\": {error}")))?;
    let popularity = |name: &str| {
        Popularity::from_scores(arrays.vector_of(name, n_items)?)
            .map_err(|error| arrays.invalid(format!("{name:?}: {error}")))
    };
    // A bundle of format 1 has no blend: its factors answer alone.
    let weights = recommend
        .blend
        .weights()
        .cloned()
        .unwrap_or_else(Weights::ials_alone);
    let blend = Blend::of_merged(
        read_links(&arrays, n_items)?,
        read_low_pass(&arrays, n_items)?,
        ials,
        popularity("popularity.scores")?,
        weights,
    );
    Ok(Models {
        weighting: params.weighting,
        blend,
        recommend,
        trending: match arrays.has("trending.scores") {
            true => Some(popularity("trending.scores")?.called(Popularity::TRENDING)),
            false => None,
        },
    })
}

fn read_links(arrays: &ArrayReader<'_>, n_items: usize) -> Result<Option<ItemLinks>, BundleError> {
    if !arrays.has("links.offsets") {
        return Ok(None);
    }
    let offsets = arrays.vector_of::<u64>("links.offsets", n_items + 1)?;
    let links = Csr::from_parts(
        offsets.into_iter().map(|offset| offset as usize).collect(),
        arrays.column::<u32>("links.items")?,
        arrays.column::<f32>("links.values")?,
        n_items,
    )
    .map_err(|error| arrays.invalid(format!("\"links\": {error}")))?;
    Ok(Some(ItemLinks::new("links", links)))
}

fn read_low_pass(arrays: &ArrayReader<'_>, n_items: usize) -> Result<Option<LowRank>, BundleError> {
    if !arrays.has("low_pass.directions") {
        return Ok(None);
    }
    let directions = arrays.matrix("low_pass.directions", n_items)?;
    let (input, gain) = (arrays.vector("low_pass.input")?, arrays.vector("low_pass.gain")?);
    LowRank::of_rows(low_pass::NAME, directions, input, gain)
        .map(Some)
        .map_err(|error| arrays.invalid(format!("\"low_pass\": {error}")))
}
