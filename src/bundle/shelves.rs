//! `shelves.safetensors` and `shelves.json`: what the shelves beside "you may like" are answered from.

use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::arrays::{ArrayReader, ArrayWriter};
use super::error::BundleError;
use crate::recommend::buy_again::{BuyAgain, BuyAgainArrays, BuyAgainFacts};
use crate::recommend::relations::{
    Basis, CrossSell, CrossSellArrays, CrossSellCounts, Relations, Similar, SimilarArrays, Trending,
    TrendingArrays, UpSell,
};
use crate::recommend::sessions::{IndexArrays, SessionArrays, Sessions};
use crate::recommend::{RecommendParams, Shelves};
use crate::time::Calendar;

pub(super) const FILE: &str = "shelves.safetensors";
pub(super) const FACTS: &str = "shelves.json";

/// The numbers beside the arrays.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    cross_sell: CrossSellCounts,
    similar: Basis,
    /// `null` where the training of buying again was refused.
    buy_again: Option<BuyAgainFacts>,
    buy_again_refusal: Option<String>,
    has_sessions: bool,
}

pub(super) fn write_facts(shelves: &Shelves) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(&Facts {
        cross_sell: shelves.relations.cross_sell.to_arrays().counted,
        similar: shelves.relations.similar.basis(),
        buy_again: shelves.buy_again.as_ref().ok().map(|model| model.stored().1),
        buy_again_refusal: shelves.buy_again.as_ref().err().cloned(),
        has_sessions: shelves.sessions.is_some(),
    })
    .map_err(|error| BundleError::invalid(FACTS, error.to_string()))
}

pub(super) fn write(shelves: &Shelves, file: &Path) -> Result<Vec<u8>, BundleError> {
    let Shelves {
        relations,
        up_sell,
        trending,
        buy_again,
        sessions,
    } = shelves;
    let mut arrays = ArrayWriter::default();
    let CrossSellArrays {
        partners,
        counts,
        substitutes,
        basket_counts,
        backing,
        everybody,
        leaves,
        category_partners,
        category_backing,
        counted: _,
    } = relations.cross_sell.to_arrays();
    arrays.sparse("cross_sell.partners", partners);
    arrays.vector("cross_sell.counts", counts.iter().copied());
    arrays.sparse("cross_sell.substitutes", substitutes);
    arrays.vector("cross_sell.basket_counts", basket_counts);
    arrays.vector("cross_sell.backing", backing);
    arrays.vector("cross_sell.everybody", everybody);
    arrays.vector("cross_sell.leaves", leaves);
    arrays.sparse("cross_sell.category_partners", category_partners);
    arrays.vector("cross_sell.category_backing", category_backing);
    let SimilarArrays {
        likeness,
        visits,
        customers,
        basis: _,
    } = relations.similar.to_arrays();
    arrays.sparse("similar.likeness", likeness);
    arrays.vector("similar.visits", visits.iter().copied());
    arrays.vector("similar.customers", customers.iter().copied());
    arrays.vector("up_sell.curve", up_sell.curve().iter().copied());
    let TrendingArrays {
        scores,
        factors,
        recent,
        expected,
    } = trending.arrays();
    for (name, values) in [
        ("trending.scores", scores),
        ("trending.factors", factors),
        ("trending.recent", recent),
        ("trending.expected", expected),
    ] {
        arrays.vector(name, values.iter().copied());
    }
    if let Ok(model) = buy_again {
        let (BuyAgainArrays { numbers, intervals }, _) = model.stored();
        arrays.vector("buy_again.numbers", numbers);
        arrays.vector("buy_again.intervals", intervals);
    }
    if let Some(model) = sessions {
        write_sessions(&mut arrays, model.to_arrays());
    }
    arrays.finish(file)
}

fn write_sessions(arrays: &mut ArrayWriter, sessions: SessionArrays) {
    let SessionArrays {
        index,
        link_offsets,
        link_items,
        link_values,
        returns,
    } = sessions;
    let IndexArrays {
        posting_offsets,
        postings,
        session_offsets,
        items,
        counts,
    } = index;
    arrays.vector("sessions.posting_offsets", posting_offsets.iter().copied());
    arrays.vector("sessions.postings", postings.iter().copied());
    arrays.vector("sessions.session_offsets", session_offsets.iter().copied());
    arrays.vector("sessions.items", items.iter().copied());
    arrays.vector("sessions.counts", counts);
    arrays.vector("sessions.link_offsets", link_offsets);
    arrays.vector("sessions.link_items", link_items.iter().copied());
    arrays.vector("sessions.link_values", link_values.iter().copied());
    arrays.vector("sessions.returns", returns);
}

