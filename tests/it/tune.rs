//! `rapport tune` as its users run it: the real binary, interrupted, resumed and misused.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// Small enough to be quick without optimisation.
const BASE: &str = "[source]\ntime_zone = \"Europe/Paris\"\n[recommend.ials]\nfactors = 8\nepochs = 3\n\
                    [recommend.low_pass]\nfactors = 8\n[recommend.ridge]\nsupport = 20\n\
                    [recommend.neighbours]\nneighbours = 50\n[evaluate]\nfolds = 2\n";

struct Desk {
    folder: TempDir,
}

impl Desk {
    /// Pairs of users who like neighbours on a ring of items.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut pairs = "user_id,item_id\n".to_owned();
        for user in 0..200usize {
            for step in 0..7 {
                let item = (user * 37 + step * step * (1 + user % 3)) % 60;
                writeln!(pairs, "u{user},i{item}").unwrap();
            }
        }
        fs::write(folder.path().join("train.csv"), pairs).unwrap();
        fs::write(folder.path().join("base.toml"), BASE).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let ended = Command::new(env!("CARGO_BIN_EXE_rapport"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("RAPPORT_LOG")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(ended.stdout), text(ended.stderr));
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }

    fn tune(&self, code: i32, more: &[&str]) -> (String, String) {
        let usual = [
            "tune",
            "--train",
            "train.csv",
            "--recipe",
            "base.toml",
            "--trials",
            "3",
        ];
        self.run(code, &[&usual, more].concat())
    }
}

#[test]
fn a_search_on_pairs_is_written_resumed_and_evaluated() {
    let desk = Desk::new();
    let (out, _) = desk.tune(0, &["--out", "a.toml", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["models"][0]["name"], "neighbours");
    assert!(report["blend"]["ndcg"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(report["replayed"], 0);
    let (recipe, journal) = (desk.text("a.toml"), desk.text("a.trials.jsonl"));
    assert!(recipe.starts_with("# Written by `rapport tune`"), "{recipe}");
    assert!(
        recipe.contains("time_zone = \"Europe/Paris\"") && recipe.contains("weights"),
        "{recipe}"
    );
    assert!(
        !recipe.contains(desk.folder.path().to_str().unwrap()),
        "no path of this machine"
    );

    // Torn in the middle of a line, as by a kill: the same command ends with the same recipe, and less work.
    let torn = journal.lines().take(6).map(str::len).sum::<usize>() + 20;
    fs::write(desk.path("a.trials.jsonl"), &journal[..torn]).unwrap();
    let (out, _) = desk.tune(0, &["--out", "a.toml", "--json"]);
    let resumed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(resumed["replayed"], 5);
    assert_eq!(resumed["models"][0]["values"], report["models"][0]["values"]);
    let keys = |text: &str| -> String { text.lines().filter(|line| !line.starts_with('#')).collect() };
    assert_eq!(keys(&desk.text("a.toml")), keys(&recipe));
    assert_eq!(
        desk.text("a.trials.jsonl").lines().count(),
        journal.lines().count()
    );

    // What was found can be used.
    fs::write(desk.path("test.csv"), "user_id,item_id\nu0,i5\nu3,i7\n").unwrap();
    let fixed = [
        "--recipe",
        "a.toml",
        "--train",
        "train.csv",
        "--test",
        "test.csv",
        "--json",
    ];
    let (out, _) = desk.run(0, &[&["evaluate"][..], &fixed].concat());
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(judged["blend_weights"], report["blend"]["weights"]);
}

#[test]
fn what_must_not_be_overwritten_or_believed_is_refused() {
    let desk = Desk::new();
    desk.tune(0, &["--out", "a.toml", "--model", "neighbours"]);
    let recipe = desk.text("a.toml");
    assert!(!recipe.contains("[recommend.ials]\nunobserved"), "{recipe}");
    // Another seed is another slice.
    let (_, err) = desk.tune(1, &["--out", "a.toml", "--seed", "5"]);
    assert!(
        err.contains("another seed") && err.contains("a.trials.jsonl"),
        "{err}"
    );
    fs::write(desk.path("b.csv"), "user_id,item_id\nu,i\n").unwrap();
    let few = ["tune", "--train", "b.csv", "--out", "b.toml", "--trials", "1"];
    let (_, err) = desk.run(1, &few);
    assert!(err.contains("only 0 customers"), "{err}");
    // A recipe without a journal may be somebody's own.
    fs::write(desk.path("own.toml"), "seed = 3\n").unwrap();
    let (_, err) = desk.tune(2, &["--out", "own.toml"]);
    assert!(err.contains("--force"), "{err}");
    assert_eq!(desk.text("own.toml"), "seed = 3\n");
    desk.tune(0, &["--out", "own.toml", "--model", "neighbours", "--force"]);
    assert!(desk.text("own.toml").starts_with("# Written by"), "overwritten");
    fs::write(desk.path("c.trials.jsonl"), "no journal\n").unwrap();
    let (_, err) = desk.tune(1, &["--out", "c.toml"]);
    assert!(err.contains("line 1 is no line of a journal"), "{err}");
    let (_, err) = desk.tune(2, &["--out", "d.toml", "--model", "magic"]);
    assert!(err.contains("magic"), "{err}");
}

#[test]
fn a_log_is_tuned_by_its_past_and_evaluated_on_what_followed() {
    let desk = Desk::new();
    let mut log = "customer_id,item_id,kind,occurred_at\n".to_owned();
    for customer in 0..150usize {
        for visit in 0..40usize {
            // Never the same item twice.
            let item = (customer * 13 + visit * 11 * (1 + customer % 3)) % 97;
            let kind = if visit % 3 == 0 { "purchase" } else { "view" };
            let day = visit * 5 + customer % 5;
            let (month, day) = (1 + day / 28, 1 + day % 28);
            writeln!(
                log,
                "c{customer},i{item},{kind},2024-{month:02}-{day:02}T10:00:00"
            )
            .unwrap();
        }
    }
    fs::write(desk.path("log.csv"), log).unwrap();
    let usual = ["--events", "log.csv", "--recipe"];
    let tune = [
        &["tune"][..],
        &usual,
        &["base.toml", "--trials", "2", "--out", "log.toml"],
    ]
    .concat();
    let (out, _) = desk.run(0, &tune);
    assert!(out.contains("event-weights") && out.contains("blend"), "{out}");
    let evaluate = [&["evaluate"][..], &usual, &["log.toml", "--json"]].concat();
    let (out, _) = desk.run(0, &evaluate);
    let judged: Value = serde_json::from_str(&out).unwrap();
    let as_of = judged["recommend"]["as_of"].as_str().unwrap();
    let recipe = desk.text("log.toml");
    let windows = recipe.lines().find(|line| line.starts_with("# judged")).unwrap();
    // The latest window of the search ends where the one of the evaluation begins.
    assert!(windows.contains(&format!("to {as_of},")), "{as_of}: {windows}");
}
