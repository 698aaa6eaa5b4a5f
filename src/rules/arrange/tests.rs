use std::cell::Cell;

use crate::catalog::Item;
use crate::id::{ItemIdx, Row};
use crate::time::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::rules::expression::{Anonymous, Context, margin};
use crate::rules::params::RawRules;

/// A shop whose facts are written down.
#[derive(Clone, Debug, Default)]
struct Shop {
    ids: Vec<String>,
    items: Vec<Item>,
    available: Vec<bool>,
    excluded: Vec<u32>,
    bought: Vec<(u32, f64)>,
    /// Newest first.
    shown: Vec<u32>,
    /// Places on a plane, whose cosines are the similarities.
    places: Vec<(f32, f32)>,
    /// After so many questions everything is sold out.
    sold_out_after: Option<usize>,
    asked: Cell<usize>,
}

impl Shop {
    fn of(n: usize) -> Self {
        Self {
            ids: (0..n).map(|row| format!("I{row}")).collect(),
            items: vec![Item::default(); n],
            available: vec![true; n],
            places: vec![(1.0, 0.0); n],
            ..Self::default()
        }
    }

    fn categories(mut self, categories: &[&str]) -> Self {
        for (item, category) in self.items.iter_mut().zip(categories) {
            item.category = (!category.is_empty()).then(|| (*category).to_owned());
        }
        self
    }

    fn margins(mut self, margins: &[f64]) -> Self {
        for (item, margin) in self.items.iter_mut().zip(margins) {
            item.price = Some(100.0);
            item.cost = Some(100.0 - margin);
        }
        self
    }
}

impl Facts for Shop {
    fn id(&self, row: ItemIdx) -> &str {
        &self.ids[row.index()]
    }
    fn item(&self, row: ItemIdx) -> &Item {
        &self.items[row.index()]
    }
    fn is_available(&self, row: ItemIdx) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.available[row.index()] && self.sold_out_after.is_none_or(|after| self.asked.get() <= after)
    }
    fn is_excluded(&self, row: ItemIdx) -> bool {
        self.excluded.contains(&row.as_u32())
    }
    fn bought_days_ago(&self, row: ItemIdx) -> Option<f64> {
        let of_row = |(bought, _): &&(u32, f64)| *bought == row.as_u32();
        self.bought.iter().find(of_row).map(|&(_, days)| days)
    }
    fn just_shown(&self, row: ItemIdx) -> Option<usize> {
        self.shown.iter().position(|&shown| shown == row.as_u32())
    }
    fn similarity(&self, a: ItemIdx, b: ItemIdx) -> f32 {
        let ((ax, ay), (bx, by)) = (self.places[a.index()], self.places[b.index()]);
        (ax * bx + ay * by) / (ax.hypot(ay) * bx.hypot(by)).max(f32::MIN_POSITIVE)
    }
}

fn ranked(source: Kind, scores: &[(u32, f32)]) -> Vec<Candidate> {
    let candidate = |&(row, score): &(u32, f32)| Candidate {
        row: ItemIdx::from_u32(row),
        score,
        source,
    };
    scores.iter().map(candidate).collect()
}

/// Rows 0, 1, 2 … with these scores.
fn rows(scores: &[f32]) -> Vec<Candidate> {
    let scores: Vec<(u32, f32)> = (0..).zip(scores.iter().copied()).collect();
    ranked(Kind::YouMayLike, &scores)
}

fn rules(text: &str) -> Rules {
    Rules::try_from(toml::from_str::<RawRules>(text).unwrap()).unwrap()
}

/// Arranges, and checks what holds of every arrangement.
fn arranged_by<R>(
    candidates: &[Candidate],
    count: usize,
    rules: &Rules,
    shop: &Shop,
    read: impl FnOnce(Arrangement<'_>) -> R,
) -> R {
    let scope = Scope::new(Timestamp::MIN, Context::default(), &Anonymous);
    let asked = Asked {
        count,
        rules,
        scope: &scope,
        available_only: true,
    };
    let arrangement = arrange(candidates, &asked, shop);
    let Arrangement {
        items,
        trace,
        shortfall,
    } = &arrangement;
    let removed: usize = Gate::ALL.iter().map(|&gate| trace.removed(gate).count()).sum();
    assert_eq!(candidates.len(), items.len() + removed + trace.not_needed());
    assert_eq!(
        trace.candidates().map(|(_, n)| n).sum::<usize>(),
        candidates.len()
    );
    assert!(items.len() <= count);
    assert_eq!(shortfall.is_some(), items.len() < count);
    assert!(items.len() == count || trace.not_needed() == 0);
    let mut chosen: Vec<u32> = items.iter().map(|item| item.row.as_u32()).collect();
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen.len(), items.len(), "no item twice");
    for (at, item) in items.iter().enumerate() {
        assert_eq!(item.rank, at + 1);
        assert!(shop.available[item.row.index()] && item.score.is_finite());
    }
    read(arrangement)
}

