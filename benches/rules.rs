//! How long does it take to arrange an answer by a shop's rules?
//!
//! 256 candidates to 20 places, in a seeded shop of 20,000 items whose similarity is a product of 64 factors. Every rule stands
//! beside no rule in the same group.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::catalog::Item;
use rapport::id::{ItemIdx, Row};
use rapport::numeric;
use rapport::rules::expression::{Anonymous, Context, Expression, Scope};
use rapport::rules::{Asked, Candidate, Facts, Kind, RawRules, Rules, arrange};
use rapport::time::Timestamp;

const FACTORS: usize = 64;
const ITEMS: usize = 20_000;
const CANDIDATES: u16 = 256;

const FILTER: &str =
    "filter = 'item.price <= 1.6 * context.price and not item.category under \"top3/middle3\"'\n";
const BOOSTS: &str = "boosts = [\
    { name = 'a', when = \"item.leaf in ['leaf3', 'leaf4', 'leaf99']\", factor = 1.5 }, \
    { name = 'b', when = 'item.margin_share > 0.9', factor = 1.2 }]\n";
const SLOT: &str = "slots = [{ name = 'own', when = \"item.category under 'top2'\", share = 0.2 }]\n";
const EXPRESSION: &str = "item.price <= 1.6 * context.price and not item.category under \"top3/middle3\" \
    and item.leaf in ['a', 'b']";

struct Shop {
    ids: Vec<String>,
    items: Vec<Item>,
    factors: Vec<f32>,
}

impl Shop {
    fn new(random: &mut Xoshiro256PlusPlus) -> Self {
        let mut factors: Vec<f32> = (0..ITEMS * FACTORS)
            .map(|_| random.gen_range(-0.4..0.6))
            .collect();
        for row in factors.chunks_exact_mut(FACTORS) {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
        let mut item = |row: usize| Item {
            title: Some(format!("Item {row}")),
            category: Some(format!("top{}/middle{}/leaf{}", row % 7, row % 31, row % 131)),
            price: Some(random.gen_range(5.0..100.0)),
            cost: Some(4.0),
            ..Item::default()
        };
        Self {
            ids: (0..ITEMS).map(|row| format!("I{row}")).collect(),
            items: (0..ITEMS).map(&mut item).collect(),
            factors,
        }
    }

    fn factors(&self, row: ItemIdx) -> &[f32] {
        &self.factors[row.index() * FACTORS..][..FACTORS]
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
        !row.index().is_multiple_of(19)
    }

    fn similarity(&self, a: ItemIdx, b: ItemIdx) -> f32 {
        numeric::dot(self.factors(a), self.factors(b))
    }
}

fn rules(criterion: &mut Criterion) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let shop = Shop::new(&mut random);
    let candidates: Vec<Candidate> = (0..CANDIDATES)
        .map(|at| Candidate {
            row: ItemIdx::from_u32(random.gen_range(0..ITEMS as u32)),
            score: 3.0 / (1.0 + f32::from(at) * 0.02),
            source: Kind::YouMayLike,
        })
        .collect();
    let page = Item {
        category: Some("top1/middle2/leaf3".into()),
        price: Some(50.0),
        ..Item::default()
    };
    let cases = [
        ("no rules", String::new()),
        ("filter", FILTER.to_owned()),
        ("boosts", BOOSTS.to_owned()),
        ("filter, boosts", format!("{FILTER}{BOOSTS}")),
        ("diversity 0.3", "diversity = 0.3".to_owned()),
        (
            "filter, boosts, diversity 0.3",
            format!("{FILTER}{BOOSTS}diversity = 0.3"),
        ),
        (
            "everything",
            format!(
                "{FILTER}{BOOSTS}{SLOT}diversity = 0.3\nmargin_weight = 0.2\nmax_per_category = 3\ncategory_level = 1"
            ),
        ),
    ];
    let mut group = criterion.benchmark_group(format!("arrange {CANDIDATES} candidates to 20"));
    for (name, text) in cases {
        let rules = Rules::try_from(toml::from_str::<RawRules>(&text).unwrap()).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let context = Context {
                    first: Some(("P", &page)),
                    count: 1,
                };
                // A scope remembers what it was asked: each answer has its own.
                let scope = Scope::new(Timestamp::MAX, context, &Anonymous);
                let asked = Asked {
                    count: 20,
                    rules: &rules,
                    scope: &scope,
                    available_only: true,
                };
                black_box(arrange(black_box(&candidates), &asked, &shop).items.len())
            });
        });
    }
    group.finish();
    criterion.bench_function("read an expression", |bencher| {
        bencher.iter(|| Expression::parse(black_box(EXPRESSION)).unwrap());
    });
}

criterion_group!(benches, rules);
criterion_main!(benches);
