use super::question::kind;
use super::*;
use crate::grpc::pb;
use crate::log::EventKind;
use crate::rules::Kind;
use crate::serve::{Context, MAX_SHELVES, RecommendRequest};

fn asked() -> pb::RecommendRequest {
    pb::RecommendRequest {
        customer_id: Some("anna".into()),
        kind: pb::RecommendationKind::YouMayLike.into(),
        count: 3,
        ..pb::RecommendRequest::default()
    }
}

/// The first refusal, by the conversion or by the domain's check.
fn refused(message: pb::RecommendRequest) -> String {
    let checked = request(message).and_then(|question| question.check());
    checked.unwrap_err().to_string()
}

fn within(context: pb::Context) -> pb::RecommendRequest {
    pb::RecommendRequest {
        context: Some(context),
        ..asked()
    }
}

#[test]
fn what_is_not_given_has_its_default() {
    let question = request(asked()).unwrap();
    assert_eq!(
        question,
        RecommendRequest {
            context: Context {
                customer_id: Some("anna".into()),
                ..Context::default()
            },
            ..RecommendRequest::new(Kind::YouMayLike, 3)
        }
    );
    assert!(question.filter.available_only);
    let event = pb::Event {
        item_id: "a".into(),
        kind: pb::EventKind::Cart.into(),
        ..pb::Event::default()
    };
    let question = request(within(pb::Context {
        recent_events: vec![event],
        ..pb::Context::default()
    }))
    .unwrap();
    let event = &question.context.recent_events[0];
    assert_eq!((event.kind, event.occurred_at), (EventKind::Cart, None));
    assert!((event.quantity - 1.0).abs() < f32::EPSILON);
}

#[test]
fn a_kind_comes_back_from_the_wire() {
    for one in Kind::ALL {
        assert_eq!(kind(wire_kind(one)), Some(one));
    }
}

#[test]
fn every_refusal_names_the_path_of_its_field() {
    let line = |quantity, unit_price| pb::CartLine {
        item_id: "a".into(),
        quantity,
        unit_price,
    };
    let event = |change: fn(&mut pb::Event)| {
        let mut event = pb::Event {
            item_id: "a".into(),
            kind: pb::EventKind::View.into(),
            ..pb::Event::default()
        };
        change(&mut event);
        within(pb::Context {
            recent_events: vec![event],
            ..pb::Context::default()
        })
    };
    let cart = |cart| {
        within(pb::Context {
            cart,
            ..pb::Context::default()
        })
    };
    let filter = |filter| pb::RecommendRequest {
        filter: Some(filter),
        ..asked()
    };
    let cases = [
        (
            "customer_id",
            pb::RecommendRequest {
                customer_id: Some(String::new()),
                ..asked()
            },
        ),
        ("kind", pb::RecommendRequest { kind: 99, ..asked() }),
        ("count", pb::RecommendRequest { count: 0, ..asked() }),
        (
            "count",
            pb::RecommendRequest {
                count: 501,
                ..asked()
            },
        ),
        (
            "placement",
            pb::RecommendRequest {
                placement: Some(" ".into()),
                ..asked()
            },
        ),
        (
            "model_version",
            pb::RecommendRequest {
                model_version: Some("x".repeat(257)),
                ..asked()
            },
        ),
        (
            "exclude_item_ids[1]",
            pb::RecommendRequest {
                exclude_item_ids: vec!["a".into(), "\t".into()],
                ..asked()
            },
        ),
        (
            "exclude_item_ids",
            pb::RecommendRequest {
                exclude_item_ids: vec!["a".into(); 10_001],
                ..asked()
            },
        ),
        (
            "as_of",
            pb::RecommendRequest {
                as_of: Some(prost_types::Timestamp {
                    seconds: i64::MIN,
                    nanos: 0,
                }),
                ..asked()
            },
        ),
        (
            "context.item_ids[0]",
            within(pb::Context {
                item_ids: vec![String::new()],
                ..pb::Context::default()
            }),
        ),
        (
            "context.item_ids",
            within(pb::Context {
                item_ids: vec!["a".into(); 1_001],
                ..pb::Context::default()
            }),
        ),
        ("context.cart", cart(vec![line(None, None); 1_001])),
        (
            "context.cart[1].quantity",
            cart(vec![line(None, None), line(Some(0.0), None)]),
        ),
        (
            "context.cart[2].unit_price",
            cart(vec![
                line(None, None),
                line(None, None),
                line(None, Some(f64::NAN)),
            ]),
        ),
        ("context.recent_events[0].kind", event(|event| event.kind = 7)),
        (
            "context.recent_events[0].item_id",
            event(|event| event.item_id.clear()),
        ),
        (
            "context.recent_events[0].customer_id",
            event(|event| event.customer_id = Some("eve".into())),
        ),
        (
            "context.recent_events[0].quantity",
            event(|event| event.quantity = Some(1e300)),
        ),
        (
            "context.recent_events[0].unit_price",
            event(|event| event.unit_price = Some(-1.0)),
        ),
        (
            "context.recent_events[0].order_id",
            event(|event| event.order_id = Some(String::new())),
        ),
        (
            "context.recent_events[0].occurred_at",
            event(|event| {
                event.occurred_at = Some(prost_types::Timestamp {
                    seconds: 0,
                    nanos: -1,
                })
            }),
        ),
        (
            "filter.min_price",
            filter(pb::Filter {
                min_price: Some(f64::NAN),
                ..pb::Filter::default()
            }),
        ),
        (
            "filter.max_price",
            filter(pb::Filter {
                min_price: Some(2.0),
                max_price: Some(1.0),
                ..pb::Filter::default()
            }),
        ),
        (
            "filter.category_prefixes[0]",
            filter(pb::Filter {
                category_prefixes: vec![String::new()],
                ..pb::Filter::default()
            }),
        ),
    ];
    for (field, message) in cases {
        let refusal = refused(message);
        assert!(refusal.starts_with(&format!("{field} ")), "{field}: {refusal}");
    }
}

#[test]
fn a_page_has_shelves_and_not_too_many() {
    let page = |n| pb::RecommendShelvesRequest {
        shelves: vec![asked(); n],
        ..pb::RecommendShelvesRequest::default()
    };
    for n in [0, MAX_SHELVES + 1] {
        let refusal = shelf_requests(page(n)).unwrap_err().to_string();
        assert!(refusal.starts_with("shelves must have 1 to "), "{refusal}");
    }
    assert_eq!(shelf_requests(page(MAX_SHELVES)).unwrap().len(), MAX_SHELVES);
}