fn chosen(candidates: &[Candidate], count: usize, text: &str, shop: &Shop) -> Vec<u32> {
    arranged_by(candidates, count, &rules(text), shop, |arrangement| {
        arrangement.items.iter().map(|item| item.row.as_u32()).collect()
    })
}

/// The scores in order, in hundredths.
fn scores(candidates: &[Candidate], text: &str, shop: &Shop) -> Vec<(u32, i32)> {
    let n = candidates.len();
    arranged_by(candidates, n, &rules(text), shop, |arrangement| {
        let hundredths = |score: f32| (score * 100.0).round() as i32;
        let items = arrangement.items.iter();
        items
            .map(|item| (item.row.as_u32(), hundredths(item.score)))
            .collect()
    })
}

#[test]
fn without_rules_the_first_that_pass_are_the_answer() {
    let mut shop = Shop::of(6);
    shop.excluded = vec![1];
    shop.available[2] = false;
    let candidates = rows(&[6.0, 5.0, 4.0, -3.0, -3.5, -4.0]);
    arranged_by(&candidates, 3, &Rules::default(), &shop, |arrangement| {
        let items: Vec<_> = arrangement
            .items
            .iter()
            .map(|i| (i.row.as_u32(), i.score))
            .collect();
        assert_eq!(items, [(0, 6.0), (3, -3.0), (4, -3.5)]);
        assert!(
            arrangement
                .items
                .iter()
                .all(|i| i.rank == i.rank_before && i.moves.is_empty())
        );
        assert_eq!(arrangement.trace.not_needed(), 1);
        assert_eq!(
            arrangement.trace.removed(Gate::Excluded).first(),
            [ItemIdx::from_u32(1)]
        );
        assert_eq!(
            arrangement.trace.removed(Gate::Availability).first(),
            [ItemIdx::from_u32(2)]
        );
    });
}

