//! The hyper-parameters of session recommendations: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// Whether the item that is looked at may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrentItem {
    /// Never: the visitor is there already.
    Masked,
    /// As any other: what public evaluations do whose sessions repeat a click at once.
    Ranked,
}

/// The recipe section `[recommend.sessions]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSessionParams {
    /// Minutes without an event after which a new session begins, where the log names no sessions.
    pub idle_minutes: f64,
    /// Sessions with more different items than this share of all sessions has teach nothing.
    pub longest_quantile: f64,
    /// Newest sessions that are learned from; 0 for all.
    pub newest_sessions: usize,
    /// Whether the item that is looked at may be answered.
    pub current_item: CurrentItem,
    /// Sessions that are like the asking one.
    pub knn: RawKnnParams,
    /// Links from click to click.
    pub links: RawLinkParams,
    /// How much each part counts.
    pub weights: RawPartWeights,
    /// What the visit, of length one, counts beside the blend of all histories.
    pub beside_profile: f64,
}

impl Default for RawSessionParams {
    fn default() -> Self {
        Self {
            idle_minutes: 30.0,
            longest_quantile: 0.995,
            newest_sessions: 5_000_000,
            current_item: CurrentItem::Masked,
            knn: RawKnnParams::default(),
            links: RawLinkParams::default(),
            weights: RawPartWeights::default(),
            beside_profile: 2.0,
        }
    }
}

/// The recipe section `[recommend.sessions.knn]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawKnnParams {
    /// Most recent sessions of the asking session's items that are compared.
    pub recent_sessions: usize,
    /// Sessions most like the asking one that vote.
    pub neighbours: usize,
    /// Last clicks of the asking session that count.
    pub last_items: usize,
    /// How strongly rare items are preferred.
    pub idf_exponent: f64,
    /// How strongly long sessions are damped.
    pub length_exponent: f64,
    /// How strongly items far from the shared one are damped.
    pub distance_exponent: f64,
    /// What an item before the shared one counts, when one after it counts 1.
    pub backward_weight: f64,
    /// Sessions after which one counts half; 0 for never.
    pub half_life_sessions: f64,
}

impl RawKnnParams {
    /// VMIS-kNN with the settings of Serenade's own evaluator.
    #[must_use]
    pub fn serenade() -> Self {
        Self {
            recent_sessions: 1500,
            neighbours: 500,
            last_items: 3,
            ..Self::default().plain()
        }
    }

    /// The same without what VMIS-kNN does not have: damped lengths, distances, directions and ages.
    #[must_use]
    pub fn plain(self) -> Self {
        Self {
            length_exponent: 0.0,
            distance_exponent: 0.0,
            backward_weight: 1.0,
            half_life_sessions: 0.0,
            ..self
        }
    }
}

impl Default for RawKnnParams {
    fn default() -> Self {
        Self {
            recent_sessions: 800,
            neighbours: 500,
            last_items: 2,
            idf_exponent: 1.0,
            length_exponent: 0.05,
            distance_exponent: 0.16,
            backward_weight: 1.2,
            half_life_sessions: 0.0,
        }
    }
}

/// The recipe section `[recommend.sessions.links]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLinkParams {
    /// Items that one item speaks for.
    pub neighbours: usize,
    /// How strongly clicks far apart are damped.
    pub distance_exponent: f64,
    /// What a click before counts, when one after counts 1.
    pub backward_weight: f64,
    /// Sessions after which one counts half; 0 for never.
    pub half_life_sessions: f64,
    /// How strongly popular items are damped, as what the session clicked.
    pub source_exponent: f64,
    /// How strongly popular items are damped, as an answer.
    pub target_exponent: f64,
    /// Clicks that an item is given beyond its own, so that rare ones do not shout.
    pub shrinkage: f64,
    /// What links of links count beside links.
    pub second_order: f64,
    /// How strongly clicks long past are damped when a session asks.
    pub position_exponent: f64,
    /// Last different items of the asking session that count.
    pub last_items: usize,
}

impl Default for RawLinkParams {
    fn default() -> Self {
        Self {
            neighbours: 100,
            distance_exponent: 2.0,
            backward_weight: 1.0,
            half_life_sessions: 0.0,
            source_exponent: 0.5,
            target_exponent: 0.2,
            shrinkage: 0.2,
            second_order: 0.5,
            position_exponent: 1.5,
            last_items: 8,
        }
    }
}

/// The recipe section `[recommend.sessions.weights]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawPartWeights {
    /// Of the neighbour sessions, whose scores have length one.
    pub knn: f64,
    /// Of the links, whose scores have length one.
    pub links: f64,
    /// Of returns to an item of the session.
    pub returns: f64,
    /// Of popularity, whose largest score is one.
    pub popularity: f64,
}

impl Default for RawPartWeights {
    fn default() -> Self {
        Self {
            knn: 1.0,
            links: 1.0,
            returns: 5.0,
            popularity: 0.001,
        }
    }
}

