//! The truth of a simulated shop, found again by the models that see only its log.

use std::sync::OnceLock;

use rapport::catalog::Categories;
use rapport::churn::{self, ChurnModel, ChurnParams, Standing, churned};
use rapport::history::{Csr, Histories, RawWeighting, Weighting, interaction_matrix};
use rapport::id::{CustomerIdx, ItemIdx, Row};
use rapport::measure::calibration::{calibration_error_if_perfect, expected_calibration_error};
use rapport::measure::classification::ScoredRows;
use rapport::progress::Silent;
use rapport::recommend::{Ials, Popularity, RawIalsParams, RawPopularityParams, Recommender};
use rapport::simulate::{RawShopParams, Shop, ShopParams, simulate};
use rapport::time::{Calendar, Timestamp};

/// Days before the log's end at which the models stop looking.
const HORIZON_DAYS: f64 = 90.0;

struct World {
    shop: Shop,
    histories: Histories,
    cut_off: Timestamp,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let raw = RawShopParams {
            customers: 3_000,
            items: 300,
            seed: 11,
            ..RawShopParams::default()
        };
        let shop = simulate(&ShopParams::try_from(raw).unwrap(), &Silent);
        let cut_off = shop.params().end().plus_days(-HORIZON_DAYS);
        World {
            histories: shop.histories(),
            cut_off,
            shop,
        }
    })
}

/// Customers of the truth with their rows in the histories; a customer may have no event at all.
fn customers(world: &World) -> Vec<(usize, CustomerIdx)> {
    (0..world.shop.truth.left_at.len())
        .filter_map(|c| {
            Some((
                c,
                world.histories.customers().find(&world.shop.customer_ids()[c])?,
            ))
        })
        .collect()
}

/// Mean, over customers, of the planted taste that the recommended items' categories add up to.
fn taste_found(world: &World, model: &dyn Recommender, matrix: &Csr) -> f64 {
    let ranked = model.rank_all(matrix, Some(matrix), 10);
    let of_customers: Vec<f64> = customers(world)
        .into_iter()
        .filter(|&(_, row)| !matrix.row(row.index()).0.is_empty())
        .map(|(c, row)| {
            let tastes = &world.shop.truth.tastes[c];
            let found = ranked[row.index()].iter().map(|&(item, _): &(ItemIdx, f32)| {
                let category = world.shop.truth.category_of[item.index()];
                tastes
                    .iter()
                    .find(|taste| taste.category == category)
                    .map_or(0.0, |taste| taste.weight)
            });
            found.sum::<f64>() / 10.0
        })
        .collect();
    assert!(
        of_customers.len() > 2_000,
        "{} customers have a profile",
        of_customers.len()
    );
    of_customers.iter().sum::<f64>() / of_customers.len() as f64
}

#[test]
fn recommendations_find_the_planted_tastes() {
    let world = world();
    let weighting = Weighting::try_from(RawWeighting::default()).unwrap();
    let matrix = interaction_matrix(&world.histories, &weighting, world.cut_off);
    let params = RawIalsParams {
        factors: 32,
        ..RawIalsParams::default()
    };
    let ials = Ials::fit(&matrix, &params.try_into().unwrap(), 1, &Silent).unwrap();
    let half_life = RawPopularityParams { half_life_days: 30.0 };
    let popularity = Popularity::fit(
        &world.histories,
        &weighting,
        &half_life.try_into().unwrap(),
        world.cut_off,
    );

    let (found, by_popularity) = (
        taste_found(world, &ials, &matrix),
        taste_found(world, &popularity, &matrix),
    );
    // Items are new to the customer, so what is found was inferred. A random item has 1 / 27 of a customer's taste.
    assert!(
        found > 3.0 * by_popularity,
        "iALS finds {found:.3} of the taste, popularity {by_popularity:.3}"
    );
    assert!(found > 0.25, "iALS finds {found:.3} of the taste");
}

struct Scored {
    /// Position in the truth.
    customer: usize,
    probability: f64,
    bought_nothing: bool,
}

fn churn_scores(world: &World) -> Vec<Scored> {
    let calendar = Calendar::new("UTC").unwrap();
    let categories = Categories::default();
    let shop = churn::Shop {
        calendar: &calendar,
        categories: &categories,
    };
    let (model, _) = ChurnModel::fit(
        &world.histories,
        shop,
        &ChurnParams::default(),
        world.cut_off,
        &Silent,
    )
    .unwrap();
    customers(world)
        .into_iter()
        .filter_map(|(customer, row)| {
            let history = world.histories.of(row);
            let score = model.score(history, world.cut_off, shop)?;
            let bought_nothing = churned(history, world.cut_off, score.horizon_days, &calendar);
            (score.standing == Standing::Eligible).then_some(Scored {
                customer,
                probability: score.probability,
                bought_nothing,
            })
        })
        .collect()
}

#[test]
fn churn_scores_rank_the_customers_who_left_and_mean_what_they_say() {
    let world = world();
    let scores = churn_scores(world);
    assert!(scores.len() > 1_000, "{} eligible customers", scores.len());
    let probabilities: Vec<f64> = scores.iter().map(|score| score.probability).collect();

    let gone =
        |score: &Scored| world.shop.truth.left_at[score.customer].is_some_and(|at| at <= world.cut_off);
    let left: Vec<bool> = scores.iter().map(gone).collect();
    let auc = ScoredRows::new(&probabilities, &left).auc().unwrap();
    assert!(auc > 0.8, "AUC {auc:.3} against the truth about who had left");

    let bought_nothing: Vec<bool> = scores.iter().map(|score| score.bought_nothing).collect();
    let rate = bought_nothing.iter().filter(|&&b| b).count() as f64 / scores.len() as f64;
    let mean = probabilities.iter().sum::<f64>() / scores.len() as f64;
    assert!(
        (mean - rate).abs() < 0.05,
        "expected {mean:.3}, {rate:.3} bought nothing"
    );
    let (error, perfect) = (
        expected_calibration_error(&probabilities, &bought_nothing),
        calibration_error_if_perfect(&probabilities, 200, 1),
    );
    assert!(
        error < 0.03 + perfect,
        "calibration error {error:.3}, {perfect:.3} if perfect"
    );
}
