//! The order of the search: which model's dimensions are searched when, and with which share of the budget.

use super::Options;
use super::judge::Model;
use super::slices::{Slices, has};
use super::space::{self, Dimension};
use crate::recipe::RawRecipe;

/// What can be searched, by the names that `--model` takes.
pub const NAMES: [&str; 7] = [
    EVENT_WEIGHTS,
    "neighbours",
    "ridge",
    "low-pass",
    "ials",
    "popularity",
    "blend",
];
/// Name of the search for what an event is worth.
pub const EVENT_WEIGHTS: &str = "event-weights";

/// First steps of the search among the others, beside those of a model alone.
const AMONG_STEPS: f64 = 0.6;

/// One stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name, one of [`NAMES`].
    pub name: &'static str,
    /// Who is judged.
    pub model: Model,
    /// What it does.
    pub task: Task,
    /// Its part of the budget, beside the stages that follow.
    pub share: f64,
}

/// What a stage does.
#[derive(Clone, Debug)]
pub enum Task {
    /// Searches dimensions, with first steps so much of the usual ones.
    Search(Vec<Dimension>, f64),
    /// Searches dimensions by what the blend reaches with the model in it, with first steps so much of the usual ones: the
    /// best part is not the one that is best alone.
    Among(Vec<Dimension>, f64),
    /// Tries twice the size.
    Double(Dimension),
    /// Tries half of a number of links, and half of that, by what the blend reaches with them.
    Halve(Dimension),
    /// Learns how the parts go together.
    Learn,
}

/// The stages for these data, in order, as far as they are wanted.
#[must_use]
pub fn plan(slices: &Slices<'_>, raw: &RawRecipe, options: &Options) -> Vec<Stage> {
    let names = &options.models;
    let stage = |model: Model, task, share| Stage {
        name: model.name(),
        model,
        task,
        share,
    };
    let search = |model, dimensions: &[Dimension], steps, share| {
        stage(model, Task::Search(dimensions.to_vec(), steps), share)
    };
    let mut stages = Vec::new();
    if let Some(kinds) = slices.kinds() {
        // The fastest model stands for all: what an event is worth is about the customers, not about the model.
        let dimensions = space::event_weights(|kind| has(kinds, kind));
        stages.push(Stage {
            name: EVENT_WEIGHTS,
            ..search(Model::Neighbours, &dimensions, 1.0, 20.0)
        });
        stages.push(search(Model::Popularity, &space::POPULARITY, 1.0, 2.0));
    }
    let read_out = space::low_pass_filter(raw);
    stages.extend([
        search(Model::Neighbours, &space::NEIGHBOURS, 1.0, 6.0),
        search(Model::Ridge, &space::RIDGE, 1.0, 8.0),
        // The cheap side of low-pass before and after the dear one.
        search(Model::LowPass, &read_out, 1.0, 5.0),
        search(Model::LowPass, &space::DECOMPOSITION, 1.0, 12.0),
        search(Model::Ials, &space::IALS, 1.0, 14.0),
        stage(Model::LowPass, Task::Double(space::LOW_PASS_SIZE), 10.0),
        stage(Model::Ials, Task::Double(space::IALS_SIZE), 6.0),
        stage(Model::Ridge, Task::Double(space::RIDGE_SIZE), 3.0),
        stage(Model::Neighbours, Task::Double(space::NEIGHBOURS_SIZE), 1.0),
    ]);
    let among = |model, dimensions: &[Dimension], share| {
        stage(model, Task::Among(dimensions.to_vec(), AMONG_STEPS), share)
    };
    if names.is_empty() || names.iter().any(|name| name == Model::Blend.name()) {
        stages.extend([
            // Before the others: what they judge is then what will be served, and sooner judged.
            stage(Model::Ridge, Task::Halve(space::RIDGE_KEPT), 6.0),
            stage(Model::Neighbours, Task::Halve(space::NEIGHBOURS_SIZE), 4.0),
            among(Model::Ridge, &space::RIDGE, 12.0),
            among(Model::Ials, &space::IALS, 16.0),
            among(Model::LowPass, &read_out, 12.0),
            among(Model::Neighbours, &space::NEIGHBOURS, 12.0),
        ]);
    }
    stages.push(stage(Model::Blend, Task::Learn, 10.0));
    stages.retain(|stage| names.is_empty() || names.iter().any(|name| name == stage.name));
    stages.retain(|stage| !(options.keep_sizes && matches!(stage.task, Task::Double(_))));
    stages
}

/// Everything of the recipe that the search may change and a model's score depends on.
#[must_use]
pub fn depends_on(slices: &Slices<'_>, raw: &RawRecipe, model: Model) -> Vec<Dimension> {
    let mut found = Vec::new();
    if let Some(kinds) = slices.kinds() {
        found.extend(space::event_weights(|kind| has(kinds, kind)));
    }
    let is = |part: Model| model == part || model == Model::Blend;
    if is(Model::Neighbours) {
        found.extend(space::NEIGHBOURS);
        found.push(space::NEIGHBOURS_SIZE);
    }
    if is(Model::Ridge) {
        found.extend(space::RIDGE);
        found.extend([space::RIDGE_SIZE, space::RIDGE_KEPT]);
    }
    if is(Model::LowPass) {
        found.extend(space::DECOMPOSITION);
        found.extend(space::low_pass_filter(raw));
        found.push(space::LOW_PASS_SIZE);
    }
    if is(Model::Ials) {
        found.extend(space::IALS);
        found.push(space::IALS_SIZE);
    }
    if is(Model::Popularity) && slices.kinds().is_some() {
        found.extend(space::POPULARITY);
    }
    found
}