/// Checked hyper-parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `idle_minutes` | 30 | pause that ends a visit, where the log names no sessions | 1 to 1440 |
/// | `longest_quantile` | 0.995 | sessions with more different items than this quantile are left out: robots | 0.5 to 1 |
/// | `newest_sessions` | 5,000,000 | sessions that are kept, the newest; bounds the memory; 0 keeps all | 0 to 2,000,000,000 |
/// | `current_item` | "masked" | "masked" never answers the item that is looked at, "ranked" ranks it | |
/// | `knn.recent_sessions` | 800 | `m`: sessions compared with the asking one, the newest that share an item | 1 to 20,000 |
/// | `knn.neighbours` | 500 | `k`: of these the most similar, which vote | 1 to 20,000 |
/// | `knn.last_items` | 2 | clicks of the asking session that count | 1 to 64 |
/// | `knn.idf_exponent` | 1 | `w` in `ln(N / n_i)^w`: preference for rare items | 0 to 10 |
/// | `knn.length_exponent` | 0.05 | `e`: a vote is divided by the `e`-th power of the session's different items | 0 to 2 |
/// | `knn.distance_exponent` | 0.16 | `a`: an item `d` places from the newest shared one counts `d^−a` | 0 to 4 |
/// | `knn.backward_weight` | 1.2 | what places before the shared item count | 0 to 4 |
/// | `knn.half_life_sessions` | 0 | sessions since then at which a vote counts half; 0 never ages | 0 to 1e9 |
/// | `links.neighbours` | 100 | links kept of each item, the strongest | 1 to 10,000 |
/// | `links.distance_exponent` | 2 | `a`: clicks `d` apart count `d^−a` | 0 to 4 |
/// | `links.backward_weight` | 1 | what goes before, against what follows | 0 to 4 |
/// | `links.half_life_sessions` | 0 | as above | 0 to 1e9 |
/// | `links.source_exponent` | 0.5 | damping of what is popular, on the session's side | 0 to 2 |
/// | `links.target_exponent` | 0.2 | damping of what is popular, on the answer's side | 0 to 2 |
/// | `links.shrinkage` | 0.2 | clicks added to each item's own before damping | 0 to 10,000 |
/// | `links.second_order` | 0.5 | weight of two links in a row | 0 to 100 |
/// | `links.position_exponent` | 1.5 | the `p`-th last different item counts `p^−e` | 0 to 4 |
/// | `links.last_items` | 8 | different items that count | 1 to 20 |
/// | `weights.*` | 1, 1, 5, 0.001 | weights of `knn`, `links`, `returns`, `popularity`; 0 leaves a part out | 0 to 1000 |
/// | `beside_profile` | 2 | weight of the visit beside the blend of all histories, in YOU_MAY_LIKE; `evaluate` tries others | 0 to 100 |
///
/// The defaults lie between what was found for two public logs of shops, on their validation slices. VMIS-kNN is the point with all exponents of `knn` and `half_life_sessions` 0 and `backward_weight` 1.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionParams {
    raw: RawSessionParams,
}

impl SessionParams {
    /// The hyper-parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawSessionParams {
        &self.raw
    }
}

impl TryFrom<RawSessionParams> for SessionParams {
    type Error = OutOfRange;

    fn try_from(raw: RawSessionParams) -> Result<Self, OutOfRange> {
        let (knn, links, weights) = (&raw.knn, &raw.links, &raw.weights);
        let rules = [
            ("idle_minutes", raw.idle_minutes, 1.0, 1440.0),
            ("longest_quantile", raw.longest_quantile, 0.5, 1.0),
            ("newest_sessions", raw.newest_sessions as f64, 0.0, 2e9),
            ("beside_profile", raw.beside_profile, 0.0, 100.0),
            ("knn.recent_sessions", knn.recent_sessions as f64, 1.0, 20_000.0),
            ("knn.neighbours", knn.neighbours as f64, 1.0, 20_000.0),
            ("knn.last_items", knn.last_items as f64, 1.0, 64.0),
            ("knn.idf_exponent", knn.idf_exponent, 0.0, 10.0),
            ("knn.length_exponent", knn.length_exponent, 0.0, 2.0),
            ("knn.distance_exponent", knn.distance_exponent, 0.0, 4.0),
            ("knn.backward_weight", knn.backward_weight, 0.0, 4.0),
            ("knn.half_life_sessions", knn.half_life_sessions, 0.0, 1e9),
            ("links.neighbours", links.neighbours as f64, 1.0, 10_000.0),
            ("links.distance_exponent", links.distance_exponent, 0.0, 4.0),
            ("links.backward_weight", links.backward_weight, 0.0, 4.0),
            ("links.half_life_sessions", links.half_life_sessions, 0.0, 1e9),
            ("links.source_exponent", links.source_exponent, 0.0, 2.0),
            ("links.target_exponent", links.target_exponent, 0.0, 2.0),
            ("links.shrinkage", links.shrinkage, 0.0, 10_000.0),
            ("links.second_order", links.second_order, 0.0, 100.0),
            ("links.position_exponent", links.position_exponent, 0.0, 4.0),
            ("links.last_items", links.last_items as f64, 1.0, 20.0),
            ("weights.knn", weights.knn, 0.0, 1000.0),
            ("weights.links", weights.links, 0.0, 1000.0),
            ("weights.returns", weights.returns, 0.0, 1000.0),
            ("weights.popularity", weights.popularity, 0.0, 1000.0),
        ];
        check("sessions", &rules)?;
        Ok(Self { raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        for (text, key) in [
            ("idle_minutes = 0.0", "idle_minutes"),
            ("longest_quantile = 1.5", "longest_quantile"),
            ("[knn]\nneighbours = 0", "knn.neighbours"),
            ("[knn]\nhalf_life_sessions = nan", "knn.half_life_sessions"),
            ("[links]\nlast_items = 21", "links.last_items"),
            ("[weights]\nreturns = -1.0", "weights.returns"),
        ] {
            let raw: RawSessionParams = toml::from_str(text).unwrap();
            let message = SessionParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.sessions.{key} = ")),
                "{message}"
            );
        }
        assert!(SessionParams::try_from(RawSessionParams::default()).is_ok());
        assert!(toml::from_str::<RawSessionParams>("[knn]\nneighbors = 3").is_err());
    }
}
