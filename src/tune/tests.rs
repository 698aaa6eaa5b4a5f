use std::cell::Cell;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::history::{Csr, Histories, HistoriesBuilder, Profile};
use crate::id::{ItemIdx, Row};
use crate::log::{Event, EventKind};
use crate::progress::Silent;
use crate::recipe::Recipe;
use crate::time::Timestamp;

const ITEMS: usize = 60;
/// Small enough for tests.
const BASE: &str = "[recommend.ials]\nfactors = 8\nepochs = 3\n[recommend.low_pass]\nfactors = 8\n\
                    [recommend.ridge]\nsupport = 20\n[recommend.neighbours]\nneighbours = 50\n\
                    [evaluate]\nwindow_days = 10\nfolds = 2\n";

/// Customers who buy neighbours on a ring of items.
fn matrix(customers: usize) -> Csr {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let rows: Vec<Profile> = (0..customers)
        .map(|customer| {
            let centre = random.gen_range(0..ITEMS);
            let mut items: Vec<u32> = (0..6 + customer % 5)
                .map(|_| ((centre + random.gen_range(0..12)) % ITEMS) as u32)
                .collect();
            items.sort_unstable();
            items.dedup();
            items
                .into_iter()
                .map(|item| (ItemIdx::from_u32(item), 1.0))
                .collect()
        })
        .collect();
    Csr::from_rows(&rows, ITEMS)
}

