//! What an event is worth, by kind and age: from a history to its weighted profile.

use serde::{Deserialize, Serialize};

use super::History;
use crate::id::ItemIdx;
use crate::log::EventKind;
use crate::time::Timestamp;

/// A history as a model sees it: each item once, with its weight, items ascending.
pub type Profile = Vec<(ItemIdx, f32)>;

/// The weights as a recipe writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawWeighting {
    /// Weight of a view.
    pub view: f64,
    /// Weight of putting an item into the cart.
    pub cart: f64,
    /// Weight of a purchase.
    pub purchase: f64,
    /// What a return takes away.
    pub returned: f64,
    /// Days after which a view counts half; 0 for never.
    pub view_half_life_days: f64,
    /// Days after which a cart event counts half; 0 for never.
    pub cart_half_life_days: f64,
    /// Days after which a purchase or return counts half; 0 for never.
    pub purchase_half_life_days: f64,
    /// The summed weight of an item is raised to this power, so that the tenth purchase adds less than the first.
    pub saturation: f64,
}

impl Default for RawWeighting {
    fn default() -> Self {
        Self {
            view: 0.2,
            cart: 0.5,
            purchase: 1.0,
            returned: 1.0,
            view_half_life_days: 30.0,
            cart_half_life_days: 60.0,
            purchase_half_life_days: 180.0,
            saturation: 0.5,
        }
    }
}

/// Why weights cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("weights.{key} = {value} is not {rule}")]
pub struct WeightingError {
    key: &'static str,
    value: f64,
    rule: &'static str,
}

/// Checked weights.
///
/// For an item with events `e` before `now`, the profile holds
/// `w = max(0, Σ_e sign(e) · weight(kind) · 2^(−age_days / half_life(kind)))^saturation`,
/// and the item is left out where that is zero.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `view`, `cart`, `purchase` | 0.2, 0.5, 1 | weight of an event of that kind | 0 to 10⁶ |
/// | `returned` | 1 | what a return takes away | 0 to 10⁶ |
/// | `view_half_life_days`, `cart_…`, `purchase_…` | 30, 60, 180 | age at which an event counts half; 0 never ages | 0 to 10⁶ |
/// | `saturation` | 0.5 | power of the summed weight; 0 makes every item count the same | 0 to 1 |
#[derive(Clone, Debug, PartialEq)]
pub struct Weighting {
    raw: RawWeighting,
    /// By kind: signed weight and decay rate per day.
    by_kind: [(f64, f64); 4],
}

impl Weighting {
    /// Every item of the history once, with weight 1, whatever was done and when: for logs that hold only pairs.
    #[must_use]
    pub fn binary() -> Self {
        let raw = RawWeighting {
            view: 1.0,
            cart: 1.0,
            purchase: 1.0,
            returned: 0.0,
            view_half_life_days: 0.0,
            cart_half_life_days: 0.0,
            purchase_half_life_days: 0.0,
            saturation: 0.0,
        };
        Self {
            by_kind: [(1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)],
            raw,
        }
    }

    /// The weights as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawWeighting {
        &self.raw
    }

    /// The weighted profile of what happened strictly before `now`.
    #[must_use]
    pub fn profile(&self, history: History<'_>, now: Timestamp) -> Profile {
        let history = history.before(now);
        let mut weighted: Vec<(ItemIdx, f64)> = (0..history.len())
            .map(|at| {
                let (weight, rate) = self.by_kind[usize::from(history.kinds()[at].code())];
                let age_days = now.days_since(history.times()[at]);
                let decay = if rate > 0.0 {
                    (-rate * age_days).exp2()
                } else {
                    1.0
                };
                (history.items()[at], weight * decay)
            })
            .collect();
        // Stable, so that the sum of an item's events is taken in time order on every machine.
        weighted.sort_by_key(|&(item, _)| item);
        weighted
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|events| {
                let sum: f64 = events.iter().map(|&(_, weight)| weight).sum();
                (sum > 0.0).then(|| (events[0].0, sum.powf(self.raw.saturation) as f32))
            })
            .filter(|&(_, weight)| weight > 0.0)
            .collect()
    }
}

