//! Plans, summaries and comparisons over the wire.

use rapport::grpc::pb::{self, PlanGroup, ScoreFlag, Segment, Stage};
use rapport::serve::RawServeConfig;
use tonic::Code;

use crate::support::server::{Shop, open};
use crate::support::shop::BUYERS;

async fn plan(
    shop: &Shop,
    request: pb::PlanRetentionRequest,
) -> Result<Vec<pb::plan_retention_response::Content>, tonic::Status> {
    let mut answers = shop.server.churn().plan_retention(request).await?.into_inner();
    let mut found = Vec::new();
    while let Some(answer) = answers.message().await? {
        found.push(answer.content.unwrap());
    }
    Ok(found)
}

fn with_budget(budget: f64) -> pb::PlanRetentionRequest {
    pb::PlanRetentionRequest {
        budget,
        offer_cost: 5.0,
        contact_cost: 0.5,
        control_share: Some(0.3),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_plan_is_its_summary_and_then_as_many_customers_as_that_says() {
    use pb::plan_retention_response::Content;
    let shop = open(RawServeConfig::default()).await;
    let found = plan(&shop, with_budget(100.0)).await.unwrap();
    let [Content::Summary(summary), customers @ ..] = found.as_slice() else {
        panic!("the summary comes first: {:?}", found[0])
    };
    let outcome = summary.plan.unwrap();
    assert!(outcome.treated > 0 && outcome.expected_cost <= 100.0 && outcome.expected_cost > 50.0);
    assert!(summary.assumption.starts_with("assumed, not measured: 30 %"));
    assert_eq!((summary.horizon_days, summary.value_months), (60, 12));
    assert_eq!(summary.model_version, shop.version);
    assert!(summary.as_of.is_some() && summary.highest_risk_first.is_some());
    let mut groups = [0; 4];
    for content in customers {
        let Content::Customer(customer) = content else {
            panic!("a second summary")
        };
        groups[customer.group as usize] += 1;
        assert_ne!(customer.segment(), Segment::Unspecified);
        let propensity = match customer.group() {
            PlanGroup::Treated => {
                assert!(customer.in_reach && customer.expected_profit > 0.0);
                Some(0.7)
            }
            PlanGroup::Control => {
                assert!(customer.expected_profit > 0.0);
                Some(0.3)
            }
            PlanGroup::DoNotDisturb => {
                assert!(customer.expected_profit <= 0.0);
                None
            }
            PlanGroup::Unspecified => panic!("never sent"),
        };
        match (customer.propensity, propensity) {
            (Some(found), Some(wanted)) => assert!((found - wanted).abs() < 1e-12),
            (found, wanted) => assert_eq!(found, wanted),
        }
    }
    assert_eq!(
        groups,
        [0, outcome.treated, summary.control, summary.do_not_disturb]
    );
    assert!(summary.control > 0 && groups.iter().sum::<u64>() <= BUYERS as u64);
    assert_eq!(
        plan(&shop, with_budget(100.0)).await.unwrap(),
        found,
        "the same question, the same plan"
    );
}

#[tokio::test]
async fn a_plan_names_the_field_that_it_refuses() {
    let shop = open(RawServeConfig::default()).await;
    let request = || with_budget(100.0);
    for (beginning, request) in [
        ("budget must be above 0", with_budget(0.0)),
        ("budget must be above 0", with_budget(f64::NAN)),
        (
            "offer_cost ",
            pb::PlanRetentionRequest {
                offer_cost: -1.0,
                ..request()
            },
        ),
        (
            "offer_cost must not be 0 beside a contact_cost of 0",
            pb::PlanRetentionRequest {
                offer_cost: 0.0,
                contact_cost: 0.0,
                ..request()
            },
        ),
        (
            "control_share ",
            pb::PlanRetentionRequest {
                control_share: Some(0.0),
                ..request()
            },
        ),
        (
            "acceptance ",
            pb::PlanRetentionRequest {
                acceptance: Some(1.5),
                ..request()
            },
        ),
        (
            "policy ",
            pb::PlanRetentionRequest {
                policy: "\n".into(),
                ..request()
            },
        ),
    ] {
        let status = plan(&shop, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{beginning}");
        assert!(status.message().starts_with(beginning), "{}", status.message());
    }
}

#[tokio::test]
async fn a_summary_adds_up_over_its_segments() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::SummarizeCustomersRequest { as_of: None };
    let answer = shop.server.churn().summarize_customers(request).await.unwrap();
    let answer = answer.into_inner();
    let total = answer.total.unwrap();
    assert_eq!((total.customers, answer.value_months), (BUYERS as u64, Some(12)));
    assert_eq!(answer.model_version, shop.version);
    let each = || answer.segments.iter().map(|row| row.totals.unwrap());
    assert_eq!(each().map(|t| t.customers).sum::<u64>(), total.customers);
    let at_risk: f64 = each().map(|t| t.value_at_risk).sum();
    assert!((at_risk - total.value_at_risk).abs() < 1e-6 * total.value_at_risk);
    let segments: Vec<_> = answer.segments.iter().map(pb::SegmentTotals::segment).collect();
    assert!(
        !segments.contains(&Segment::Unspecified) && segments.len() > 1,
        "{segments:?}"
    );
}

async fn score(shop: &Shop, request: pb::ScoreCustomerRequest) -> Result<pb::ChurnScore, tonic::Status> {
    let answer = shop.server.churn().score_customer(request).await?;
    Ok(answer.into_inner().score.unwrap())
}

fn of(customer: &str) -> pb::ScoreCustomerRequest {
    pb::ScoreCustomerRequest {
        customer_id: customer.into(),
        ..Default::default()
    }
}

fn days_later(at: prost_types::Timestamp, days: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.seconds + days * 86_400,
        ..at
    }
}

#[tokio::test]
async fn a_score_says_who_she_is_what_she_is_worth_and_what_changed() {
    let shop = open(RawServeConfig::default()).await;
    let now = score(&shop, of("c1")).await.unwrap();
    assert_eq!((now.change.as_ref(), now.flags.len()), (None, 0));
    assert_ne!(now.segment(), Segment::Unspecified);
    assert_ne!(now.stage(), Stage::Unspecified);
    let rfm = now.rfm.unwrap();
    assert!(
        [rfm.recency, rfm.frequency, rfm.monetary.unwrap()]
            .iter()
            .all(|r| (1..=5).contains(r))
    );
    let value = now.value.unwrap();
    let at_risk = now.probability * value.value.unwrap();
    assert!((value.value_at_risk.unwrap() - at_risk).abs() < 1e-9 * at_risk);
    assert!(value.value_if_kept.unwrap() >= value.value.unwrap() && value.months == 12);
    let interval = now.interval.unwrap();
    assert!(interval.low < now.probability && now.probability < interval.high);
    assert!((0.0..=100.0).contains(&now.percentile.unwrap()));

    let end = now.as_of.unwrap();
    let then = days_later(end, -60);
    let compared = pb::ScoreCustomerRequest {
        compared_to: Some(then),
        ..of("c1")
    };
    let answer = score(&shop, compared.clone()).await.unwrap();
    let change = answer.change.clone().unwrap();
    let earlier = score(
        &shop,
        pb::ScoreCustomerRequest {
            as_of: Some(then),
            ..of("c1")
        },
    )
    .await
    .unwrap();
    assert_eq!((change.since, &change.model_version), (Some(then), &shop.version));
    assert_eq!(change.probability.to_bits(), earlier.probability.to_bits());
    let parts = [change.elapsed_time, change.behaviour, change.model].map(Option::unwrap);
    let sum: f64 = parts.iter().map(|part| part.log_odds).sum();
    assert!((sum - (answer.log_odds - earlier.log_odds)).abs() < 1e-9);
    let points: f64 = parts.iter().map(|part| part.points).sum();
    assert!((points - 100.0 * (answer.probability - earlier.probability)).abs() < 1e-6);
    assert!(parts[2].log_odds == 0.0, "the same model");
    // The rest is the score that is asked for without.
    assert_eq!(
        pb::ChurnScore {
            change: None,
            ..answer
        },
        now
    );
    let named = pb::ScoreCustomerRequest {
        compared_model_version: Some(shop.version.clone()),
        ..compared.clone()
    };
    assert_eq!(score(&shop, named).await.unwrap().change, Some(change));

    let stale = pb::ScoreCustomerRequest {
        as_of: Some(days_later(end, 5)),
        ..of("c1")
    };
    let stale = score(&shop, stale).await.unwrap();
    assert_eq!(stale.flags().collect::<Vec<_>>(), [ScoreFlag::Stale]);

    for (code, beginning, request) in [
        (
            Code::InvalidArgument,
            "compared_to must not be after the score's",
            pb::ScoreCustomerRequest {
                compared_to: Some(days_later(end, 1)),
                ..of("c1")
            },
        ),
        (
            Code::InvalidArgument,
            "compared_to must be given beside compared_model_version",
            pb::ScoreCustomerRequest {
                compared_model_version: Some(shop.version.clone()),
                ..of("c1")
            },
        ),
        (
            Code::NotFound,
            "",
            pb::ScoreCustomerRequest {
                compared_model_version: Some("20200101T000000Z-00000000".into()),
                ..compared
            },
        ),
    ] {
        let status = score(&shop, request).await.unwrap_err();
        assert_eq!(status.code(), code, "{}", status.message());
        assert!(status.message().starts_with(beginning), "{}", status.message());
    }
}

#[tokio::test]
async fn a_list_at_risk_knows_segments_stages_and_values() {
    let shop = open(RawServeConfig::default()).await;
    let list = async |request| {
        let mut answers = shop
            .server
            .churn()
            .list_at_risk(request)
            .await
            .unwrap()
            .into_inner();
        let mut scores = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            scores.push(answer.score.unwrap());
        }
        scores
    };
    let request = pb::ListAtRiskRequest::default;
    let all = list(request()).await;
    let wanted = [all[0].segment, all[all.len() - 1].segment];
    let some = list(pb::ListAtRiskRequest {
        segments: wanted.to_vec(),
        ..request()
    })
    .await;
    let expected: Vec<_> = all
        .iter()
        .filter(|score| wanted.contains(&score.segment))
        .collect();
    assert_eq!(some.iter().collect::<Vec<_>>(), expected);
    let late = list(pb::ListAtRiskRequest {
        stages: vec![Stage::Late.into()],
        ..request()
    })
    .await;
    assert!(!late.is_empty() && late.iter().all(|score| score.stage() == Stage::Late));

    let value = |score: &pb::ChurnScore| score.value.unwrap().value_at_risk.unwrap();
    let dear = list(pb::ListAtRiskRequest {
        order: pb::RiskOrder::ValueAtRisk.into(),
        limit: Some(20),
        ..request()
    })
    .await;
    assert!(dear.len() == 20 && dear.is_sorted_by(|a, b| value(a) >= value(b)));
    let least = value(&dear[19]);
    let above = list(pb::ListAtRiskRequest {
        min_value_at_risk: Some(least),
        ..request()
    })
    .await;
    assert_eq!(
        above.len(),
        all.iter().filter(|score| value(score) >= least).count()
    );
    assert!(above.len() >= 20);
}