pub(super) fn read(
    (file, content): (&Path, &Bytes),
    (facts_file, facts): (&Path, &Bytes),
    params: &RecommendParams,
    calendar: &Calendar,
    n_items: usize,
) -> Result<Shelves, BundleError> {
    let facts: Facts =
        serde_json::from_slice(facts).map_err(|error| BundleError::invalid(facts_file, error.to_string()))?;
    let arrays = ArrayReader::new(file, content)?;
    let broken = |error: &dyn std::error::Error| {
        let cause = error
            .source()
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        arrays.invalid(format!("{error}{cause}"))
    };
    let cross_sell = CrossSell::from_arrays(CrossSellArrays {
        partners: arrays.sparse("cross_sell.partners")?,
        counts: arrays.column("cross_sell.counts")?,
        substitutes: arrays.sparse("cross_sell.substitutes")?,
        basket_counts: arrays.vector("cross_sell.basket_counts")?,
        backing: arrays.vector("cross_sell.backing")?,
        everybody: arrays.vector_of("cross_sell.everybody", n_items)?,
        leaves: arrays.vector("cross_sell.leaves")?,
        category_partners: arrays.sparse("cross_sell.category_partners")?,
        category_backing: arrays.vector("cross_sell.category_backing")?,
        counted: facts.cross_sell,
    })
    .map_err(|error| broken(&error))?;
    let similar = Similar::from_arrays(SimilarArrays {
        likeness: arrays.sparse("similar.likeness")?,
        visits: arrays.column("similar.visits")?,
        customers: arrays.column("similar.customers")?,
        basis: facts.similar,
    })
    .map_err(|error| broken(&error))?;
    if similar.n_items() != n_items {
        let rows = similar.n_items();
        return Err(arrays.invalid(format!(
            "\"similar.likeness\" has {rows} rows instead of {n_items}"
        )));
    }
    let up_sell = UpSell::from_curve(arrays.vector("up_sell.curve")?, params.up_sell.clone())
        .map_err(|error| broken(&error))?;
    let trending = Trending::from_arrays(TrendingArrays {
        scores: arrays.vector_of("trending.scores", n_items)?,
        factors: arrays.vector("trending.factors")?,
        recent: arrays.vector("trending.recent")?,
        expected: arrays.vector("trending.expected")?,
    })
    .map_err(|error| broken(&error))?;
    let buy_again = match (&facts.buy_again, facts.buy_again_refusal) {
        (Some(facts), None) => {
            let stored = BuyAgainArrays {
                numbers: arrays.vector("buy_again.numbers")?,
                intervals: arrays.vector_of("buy_again.intervals", n_items)?,
            };
            Ok(BuyAgain::from_stored(&stored, facts, calendar).map_err(|error| broken(&error))?)
        }
        (None, Some(why)) => Err(why),
        (Some(_), Some(_)) | (None, None) => {
            return Err(BundleError::invalid(
                facts_file,
                "either \"buy_again\" or \"buy_again_refusal\" must be given",
            ));
        }
    };
    let sessions = match facts.has_sessions {
        true => Some(
            Sessions::from_arrays(read_sessions(&arrays, n_items)?, &params.sessions)
                .map_err(|error| broken(&error))?,
        ),
        false => None,
    };
    Ok(Shelves {
        relations: Relations { cross_sell, similar },
        up_sell,
        trending,
        buy_again,
        sessions,
    })
}

fn read_sessions(arrays: &ArrayReader<'_>, n_items: usize) -> Result<SessionArrays, BundleError> {
    Ok(SessionArrays {
        index: IndexArrays {
            posting_offsets: arrays.column("sessions.posting_offsets")?,
            postings: arrays.column("sessions.postings")?,
            session_offsets: arrays.column("sessions.session_offsets")?,
            items: arrays.column("sessions.items")?,
            counts: arrays.vector_of("sessions.counts", n_items)?,
        },
        link_offsets: arrays.vector("sessions.link_offsets")?,
        link_items: arrays.column("sessions.link_items")?,
        link_values: arrays.column("sessions.link_values")?,
        returns: arrays.vector("sessions.returns")?,
    })
}
