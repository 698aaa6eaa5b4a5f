//! Rankings: who asks what, and how the answer came about.

use std::collections::HashSet;

use rapport::grpc::pb::{self, EvidenceKind, ReasonKind, RecommendationKind, Strategy, Underfill};
use rapport::serve::{MAX_SHELVES, RawServeConfig};
use tonic::Code;

use crate::support::server::{Shop, open};
use crate::support::shop;

fn asked(kind: RecommendationKind, count: u32) -> pb::RecommendRequest {
    pb::RecommendRequest {
        kind: kind.into(),
        count,
        ..pb::RecommendRequest::default()
    }
}

fn for_customer(customer_id: &str, count: u32) -> pb::RecommendRequest {
    pb::RecommendRequest {
        customer_id: Some(customer_id.into()),
        ..asked(RecommendationKind::YouMayLike, count)
    }
}

fn page(item_ids: &[&str]) -> Option<pb::Context> {
    Some(pb::Context {
        item_ids: item_ids.iter().map(|&id| id.into()).collect(),
        ..pb::Context::default()
    })
}

async fn recommend(shop: &Shop, request: pb::RecommendRequest) -> pb::RecommendResponse {
    let answer = shop
        .server
        .recommendation()
        .recommend(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.model_version, shop.version);
    assert!(answer.as_of.is_some());
    let ranks: Vec<_> = answer.items.iter().map(|item| item.rank).collect();
    assert_eq!(ranks, (1..=answer.items.len() as u32).collect::<Vec<_>>());
    assert!(answer.items.is_sorted_by(|a, b| a.score >= b.score));
    answer
}

async fn refused(shop: &Shop, request: pb::RecommendRequest) -> (Code, String) {
    let status = shop.server.recommendation().recommend(request).await.unwrap_err();
    (status.code(), status.message().to_owned())
}

fn ids(answer: &pb::RecommendResponse) -> Vec<&str> {
    answer.items.iter().map(|item| item.item_id.as_str()).collect()
}

#[tokio::test]
async fn a_known_customer_gets_her_taste_with_true_reasons() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::RecommendRequest {
        with_reasons: true,
        with_attributes: true,
        // Early enough that there are items of her taste which she has not bought.
        as_of: Some(prost_types::Timestamp {
            seconds: 1_743_465_600,
            nanos: 0,
        }),
        ..for_customer("c4", 3)
    };
    let answer = recommend(&shop, request).await;
    assert_eq!(answer.strategy(), Strategy::Personal);
    assert_eq!(answer.items.len(), 3);
    assert_eq!((answer.underfilled, answer.unknown_ids.len()), (None, 0));
    for item in &answer.items {
        assert_eq!(shop::category(&item.item_id), shop::category("c4"), "{item:?}");
        let known = item.attributes.as_ref().unwrap();
        assert!(known.available && known.title.is_some());
        let reason = &item.reasons[0];
        let tie = match reason.kind() {
            ReasonKind::BecauseYouBought => EvidenceKind::Bought,
            ReasonKind::InYourCart => EvidenceKind::InCart,
            ReasonKind::BecauseYouViewed => EvidenceKind::Viewed,
            other => panic!("{other:?} for a known customer: {item:?}"),
        };
        assert_eq!(reason.evidence[0].kind(), tie);
        assert!((0.0..=1.0).contains(&reason.share.unwrap()));
    }
    let plain = recommend(&shop, for_customer("c4", 3)).await;
    assert!(
        plain
            .items
            .iter()
            .all(|item| item.reasons.is_empty() && item.attributes.is_none())
    );
}

