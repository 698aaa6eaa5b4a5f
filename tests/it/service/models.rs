//! Models: listed, shown, switched, refused.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rapport::bundle::FORMAT_VERSION;
use rapport::grpc::pb::{self, RecommendationKind};
use rapport::serve::{Engine, RawServeConfig, ServeConfig};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::server::{Running, Shop, open, quick, start};
use crate::support::shop;

fn asked() -> pb::RecommendRequest {
    pb::RecommendRequest {
        customer_id: Some("c4".into()),
        kind: RecommendationKind::YouMayLike.into(),
        count: 3,
        ..pb::RecommendRequest::default()
    }
}

async fn answering(shop: &Shop) -> String {
    let answer = shop.server.recommendation().recommend(asked()).await.unwrap();
    answer.into_inner().model_version
}

async fn activate(shop: &Shop, version: &str) -> Result<pb::ActivateModelResponse, tonic::Status> {
    let request = pb::ActivateModelRequest {
        version: version.into(),
    };
    Ok(shop.server.models().activate_model(request).await?.into_inner())
}

#[tokio::test]
async fn a_model_is_listed_and_shown_whole() {
    let shop = open(RawServeConfig::default()).await;
    let other = shop::publish(&shop.registry, 1);
    let list = shop
        .server
        .models()
        .list_models(pb::ListModelsRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.serving_version, Some(shop.version.clone()));
    let flags: Vec<_> = list
        .models
        .iter()
        .map(|model| (model.version.as_str(), model.serving, model.current))
        .collect();
    assert_eq!(
        flags,
        [
            (other.as_str(), false, false),
            (shop.version.as_str(), true, true)
        ]
    );

    let request = pb::GetModelRequest { version: None };
    let model = shop
        .server
        .models()
        .get_model(request)
        .await
        .unwrap()
        .into_inner()
        .model
        .unwrap();
    let summary = model.summary.unwrap();
    assert_eq!(summary, list.models[1]);
    let shapes = summary.shapes.unwrap();
    assert_eq!((shapes.customers, shapes.items, shapes.factors), (240, 64, 8));
    assert_eq!(model.data_fingerprint, "seed-1");
    assert_eq!(model.churn_horizon_days, Some(60));
    assert_eq!(model.churn_refusal, None);
    assert!(model.period.is_some() && model.recipe_json.contains("a small shop"));
    assert!(
        model
            .files
            .iter()
            .all(|file| file.sha256.len() == 64 && file.bytes > 0)
    );
    let metric = pb::Metric {
        name: "ndcg".into(),
        model: "recommend.ials".into(),
        value: 0.5,
        low: Some(0.4),
        high: Some(0.6),
    };
    assert_eq!(model.metrics, [metric]);

    let request = pb::GetModelRequest {
        version: Some("20200101T000000Z-00000000".into()),
    };
    let status = shop.server.models().get_model(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
}

#[tokio::test]
async fn a_model_is_activated_and_rolled_back() {
    let shop = open(RawServeConfig::default()).await;
    let other = shop::publish(&shop.registry, 1);
    let activated = activate(&shop, &other).await.unwrap();
    assert_eq!(activated.model_version, other);
    assert!(activated.model.unwrap().serving);
    assert_eq!(answering(&shop).await, other);
    assert_eq!(shop.registry.current().unwrap(), Some(other));
    let back = shop
        .server
        .models()
        .rollback(pb::RollbackRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(back.model_version, shop.version);
    assert_eq!(answering(&shop).await, shop.version);
    let status = shop
        .server
        .models()
        .rollback(pb::RollbackRequest {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_request_may_name_another_model() {
    let shop = open(RawServeConfig::default()).await;
    let other = shop::publish(&shop.registry, 1);
    let request = pb::RecommendRequest {
        model_version: Some(other.clone()),
        ..asked()
    };
    let answer = shop
        .server
        .recommendation()
        .recommend(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.model_version, other);
    assert_eq!(answering(&shop).await, shop.version);
    let request = pb::RecommendRequest {
        model_version: Some("20200101T000000Z-00000000".into()),
        ..asked()
    };
    let status = shop.server.recommendation().recommend(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
}

#[tokio::test]
async fn a_damaged_model_is_refused_and_the_one_that_serves_goes_on() {
    let shop = open(RawServeConfig::default()).await;
    let damaged = shop::publish(&shop.registry, 1);
    let file = shop.registry.root().join(&damaged).join("models.safetensors");
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    let status = activate(&shop, &damaged).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status.message().contains("models.safetensors"),
        "{}",
        status.message()
    );
    assert_eq!(answering(&shop).await, shop.version);
    for (version, code) in [("", Code::InvalidArgument), ("../elsewhere", Code::NotFound)] {
        let status = activate(&shop, version).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
        assert!(status.message().contains("version"), "{}", status.message());
    }
}

/// What the list says is wrong with a model, asked until it says so.
async fn problem(server: &Running, version: &str) -> String {
    for _ in 0..100_000 {
        let list = server
            .models()
            .list_models(pb::ListModelsRequest {})
            .await
            .unwrap();
        let model = list
            .into_inner()
            .models
            .into_iter()
            .find(|model| model.version == version);
        if let Some(problem) = model.and_then(|model| model.problem) {
            return problem;
        }
    }
    panic!("{version} has no problem");
}

/// A registry is changed past all checks while a server answers from it.
#[tokio::test]
async fn a_current_model_that_cannot_be_loaded_is_named_with_its_reason_and_the_old_one_serves_on() {
    let shop = open(RawServeConfig::default()).await;
    type Damage = fn(&Path);
    let truncate: Damage = |folder| {
        let file = folder.join("models.safetensors");
        let content = fs::read(&file).unwrap();
        fs::write(&file, &content[..content.len() / 2]).unwrap();
    };
    let tamper: Damage = |folder| {
        let file = folder.join("catalog.safetensors");
        let mut content = fs::read(&file).unwrap();
        *content.last_mut().unwrap() ^= 1;
        fs::write(&file, content).unwrap();
    };
    let remove: Damage = |folder| fs::remove_file(folder.join("histories.safetensors")).unwrap();
    let renew: Damage = |folder| {
        let file = folder.join("manifest.json");
        let text = fs::read_to_string(&file).unwrap();
        let now = format!("\"format_version\": {FORMAT_VERSION}");
        let newer = text.replacen(&now, "\"format_version\": 99", 1);
        assert_ne!(text, newer);
        fs::write(&file, newer).unwrap();
    };
    let cases = [
        (truncate, "models.safetensors", "truncated"),
        (tamper, "catalog.safetensors", "SHA-256"),
        (remove, "histories.safetensors", "missing"),
        (renew, "manifest.json", "format 99"),
    ];
    let current = shop.registry.root().join("current");
    for (n, (damage, file, reason)) in cases.into_iter().enumerate() {
        let version = shop::publish(&shop.registry, n + 1);
        damage(&shop.registry.root().join(&version));
        let status = activate(&shop, &version).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        let by_hand = format!("{version}\n");
        fs::write(&current, by_hand).unwrap();
        for told in [status.message(), &problem(&shop.server, &version).await] {
            assert!(told.contains(file) && told.contains(reason), "{file}: {told}");
        }
        assert_eq!(answering(&shop).await, shop.version);
    }
    // Not even its own files are needed once a model serves.
    truncate(&shop.registry.root().join(&shop.version));
    assert_eq!(answering(&shop).await, shop.version);

    // A server that starts on what the other one could not load is alive, says why, and does not claim to serve.
    let version = fs::read_to_string(&current).unwrap().trim().to_owned();
    let engine = Engine::new(ServeConfig::default(), shop.registry.clone());
    let late = start(Arc::new(engine), quick()).await;
    assert!(problem(&late, &version).await.contains("format 99"));
    assert_eq!(late.health("").await, ServingStatus::NotServing);
    let status = late.recommendation().recommend(asked()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

/// Four callers ask without pause while the model is swapped ten times, by a call and by the registry in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_swaps_fail_no_request() {
    let shop = open(RawServeConfig::default()).await;
    let versions: Vec<String> = (1..=10).map(|n| shop::publish(&shop.registry, n)).collect();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|n| {
            let mut client = shop.server.recommendation();
            let mut churn = shop.server.churn();
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut seen = HashSet::new();
                let mut calls = n;
                while !stop.load(Ordering::Relaxed) {
                    calls += 1;
                    // Different counts and customers, so that cached and new rankings are both asked for.
                    let request = pb::RecommendRequest {
                        customer_id: Some(shop::buyer(calls as usize)),
                        count: 1 + calls % 20,
                        ..asked()
                    };
                    let answer = client.recommend(request).await?.into_inner();
                    seen.insert(answer.model_version);
                    let request = pb::ScoreCustomerRequest {
                        customer_id: shop::buyer(calls as usize),
                        ..Default::default()
                    };
                    churn.score_customer(request).await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, tonic::Status>(seen)
            })
        })
        .collect();
    for (n, version) in versions.iter().enumerate() {
        if n % 2 == 0 {
            activate(&shop, version).await.unwrap();
        } else {
            shop.registry.activate(version).unwrap();
        }
        // Every swap happens under calls, and callers meet every model: at most one call of each was on its way when the
        // model came to answer.
        let mut asked_again = 0;
        let mut since = None;
        loop {
            let answers = answered.load(Ordering::Relaxed);
            match since {
                None if answering(&shop).await == *version => since = Some(answers),
                Some(since) if answers >= since + 20 => break,
                _ => tokio::task::yield_now().await,
            }
            asked_again += 1;
            assert!(asked_again < 10_000_000, "{version} does not answer");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut seen = HashSet::new();
    for caller in callers {
        seen.extend(caller.await.unwrap().unwrap());
    }
    assert!(versions.iter().all(|version| seen.contains(version)), "{seen:?}");
}
