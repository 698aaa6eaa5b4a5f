//! Bundles on disk: they come back as they went, and what is not what was written is refused by name.

pub mod kept;
mod registry;

use std::fs;
use std::path::{Path, PathBuf};

use rapport::bundle::{BundleError, BundleParts, FORMAT_VERSION, Manifest, Registry};
use rapport::id::Row;
use rapport::recommend::Recommender;
use rapport::time::Timestamp;
use safetensors::SafeTensors;

use crate::support::shop;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn registry() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path().join("registry"));
    (folder, registry)
}

fn small(seed: u64) -> BundleParts {
    shop::parts(shop::SMALL, seed)
}

/// A registry with one bundle, its folder and its manifest.
fn published() -> (tempfile::TempDir, Registry, PathBuf, Manifest) {
    let (guard, registry) = registry();
    let manifest = registry.publish(&small(1), at("2026-11-21T10:15:00Z")).unwrap();
    let folder = registry.root().join(&manifest.version);
    (guard, registry, folder, manifest)
}

#[test]
fn a_bundle_comes_back_as_it_went() {
    let (_guard, registry) = registry();
    let went = small(1);
    let manifest = registry.publish(&went, at("2026-11-21T10:15:00Z")).unwrap();
    assert!(
        manifest.version.starts_with("20261121T101500Z-"),
        "{}",
        manifest.version
    );
    let bundle = registry.open(&manifest.version).unwrap();
    assert_eq!(bundle.manifest, manifest);
    let came = bundle.parts;
    assert_eq!(came.catalog, went.catalog);
    assert_eq!(came.weighting, went.weighting);
    assert_eq!(came.blend.weights(), went.blend.weights());
    assert_eq!(came.blend.links(), went.blend.links());
    assert_eq!(came.blend.low_pass(), went.blend.low_pass());
    assert_eq!(came.blend.ials().params(), went.blend.ials().params());
    assert_eq!(came.blend.ials().item_factors(), went.blend.ials().item_factors());
    assert_eq!(came.blend.popularity(), went.blend.popularity());
    assert_eq!(came.recommend.popularity, went.recommend.popularity);
    assert_eq!(came.recommend.trending, went.recommend.trending);
    assert_eq!(came.trending, went.trending);
    assert_eq!(came.churn, went.churn);
    assert_eq!(came.calendar.zone(), "Europe/London");
    assert_eq!((came.data_through, came.seed), (went.data_through, 1));
    assert_eq!(came.recipe, went.recipe);
    assert!(
        came.histories
            .customers()
            .names()
            .eq(went.histories.customers().names())
    );
    assert!(came.histories.items().names().eq(went.histories.items().names()));
    for customer in went.histories.customers().rows() {
        let (a, b) = (came.histories.of(customer), went.histories.of(customer));
        assert!(a.events().eq(b.events()), "customer row {}", customer.as_u32());
    }
    // The same scores to the last bit, for the same profile.
    let profile = went
        .weighting
        .profile(went.histories.of(Row::from_u32(5)), went.data_through);
    let score = |blend: &rapport::recommend::Blend| {
        let mut scores = vec![0.0; blend.n_items()];
        blend.score(&profile, &mut scores);
        scores
    };
    assert_eq!(score(&came.blend), score(&went.blend));
}

#[test]
fn what_a_bundle_takes_is_told_by_what_it_grows_with() {
    let (_guard, registry, _folder, manifest) = published();
    let sizes = registry.sizes(&manifest.version).unwrap();
    let shapes = manifest.shapes;
    // Item, time, kind, quantity, price, order and session.
    assert_eq!(sizes.events, shapes.events as u64 * (4 + 8 + 1 + 4 + 4 + 4 + 4));
    let names: usize = small(1).histories.customers().names().map(str::len).sum();
    assert_eq!(sizes.customers, (names + 2 * 8 * (shapes.customers + 1)) as u64);
    let files: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    assert_eq!(sizes.total(), files);
    let unknown = registry.sizes("20200101T000000Z-00000000");
    assert!(matches!(unknown, Err(BundleError::UnknownVersion { .. })));
}

#[test]
fn any_safetensors_reader_finds_the_factors() {
    let (_guard, _registry, folder, manifest) = published();
    let content = fs::read(folder.join("models.safetensors")).unwrap();
    let arrays = SafeTensors::deserialize(&content).unwrap();
    let factors = arrays.tensor("ials.item_factors").unwrap();
    assert_eq!(factors.dtype(), safetensors::Dtype::F32);
    assert_eq!(factors.shape(), [manifest.shapes.items, manifest.shapes.factors]);
    let first = f32::from_le_bytes(factors.data()[..4].try_into().unwrap());
    assert_eq!(
        first.to_bits(),
        small(1).blend.ials().item_factors()[(0, 0)].to_bits()
    );
}