#[tokio::test]
async fn whoever_is_not_known_gets_a_labelled_answer() {
    let shop = open(RawServeConfig::default()).await;
    let answer = recommend(&shop, for_customer("nobody", 5)).await;
    assert_eq!(answer.strategy(), Strategy::Popular);
    assert_eq!(answer.unknown_ids, ["nobody"]);
    assert_eq!(answer.items.len(), 5);

    let visitor = pb::RecommendRequest {
        context: page(&["i1", "i99"]),
        ..asked(RecommendationKind::YouMayLike, 5)
    };
    let answer = recommend(&shop, visitor).await;
    assert_eq!(answer.strategy(), Strategy::Session);
    assert_eq!(answer.unknown_ids, ["i99"]);
    assert_eq!(shop::category(&answer.items[0].item_id), shop::category("i1"));

    let clicked = pb::RecommendRequest {
        context: Some(pb::Context {
            recent_events: vec![pb::Event {
                item_id: "i2".into(),
                kind: pb::EventKind::View.into(),
                ..pb::Event::default()
            }],
            ..pb::Context::default()
        }),
        ..asked(RecommendationKind::YouMayLike, 5)
    };
    let answer = recommend(&shop, clicked).await;
    assert_eq!(answer.strategy(), Strategy::Session);
    assert_eq!(shop::category(&answer.items[0].item_id), shop::category("i2"));
}

#[tokio::test]
async fn similar_needs_an_item_and_says_how_similar() {
    let shop = open(RawServeConfig::default()).await;
    let (code, message) = refused(&shop, asked(RecommendationKind::Similar, 5)).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(message.starts_with("context.item_ids "), "{message}");

    let request = pb::RecommendRequest {
        context: page(&["i3"]),
        with_reasons: true,
        ..asked(RecommendationKind::Similar, 5)
    };
    let answer = recommend(&shop, request).await;
    assert!(!ids(&answer).contains(&"i3"));
    for item in &answer.items {
        assert_eq!(shop::category(&item.item_id), shop::category("i3"));
        let reason = &item.reasons[0];
        assert_eq!(reason.kind(), ReasonKind::SimilarTo);
        assert_eq!(reason.evidence[0].item_id, "i3");
        assert!((-1.0..=1.001).contains(&reason.similarity.unwrap()));
    }
}

#[tokio::test]
async fn trending_is_the_same_for_everybody_and_gives_its_numbers() {
    let shop = open(RawServeConfig::default()).await;
    let request = |customer_id: Option<&str>| pb::RecommendRequest {
        customer_id: customer_id.map(Into::into),
        with_reasons: true,
        ..asked(RecommendationKind::Trending, 4)
    };
    let answer = recommend(&shop, request(None)).await;
    assert_eq!(answer.strategy(), Strategy::Popular);
    let reason = &answer.items[0].reasons[0];
    assert_eq!(reason.kind(), ReasonKind::Trending);
    let trend = reason.trend.unwrap();
    assert!(trend.factor > 1.0 && trend.recent > trend.expected, "{trend:?}");
    assert_eq!(recommend(&shop, request(Some("c1"))).await.items, answer.items);
}

#[tokio::test]
async fn every_kind_answers_and_its_reasons_are_whole() {
    let shop = open(RawServeConfig::default()).await;
    for kind in [
        RecommendationKind::YouMayLike,
        RecommendationKind::Similar,
        RecommendationKind::UpSell,
        RecommendationKind::BuyAgain,
        RecommendationKind::Trending,
    ] {
        let request = pb::RecommendRequest {
            context: page(&["i3"]),
            with_reasons: true,
            ..pb::RecommendRequest {
                kind: kind.into(),
                ..for_customer("c1", 5)
            }
        };
        let answer = recommend(&shop, request).await;
        assert_eq!(answer.kind(), kind);
        assert!(!answer.items.is_empty(), "{kind:?}");
        for item in &answer.items {
            assert_eq!(item.source(), kind);
            let shares: f32 = item.reasons.iter().filter_map(|reason| reason.share).sum();
            assert!((shares - 1.0).abs() < 1e-3, "{kind:?}: {:?}", item.reasons);
            assert_eq!(item.due.is_some(), kind == RecommendationKind::BuyAgain);
        }
    }
}