fn at(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

/// A log of sixty days, of the same customers; what happens in its last ten is made from `last`.
fn histories(last: u64) -> Histories {
    let mut builder = HistoriesBuilder::default();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
    let mut future = Xoshiro256PlusPlus::seed_from_u64(last);
    // Rows are given in order of appearance: naming all items first keeps that from telling of the future.
    for item in 0..ITEMS {
        builder.add_item(&format!("i{item}")).unwrap();
    }
    for customer in 0..120 {
        let centre = random.gen_range(0..ITEMS);
        for visit in 0..30 {
            let day = f64::from(visit) * 2.0 + random.gen_range(0.0..1.9);
            let chance = if day < 50.0 { &mut random } else { &mut future };
            let item = (centre + chance.gen_range(0..12)) % ITEMS;
            let kind = if chance.gen_bool(0.5) {
                EventKind::Purchase
            } else {
                EventKind::View
            };
            let (customer_id, item_id) = (format!("c{customer}"), format!("i{item}"));
            let event = Event {
                event_id: None,
                customer_id: &customer_id,
                item_id: &item_id,
                kind,
                occurred_at: at(day),
                quantity: 1.0,
                unit_price: None,
                order_id: None,
                session_id: None,
            };
            builder.push(&event).unwrap();
        }
    }
    builder.finish()
}

/// Writes into memory.
#[derive(Default)]
struct Memory {
    lines: String,
    trials: usize,
    recipes: Vec<RawRecipe>,
    /// What is written of a recipe.
    text: String,
}

impl Notebook for Memory {
    fn trial(&mut self, trial: &Trial) -> std::io::Result<()> {
        self.trials += 1;
        self.lines += &(serde_json::to_string(trial)? + "\n");
        Ok(())
    }

    fn recipe(&mut self, raw: &RawRecipe, preamble: &str) -> std::io::Result<()> {
        self.recipes.push(raw.clone());
        self.text = raw.to_toml(preamble).map_err(std::io::Error::other)?;
        Ok(())
    }
}

/// A second passes with every look.
struct Ticking(Cell<f64>);

impl Stopwatch for Ticking {
    fn seconds(&self) -> f64 {
        self.0.set(self.0.get() + 1.0);
        self.0.get()
    }
}

fn options(limit: Limit, models: &[&str]) -> Options {
    Options {
        limit,
        seed: 3,
        models: models.iter().map(|&name| name.to_owned()).collect(),
        keep_sizes: false,
    }
}

fn run(data: Data<'_>, limit: Limit, models: &[&str], past: &str) -> (Tuned, Memory) {
    run_from(BASE, data, limit, models, past)
}

fn run_from(base: &str, data: Data<'_>, limit: Limit, models: &[&str], past: &str) -> (Tuned, Memory) {
    let base = Recipe::parse(base, "test").unwrap();
    let options = &options(limit, models);
    let slices = Slices::new(data, &base.raw, &base.weighting, 3).unwrap();
    let header = header(&slices, &base.raw, 3);
    let lines = serde_json::to_string(&header).unwrap() + "\n" + past;
    let past = Journal::read(&lines, &header).unwrap();
    let mut memory = Memory::default();
    let tools = Tools {
        past: &past,
        notebook: &mut memory,
        stopwatch: &Ticking(Cell::new(0.0)),
        progress: &Silent,
    };
    (tune(&slices, &base, options, tools).unwrap(), memory)
}

#[test]
fn a_search_is_better_than_its_beginning_and_says_what_it_measured() {
    let matrix = matrix(400);
    let (tuned, memory) = run(Data::Pairs(&matrix), Limit::Trials(8), &[], "");
    let names: Vec<&str> = tuned.report.models.iter().map(|model| model.name).collect();
    let alone = ["neighbours", "ridge", "low-pass", "ials"];
    let among = [
        "blend: neighbours",
        "blend: ridge",
        "blend: ials",
        "blend: low-pass",
    ];
    assert_eq!(names, [alone, among].concat());
    for model in &tuned.report.models {
        assert!(
            model.ndcg >= model.base_ndcg && model.base_ndcg > 0.1,
            "{model:?}"
        );
    }
    assert!(
        tuned
            .report
            .models
            .iter()
            .any(|model| model.ndcg > 1.01 * model.base_ndcg)
    );
    let blend = tuned.report.blend.as_ref().unwrap();
    assert!(blend.ndcg >= blend.base_ndcg.unwrap(), "{blend:?}");
    assert_eq!(
        tuned.recipe.recommend.blend.weights.as_ref(),
        Some(&blend.weights)
    );
    assert_eq!((memory.trials, tuned.report.replayed), (tuned.report.trials, 0));
    // What is written reads back as what was found, without what the search leaves alone.
    let written = Recipe::parse(&memory.text, "written").unwrap();
    assert_eq!(written.raw, tuned.recipe);
    assert_eq!(memory.recipes.last(), Some(&tuned.recipe));
    assert!(
        memory.text.contains("# data ") && !memory.text.contains("[churn]"),
        "{}",
        memory.text
    );
}

#[test]
fn links_that_the_blend_does_not_miss_are_dropped() {
    // On the ring an item meets 22 others: of 50 neighbours half are none.
    let matrix = matrix(400);
    let models = ["neighbours", "ridge", "blend"];
    let (tuned, memory) = run(Data::Pairs(&matrix), Limit::Trials(2), &models, "");
    let report = tuned
        .report
        .models
        .iter()
        .find(|report| report.name == "blend: neighbours")
        .unwrap();
    assert_eq!(tuned.recipe.recommend.neighbours.neighbours, 25);
    assert!(report.ndcg >= report.base_ndcg * 0.999, "{report:?}");
    assert!(
        memory.text.contains("neighbours = 25"),
        "what is written is what was kept: {}",
        memory.text
    );
    // Half of a support of 20 is fewer than are ever tried.
    assert_eq!(tuned.recipe.recommend.ridge.keep, 0);
    // Where little is worth its place, no more is kept than must be, and what was given up is not taken back.
    let frugal = BASE.replace("support = 20", "support = 30") + "[recommend.blend]\nworth = 0.5\n";
    let (tuned, memory) = run_from(&frugal, Data::Pairs(&matrix), Limit::Trials(4), &models, "");
    let recommend = &tuned.recipe.recommend;
    assert_eq!((recommend.neighbours.neighbours, recommend.ridge.keep), (12, 15));
    assert!(!tuned.report.blend.unwrap().kept_base);
    let weights = recommend.blend.weights.as_ref().unwrap();
    assert!(weights.low_pass.weight.abs() < f64::EPSILON, "{weights:?}");
    // Trainings that learn the weights themselves read it in the recipe.
    assert!(memory.text.contains("worth = 0.5"), "{}", memory.text);
}

#[test]
fn what_the_journal_knows_is_not_computed_again() {
    let matrix = matrix(200);
    let models = ["neighbours", "low-pass", "blend"];
    let go = |past: &str| run(Data::Pairs(&matrix), Limit::Trials(6), &models, past);
    let (whole, memory) = go("");
    assert_eq!(go("").1.text, memory.text, "the same search twice");
    let (again, nothing) = go(&memory.lines);
    assert_eq!((nothing.trials, again.report.replayed), (0, whole.report.trials));
    assert_eq!(again.recipe, whole.recipe);
    // Interrupted after the ninth trial: the rest is computed, and nothing else.
    let nine: String = memory
        .lines
        .lines()
        .take(9)
        .map(|line| format!("{line}\n"))
        .collect();
    let (resumed, rest) = go(&nine);
    assert_eq!((resumed.recipe, rest.trials), (whole.recipe, memory.trials - 9));
    assert_eq!(nine + &rest.lines, memory.lines);
}

#[test]
fn seconds_are_kept_and_counted_from_the_journal() {
    let matrix = matrix(200);
    // By this clock every trial takes a second.
    let go = |seconds, past: &str| {
        run(
            Data::Pairs(&matrix),
            Limit::Seconds(seconds),
            &["neighbours"],
            past,
        )
    };
    let (short, memory) = go(12.0, "");
    assert!((10..=14).contains(&short.report.trials), "{:?}", short.report);
    assert_eq!(go(12.0, &memory.lines).1.trials, 0, "the budget is used up");
    let (longer, more) = go(40.0, &memory.lines);
    assert!(
        longer.report.replayed >= 8 && more.trials > 10,
        "{:?}",
        longer.report
    );
    assert!(longer.report.models[0].ndcg >= short.report.models[0].ndcg);
}

#[test]
fn the_window_that_evaluate_judges_by_is_not_seen() {
    let go = |last: u64| {
        let histories = histories(last);
        let data = Data::Log {
            histories: &histories,
            fingerprint: "of no interest",
            through: at(60.0),
        };
        run(data, Limit::Trials(4), &[], "")
    };
    let (tuned, memory) = go(1);
    let (other, others) = go(2);
    assert_eq!(memory.lines, others.lines);
    assert_eq!(tuned.recipe, other.recipe);
    let names: Vec<&str> = tuned.report.models.iter().map(|model| model.name).collect();
    assert_eq!(names[..2], [plan::EVENT_WEIGHTS, "popularity"]);
    let keys: Vec<&str> = tuned.report.models[0].values.keys().copied().collect();
    assert_eq!(
        keys,
        [
            "weights.purchase_half_life_days",
            "weights.saturation",
            "weights.view",
            "weights.view_half_life_days"
        ]
    );
    assert!(
        tuned
            .report
            .slice
            .contains("2024-02-10T00:00:00Z to 2024-02-20T00:00:00Z"),
        "{}",
        tuned.report.slice
    );
    assert!(!tuned.report.slice.contains("2024-03"), "{}", tuned.report.slice);
}

#[test]
fn too_little_data_is_named() {
    let base = Recipe::parse(BASE, "test").unwrap();
    let few = matrix(20);
    let error = Slices::new(Data::Pairs(&few), &base.raw, &base.weighting, 1).unwrap_err();
    assert!(
        matches!(
            error,
            TuneError::TooFewJudged {
                judged: 19,
                least: 30,
                ..
            }
        ),
        "{error}"
    );
    let nothing = HistoriesBuilder::default().finish();
    let log = |histories, through| Data::Log {
        histories,
        fingerprint: "",
        through,
    };
    let error = Slices::new(log(&nothing, at(60.0)), &base.raw, &base.weighting, 1).unwrap_err();
    assert!(matches!(error, TuneError::NoEvents), "{error}");
    // All that happened is within the window that only `evaluate` may see.
    let histories = histories(1);
    let error = Slices::new(log(&histories, at(9.0)), &base.raw, &base.weighting, 1).unwrap_err();
    assert!(error.to_string().contains("evaluate.window_days"), "{error}");
}

#[test]
fn sizes_are_kept_where_that_is_asked() {
    let matrix = matrix(50);
    let base = Recipe::parse(BASE, "test").unwrap();
    let slices = Slices::new(Data::Pairs(&matrix), &base.raw, &base.weighting, 3).unwrap();
    let doubled = |keep_sizes| {
        let options = Options {
            keep_sizes,
            ..options(Limit::Trials(1), &[])
        };
        let stages = plan::plan(&slices, &base.raw, &options);
        let doubling = stages
            .iter()
            .filter(|stage| matches!(stage.task, plan::Task::Double(_)));
        (doubling.count(), stages.len())
    };
    let (with, without) = (doubled(false), doubled(true));
    assert_eq!((with.0, without.0), (4, 0));
    assert_eq!(without.1, with.1 - 4);
}
