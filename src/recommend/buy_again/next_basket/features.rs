//! What the regression sees of a candidate.

use crate::history::Profile;
use crate::id::{ItemIdx, Row};
use crate::numeric::top_k;
use crate::recommend::{ItemLinks, Recommender};
use serde::{Deserialize, Serialize};

use super::sequences::Sequence;
use crate::recommend::buy_again::logistic::logit;

/// Where a part of a score comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the customer bought before.
    Own,
    /// What goes with what the customer bought before.
    Links,
    /// What everybody buys.
    Popular,
}

/// Number of features.
pub(super) const WIDTH: usize = 18;

/// Name and source of each feature, in order.
pub const FEATURES: [(&str, Source); WIDTH] = [
    ("log_neighbours", Source::Links),
    ("log_ridge", Source::Links),
    ("log_popularity", Source::Popular),
    ("log_late_popularity", Source::Popular),
    ("bought", Source::Own),
    ("bought_log_fading_times", Source::Own),
    ("bought_log_baskets_since", Source::Own),
    ("bought_log_share", Source::Own),
    ("bought_repeat_logit", Source::Own),
    ("bought_customer_repeat_logit", Source::Own),
    ("bought_log_baskets", Source::Own),
    ("bought_in_last_basket", Source::Own),
    ("log_basket_size", Source::Popular),
    ("log_neighbours_by_baskets", Source::Links),
    ("log_popularity_by_baskets", Source::Popular),
    ("bought_more_than_once", Source::Own),
    ("log_successors", Source::Links),
    ("bought_log_successors", Source::Links),
];

/// What everybody's baskets say of each item.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ItemCounts {
    /// Log of the share of baskets that hold it.
    pub log_popularity: Vec<f32>,
    /// The same for the last basket of each customer.
    pub log_late: Vec<f32>,
    /// Logit of the chance that whoever bought it has it in the next basket, shrunk to that of all items.
    pub repeat_logit: Vec<f32>,
    /// Logit of the chance that an item of a basket after the first was bought before.
    pub shop_repeat_logit: f64,
}

/// Baskets that the shop's chance of a repeat counts beside an item's own.
const REPEAT_PRIOR: f64 = 20.0;

impl ItemCounts {
    pub(super) fn of(sequences: &[Sequence], n_items: usize) -> Self {
        let mut counts = vec![[0.0f64; 4]; n_items];
        let (mut baskets, mut lasts, mut bought, mut again) = (0.0, 0.0, 0.0, 0.0);
        let mut seen = hashbrown::HashSet::new();
        for sequence in sequences {
            seen.clear();
            for (at, basket) in sequence.iter().enumerate() {
                baskets += 1.0;
                let is_last = at + 1 == sequence.len();
                for &item in basket {
                    let count = &mut counts[item.index()];
                    count[0] += 1.0;
                    let known = !seen.insert(item);
                    if at > 0 {
                        bought += 1.0;
                        again += f64::from(u8::from(known));
                    }
                    if is_last {
                        count[1] += 1.0;
                    } else {
                        // Whoever bought it may have it in the next basket.
                        count[2] += 1.0;
                        count[3] += f64::from(u8::from(sequence[at + 1].binary_search(&item).is_ok()));
                    }
                }
                lasts += f64::from(u8::from(is_last));
            }
        }
        let (asked, repeated) = counts
            .iter()
            .fold((1.0, 0.5), |all, count| (all.0 + count[2], all.1 + count[3]));
        let share = |count: f64, all: f64| ((count + 0.5) / (all + 1.0)).ln() as f32;
        Self {
            log_popularity: counts.iter().map(|count| share(count[0], baskets)).collect(),
            log_late: counts.iter().map(|count| share(count[1], lasts)).collect(),
            repeat_logit: counts
                .iter()
                .map(|count| {
                    logit((count[3] + REPEAT_PRIOR * repeated / asked) / (count[2] + REPEAT_PRIOR)) as f32
                })
                .collect(),
            shop_repeat_logit: logit((again + 1.0) / (bought + 2.0)),
        }
    }
}

/// What a sequence says of one of its items.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    fading: f64,
    times: f64,
    last: usize,
}

/// A customer as the features see her.
#[derive(Debug)]
pub(super) struct Asked {
    /// By item ascending.
    own: Vec<(ItemIdx, Own)>,
    profile: Profile,
    /// The same with the last baskets alone, each item as of its last.
    late: Profile,
    baskets: f64,
    log_basket_size: f64,
    repeat_logit: f64,
}

/// What an item counts one basket later for what follows it.
const LATE_DECAY: f64 = 0.5;

/// Items of a customer that the shop's repeats count beside her own.
const CUSTOMER_PRIOR: f64 = 10.0;