impl TryFrom<RawWeighting> for Weighting {
    type Error = WeightingError;

    fn try_from(raw: RawWeighting) -> Result<Self, WeightingError> {
        let not_negative = [
            ("view", raw.view),
            ("cart", raw.cart),
            ("purchase", raw.purchase),
            ("returned", raw.returned),
            ("view_half_life_days", raw.view_half_life_days),
            ("cart_half_life_days", raw.cart_half_life_days),
            ("purchase_half_life_days", raw.purchase_half_life_days),
        ];
        for (key, value) in not_negative {
            if !(0.0..=1e6).contains(&value) {
                return Err(WeightingError {
                    key,
                    value,
                    rule: "between 0 and 1000000",
                });
            }
        }
        if !(0.0..=1.0).contains(&raw.saturation) {
            return Err(WeightingError {
                key: "saturation",
                value: raw.saturation,
                rule: "between 0 and 1",
            });
        }
        let rate = |half_life_days: f64| {
            if half_life_days > 0.0 {
                1.0 / half_life_days
            } else {
                0.0
            }
        };
        let of = |kind| match kind {
            EventKind::View => (raw.view, rate(raw.view_half_life_days)),
            EventKind::Cart => (raw.cart, rate(raw.cart_half_life_days)),
            EventKind::Purchase => (raw.purchase, rate(raw.purchase_half_life_days)),
            EventKind::Return => (-raw.returned, rate(raw.purchase_half_life_days)),
        };
        Ok(Self {
            by_kind: EventKind::ALL.map(of),
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{HistoryBuf, Interaction};
    use crate::id::Row;

    fn history(events: &[(u32, EventKind, f64)]) -> HistoryBuf {
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let mut buf = HistoryBuf::default();
        buf.extend(events.iter().map(|&(item, kind, day)| Interaction {
            item: ItemIdx::from_u32(item),
            kind,
            at: start.plus_days(day),
            quantity: 1.0,
            unit_price: None,
            order: None,
            session: None,
        }));
        buf
    }

    #[test]
    fn weights_decay_add_up_and_returns_take_away() {
        let raw = RawWeighting {
            saturation: 1.0,
            purchase_half_life_days: 365.0,
            ..RawWeighting::default()
        };
        let weighting = Weighting::try_from(raw).unwrap();
        let events = history(&[
            (3, EventKind::Purchase, 0.0),
            (1, EventKind::View, 335.0),
            (2, EventKind::Purchase, 100.0),
            (2, EventKind::Return, 100.0),
            (4, EventKind::Purchase, 365.0),
        ]);
        let now = "2024-01-01".parse::<Timestamp>().unwrap().plus_days(365.0);
        let profile = weighting.profile(events.as_history(), now);
        let items: Vec<u32> = profile.iter().map(|p| p.0.as_u32()).collect();
        // Item 2 came back, item 4 is bought exactly at `now` and therefore not yet known.
        assert_eq!(items, [1, 3]);
        assert!(
            (profile[0].1 - 0.1).abs() < 1e-6,
            "a view of a half-life ago counts half: {}",
            profile[0].1
        );
        assert!((profile[1].1 - 0.5).abs() < 1e-6);
    }

    #[test]
    fn bad_weights_name_the_key() {
        let raw = RawWeighting {
            cart: f64::NAN,
            ..RawWeighting::default()
        };
        assert!(
            Weighting::try_from(raw)
                .unwrap_err()
                .to_string()
                .starts_with("weights.cart")
        );
        let raw = RawWeighting {
            saturation: 1.5,
            ..RawWeighting::default()
        };
        assert!(
            Weighting::try_from(raw)
                .unwrap_err()
                .to_string()
                .contains("between 0 and 1")
        );
    }
}
