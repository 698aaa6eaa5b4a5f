//! What is asked: requests of a shop's pages, encoded, in seeded orders.

use std::sync::Arc;

use hashbrown::HashSet;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::grpc::pb;

use super::ids::Ids;
use super::wire::Question;

/// Items of every answer.
pub const COUNT: u32 = 20;

/// Customers whose home pages are asked for, at most: all of them fit into the cache with its usual size.
const CUSTOMERS: usize = 10_000;

/// How much more often the first customer comes than the n-th: n to this power.
const ZIPF_EXPONENT: f64 = 1.0;

/// Times that a cart is drawn anew before it gets one item more.
const DRAWS: usize = 8;

/// Questions without an end, or until there are no more.
pub trait Questions: Send {
    /// The next one.
    fn next(&mut self) -> Option<Question>;
}

/// One source for each thread of the client.
pub type Sources = Vec<Box<dyn Questions>>;

/// Which thread of how many; none asks what another one asks only once.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub at: usize,
    pub of: usize,
}

/// The questions that a shop's pages lead to.
#[derive(Clone, Debug)]
pub struct Pages {
    seed: u64,
    example: pb::RecommendRequest,
    homes: Arc<[Question]>,
    scores: Arc<[Question]>,
    items: Arc<[String]>,
}

impl Pages {
    /// Of the customers and items of a bundle, in an order of the seed's.
    pub fn new(ids: &Ids, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut shuffled = |names: &[String]| {
            let mut names = names.to_vec();
            names.shuffle(&mut random);
            names
        };
        let some = |names: Vec<String>| names.into_iter().take(CUSTOMERS);
        let score = |customer_id| {
            Question::score(&pb::ScoreCustomerRequest {
                customer_id,
                ..Default::default()
            })
        };
        Self {
            seed,
            example: ids
                .customers
                .first()
                .map_or_else(pb::RecommendRequest::default, |customer| home(customer)),
            homes: some(shuffled(&ids.customers))
                .map(|customer| Question::recommend(&home(&customer)))
                .collect(),
            scores: some(shuffled(&ids.buyers)).map(score).collect(),
            items: shuffled(&ids.items).into(),
        }
    }

    /// A home page, for the floor's answer.
    pub fn example(&self) -> pb::RecommendRequest {
        self.example.clone()
    }

    /// Home pages, customers coming as Zipf's law has it.
    pub fn home(&self, share: Share) -> Box<dyn Questions> {
        Box::new(self.zipf(share))
    }

    /// Every home page once.
    pub fn every_home(&self, share: Share) -> Box<dyn Questions> {
        let own: Vec<Question> = self
            .homes
            .iter()
            .skip(share.at)
            .step_by(share.of)
            .cloned()
            .collect();
        Box::new(Once(own.into_iter()))
    }

    /// Churn scores of any customers.
    pub fn score(&self, share: Share) -> Box<dyn Questions> {
        Box::new(self.any_score(share))
    }

    /// Whether there is anybody to score.
    pub fn has_scores(&self) -> bool {
        !self.scores.is_empty()
    }

    /// 70 % home pages, 20 % product and cart pages that were never asked for, 10 % churn scores.
    pub fn mix(&self, share: Share) -> Box<dyn Questions> {
        Box::new(Mix {
            home: self.zipf(share),
            carts: Carts {
                items: self
                    .items
                    .iter()
                    .skip(share.at)
                    .step_by(share.of)
                    .cloned()
                    .collect(),
                asked: HashSet::new(),
                random: self.random(share, 2),
            },
            score: self.any_score(share),
            random: self.random(share, 4),
        })
    }

    fn zipf(&self, share: Share) -> Popular {
        Popular {
            rank: Zipf::new(self.homes.len().max(1) as u64, ZIPF_EXPONENT).expect("n is above 0"),
            questions: Arc::clone(&self.homes),
            random: self.random(share, 1),
        }
    }

    fn any_score(&self, share: Share) -> Any {
        Any {
            questions: Arc::clone(&self.scores),
            random: self.random(share, 3),
        }
    }

    fn random(&self, share: Share, stream: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.seed ^ (stream << 48) ^ ((share.at as u64 + 1) << 32))
    }
}

