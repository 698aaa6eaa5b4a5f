//! Next clicks of the public Serenade example, beside VMIS-kNN with Serenade's own settings.
//!
//! Source: bolcom/serenade, whose evaluator gives MRR@20 0.3396 and hit rate@20 0.6584 on these files.

use std::path::Path;

use rapport::evaluate::sessions::{Clicked, EvaluateOptions, SessionsReport, TestClicks, evaluate_sessions};
use rapport::log::{ClickedSession, read_clicks, sessions_of_clicks};
use rapport::measure::bootstrap::Bootstrap;
use rapport::recipe::Recipe;
use rapport::recommend::sessions::RawKnnParams;

use crate::support::data::published;

fn read(file: &str) -> Option<Vec<ClickedSession>> {
    Some(sessions_of_clicks(read_clicks(&published(file)?).unwrap()))
}

fn serenade() -> Option<SessionsReport> {
    let train: Vec<Clicked> = read("serenade-example/train.parquet")?
        .into_iter()
        .map(|session| Clicked {
            items: session.items,
            end: session.end,
        })
        .collect();
    let test: Vec<TestClicks> = read("serenade-example/test.parquet")?
        .into_iter()
        .map(|session| TestClicks {
            items: session.items,
            first: 1,
        })
        .collect();
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/benchmarks/serenade.toml");
    let options = EvaluateOptions {
        k: 20,
        models: &[],
        vmis: RawKnnParams::serenade(),
        bootstrap: Bootstrap {
            resamples: 100,
            ..Bootstrap::default()
        },
    };
    let params = Recipe::read(Some(&recipe)).unwrap().recommend.sessions;
    Some(evaluate_sessions(&train, &test, &params, &options).unwrap())
}

#[test]
fn next_clicks_of_the_serenade_example() {
    let Some(report) = serenade() else { return };
    for (name, model) in &report.models {
        eprintln!(
            "{name}: MRR@20 {:.4}, hit rate@20 {:.4}",
            model.mrr, model.hit_rate
        );
    }
    let (blend, vmis) = (&report.models["session-blend"], &report.models["vmis-knn"]);
    assert!((vmis.mrr - 0.3396).abs() <= 0.005, "{vmis:?}");
    assert!((vmis.hit_rate - 0.6584).abs() <= 0.005, "{vmis:?}");
    assert!(blend.mrr >= 0.3405 && blend.mrr > vmis.mrr, "{blend:?}");
    assert!(
        blend.hit_rate >= 0.666 && blend.hit_rate > vmis.hit_rate,
        "{blend:?}"
    );
    for simple in ["sequential-rules", "item-co-occurrence", "popularity"] {
        assert!(blend.mrr > report.models[simple].mrr, "{simple}");
    }
}