#[test]
fn each_gate_counts_what_it_leaves_out_and_the_first_names_the_shortfall() {
    let mut shop = Shop::of(8).categories(&["a", "a", "b", "b", "b", "a", "a", "a"]);
    shop.bought = vec![(0, 3.0), (1, 11.0)];
    let candidates = rows(&[8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    let shortfall = |text: &str, shop: &Shop| {
        arranged_by(&candidates, 8, &rules(text), shop, |arrangement| {
            let counts = Gate::ALL.map(|gate| arrangement.trace.removed(gate).count());
            (counts, arrangement.shortfall)
        })
    };
    let filter = "filter = \"item.category = 'a'\"\nexclude_bought_days = 10";
    assert_eq!(
        shortfall(filter, &shop),
        ([0, 0, 0, 3, 1, 0, 0, 0], Some(Shortfall::Filter))
    );
    let bought = "exclude_bought_days = 11";
    assert_eq!(
        shortfall(bought, &shop),
        ([0, 0, 0, 0, 2, 0, 0, 0], Some(Shortfall::Exclusions))
    );
    assert_eq!(shortfall("exclude_bought_days = 0", &shop), ([0; 8], None));
    let relevance = "min_relevance = 0.5\nmax_per_category = 2";
    assert_eq!(
        shortfall(relevance, &shop),
        ([0, 0, 0, 0, 0, 0, 3, 1], Some(Shortfall::MinRelevance))
    );
    let category = "max_per_category = 2";
    assert_eq!(
        shortfall(category, &shop),
        ([0, 0, 0, 0, 0, 0, 0, 4], Some(Shortfall::MaxPerCategory))
    );
    shop.available = vec![false; 8];
    assert_eq!(
        shortfall("", &shop),
        ([0, 0, 0, 0, 0, 8, 0, 0], Some(Shortfall::Filter))
    );
    let none = arranged_by(&[], 3, &Rules::default(), &shop, |arrangement| {
        arrangement.shortfall
    });
    assert_eq!(none, Some(Shortfall::Catalogue));
}

#[test]
fn what_sells_out_while_the_answer_is_made_is_not_in_it() {
    let mut shop = Shop::of(4);
    shop.sold_out_after = Some(5);
    arranged_by(
        &rows(&[4.0, 3.0, 2.0, 1.0]),
        3,
        &rules("diversity = 0.1"),
        &shop,
        |arrangement| {
            assert_eq!(arrangement.items.len(), 1);
            assert_eq!(arrangement.trace.removed(Gate::Availability).count(), 3);
            assert_eq!(arrangement.shortfall, Some(Shortfall::Filter));
        },
    );
}

#[test]
fn boosts_multiply_and_negative_scores_keep_their_order() {
    let shop = Shop::of(3);
    let twice = "boosts = [{ name = 'b', when = \"item.id != 'I0'\", factor = 2 }]";
    assert_eq!(
        scores(&rows(&[4.0, 3.0, 1.0]), twice, &shop),
        [(1, 600), (0, 400), (2, 200)]
    );
    // Counted from the lowest score: 4, 3 and 0 above -3, of which the last two double.
    assert_eq!(
        scores(&rows(&[1.0, 0.0, -3.0]), twice, &shop),
        [(1, 300), (0, 100), (2, -300)]
    );
    assert_eq!(
        scores(&rows(&[0.0, 0.0, 0.0]), twice, &shop),
        [(1, 0), (2, 0), (0, 0)]
    );
    let both = "boosts = [{ name = 'a', when = \"item.id = 'I2'\", factor = 3 }, \
                { name = 'b', when = \"item.id != 'I0'\", factor = 2 }]";
    arranged_by(&rows(&[4.0, 3.0, 1.0]), 2, &rules(both), &shop, |arrangement| {
        let [first, second] = &arrangement.items[..] else {
            panic!()
        };
        assert_eq!((first.row.as_u32(), second.row.as_u32()), (1, 2));
        assert_eq!((second.rank_before, second.score_before), (3, 1.0));
        let boost = |rule, factor| Move {
            rule,
            kind: RuleKind::Boost,
            effect: Effect::Factor(factor),
        };
        assert_eq!(second.moves, [boost("a", 3.0), boost("b", 2.0)]);
    });
    let buried = "boosts = [{ name = 'a', when = \"item.id = 'I0'\", factor = 0 }]";
    assert_eq!(
        scores(&rows(&[4.0, 3.0, 1.0]), buried, &shop),
        [(1, 300), (2, 100), (0, 0)]
    );
}

#[test]
fn the_margin_weighs_by_its_rank() {
    // Ranks of the margins: 0, 1/2 and 1; relevance 1, 0.75 and 0.5.
    let shop = Shop::of(3).margins(&[-1.0, 2.0, 50.0]);
    let candidates = rows(&[4.0, 3.0, 2.0]);
    assert_eq!(
        scores(&candidates, "margin_weight = 0.5", &shop),
        [(2, 300), (1, 250), (0, 200)]
    );
    assert_eq!(
        scores(&candidates, "margin_weight = 1", &shop),
        [(2, 400), (1, 200), (0, 0)]
    );
    assert_eq!(scores(&candidates, "margin_weight = 0.1", &shop)[0], (0, 360));
    assert_eq!(
        scores(&candidates, "margin_weight = 1", &Shop::of(3)),
        [(0, 400), (1, 300), (2, 200)]
    );
    // Equal margins share a rank, and one that is not known stands in the middle.
    let mut shop = Shop::of(4).margins(&[5.0, 5.0, 9.0, 1.0]);
    shop.items[3].cost = None;
    let all = scores(&rows(&[1.0; 4]), "margin_weight = 1", &shop);
    assert_eq!(all, [(2, 100), (3, 50), (0, 25), (1, 25)]);
}

#[test]
fn what_was_just_shown_steps_back_and_returns() {
    let mut shop = Shop::of(3);
    shop.shown = [vec![0], vec![9; 19], vec![1]].concat();
    let candidates = rows(&[4.0, 4.0, 1.5]);
    assert_eq!(
        scores(&candidates, "rotation = 1", &shop),
        [(1, 200), (2, 150), (0, 0)]
    );
    assert_eq!(
        scores(&candidates, "rotation = 0.5", &shop),
        [(1, 300), (0, 200), (2, 150)]
    );
    arranged_by(&candidates, 1, &rules("rotation = 0.5"), &shop, |arrangement| {
        let rotated = Move {
            rule: "rotation",
            kind: RuleKind::Rotation,
            effect: Effect::Factor(0.75),
        };
        assert_eq!(arrangement.items[0].moves, [rotated]);
    });
}

#[test]
fn relevance_is_that_of_the_model_whatever_the_boosts() {
    let shop = Shop::of(4);
    let text = "min_relevance = 0.5\nboosts = [{ name = 'b', when = \"item.id = 'I3'\", factor = 1000 }, \
                { name = 'c', when = \"item.id = 'I0'\", factor = 1000 }]";
    assert_eq!(chosen(&rows(&[4.0, 3.0, 2.0, 1.9]), 4, text, &shop), [0, 1, 2]);
    // The best that may be shown is the measure, not one that is excluded.
    let excluded = Shop {
        excluded: vec![0],
        ..Shop::of(3)
    };
    assert_eq!(
        chosen(&rows(&[9.0, 2.0, 1.0]), 3, "min_relevance = 0.5", &excluded),
        [1, 2]
    );
    // Between -1 and 3 the middle is 1.
    assert_eq!(
        chosen(&rows(&[3.0, 1.0, 0.9, -1.0]), 4, "min_relevance = 0.5", &shop),
        [0, 1]
    );
}

#[test]
fn a_category_has_at_most_its_places_at_its_level() {
    let shop = Shop::of(6).categories(&["a/x", "a/x", "a/y", "b/x", "", ""]);
    let candidates = rows(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    assert_eq!(
        chosen(&candidates, 6, "max_per_category = 1", &shop),
        [0, 2, 3, 4, 5]
    );
    let top = "max_per_category = 1\ncategory_level = 1";
    assert_eq!(chosen(&candidates, 6, top, &shop), [0, 3, 4, 5]);
    assert_eq!(
        chosen(&candidates, 6, "max_per_category = 2\ncategory_level = 1", &shop),
        [0, 1, 3, 4, 5]
    );
    assert_eq!(
        chosen(&candidates, 2, "max_per_category = 2\ncategory_level = 9", &shop),
        [0, 1]
    );
    arranged_by(&candidates, 2, &rules(top), &shop, |arrangement| {
        let moved = Move {
            rule: "max_per_category",
            kind: RuleKind::MaxPerCategory,
            effect: Effect::Places(2),
        };
        assert_eq!(arrangement.items[1].moves, [moved]);
    });
}

#[test]
fn a_campaign_gets_its_share_and_no_more_than_it_can_offer() {
    let shop = Shop::of(8).categories(&["a", "a", "a", "a", "a", "a", "own", "own"]);
    let candidates = rows(&[8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    let share =
        |share: f64| format!("slots = [{{ name = 's', when = \"item.category = 'own'\", share = {share} }}]");
    assert_eq!(chosen(&candidates, 4, &share(0.25), &shop), [0, 6, 1, 2]);
    assert_eq!(chosen(&candidates, 4, &share(0.5), &shop), [6, 0, 7, 1]);
    assert_eq!(chosen(&candidates, 4, &share(1.0), &shop), [6, 7, 0, 1]);
    assert_eq!(chosen(&candidates, 4, &share(0.1), &shop), [0, 1, 2, 3]);
    arranged_by(&candidates, 3, &rules(&share(0.34)), &shop, |arrangement| {
        let slot = |places| {
            vec![Move {
                rule: "s",
                kind: RuleKind::Slot,
                effect: Effect::Places(places),
            }]
        };
        let moves: Vec<_> = arrangement.items.iter().map(|item| item.moves.clone()).collect();
        assert_eq!(moves, [vec![], slot(5), slot(-1)]);
    });
    // What comes by itself counts.
    let own = "slots = [{ name = 's', when = \"item.category = 'a'\", share = 0.5 }]";
    assert_eq!(chosen(&candidates, 4, own, &shop), [0, 1, 2, 3]);
}

#[test]
fn campaigns_categories_and_diversity_hold_together() {
    // Two campaign items of one category, of which one place is allowed; the second slot place goes to others.
    let shop = Shop::of(6).categories(&["a", "a", "b", "b", "own", "own"]);
    let candidates = rows(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    let slot = "slots = [{ name = 's', when = \"item.category = 'own'\", share = 0.5 }]\n";
    let text = format!("{slot}max_per_category = 1");
    assert_eq!(chosen(&candidates, 4, &text, &shop), [4, 0, 2]);
    // The slot's items are weighed for diversity, too: 5 is unlike 4, and 2 unlike 0.
    let mut shop = Shop::of(6).categories(&["a", "a", "a", "own", "own", "own"]);
    shop.places = vec![
        (1.0, 0.0),
        (1.0, 0.0),
        (0.0, 1.0),
        (1.0, 1.0),
        (1.0, 1.0),
        (-1.0, 1.0),
    ];
    let text = format!("{slot}diversity = 0.5");
    assert_eq!(chosen(&candidates, 4, &text, &shop), [3, 0, 5, 2]);
}

#[test]
fn later_sources_fill_what_is_left_and_bring_no_item_twice() {
    let shop = Shop::of(6).categories(&["a", "a", "b", "b", "own", "own"]);
    let mut candidates = ranked(Kind::CrossSell, &[(3, 0.2), (1, 0.1)]);
    candidates.extend(ranked(Kind::Similar, &[(1, 900.0), (0, 800.0), (4, 10.0)]));
    for text in [
        "",
        "diversity = 0.000001",
        "margin_weight = 0.5",
        "min_relevance = 0.4",
    ] {
        let expected: &[u32] = if text.starts_with("min") {
            &[3, 1, 0]
        } else {
            &[3, 1, 0, 4]
        };
        assert_eq!(chosen(&candidates, 5, text, &shop), expected, "{text}");
    }
    arranged_by(&candidates, 5, &Rules::default(), &shop, |arrangement| {
        assert_eq!(
            arrangement.trace.removed(Gate::Duplicate).first(),
            [ItemIdx::from_u32(1)]
        );
        let sources: Vec<_> = arrangement.trace.candidates().collect();
        assert_eq!(sources, [(Kind::Similar, 3), (Kind::CrossSell, 2)]);
        assert_eq!(arrangement.items[2].source, Kind::Similar);
    });
    // A campaign may come from a later source.
    let slot = "slots = [{ name = 's', when = \"item.category = 'own'\", share = 0.34 }]";
    assert_eq!(chosen(&candidates, 3, slot, &shop), [3, 4, 1]);
}

/// MMR as the paper has it.
fn plain_mmr(candidates: &[Candidate], count: usize, d: f32, shop: &Shop) -> Vec<u32> {
    let low = candidates.iter().map(|c| f64::from(c.score)).fold(0.0, f64::min);
    let best = candidates.iter().map(|c| f64::from(c.score)).fold(low, f64::max);
    let rel = |c: &Candidate| {
        if best > low {
            ((f64::from(c.score) - low) / (best - low)) as f32
        } else {
            1.0
        }
    };
    let mut left: Vec<&Candidate> = candidates.iter().collect();
    let mut chosen: Vec<&Candidate> = Vec::new();
    while chosen.len() < count && !left.is_empty() {
        let value = |c: &Candidate| {
            let sims = chosen.iter().map(|other| shop.similarity(c.row, other.row));
            (1.0 - d) * rel(c) - d * sims.fold(0.0, f32::max)
        };
        let limit = (10 * count).max(100).min(left.len());
        let mut best = 0;
        for at in 1..limit {
            if value(left[at]) > value(left[best]) {
                best = at;
            }
        }
        chosen.push(left.remove(best));
    }
    chosen.iter().map(|c| c.row.as_u32()).collect()
}

fn shops(n: usize) -> impl Strategy<Value = (Shop, Vec<Candidate>)> {
    let category = prop::sample::select(vec!["", "a", "a/x", "a/y", "b", "b/x"]);
    let item = (
        category,
        0_u8..20,
        0_u8..20,
        prop::bool::weighted(0.9),
        (-1.0_f32..1.0, -1.0_f32..1.0),
    );
    let scores = prop::collection::vec(prop_oneof![Just(1.0_f32), -2.0_f32..5.0], 0..n);
    (prop::collection::vec(item, n), scores).prop_map(move |(items, mut scores)| {
        let mut shop = Shop::of(n);
        for (row, (category, price, cost, available, place)) in items.into_iter().enumerate() {
            let item = &mut shop.items[row];
            item.category = (!category.is_empty()).then(|| category.to_owned());
            item.price = Some(f64::from(price));
            item.cost = (cost > 2).then(|| f64::from(cost));
            shop.available[row] = available;
            shop.places[row] = place;
        }
        scores.sort_by(|a, b| b.total_cmp(a));
        (shop, rows(&scores))
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let share = || prop::option::of(prop::sample::select(vec![0.0, 0.2, 0.5, 1.0]));
    let on = || any::<bool>();
    let most = prop::option::of(1_u32..4);
    (
        share(),
        share(),
        share(),
        share(),
        most,
        0_u32..3,
        (on(), on(), on(), on()),
    )
        .prop_map(
            |(diversity, rotation, min_relevance, margin_weight, max_per_category, level, (a, b, c, d))| {
                let text = |on: bool, text: &str| if on { text.to_owned() } else { String::new() };
                let lists = [
                    text(a, "filter = 'item.price > 3'\n"),
                    text(
                        b,
                        "boosts = [{ name = 'x', when = \"item.leaf = 'x'\", factor = 3 }]\n",
                    ),
                    text(
                        c,
                        "slots = [{ name = 'cheap', when = 'item.price < 8', share = 0.4 }, \
                         { name = 'b', when = \"item.category under 'b'\", share = 0.3 }]\n",
                    ),
                    text(d, "exclude_bought_days = 5\n"),
                ];
                Rules {
                    diversity,
                    rotation,
                    min_relevance,
                    margin_weight,
                    max_per_category,
                    category_level: Some(level),
                    ..rules(&lists.concat())
                }
            },
        )
}

proptest! {
    #[test]
    fn any_rules_keep_what_always_holds(
        (mut shop, candidates) in shops(60), rules in any_rules(), count in 1_usize..30,
        shown in prop::collection::vec(0_u32..60, 0..10), split in 0_usize..60,
    ) {
        shop.shown = shown;
        shop.bought = vec![(3, 1.0), (5, 9.0)];
        shop.excluded = vec![7];
        let mut mixed = candidates.clone();
        for candidate in mixed.iter_mut().skip(split) {
            candidate.source = Kind::Trending;
        }
        mixed.extend(candidates.iter().take(9).map(|c| Candidate { source: Kind::Similar, ..*c }));
        for candidates in [candidates, mixed] {
            arranged_by(&candidates, count, &rules, &shop, |arrangement| {
                if let Some(most) = rules.max_per_category {
                    let level = rules.category_level.unwrap_or(0) as usize;
                    let mut counts = std::collections::HashMap::new();
                    for item in &arrangement.items {
                        if let Some(path) = &shop.items[item.row.index()].category {
                            let levels: Vec<&str> = path.split('/').collect();
                            let taken = if level == 0 { levels.len() } else { level.min(levels.len()) };
                            *counts.entry(levels[..taken].join("/")).or_insert(0) += 1;
                        }
                    }
                    assert!(counts.values().all(|&count| count <= most));
                }
            });
        }
    }

    #[test]
    fn without_rules_it_is_the_sieve((mut shop, candidates) in shops(60), count in 1_usize..30) {
        shop.excluded = vec![2, 3, 11];
        // The sieve, written plainly: go down the ranking until there are enough.
        let mut expected = Vec::new();
        let (mut n_filtered, mut n_excluded) = (0, 0);
        for candidate in &candidates {
            let row = candidate.row.as_u32();
            if expected.len() == count {
                break;
            } else if shop.excluded.contains(&row) {
                n_excluded += 1;
            } else if shop.available[row as usize] {
                expected.push((row, candidate.score.to_bits()));
            } else {
                n_filtered += 1;
            }
        }
        let shortfall = match (n_filtered, n_excluded) {
            _ if expected.len() == count => None,
            (0, 0) => Some(Shortfall::Catalogue),
            (0, _) => Some(Shortfall::Exclusions),
            _ => Some(Shortfall::Filter),
        };
        arranged_by(&candidates, count, &Rules::default(), &shop, |arrangement| {
            let items = arrangement.items.iter().map(|item| (item.row.as_u32(), item.score.to_bits()));
            assert_eq!(items.collect::<Vec<_>>(), expected);
            assert_eq!(arrangement.shortfall, shortfall);
        });
    }

    #[test]
    fn diversity_is_maximal_marginal_relevance(
        (mut shop, candidates) in shops(150), d in prop::sample::select(vec![0.1, 0.3, 0.5, 0.9, 1.0]), count in 1_usize..20,
    ) {
        shop.available.fill(true);
        let text = format!("diversity = {d:?}");
        prop_assert_eq!(chosen(&candidates, count, &text, &shop), plain_mmr(&candidates, count, d, &shop));
    }

    #[test]
    fn without_diversity_the_order_is_the_plain_one((shop, candidates) in shops(60), count in 1_usize..30) {
        // A slot that matches nothing sends the candidates the long way, and changes nothing.
        let long = "diversity = 0\nslots = [{ name = 's', when = 'false', share = 0.5 }]";
        prop_assert_eq!(chosen(&candidates, count, long, &shop), chosen(&candidates, count, "", &shop));
    }

    #[test]
    fn the_margin_dial_trades_relevance_for_margin((mut shop, candidates) in shops(60), count in 1_usize..20) {
        shop.available.fill(true);
        for (row, item) in shop.items.iter_mut().enumerate() {
            // Every margin is known and differs, so that its rank is its place.
            item.price = Some(100.0 + ((row * 37) % 61) as f64);
            item.cost = Some(90.0);
        }
        let mut margins: Vec<f64> = candidates.iter().filter_map(|c| margin(&shop.items[c.row.index()])).collect();
        margins.sort_by(f64::total_cmp);
        let mut before: Option<(f64, f64)> = None;
        for weight in [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] {
            let rows = chosen(&candidates, count, &format!("margin_weight = {weight:?}"), &shop);
            let rank = |row: u32| {
                let margin = margin(&shop.items[row as usize]).unwrap();
                margins.partition_point(|&other| other < margin) as f64
            };
            let ranks: f64 = rows.iter().map(|&row| rank(row)).sum();
            let relevance: f64 = rows.iter().map(|&row| f64::from(candidates[row as usize].score)).sum();
            if let Some((ranks_before, relevance_before)) = before {
                prop_assert!(ranks >= ranks_before - 1e-6, "{ranks} after {ranks_before}");
                prop_assert!(relevance <= relevance_before + 1e-4, "{relevance} after {relevance_before}");
            }
            before = Some((ranks, relevance));
        }
    }
}

#[test]
fn equal_candidates_are_arranged_equally() {
    let mut shop = Shop::of(40);
    shop.places = (0..40)
        .map(|row| ((row % 7) as f32 - 3.0, (row % 5) as f32 - 2.0))
        .collect();
    let candidates = rows(&[1.0; 40]);
    let order = chosen(&candidates, 10, "rotation = 0.1", &shop);
    assert_eq!(order, (0..10).collect::<Vec<_>>());
    assert_eq!(
        chosen(&candidates, 10, "diversity = 0.4", &shop),
        plain_mmr(&candidates, 10, 0.4, &shop)
    );
}

#[test]
fn money_rises_with_the_weight_of_the_margin_and_relevance_falls() {
    let mut state = 7_u64;
    let mut chance = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    // Of 50 shops with 80 items each, 10 items: margins with a long tail, which know nothing of relevance.
    let mut sums = [(0.0_f64, 0.0_f64); 5];
    for _ in 0..50 {
        let margins: Vec<f64> = (0..80).map(|_| f64::from((3.0 * chance()).exp())).collect();
        let shop = Shop::of(80).margins(&margins);
        let mut scores: Vec<f32> = (0..80).map(|_| chance() - 0.2).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let candidates = rows(&scores);
        for (weight, (money, relevance)) in [0.0, 0.25, 0.5, 0.75, 1.0].iter().zip(&mut sums) {
            for row in chosen(&candidates, 10, &format!("margin_weight = {weight:?}"), &shop) {
                *money += margins[row as usize];
                *relevance += f64::from(scores[row as usize]);
            }
        }
    }
    for pair in sums.windows(2) {
        assert!(pair[1].0 > pair[0].0 && pair[1].1 < pair[0].1, "{sums:?}");
    }
}