impl Asked {
    pub(super) fn of(sequence: &[Vec<ItemIdx>], decay: f64, saturation: f64, counts: &ItemCounts) -> Self {
        let mut lines: Vec<(ItemIdx, usize)> = Vec::new();
        for (at, basket) in sequence.iter().enumerate() {
            lines.extend(basket.iter().map(|&item| (item, at)));
        }
        lines.sort_unstable();
        let baskets = sequence.len().max(1);
        let own: Vec<(ItemIdx, Own)> = lines
            .chunk_by(|a, b| a.0 == b.0)
            .map(|of_item| {
                let fading = of_item
                    .iter()
                    .map(|&(_, at)| decay.powf((baskets - 1 - at) as f64))
                    .sum();
                let facts = Own {
                    fading,
                    times: of_item.len() as f64,
                    last: of_item[of_item.len() - 1].1,
                };
                (of_item[0].0, facts)
            })
            .collect();
        let repeats = (lines.len() - own.len()) as f64;
        let chances = lines.len() as f64 - sequence.first().map_or(0.0, |first| first.len() as f64);
        let shop = crate::recommend::buy_again::logistic::sigmoid(counts.shop_repeat_logit);
        Self {
            profile: own
                .iter()
                .map(|&(item, facts)| (item, facts.fading.powf(saturation) as f32))
                .collect(),
            late: own
                .iter()
                .map(|&(item, facts)| (item, LATE_DECAY.powf((baskets - 1 - facts.last) as f64) as f32))
                .collect(),
            baskets: baskets as f64,
            log_basket_size: (lines.len().max(1) as f64 / baskets as f64).ln(),
            repeat_logit: logit((repeats + CUSTOMER_PRIOR * shop) / (chances + CUSTOMER_PRIOR)),
            own,
        }
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }
}

/// The parts of the model that the features are made of.
#[derive(Clone, Debug)]
pub(super) struct Components {
    pub counts: ItemCounts,
    pub neighbours: ItemLinks,
    pub ridge: ItemLinks,
    pub successors: ItemLinks,
    /// The most popular items of late, best first.
    pub popular: Vec<u32>,
    pub decay: f64,
    pub saturation: f64,
    pub candidates: usize,
}

/// Room for the scores of one answer.
#[derive(Default)]
pub(super) struct Room {
    neighbours: Vec<f32>,
    ridge: Vec<f32>,
    successors: Vec<f32>,
}

/// What a link score is never below, beside the best: a logarithm needs some.
const LEAST_LINK: f32 = 0.01;

impl Components {
    /// Candidates by row with their features.
    pub(super) fn candidates(
        &self,
        sequence: &[Vec<ItemIdx>],
        room: &mut Room,
    ) -> Vec<(ItemIdx, [f64; WIDTH])> {
        let asked = Asked::of(sequence, self.decay, self.saturation, &self.counts);
        let n = self.counts.log_popularity.len();
        room.neighbours.resize(n, 0.0);
        room.ridge.resize(n, 0.0);
        room.successors.resize(n, 0.0);
        self.successors.score(&asked.late, &mut room.successors);
        self.neighbours.score(asked.profile(), &mut room.neighbours);
        self.ridge.score(asked.profile(), &mut room.ridge);
        let best_neighbours = top_k(&room.neighbours, self.candidates, |_| true);
        let best_ridge = top_k(&room.ridge, self.candidates, |_| true);
        let most = |best: &[(u32, f32)]| best.first().map_or(0.0, |best| best.1).max(1e-20);
        let best_successors = top_k(&room.successors, self.candidates, |_| true);
        let most_successors = most(&best_successors);
        let (most_neighbours, most_ridge) = (most(&best_neighbours), most(&best_ridge));
        let mut rows: Vec<u32> = best_neighbours
            .iter()
            .chain(&best_ridge)
            .map(|best| best.0)
            .chain(self.popular.iter().copied())
            .chain(asked.own.iter().map(|own| own.0.as_u32()))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        let log_of = |score: f32, most: f32| f64::from((score.max(0.0) / most + LEAST_LINK).ln());
        let log_baskets = asked.baskets.ln();
        rows.into_iter()
            .map(|row| {
                let at = row as usize;
                let item = ItemIdx::from_u32(row);
                let mut f = [0.0; WIDTH];
                f[0] = log_of(room.neighbours[at], most_neighbours);
                f[1] = log_of(room.ridge[at], most_ridge);
                f[2] = f64::from(self.counts.log_popularity[at]);
                f[3] = f64::from(self.counts.log_late[at]);
                f[16] = log_of(room.successors[at], most_successors);
                f[12] = asked.log_basket_size;
                f[13] = f[0] * log_baskets;
                f[14] = f[3] * log_baskets;
                if let Ok(place) = asked.own.binary_search_by_key(&item, |own| own.0) {
                    let own = asked.own[place].1;
                    let since = asked.baskets - 1.0 - own.last as f64;
                    f[4] = 1.0;
                    f[17] = f[16];
                    f[5] = own.fading.ln();
                    f[6] = since.ln_1p();
                    f[7] = (own.times / asked.baskets).ln();
                    f[8] = f64::from(self.counts.repeat_logit[at]);
                    f[9] = asked.repeat_logit;
                    f[10] = log_baskets;
                    f[11] = f64::from(u8::from(since < 0.5));
                    f[15] = f64::from(u8::from(own.times > 1.5));
                }
                (item, f)
            })
            .collect()
    }
}
