//! Two sparse models in one matrix.

use rayon::prelude::*;

use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::norm;
use crate::recommend::batch::profile;
use crate::recommend::{ItemLinks, Recommender};

/// Profiles that say how long a part's scores usually are.
const SAMPLED: usize = 1000;

/// `(1 − m) N / ν_N + m R / ν_R`; what is not there counts nothing.
pub(super) fn links(
    neighbours: Option<ItemLinks>,
    ridge: Option<ItemLinks>,
    ridge_share: f64,
    profiles: &Csr,
) -> Option<ItemLinks> {
    let scaled = |part: &ItemLinks, share: f64| {
        let usual = usual_length(part, profiles);
        if usual > 0.0 { (share / usual) as f32 } else { 0.0 }
    };
    match (neighbours, ridge) {
        (Some(neighbours), Some(ridge)) if ridge_share > 0.0 && ridge_share < 1.0 => {
            let shares = [
                scaled(&neighbours, 1.0 - ridge_share),
                scaled(&ridge, ridge_share),
            ];
            Some(ItemLinks::new(
                "links",
                sum([neighbours.links(), ridge.links()], shares),
            ))
        }
        // Alone, a part needs no scale: the term is brought to length one.
        (Some(only), None) => Some(only),
        (None, Some(only)) => Some(only),
        (Some(neighbours), Some(ridge)) => Some(if ridge_share > 0.0 { ridge } else { neighbours }),
        (None, None) => None,
    }
}

/// Mean length of a part's scores over profiles that are spread evenly.
pub(super) fn usual_length(part: &ItemLinks, profiles: &Csr) -> f64 {
    let filled: Vec<usize> = (0..profiles.n_rows())
        .filter(|&row| !profiles.row(row).0.is_empty())
        .collect();
    let step = filled.len().div_ceil(SAMPLED).max(1);
    let lengths: Vec<f64> = filled
        .par_iter()
        .step_by(step)
        .map_init(
            || vec![0.0; part.n_items()],
            |scores, &row| {
                part.score(&profile(profiles, row), scores);
                f64::from(norm(scores))
            },
        )
        .collect();
    lengths.iter().sum::<f64>() / lengths.len().max(1) as f64
}

/// `Σ_k shares[k] · parts[k]`, row by row.
fn sum(parts: [&Csr; 2], shares: [f32; 2]) -> Csr {
    let rows: Vec<Profile> = (0..parts[0].n_rows())
        .into_par_iter()
        .map(|row| {
            let mut entries: Vec<(u32, f32)> = Vec::new();
            for (part, share) in parts.into_iter().zip(shares) {
                let (columns, values) = part.row(row);
                entries.extend(
                    columns
                        .iter()
                        .zip(values)
                        .map(|(&column, value)| (column, share * value)),
                );
            }
            // Stable: of one column the first part's entry stays first, so that the sum has one order.
            entries.sort_by_key(|entry| entry.0);
            entries
                .chunk_by(|a, b| a.0 == b.0)
                .map(|same| {
                    (
                        ItemIdx::from_u32(same[0].0),
                        same.iter().map(|entry| entry.1).sum(),
                    )
                })
                .collect()
        })
        .collect();
    Csr::from_rows(&rows, parts[0].n_columns())
}
