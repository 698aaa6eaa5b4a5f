//! Whatever happens at or after an instant, what is learned and said as of that instant does not change by one bit.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::churn::{ChurnModel, ChurnParams, ChurnScore, FeatureTable, RawChurnParams, Shop, feature_table};
use crate::history::{Histories, HistoriesBuilder, RawWeighting, Weighting, interaction_matrix};
use crate::id::{CustomerIdx, Row};
use crate::log::{Event, EventKind};
use crate::progress::Silent;
use crate::recommend::blend::Fitting;
use crate::recommend::{
    IalsParams, RawIalsParams, RawRecommendParams, RecommendParams, Recommender, Weights,
};
use crate::time::Calendar;

const CUSTOMERS: u32 = 120;
const ITEMS: u32 = 25;
/// Days from the first event to the instant of all models and scores.
const CUT: f64 = 200.0;

/// Customer, item, kind and day.
type Line = (u32, u32, EventKind, f64);

/// A shop's log before the cut-off: customers of different rhythms, some of whom leave.
fn past() -> Vec<Line> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut lines = Vec::new();
    for customer in 0..CUSTOMERS {
        let gap = random.gen_range(5.0..40.0);
        let leaves = random.gen_range(40.0..400.0f64).min(CUT);
        let mut day = random.gen_range(0.0..20.0);
        while day < leaves {
            let item = random.gen_range(0..ITEMS);
            lines.push((customer, item, EventKind::View, day));
            lines.push((customer, item, EventKind::Purchase, day));
            if random.gen_bool(0.1) {
                lines.push((customer, item, EventKind::Return, day));
            }
            day += random.gen_range(0.2..1.8) * gap;
        }
    }
    lines
}

fn day(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

fn histories(lines: &[Line]) -> Histories {
    let mut builder = HistoriesBuilder::default();
    for &(customer, item, kind, at) in lines {
        let event = Event {
            event_id: None,
            customer_id: &format!("c{customer}"),
            item_id: &format!("i{item}"),
            kind,
            occurred_at: day(at),
            quantity: 1.0,
            unit_price: Some(1.0 + item as f32),
            order_id: None,
            session_id: None,
        };
        builder.push(&event).unwrap();
    }
    builder.finish()
}

/// All that is learned and said as of the cut-off, of the customers and items that were there by then.
#[derive(PartialEq)]
struct Said {
    ials: IalsParams,
    weights: Weights,
    folded_in: Vec<Vec<f32>>,
    scores: Vec<Vec<f32>>,
    popularity: Vec<f32>,
    churn: ChurnModel,
    risks: Vec<Option<ChurnScore>>,
    features: FeatureTable,
}

fn said(histories: &Histories) -> Said {
    let calendar = Calendar::new("UTC").unwrap();
    let categories = Categories::default();
    let shop = Shop {
        calendar: &calendar,
        categories: &categories,
    };
    let weighting = Weighting::try_from(RawWeighting::default()).unwrap();
    let raw = RawIalsParams {
        factors: 8,
        epochs: 3,
        ..RawIalsParams::default()
    };
    let matrix = interaction_matrix(histories, &weighting, day(CUT));
    let params = RecommendParams::try_from(RawRecommendParams {
        ials: raw,
        ..RawRecommendParams::default()
    });
    let fitting = Fitting {
        params: &params.unwrap(),
        seed: 1,
        progress: &Silent,
    };
    let blend = fitting
        .blend_for_log(histories, &weighting, &matrix, day(CUT))
        .unwrap();
    let (ials, popularity) = (blend.ials(), blend.popularity());
    let raw = RawChurnParams {
        horizon_days: 30,
        min_outcomes: 20,
        ..RawChurnParams::default()
    };
    let params = ChurnParams::try_from(raw).unwrap();
    let (churn, _) = ChurnModel::fit(histories, shop, &params, day(CUT), &Silent).unwrap();
    let known = |customer| histories.of(CustomerIdx::from_u32(customer));
    let profiles = || (0..CUSTOMERS).map(|customer| weighting.profile(known(customer), day(CUT)));
    let score = |profile| {
        let mut scores = vec![0.0; blend.n_items()];
        blend.score(&profile, &mut scores);
        scores.truncate(ITEMS as usize);
        scores
    };
    let mut features = feature_table(histories, shop, &params, day(CUT), day(CUT));
    // Outcomes are not known yet, whatever the log holds.
    features.rows.retain(|row| row.churned.is_none());
    Said {
        ials: ials.params().clone(),
        weights: blend.weights().clone(),
        folded_in: profiles().map(|profile| ials.fold_in(&profile)).collect(),
        scores: profiles().map(score).collect(),
        popularity: popularity.scores()[..ITEMS as usize].to_vec(),
        risks: (0..CUSTOMERS)
            .map(|c| churn.score(known(c), day(CUT), shop))
            .collect(),
        churn,
        features,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The future holds known and new customers, known and new items, returns of what was bought before, and events at
    /// the very instant.
    #[test]
    fn the_future_changes_no_bit(
        future in prop::collection::vec((0..2 * CUSTOMERS, 0..2 * ITEMS, 0u8..4, 0u32..90), 1..80)
    ) {
        let mut lines = past();
        let alone = said(&histories(&lines));
        prop_assert!(alone.risks.iter().flatten().count() > 100 && alone.features.rows.len() > 100);
        lines.extend(
            future
                .iter()
                .map(|&(customer, item, kind, later)| (customer, item, EventKind::from_code(kind).unwrap(), CUT + f64::from(later / 2))),
        );
        let with_future = said(&histories(&lines));
        prop_assert_eq!(&with_future.ials, &alone.ials);
        prop_assert!(with_future.folded_in == alone.folded_in, "iALS folds in otherwise");
        prop_assert_eq!(&with_future.weights, &alone.weights);
        prop_assert!(with_future.scores == alone.scores, "the blend scores otherwise");
        prop_assert!(with_future.popularity == alone.popularity, "popularity counts otherwise");
        prop_assert!(with_future.churn == alone.churn, "the churn model differs");
        prop_assert!(with_future.risks == alone.risks, "churn scores differ");
        prop_assert!(with_future.features == alone.features, "the feature table differs");
    }
}