/// Any of these questions, each as likely.
pub fn any(questions: &Arc<[Question]>, seed: u64, share: Share) -> Box<dyn Questions> {
    Box::new(Any {
        questions: Arc::clone(questions),
        random: Xoshiro256PlusPlus::seed_from_u64(seed ^ ((share.at as u64 + 1) << 32)),
    })
}

/// A known customer's home page.
fn home(customer: &str) -> pb::RecommendRequest {
    pb::RecommendRequest {
        customer_id: Some(customer.to_owned()),
        kind: pb::RecommendationKind::YouMayLike.into(),
        count: COUNT,
        ..Default::default()
    }
}

/// What a stranger may like who clicked on these items, the last one at this second.
pub fn visit(items: &[u64], end: i64) -> pb::RecommendRequest {
    /// Between two clicks.
    const SECONDS: i64 = 20;
    let clicks = (1_i64..)
        .zip(items.iter().rev())
        .map(|(from_end, item)| pb::Event {
            item_id: item.to_string(),
            kind: pb::EventKind::View.into(),
            occurred_at: Some(prost_types::Timestamp {
                seconds: end - SECONDS * from_end,
                nanos: 0,
            }),
            ..Default::default()
        });
    let mut recent_events: Vec<_> = clicks.collect();
    recent_events.reverse();
    pb::RecommendRequest {
        context: Some(pb::Context {
            recent_events,
            ..Default::default()
        }),
        kind: pb::RecommendationKind::YouMayLike.into(),
        count: COUNT,
        ..Default::default()
    }
}

struct Popular {
    questions: Arc<[Question]>,
    rank: Zipf<f64>,
    random: Xoshiro256PlusPlus,
}

impl Questions for Popular {
    fn next(&mut self) -> Option<Question> {
        // Zipf's ranks are whole and begin at 1.
        let rank = self.rank.sample(&mut self.random) as usize;
        self.questions.get(rank - 1).cloned()
    }
}

struct Any {
    questions: Arc<[Question]>,
    random: Xoshiro256PlusPlus,
}

impl Questions for Any {
    fn next(&mut self) -> Option<Question> {
        self.questions.choose(&mut self.random).cloned()
    }
}

struct Once(std::vec::IntoIter<Question>);

impl Questions for Once {
    fn next(&mut self) -> Option<Question> {
        self.0.next()
    }
}

/// Product pages and carts of one to four of these items, none of them twice.
struct Carts {
    items: Vec<String>,
    asked: HashSet<(pb::RecommendationKind, Vec<usize>)>,
    random: Xoshiro256PlusPlus,
}

impl Carts {
    /// A kind and items that were not asked together yet.
    fn draw(&mut self) -> (pb::RecommendationKind, Vec<usize>) {
        let kind = match self.random.gen_range(0..2) {
            0 => pb::RecommendationKind::Similar,
            _ => pb::RecommendationKind::CrossSell,
        };
        let mut size = self.random.gen_range(1..=4_usize);
        loop {
            for _ in 0..DRAWS {
                let many = size.min(self.items.len());
                let items = rand::seq::index::sample(&mut self.random, self.items.len(), many).into_vec();
                let mut sorted = items.clone();
                sorted.sort_unstable();
                // A tiny catalogue runs out of carts.
                if self.asked.insert((kind, sorted)) || size >= self.items.len() {
                    return (kind, items);
                }
            }
            size += 1;
        }
    }
}

impl Questions for Carts {
    fn next(&mut self) -> Option<Question> {
        let (kind, items) = self.draw();
        let ids = items.into_iter().map(|item| self.items[item].clone());
        let context = match kind {
            pb::RecommendationKind::Similar => pb::Context {
                item_ids: ids.collect(),
                ..Default::default()
            },
            _ => pb::Context {
                cart: ids
                    .map(|item_id| pb::CartLine {
                        item_id,
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            },
        };
        Some(Question::recommend(&pb::RecommendRequest {
            context: Some(context),
            kind: kind.into(),
            count: COUNT,
            ..Default::default()
        }))
    }
}

struct Mix {
    home: Popular,
    carts: Carts,
    score: Any,
    random: Xoshiro256PlusPlus,
}

impl Questions for Mix {
    fn next(&mut self) -> Option<Question> {
        match self.random.gen_range(0..10) {
            0..7 => self.home.next(),
            7..9 => self.carts.next(),
            _ => self.score.next(),
        }
    }
}
