//! The bundles that are kept for their formats.

use super::*;
use rapport::catalog::Categories;
use rapport::churn::Shop;
use rapport::churn::plan::{PlanParams, RawPlanParams};
use rapport::churn::segment::SEGMENTS;
use rapport::serve::{AtRiskFilter, Engine, ServeConfig, ServeError};

/// The registry with the bundle that was kept when a format was made.
fn kept(format: u32) -> Registry {
    Registry::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/bundle_v{format}")))
}

/// Whatever this program becomes, it opens what an earlier one wrote.
///
/// A new format gets a bundle of its own beside this one: `RAPPORT_KEEP_BUNDLE=1 cargo test --test it kept` writes one
/// into a folder that holds none yet.
#[test]
fn the_kept_bundle_of_every_format_opens() {
    for format in 1..=FORMAT_VERSION {
        opens(format);
    }
}

fn opens(format: u32) {
    let newest = format == FORMAT_VERSION;
    if newest && std::env::var_os("RAPPORT_KEEP_BUNDLE").is_some() && kept(format).list().unwrap().is_empty()
    {
        kept(format)
            .publish(&shop::parts(shop::TINY, 1), at("2026-11-21T10:15:00Z"))
            .unwrap();
    }
    let listed = kept(format).list().unwrap();
    let [bundle] = listed.as_slice() else {
        panic!("one kept bundle of format {format}, found {listed:?}")
    };
    let bundle = kept(format).open(&bundle.version).unwrap();
    let (manifest, parts) = (bundle.manifest, bundle.parts);
    assert_eq!(manifest.format_version, format);
    // Format 1 had no blend: its factors answer alone.
    assert_eq!(
        parts.blend.links().is_some() || parts.blend.low_pass().is_some(),
        format > 1
    );
    assert_eq!(manifest.created_at, at("2026-11-21T10:15:00Z"));
    let shapes = manifest.shapes;
    assert_eq!(
        (shapes.customers, shapes.items, shapes.events, shapes.factors),
        (60, 13, 600, 4)
    );
    assert_eq!(manifest.churn_horizon_days, Some(60));
    assert_eq!(parts.calendar.zone(), "Europe/London");
    assert_eq!(
        parts
            .catalog
            .item(parts.histories.items().find("i5").unwrap())
            .title
            .as_deref(),
        Some("Item 5")
    );
    let customer = parts
        .histories
        .of(parts.histories.customers().find("c7").unwrap());
    assert_eq!(customer.len(), 10);
    // The other shelves came with format 4.
    assert_eq!(parts.shelves.is_some(), format > 3);
    assert_eq!(parts.trending.is_some(), format <= 3);
    // Segments and values came with format 3.
    assert_eq!(parts.profiler.is_some(), format > 2);
    let profile = parts.weighting.profile(customer, parts.data_through);
    let mut scores = vec![0.0; parts.blend.n_items()];
    parts.blend.score(&profile, &mut scores);
    let best = rapport::numeric::top_k(&scores, 1, |_| true)[0].0;
    let best = parts.histories.items().name(Row::from_u32(best));
    assert_eq!(
        best[1..].parse::<usize>().unwrap() % shop::TASTES,
        7 % shop::TASTES,
        "{best} is of another taste"
    );
    let categories = Categories::of(&parts.catalog);
    let shop = Shop {
        calendar: &parts.calendar,
        categories: &categories,
    };
    let score = parts
        .churn
        .unwrap()
        .score(customer, parts.data_through, shop)
        .unwrap();
    assert!(score.probability > 0.0 && score.probability < 1.0 && !score.reasons.is_empty());
}

/// An engine that serves a copy of the kept bundle: serving writes down which one is current.
pub fn serving(format: u32) -> (tempfile::TempDir, Engine) {
    let listed = kept(format).list().unwrap();
    let version = &listed[0].version;
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (kept(format).root().join(version), folder.path().join(version));
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    let registry = Registry::new(folder.path());
    registry.activate(version).unwrap();
    let engine = Engine::new(ServeConfig::default(), registry);
    engine.refresh().unwrap();
    (folder, engine)
}

#[test]
fn the_kept_bundle_of_every_format_answers_churn() {
    for format in 1..=FORMAT_VERSION {
        let (_folder, engine) = serving(format);
        let answer = engine.churn("c7", None).unwrap();
        assert!(answer.score.probability > 0.0 && answer.score.probability < 1.0);
        assert_eq!(answer.profile.is_some(), format > 2, "format {format}");
        assert_eq!(answer.score.percentile.is_some(), format > 2, "format {format}");
        let everybody = engine.at_risk(&AtRiskFilter::default()).unwrap().count();
        assert!(everybody > 50, "{everybody}");
        let of_any_segment = AtRiskFilter {
            segments: SEGMENTS.iter().map(|rule| rule.segment).collect(),
            ..AtRiskFilter::default()
        };
        let found = engine.at_risk(&of_any_segment).unwrap().count();
        assert_eq!(found, if format > 2 { everybody } else { 0 }, "format {format}");
        let params = PlanParams::try_from(RawPlanParams::new(100.0, 5.0, 0.5)).unwrap();
        match engine.plan(&params, None) {
            Ok(answer) => assert!(format > 2 && answer.plan.candidates == everybody),
            Err(error) => assert!(
                format <= 2 && matches!(error, ServeError::NoValueModel { .. }),
                "format {format}: {error}"
            ),
        }
    }
}