#[test]
fn truncated_changed_and_missing_files_are_refused_by_name() {
    for name in [
        "histories.safetensors",
        "catalog.safetensors",
        "models.safetensors",
        "params.json",
    ] {
        let (_guard, registry, folder, manifest) = published();
        let file = folder.join(name);
        let whole = fs::read(&file).unwrap();
        let open = || registry.open(&manifest.version).unwrap_err();

        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        assert!(
            matches!(open(), BundleError::WrongSize { file: f, .. } if f == file),
            "{name} truncated"
        );

        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&file, &changed).unwrap();
        assert!(
            matches!(open(), BundleError::WrongChecksum { file: f, .. } if f == file),
            "{name} changed"
        );

        fs::remove_file(&file).unwrap();
        assert!(
            matches!(open(), BundleError::Missing { file: f } if f == file),
            "{name} missing"
        );
    }
}

/// Changes the manifest as JSON and returns how opening the bundle fails.
fn with_manifest(change: impl FnOnce(&mut serde_json::Value)) -> BundleError {
    let (_guard, registry, folder, manifest) = published();
    let file = folder.join("manifest.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut json);
    fs::write(&file, serde_json::to_vec(&json).unwrap()).unwrap();
    registry.open(&manifest.version).unwrap_err()
}

#[test]
fn a_newer_format_is_named_as_such() {
    let error = with_manifest(|json| {
        json["format_version"] = (FORMAT_VERSION + 1).into();
        json["a_key_of_the_future"] = true.into();
    });
    assert!(
        matches!(error, BundleError::NewerFormat { found, newest, .. } if found == newest + 1),
        "{error}"
    );
    assert!(error.to_string().contains("update Rapport"), "{error}");
}

#[test]
fn a_manifest_that_contradicts_its_files_is_refused() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(Change, &str); 7] = [
        (|json| json["shapes"]["items"] = 3.into(), "\"shapes\""),
        (
            |json| json["version"] = "20200101T000000Z-00000000".into(),
            "is not the folder's name",
        ),
        (
            |json| drop(json["files"].as_array_mut().unwrap().pop()),
            "does not list",
        ),
        (
            |json| json["files"][0]["name"] = "../../secret".into(),
            "is not the name of a file in this folder",
        ),
        (|json| json["calendar_zone"] = "Mars/Base".into(), "Mars/Base"),
        (
            |json| json["churn_refusal"] = "too few".into(),
            "\"churn_refusal\" is given beside churn.json",
        ),
        (|json| json["surprise"] = 1.into(), "surprise"),
    ];
    for (change, expected) in cases {
        let error = with_manifest(change);
        assert!(matches!(error, BundleError::Invalid { .. }), "{error:?}");
        assert!(
            error.to_string().contains(expected),
            "{error} should contain {expected}"
        );
    }
    let error = with_manifest(|json| *json = serde_json::json!({}));
    assert!(error.to_string().contains("format_version"), "{error}");
}

/// Rewrites one file with right checksums, as somebody would who makes bundles with other tools.
fn forge(folder: &Path, name: &str, content: &[u8]) {
    use sha2::Digest;
    let hex: String = sha2::Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::write(folder.join(name), content).unwrap();
    let file = folder.join("manifest.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for entry in json["files"].as_array_mut().unwrap() {
        if entry["name"] == name {
            entry["bytes"] = content.len().into();
            entry["sha256"] = hex.clone().into();
        }
    }
    fs::write(&file, serde_json::to_vec(&json).unwrap()).unwrap();
}

/// Changes the bytes of one array of a file and returns how opening the bundle fails.
fn with_array(file: &str, array: &str, change: impl FnOnce(&mut [u8])) -> String {
    let (_guard, registry, folder, manifest) = published();
    let mut content = fs::read(folder.join(file)).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&content).unwrap();
    let (from, to) = metadata.info(array).unwrap().data_offsets;
    let data = 8 + header;
    change(&mut content[data + from..data + to]);
    forge(&folder, file, &content);
    let error = registry.open(&manifest.version).unwrap_err();
    assert!(
        matches!(&error, BundleError::Invalid { file: f, .. } if f.ends_with(file)),
        "{error:?}"
    );
    error.to_string()
}

