//! Risks: one, many, and the highest.

use rapport::grpc::client::Client;
use rapport::grpc::pb::{self, RiskBand, Standing};
use rapport::serve::RawServeConfig;
use tonic::Code;

use crate::support::server::{Shop, open};
use crate::support::shop::{self, BUYERS};

async fn score_of(shop: &Shop, customer_id: &str) -> Result<pb::ChurnScore, tonic::Status> {
    let request = pb::ScoreCustomerRequest {
        customer_id: customer_id.into(),
        ..Default::default()
    };
    let answer = shop.server.churn().score_customer(request).await?;
    Ok(answer.into_inner().score.unwrap())
}

#[tokio::test]
async fn a_score_states_its_horizon_and_adds_up() {
    let shop = open(RawServeConfig::default()).await;
    let score = score_of(&shop, "c1").await.unwrap();
    assert_eq!(score.customer_id, "c1");
    assert_eq!(score.horizon_days, 60);
    assert_eq!(score.model_version, shop.version);
    assert_eq!(score.standing(), Standing::Eligible);
    assert!(score.as_of.is_some());
    assert!(!score.reasons.is_empty());
    let sum: f64 = score
        .reasons
        .iter()
        .map(|reason| reason.contribution_log_odds)
        .sum();
    assert!((score.base_log_odds + sum - score.log_odds).abs() < 1e-6);
    assert!((1.0 / (1.0 + (-score.log_odds).exp()) - score.probability).abs() < 1e-6);
    let gone = score_of(&shop, "c3").await.unwrap();
    assert!(
        shop::stops(3) && gone.probability > score.probability + 0.2,
        "{gone:?}"
    );
    assert_eq!(gone.band(), RiskBand::High);
}

#[tokio::test]
async fn whoever_never_bought_has_no_score() {
    let shop = open(RawServeConfig::default()).await;
    for (customer, word) in [("nobody", "unknown customer"), ("c0", "bought nothing")] {
        let status = score_of(&shop, customer).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{customer}");
        assert!(status.message().contains(word), "{}", status.message());
    }
    let status = score_of(&shop, "").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("customer_id "),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn many_scores_keep_their_order_and_a_bad_id_does_not_end_the_stream() {
    let shop = open(RawServeConfig::default()).await;
    let id = |n: usize| match n % 10 {
        7 => String::new(),
        8 => "nobody".to_owned(),
        _ => shop::buyer(n),
    };
    let requests = (0..1_000).map(move |n| pb::ScoreCustomersRequest {
        customer_id: id(n),
        as_of: None,
    });
    let mut answers = shop
        .server
        .churn()
        .score_customers(tokio_stream::iter(requests))
        .await
        .unwrap()
        .into_inner();
    let mut n = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        use pb::score_customers_response::Outcome;
        assert_eq!(answer.customer_id, id(n));
        match (n % 10, answer.outcome.unwrap()) {
            (7, Outcome::Problem(problem)) => {
                assert_eq!((problem.code, problem.field.as_deref()), (3, Some("customer_id")));
            }
            (8, Outcome::Problem(problem)) => assert_eq!((problem.code, problem.field), (5, None)),
            (_, Outcome::Score(score)) => assert_eq!(score.customer_id, id(n)),
            (_, other) => panic!("{n}: {other:?}"),
        }
        n += 1;
    }
    assert_eq!(n, 1_000);
}

async fn at_risk(shop: &Shop, request: pb::ListAtRiskRequest) -> Result<Vec<pb::ChurnScore>, tonic::Status> {
    let mut answers = shop.server.churn().list_at_risk(request).await?.into_inner();
    let mut scores = Vec::new();
    while let Some(answer) = answers.message().await? {
        scores.push(answer.score.unwrap());
    }
    Ok(scores)
}

