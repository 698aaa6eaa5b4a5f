//! The rules that keep the house in order: imports run one way, and each kind of outside thing has its room.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room of `src/` may import. A room may always import itself.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let base = vec!["id", "time", "progress", "column", "numeric"];
    let with = |more: &[&[&'static str]]| {
        let mut all = base.clone();
        more.iter().for_each(|part| all.extend_from_slice(part));
        all
    };
    let data: &[&str] = &["log", "catalog", "measure"];
    let models: &[&str] = &["history", "recommend", "churn"];
    BTreeMap::from([
        ("column", vec![]),
        ("id", vec!["column"]),
        ("time", vec![]),
        ("progress", vec![]),
        ("numeric", vec!["id"]),
        ("log", with(&[&["catalog"]])),
        ("catalog", base.clone()),
        ("measure", base.clone()),
        ("export", vec!["id", "time"]),
        ("report", with(&[&["measure"]])),
        ("history", with(&[data])),
        ("simulate", with(&[data, &["history", "export"]])),
        ("recommend", with(&[data, &["history"]])),
        ("churn", with(&[data, &["history"]])),
        ("rules", with(&[&["catalog"]])),
        ("recipe", with(&[data, models, &["rules"]])),
        ("bundle", with(&[data, models, &["rules"]])),
        ("train", with(&[data, models, &["recipe", "bundle"]])),
        ("evaluate", with(&[data, models, &["recipe", "rules"]])),
        ("tune", with(&[data, models, &["recipe"]])),
        // The nightly file asks the engine that answers online, so that the two never differ.
        (
            "score",
            with(&[data, models, &["rules", "bundle", "export", "serve"]]),
        ),
        ("serve", with(&[data, models, &["rules", "bundle"]])),
        ("config", with(&[&["rules", "serve"]])),
        ("grpc", with(&[data, models, &["rules", "bundle", "serve"]])),
        ("telemetry", vec![]),
        ("cli", vec!["*"]),
        ("main", vec!["*"]),
        ("lib", vec!["*"]),
    ])
}

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    assert!(found.len() > 30, "only {} source files found", found.len());
    found
}

fn room(path: &Path) -> String {
    let inside = path
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// The code of a file without comments and without its test module, with line numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
}

#[test]
fn imports_run_one_way() {
    let allowed = allowed();
    let mut broken = Vec::new();
    for path in sources() {
        let from = room(&path);
        let text = fs::read_to_string(&path).unwrap();
        let may = allowed
            .get(from.as_str())
            .unwrap_or_else(|| panic!("{from} is a new room: say what it may import"));
        for (line, code) in code_lines(&text) {
            for part in code.split("crate::").skip(1) {
                let to: String = part
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if !to.is_empty() && to != from && !may.contains(&"*") && !may.contains(&to.as_str()) {
                    broken.push(format!("{}:{line}: {from} must not import {to}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Each of these words may stand only in the rooms named beside it.
const ROOMS: &[(&[&str], &[&str], &str)] = &[
    (
        &["tonic::", "prost::", "tonic_", "prost_"],
        &["grpc"],
        "wire types stay at the wire",
    ),
    (
        &["async fn", ".await"],
        &["grpc", "cli", "main"],
        "no async below the wire",
    ),
    (&["linfa"], &["churn"], "linfa stays inside churn"),
    (&["forust"], &["churn"], "forust stays inside churn"),
    (&["plotters"], &["report"], "plotters stays inside report"),
    (
        // And one call in `bundle/mapped.rs`, which the next test holds.
        &["unsafe "],
        &["numeric", "bundle"],
        "unsafe code stays in numeric",
    ),
    (
        &["std::fs", "fs::File", "File::open", "File::create"],
        &["log", "bundle", "export", "config", "recipe", "cli"],
        "files are opened at the doors",
    ),
    (
        &["SystemTime::now", "Timestamp::now", "thread_rng"],
        &["cli"],
        "clock and chance are arguments",
    ),
];

#[test]
fn outside_things_stay_in_their_rooms() {
    let mut broken = Vec::new();
    for path in sources() {
        let from = room(&path);
        let text = fs::read_to_string(&path).unwrap();
        for (line, code) in code_lines(&text) {
            for (words, rooms, why) in ROOMS {
                if words.iter().any(|word| code.contains(word)) && !rooms.contains(&from.as_str()) {
                    broken.push(format!("{}:{line}: {why}: {}", path.display(), code.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn mapping_a_file_is_the_only_unsafe_call_outside_numeric() {
    let mut calls = Vec::new();
    for path in sources().iter().filter(|path| room(path) != "numeric") {
        let text = fs::read_to_string(path).unwrap();
        let unsafe_lines = code_lines(&text).filter(|(_, code)| code.contains("unsafe "));
        calls.extend(unsafe_lines.map(|(_, code)| (path.clone(), code.trim().to_owned())));
    }
    let [(path, code)] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert!(path.ends_with("bundle/mapped.rs"), "{}", path.display());
    assert!(code.contains("unsafe { Mmap::map(&opened) }"), "{code}");
}

#[test]
fn linfa_is_in_no_public_signature() {
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for (line, code) in code_lines(&text) {
            let public = code.trim_start().starts_with("pub ");
            assert!(
                !(public && code.contains("linfa")),
                "{}:{line}: {code}",
                path.display()
            );
        }
    }
}