#[tokio::test]
async fn an_explanation_tells_of_candidates_filters_and_the_items_asked_about() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::RecommendRequest {
        filter: Some(pb::Filter {
            expression: Some("item.price < 30".into()),
            ..pb::Filter::default()
        }),
        rules: Some(pb::Rules {
            boosts: vec![pb::Boost {
                name: "push".into(),
                when: "item.id = 'i5'".into(),
                factor: 3.0,
            }],
            ..pb::Rules::default()
        }),
        ..asked(RecommendationKind::Trending, 5)
    };
    let explain = |request: pb::RecommendRequest, item_ids: Vec<String>| {
        let mut service = shop.server.recommendation();
        async move {
            let request = pb::ExplainRecommendationRequest {
                request: Some(request),
                item_ids,
            };
            service
                .explain_recommendation(request)
                .await
                .map(tonic::Response::into_inner)
        }
    };
    let told = explain(request.clone(), vec!["i40".into(), "i5".into()])
        .await
        .unwrap();
    let answer = told.answer.unwrap();
    assert_eq!(ids(&answer), ids(&recommend(&shop, request.clone()).await));
    let [source] = told.sources.as_slice() else {
        panic!("{:?}", told.sources)
    };
    assert_eq!((source.kind(), source.chosen), (RecommendationKind::Trending, 5));
    let removed: u32 = told.filters.iter().map(|filter| filter.removed).sum();
    assert!(removed > 0 && removed + 5 <= source.candidates);
    let candidate = |id: &str| {
        told.candidates
            .iter()
            .find(|candidate| candidate.item_id == id)
            .unwrap()
    };
    assert_eq!(candidate("i40").removed_by, "filter");
    assert_eq!(candidate("i40").rank_after, 0);
    for candidate in told
        .candidates
        .iter()
        .filter(|candidate| candidate.rank_after > 0)
    {
        assert!(candidate.score_after.is_some() && candidate.removed_by.is_empty());
    }

    let mut bad = request;
    bad.rules.as_mut().unwrap().boosts[0].when = "item.id =".into();
    let status = explain(bad, vec![]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("boosts.push.when"),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn a_page_may_say_once_who_asks() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::RecommendShelvesRequest {
        shelves: vec![
            asked(RecommendationKind::YouMayLike, 3),
            asked(RecommendationKind::Similar, 3),
        ],
        customer_id: Some("c1".into()),
        context: page(&["i3"]),
    };
    let mut service = shop.server.recommendation();
    let shelves = service
        .recommend_shelves(request)
        .await
        .unwrap()
        .into_inner()
        .shelves;
    let strategies: Vec<Strategy> = shelves
        .into_iter()
        .map(|shelf| match shelf.outcome {
            Some(pb::shelf::Outcome::Answer(answer)) => answer.strategy(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(strategies, [Strategy::Personal, Strategy::Session]);
}

#[tokio::test]
async fn filters_and_exclusions_hold_and_say_what_they_left_out() {
    let shop = open(RawServeConfig::default()).await;
    let everything = recommend(&shop, asked(RecommendationKind::Trending, 100)).await;
    // Sixty items were touched, and every tenth cannot be sold.
    assert_eq!(everything.items.len(), 54);
    assert!(ids(&everything).iter().all(|id| !id.ends_with('9')));
    assert_eq!(everything.underfilled(), Underfill::Filter);

    let with = |filter: pb::Filter| pb::RecommendRequest {
        filter: Some(filter),
        with_attributes: true,
        ..asked(RecommendationKind::Trending, 100)
    };
    let sold_out_too = recommend(
        &shop,
        with(pb::Filter {
            available_only: Some(false),
            ..pb::Filter::default()
        }),
    )
    .await;
    assert_eq!(sold_out_too.items.len(), 60);
    assert_eq!(sold_out_too.underfilled(), Underfill::Catalogue);

    let some = recommend(
        &shop,
        with(pb::Filter {
            category_prefixes: vec!["shop/cat-1".into()],
            min_price: Some(5.0),
            max_price: Some(40.0),
            ..pb::Filter::default()
        }),
    )
    .await;
    let prices: Vec<_> = some
        .items
        .iter()
        .map(|item| item.attributes.as_ref().unwrap().price.unwrap())
        .collect();
    // Items 5, 17, 21, 25, 33 and 37 cost their number; 13 has no price, 9 and 29 cannot be sold.
    assert_eq!(some.items.len(), 6);
    assert!(
        prices.iter().all(|price| (5.0..=40.0).contains(price)),
        "{prices:?}"
    );
    assert_eq!(some.underfilled(), Underfill::Filter);

    let without = pb::RecommendRequest {
        exclude_item_ids: everything
            .items
            .iter()
            .take(53)
            .map(|item| item.item_id.clone())
            .collect(),
        ..asked(RecommendationKind::Trending, 1)
    };
    assert_eq!(
        ids(&recommend(&shop, without).await),
        [everything.items[53].item_id.as_str()]
    );
}

#[tokio::test]
async fn an_item_stands_on_one_shelf_and_a_bad_shelf_takes_no_other_along() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::RecommendShelvesRequest {
        shelves: vec![
            asked(RecommendationKind::Trending, 5),
            asked(RecommendationKind::Trending, 0),
            asked(RecommendationKind::Unspecified, 5),
            asked(RecommendationKind::UpSell, 5),
            asked(RecommendationKind::Trending, 5),
            for_customer("nobody", 5),
        ],
        ..pb::RecommendShelvesRequest::default()
    };
    let shelves = shop
        .server
        .recommendation()
        .recommend_shelves(request)
        .await
        .unwrap()
        .into_inner()
        .shelves;
    let mut seen = HashSet::new();
    let mut problems = Vec::new();
    for shelf in shelves {
        match shelf.outcome.unwrap() {
            pb::shelf::Outcome::Answer(answer) => {
                assert_eq!(answer.model_version, shop.version);
                assert_eq!(answer.items.len(), 5);
                for item in answer.items {
                    assert!(seen.insert(item.item_id.clone()), "{} stands twice", item.item_id);
                }
                problems.push(None);
            }
            pb::shelf::Outcome::Problem(pb::Problem { code, message, field }) => {
                problems.push(Some((code, message, field)));
            }
        }
    }
    let field = |name: &str| Some(format!("shelves[{name}"));
    assert_eq!(
        problems,
        [
            None,
            Some((
                3,
                "shelves[1].count must be 1 to 500, got 0".into(),
                field("1].count")
            )),
            Some((
                3,
                "shelves[2].kind must be given, or a placement of the recipe or the configuration that names one".into(),
                field("2].kind")
            )),
            Some((
                3,
                "shelves[3].context.item_ids must name at least one item for kind up-sell".into(),
                field("3].context.item_ids")
            )),
            None,
            None,
        ]
    );
    let too_many = pb::RecommendShelvesRequest {
        shelves: vec![asked(RecommendationKind::Trending, 1); MAX_SHELVES + 1],
        ..pb::RecommendShelvesRequest::default()
    };
    let status = shop
        .server
        .recommendation()
        .recommend_shelves(too_many)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("shelves must have 1 to "),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn a_placement_must_be_one_of_the_configured() {
    let config: RawServeConfig = toml::from_str("[placements.home]\nkind = 'trending'").unwrap();
    let shop = open(config).await;
    let at = |placement: &str| pb::RecommendRequest {
        placement: Some(placement.into()),
        ..asked(RecommendationKind::Trending, 1)
    };
    assert_eq!(recommend(&shop, at("home")).await.items.len(), 1);
    let (code, message) = refused(&shop, at("cellar")).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(
        message.starts_with("placement ") && message.contains("home"),
        "{message}"
    );
}

#[tokio::test]
async fn somebody_elses_event_is_refused() {
    let shop = open(RawServeConfig::default()).await;
    let request = pb::RecommendRequest {
        context: Some(pb::Context {
            recent_events: vec![pb::Event {
                customer_id: Some("c2".into()),
                item_id: "i2".into(),
                kind: pb::EventKind::View.into(),
                ..pb::Event::default()
            }],
            ..pb::Context::default()
        }),
        ..for_customer("c1", 5)
    };
    let (code, message) = refused(&shop, request).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(
        message.starts_with("context.recent_events[0].customer_id "),
        "{message}"
    );
}