#[test]
fn values_are_checked_even_where_checksums_hold() {
    let error = with_array("histories.safetensors", "kind", |bytes| bytes[3] = 9);
    assert!(error.contains("\"kind\": entry 3 is code 9"), "{error}");
    let error = with_array("histories.safetensors", "item", |bytes| {
        bytes[..4].copy_from_slice(&64u32.to_le_bytes())
    });
    assert!(
        error.contains("\"item\": entry 0 is row 64 of 64 items"),
        "{error}"
    );
    let error = with_array("histories.safetensors", "offsets", |bytes| {
        bytes[8..16].copy_from_slice(&999u64.to_le_bytes())
    });
    assert!(error.contains("\"offsets\": descends after entry 1"), "{error}");
    let error = with_array("histories.safetensors", "time", |bytes| {
        bytes[..8].copy_from_slice(&at("2100-01-01").as_micros().to_le_bytes());
    });
    assert!(
        error.contains("\"time\": descends within customer row 0"),
        "{error}"
    );
    let error = with_array("histories.safetensors", "item_id.offsets", |bytes| bytes[8] = 200);
    assert!(error.contains("\"item_id\""), "{error}");
    let error = with_array("catalog.safetensors", "price", |bytes| {
        bytes[..8].copy_from_slice(&(-1f64).to_le_bytes())
    });
    assert!(error.contains("\"price\" entry 0 is -1"), "{error}");
    let error = with_array("catalog.safetensors", "available", |bytes| bytes[1] = 2);
    assert!(error.contains("\"available\" entry 1 is 2"), "{error}");
    let error = with_array("models.safetensors", "ials.item_factors", |bytes| {
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(error.contains("NaN"), "{error}");
    let error = with_array("shelves.safetensors", "trending.scores", |bytes| {
        bytes[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    });
    assert!(error.contains("trending.scores"), "{error}");
    let error = with_array("shelves.safetensors", "similar.likeness.offsets", |bytes| {
        bytes[8..16].copy_from_slice(&999u64.to_le_bytes())
    });
    assert!(error.contains("similar.likeness is no sparse matrix"), "{error}");
    let error = with_array("shelves.safetensors", "buy_again.numbers", |bytes| {
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(error.contains("numbers"), "{error}");
}

#[test]
fn factors_of_another_catalogue_are_refused() {
    let (_guard, registry, folder, manifest) = published();
    let other = shop::Size {
        items: 40,
        ..shop::SMALL
    };
    let from = registry
        .publish(&shop::parts(other, 2), at("2026-11-22"))
        .unwrap();
    let content = fs::read(registry.root().join(&from.version).join("models.safetensors")).unwrap();
    forge(&folder, "models.safetensors", &content);
    let error = registry.open(&manifest.version).unwrap_err().to_string();
    assert!(
        error.contains("\"ials.item_factors\" has 44 rows instead of 64"),
        "{error}"
    );
    forge(&folder, "models.safetensors", b"not arrays");
    let error = registry.open(&manifest.version).unwrap_err().to_string();
    assert!(error.contains("no safetensors file"), "{error}");
}

#[test]
fn parameters_are_checked_again() {
    let (_guard, registry, folder, manifest) = published();
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("params.json")).unwrap()).unwrap();
    json["weights"]["saturation"] = 7.into();
    forge(&folder, "params.json", &serde_json::to_vec(&json).unwrap());
    let error = registry.open(&manifest.version).unwrap_err().to_string();
    assert!(
        error.contains("params.json") && error.contains("saturation = 7"),
        "{error}"
    );
}

#[test]
fn a_churn_model_that_is_none_is_refused() {
    let (_guard, registry, folder, manifest) = published();
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("churn.json")).unwrap()).unwrap();
    json["feature_schema_hash"] = "of other features".into();
    forge(&folder, "churn.json", &serde_json::to_vec(&json).unwrap());
    let error = registry.open(&manifest.version).unwrap_err().to_string();
    assert!(
        error.contains("churn.json") && error.contains("feature_schema_hash"),
        "{error}"
    );
}

#[test]
fn a_refused_churn_model_leaves_its_reason() {
    let (_guard, registry) = registry();
    let mut parts = small(1);
    parts.churn = Err("too few customers".to_owned());
    let manifest = registry.publish(&parts, at("2026-11-21")).unwrap();
    assert_eq!(
        (manifest.churn_horizon_days, manifest.churn_refusal.as_deref()),
        (None, Some("too few customers"))
    );
    assert!(
        !registry
            .root()
            .join(&manifest.version)
            .join("churn.json")
            .exists()
    );
    let bundle = registry.open(&manifest.version).unwrap();
    assert_eq!(bundle.parts.churn, Err("too few customers".to_owned()));
}