#[tokio::test]
async fn the_list_at_risk_is_sorted_cut_and_filtered() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::ListAtRiskRequest::default;
    let all = at_risk(&shop, request()).await.unwrap();
    assert_eq!(all.len(), BUYERS);
    assert!(all.is_sorted_by(|a, b| a.probability >= b.probability));
    assert!(
        all.iter()
            .all(|score| score.model_version == shop.version && !score.reasons.is_empty())
    );
    assert_eq!(score_of(&shop, &all[0].customer_id).await.unwrap(), all[0]);

    let first = at_risk(
        &shop,
        pb::ListAtRiskRequest {
            limit: Some(7),
            ..request()
        },
    )
    .await
    .unwrap();
    assert_eq!(first, all[..7]);

    let some = pb::ListAtRiskRequest {
        min_probability: Some(0.2),
        max_probability: Some(0.8),
        standings: vec![Standing::Eligible.into()],
        ..request()
    };
    let wanted: Vec<_> = all
        .iter()
        .filter(|score| (0.2..=0.8).contains(&score.probability) && score.standing() == Standing::Eligible)
        .cloned()
        .collect();
    assert_eq!(at_risk(&shop, some).await.unwrap(), wanted);

    let high = pb::ListAtRiskRequest {
        bands: vec![RiskBand::High.into()],
        ..request()
    };
    let high = at_risk(&shop, high).await.unwrap();
    assert!(!high.is_empty() && high.len() < BUYERS);
    let gone = high
        .iter()
        .filter(|score| shop::stops(score.customer_id[1..].parse().unwrap()))
        .count();
    assert!(gone * 10 >= high.len() * 9, "{gone} of {}", high.len());
}

#[tokio::test]
async fn a_list_at_risk_names_the_field_that_it_refuses() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::ListAtRiskRequest::default;
    let cases = [
        (
            Code::InvalidArgument,
            "limit ",
            pb::ListAtRiskRequest {
                limit: Some(0),
                ..request()
            },
        ),
        (
            Code::InvalidArgument,
            "min_probability ",
            pb::ListAtRiskRequest {
                min_probability: Some(f64::NAN),
                ..request()
            },
        ),
        (
            Code::InvalidArgument,
            "max_probability ",
            pb::ListAtRiskRequest {
                max_probability: Some(1.5),
                ..request()
            },
        ),
        (
            Code::InvalidArgument,
            "bands[0] ",
            pb::ListAtRiskRequest {
                bands: vec![9],
                ..request()
            },
        ),
        (
            Code::InvalidArgument,
            "standings[0] ",
            pb::ListAtRiskRequest {
                standings: vec![0],
                ..request()
            },
        ),
        (
            Code::InvalidArgument,
            "min_value_at_risk must be a number of 0 or more",
            pb::ListAtRiskRequest {
                min_value_at_risk: Some(f64::NAN),
                ..request()
            },
        ),
    ];
    for (code, beginning, request) in cases {
        let status = at_risk(&shop, request).await.unwrap_err();
        assert_eq!(status.code(), code, "{beginning}");
        assert!(status.message().starts_with(beginning), "{}", status.message());
    }
}

#[tokio::test]
async fn the_client_reports_a_risk_as_scripts_read_it() {
    let shop = open(RawServeConfig::default()).await;
    let client = Client::connect(&shop.server.url, std::time::Duration::from_secs(10))
        .await
        .unwrap();
    client.until_ready().await.unwrap();
    let report = client.churn("c3", None, None).await.unwrap();
    assert_eq!(
        (report.band.as_str(), report.standing.as_str()),
        ("HIGH", "ELIGIBLE")
    );
    let json = serde_json::to_value(&report).unwrap();
    for key in [
        "customer_id",
        "probability",
        "horizon_days",
        "as_of",
        "band",
        "reasons",
        "model_version",
    ] {
        assert!(!json[key].is_null(), "{key}");
    }
    let error = client.churn("nobody", None, None).await.unwrap_err();
    assert!(
        error.to_string().starts_with("unknown customer \"nobody\""),
        "{error}"
    );
}
