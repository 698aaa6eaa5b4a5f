//! Models across the wire.

use serde_json::Value;

use super::{refuse, wire_instant};
use crate::bundle::{FileEntry, Manifest, Period, Shapes};
use crate::grpc::memo::AnswerStats;
use crate::grpc::pb;
use crate::id::check_name;
use crate::serve::{CacheStats, ModelInfo, ServeError};

/// The version that a request names; whether the registry has it is the engine's to say.
pub(in crate::grpc) fn version(name: String) -> Result<String, ServeError> {
    match check_name(&name) {
        Ok(_) => Ok(name),
        Err(error) => Err(refuse("version", error.to_string())),
    }
}

/// How the memory of answers has done.
pub(in crate::grpc) fn answer_counts(stats: AnswerStats) -> pb::CacheCounts {
    let AnswerStats {
        hits,
        stale,
        coalesced,
        made,
        warmed,
        entries,
        bytes,
    } = stats;
    pb::CacheCounts {
        hits,
        misses: made,
        coalesced,
        stale,
        entries,
        bytes,
        warmed,
    }
}

/// How the cache of rankings has done. A ranking is never stale: its key names the model.
pub(in crate::grpc) fn ranking_counts(stats: CacheStats) -> pb::CacheCounts {
    let CacheStats {
        hits,
        coalesced,
        made,
        entries,
        bytes,
    } = stats;
    pb::CacheCounts {
        hits,
        misses: made,
        coalesced,
        stale: 0,
        entries,
        bytes,
        warmed: 0,
    }
}

/// What a list says of a model.
pub(in crate::grpc) fn summary(info: &ModelInfo) -> pb::ModelSummary {
    let ModelInfo {
        version,
        manifest,
        load_error,
        is_current,
        is_serving,
    } = info;
    let known = manifest.as_ref().ok();
    pb::ModelSummary {
        version: version.clone(),
        created_at: known.map(|manifest| wire_instant(manifest.created_at)),
        data_through: known.map(|manifest| wire_instant(manifest.data_through)),
        serving: *is_serving,
        current: *is_current,
        shapes: known.map(|manifest| shapes(manifest.shapes)),
        // A manifest that cannot be read is why the model cannot be loaded, too.
        problem: load_error.as_ref().or(manifest.as_ref().err()).cloned(),
    }
}

/// Everything that is known of a model; of one whose manifest cannot be read, that is its summary.
pub(in crate::grpc) fn model(info: ModelInfo) -> pb::Model {
    let summary = summary(&info);
    let Ok(manifest) = info.manifest else {
        return pb::Model {
            summary: Some(summary),
            ..pb::Model::default()
        };
    };
    let Manifest {
        format_version,
        rapport_version,
        version: _,    // in the summary
        created_at: _, // in the summary
        seed,
        recipe,
        data_fingerprint,
        data_through: _, // in the summary
        period: covered,
        calendar_zone,
        shapes: _, // in the summary
        metrics: measured,
        churn_horizon_days,
        churn_refusal,
        files,
    } = manifest;
    pb::Model {
        summary: Some(summary),
        format_version,
        rapport_version,
        data_fingerprint,
        period: covered.map(period),
        calendar_zone,
        seed,
        recipe_json: recipe.to_string(),
        files: files.into_iter().map(file).collect(),
        metrics: metrics(&measured),
        churn_horizon_days,
        churn_refusal,
    }
}

pub(in crate::grpc) fn shapes(shapes: Shapes) -> pb::ModelShapes {
    let Shapes {
        customers,
        items,
        events,
        factors,
    } = shapes;
    pb::ModelShapes {
        customers: customers as u64,
        items: items as u64,
        events: events as u64,
        // A factor has a few hundred numbers.
        factors: u32::try_from(factors).unwrap_or(u32::MAX),
    }
}

fn period(period: Period) -> pb::Period {
    let Period { from, to } = period;
    pb::Period {
        from: Some(wire_instant(from)),
        to: Some(wire_instant(to)),
    }
}

fn file(file: FileEntry) -> pb::ModelFile {
    let FileEntry { name, bytes, sha256 } = file;
    pb::ModelFile { name, bytes, sha256 }
}

/// Every figure of a training's report, in its order: a number, or an object with a `value` and the ends of its
/// interval. Figures in lists carry their place: `churn.folds[0].logistic`.
fn metrics(report: &Value) -> Vec<pb::Metric> {
    let mut found = Vec::new();
    collect(report, "", "", &mut found);
    found
}

fn collect(value: &Value, model: &str, name: &str, found: &mut Vec<pb::Metric>) {
    let metric = |value: f64, low: Option<f64>, high: Option<f64>| pb::Metric {
        name: name.to_owned(),
        model: model.to_owned(),
        value,
        low,
        high,
    };
    let inner = match (model, name) {
        ("", name) => name.to_owned(),
        (model, name) => format!("{model}.{name}"),
    };
    match value {
        Value::Number(number) => found.extend(number.as_f64().map(|value| metric(value, None, None))),
        Value::Object(fields) => {
            if let Some(value) = fields.get("value").and_then(Value::as_f64) {
                let end = |key: &str| fields.get(key).and_then(Value::as_f64);
                found.push(metric(value, end("low"), end("high")));
            } else {
                for (key, value) in fields {
                    collect(value, &inner, key, found);
                }
            }
        }
        Value::Array(entries) => {
            for (at, value) in entries.iter().enumerate() {
                collect(value, model, &format!("{name}[{at}]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_figure_of_a_report_becomes_a_metric() {
        let report = json!({
            "fit_seconds": 1.5,
            "recommend": {"ials": {"ndcg": {"value": 0.2, "low": 0.1, "high": 0.3}, "note": "cold"}},
            "churn": {"folds": [{"auc": 0.75}]},
        });
        let found: Vec<_> = metrics(&report)
            .into_iter()
            .map(|metric| {
                let pb::Metric {
                    name,
                    model,
                    value,
                    low,
                    high,
                } = metric;
                (model, name, value, low.zip(high))
            })
            .collect();
        let expected = [
            ("", "fit_seconds", 1.5, None),
            ("recommend.ials", "ndcg", 0.2, Some((0.1, 0.3))),
            ("churn.folds[0]", "auc", 0.75, None),
        ];
        let expected =
            expected.map(|(model, name, value, ends)| (model.to_owned(), name.to_owned(), value, ends));
        assert_eq!(found, expected);
    }
}
