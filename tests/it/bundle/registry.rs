//! The registry: versions come and go whole.

use super::*;

#[test]
fn the_same_content_at_the_same_time_is_the_same_version() {
    let (_guard, registry) = registry();
    let created_at = at("2026-11-21T10:15:00Z");
    let first = registry.publish(&small(1), created_at).unwrap();
    assert_eq!(registry.publish(&small(1), created_at).unwrap(), first);
    assert_ne!(
        registry.publish(&small(2), created_at).unwrap().version,
        first.version
    );
    assert_eq!(registry.list().unwrap().len(), 2);
}

#[test]
fn the_list_is_newest_first_also_within_a_second() {
    let (_guard, registry) = registry();
    let made: Vec<String> = (0..8)
        .map(|n| {
            let created_at = at(&format!("2026-11-21T10:15:00.{n}Z"));
            registry.publish(&small(1), created_at).unwrap().version
        })
        .collect();
    let listed = registry.list().unwrap();
    let listed: Vec<&String> = listed.iter().map(|bundle| &bundle.version).collect();
    assert_eq!(listed, made.iter().rev().collect::<Vec<_>>());
}

#[test]
fn many_publishers_at_once_leave_whole_bundles_and_nothing_else() {
    let (_guard, registry) = registry();
    let versions: Vec<String> = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..8u64)
            .map(|n| {
                let registry = &registry;
                // Pairs of publishers write the same bundle.
                scope.spawn(move || {
                    let version = registry.publish(&small(n / 2), at("2026-11-21")).unwrap().version;
                    registry.activate(&version).unwrap();
                    version
                })
            })
            .collect();
        publishers
            .into_iter()
            .map(|publisher| publisher.join().unwrap())
            .collect()
    });
    let listed = registry.list().unwrap();
    assert_eq!(listed.len(), 4);
    for bundle in &listed {
        registry.open(&bundle.version).unwrap();
    }
    assert_eq!(listed.iter().filter(|bundle| bundle.is_current).count(), 1);
    assert!(versions.contains(&registry.current().unwrap().unwrap()));
    let mut left: Vec<String> = fs::read_dir(registry.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !listed.iter().any(|bundle| bundle.version == *name))
        .collect();
    left.sort();
    assert_eq!(left, [".lock", "activations.json", "current"]);
}

#[test]
fn rolling_back_walks_through_the_activations() {
    let (_guard, registry) = registry();
    let versions: Vec<String> = (1..=3)
        .map(|day| {
            let created_at = at(&format!("2026-11-0{day}"));
            registry.publish(&small(day), created_at).unwrap().version
        })
        .collect();
    assert_eq!(registry.current().unwrap(), None);
    assert!(matches!(
        registry.rollback(),
        Err(BundleError::NothingToRollBack { .. })
    ));
    for version in &versions {
        registry.activate(version).unwrap();
    }
    // Activating the current one again adds no step.
    registry.activate(&versions[2]).unwrap();
    assert_eq!(registry.rollback().unwrap().manifest.version, versions[1]);
    assert_eq!(registry.current().unwrap().as_ref(), Some(&versions[1]));
    assert_eq!(registry.rollback().unwrap().manifest.version, versions[0]);
    assert!(matches!(
        registry.rollback(),
        Err(BundleError::NothingToRollBack { .. })
    ));
    assert_eq!(registry.current().unwrap().as_ref(), Some(&versions[0]));
    let listed = registry.list().unwrap();
    let newest_first: Vec<(&str, bool)> = listed
        .iter()
        .map(|b| (b.version.as_str(), b.is_current))
        .collect();
    assert_eq!(
        newest_first,
        [
            (versions[2].as_str(), false),
            (versions[1].as_str(), false),
            (versions[0].as_str(), true)
        ]
    );
}

#[test]
fn a_crash_between_list_and_current_costs_no_step() {
    let (_guard, registry) = registry();
    let [a, b] = [1, 2].map(|day| {
        registry
            .publish(&small(day), at(&format!("2026-11-0{day}")))
            .unwrap()
            .version
    });
    registry.activate(&a).unwrap();
    registry.activate(&b).unwrap();
    // The list names a third activation whose `current` was never written.
    let list = serde_json::to_vec(&[&a, &b, &a]).unwrap();
    fs::write(registry.root().join("activations.json"), list).unwrap();
    assert_eq!(registry.rollback().unwrap().manifest.version, a);
}

#[test]
fn what_cannot_be_read_cannot_be_activated() {
    let (_guard, registry, folder, manifest) = published();
    registry.activate(&manifest.version).unwrap();
    let broken = registry.publish(&small(2), at("2026-11-22")).unwrap().version;
    fs::remove_file(registry.root().join(&broken).join("params.json")).unwrap();
    assert!(matches!(
        registry.activate(&broken),
        Err(BundleError::Missing { .. })
    ));
    assert_eq!(registry.current().unwrap(), Some(manifest.version.clone()));
    // The list shows a damaged manifest with its reason beside the others.
    fs::write(folder.join("manifest.json"), "{}").unwrap();
    let listed = registry.list().unwrap();
    assert_eq!(listed.iter().filter(|bundle| bundle.manifest.is_err()).count(), 1);
}

#[test]
fn names_that_are_no_versions_never_touch_the_disk() {
    let (_guard, registry, _, _) = published();
    for name in [
        "../registry",
        "..",
        "/etc",
        "",
        "current",
        "20261121T101500Z-ab12cd34/..",
    ] {
        assert!(
            matches!(registry.open(name), Err(BundleError::BadVersion { .. })),
            "{name}"
        );
        assert!(
            matches!(registry.activate(name), Err(BundleError::BadVersion { .. })),
            "{name}"
        );
    }
    assert!(matches!(
        registry.show("20261121T101500Z-ab12cd34"),
        Err(BundleError::UnknownVersion { .. })
    ));
    fs::write(registry.root().join("current"), "../../etc\n").unwrap();
    assert!(matches!(registry.current(), Err(BundleError::Invalid { .. })));
}
