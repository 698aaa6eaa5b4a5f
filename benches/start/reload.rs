//! The same server under load while it takes another model of the same size into service.
//!
//! Requests arrive at a fixed rate, whether or not those before are answered, and latency counts from the instant at which one
//! was due. Half ask for alternatives of any item, a quarter for what a customer may like, a quarter for a customer's risk;
//! hardly any is cached. Three times are told apart: before, while the model is loaded and swapped in, and after.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::grpc::client::{Client, RecommendQuestion};
use rapport::grpc::pb;
use rapport::grpc::pb::model_service_client::ModelServiceClient;
use rapport::rules::Kind;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::large::{self, Size};

/// Length of the times before and after.
const CALM: Duration = Duration::from_secs(10);

/// How one request went.
struct Answered {
    due: Instant,
    latency: Duration,
    is_ok: bool,
}

/// Loads `version` under `rate` requests a second, and prints what the callers noticed.
pub async fn reload(url: &str, version: &str, rate: f64, size: Size) {
    let client = Client::connect(url, Duration::from_secs(30)).await.unwrap();
    let began = Instant::now();
    let switching = {
        let (url, version) = (url.to_owned(), version.to_owned());
        tokio::spawn(async move {
            sleep_until((began + CALM).into()).await;
            let mut models = ModelServiceClient::connect(url).await.unwrap();
            let from = Instant::now();
            let request = pb::ActivateModelRequest { version };
            models.activate_model(request).await.unwrap();
            (from, Instant::now())
        })
    };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut asked = JoinSet::new();
    let mut end = None;
    for n in 0.. {
        let due = began + Duration::from_secs_f64(f64::from(n) / rate);
        if end.is_none() && switching.is_finished() {
            end = Some(due + CALM);
        }
        if end.is_some_and(|end| due > end) {
            break;
        }
        sleep_until(due.into()).await;
        let client = client.clone();
        let what = random.gen_range(0..4);
        let (customer, item) = (
            large::customer_id(random.gen_range(0..size.customers)),
            large::item_id(random.gen_range(0..size.items)),
        );
        asked.spawn(async move {
            let is_ok = match what {
                0 => match client.churn(&customer, None, None).await {
                    Ok(_) => true,
                    // Not everybody has bought.
                    Err(error) => error.to_string().contains("bought nothing"),
                },
                1 => {
                    let mut question = RecommendQuestion::new(Kind::YouMayLike, 20);
                    question.customer_id = Some(customer);
                    client.recommend(question).await.is_ok()
                }
                _ => {
                    let mut question = RecommendQuestion::new(Kind::Similar, 20);
                    question.item_ids = vec![item];
                    client.recommend(question).await.is_ok()
                }
            };
            Answered {
                due,
                latency: due.elapsed(),
                is_ok,
            }
        });
    }
    let answers = asked.join_all().await;
    let (from, to) = switching.await.unwrap();
    println!(
        "loading beside {rate} requests a second took {:.1} s",
        (to - from).as_secs_f64()
    );
    let first = began + Duration::from_secs(1);
    // What is dropped, and what has to be computed anew, belongs to the reload.
    let over = to + Duration::from_secs(1);
    print("before", &answers, |due| (first..from).contains(&due));
    print("while loading", &answers, |due| (from..to).contains(&due));
    print("second after", &answers, |due| (to..over).contains(&due));
    print("after", &answers, |due| due >= over);
}

fn print(when: &str, answers: &[Answered], is_then: impl Fn(Instant) -> bool) {
    let of: Vec<&Answered> = answers.iter().filter(|answer| is_then(answer.due)).collect();
    let mut latencies: Vec<f64> = of
        .iter()
        .map(|answer| answer.latency.as_secs_f64() * 1e3)
        .collect();
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * latencies.len() as f64).ceil() as usize;
        latencies
            .get(place.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    };
    println!(
        "  {when:<14} {:>6} requests, {} failed, p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        of.len(),
        of.iter().filter(|answer| !answer.is_ok).count(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
    );
}
