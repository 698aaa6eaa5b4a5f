//! The command as its users run it: the real binary over a small simulated shop, from the log to the answers.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rapport::grpc::client::Client;
use serde_json::Value;
use tempfile::TempDir;

/// Enough for a small shop, and quick without optimisation.
const RECIPE: &str = "[recommend.ials]\nfactors = 16\nepochs = 5\n[evaluate]\nfolds = 1\n";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    command.args(arguments).env_remove("RAPPORT_LOG");
    command
}

/// Runs to the end, which must have this exit code; standard output and standard error.
fn run(code: i32, arguments: &[&str]) -> (String, String) {
    let ended = command(arguments).output().unwrap();
    let (out, err) = (
        String::from_utf8(ended.stdout).unwrap(),
        String::from_utf8(ended.stderr).unwrap(),
    );
    assert_eq!(ended.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    (out, err)
}

/// What it prints, which must be one JSON document and nothing else.
fn json(arguments: &[&str]) -> Value {
    let (out, _) = run(0, &[arguments, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{out}"))
}

/// What it says on standard error when it fails; standard output stays empty.
fn refused(code: i32, arguments: &[&str]) -> String {
    let (out, err) = run(code, arguments);
    assert_eq!(out, "", "{arguments:?}");
    err
}

/// The keys of an object, in the order in which they are printed.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_keys(value: &Value, wanted: &[&str]) {
    for key in wanted {
        assert!(value.get(key).is_some(), "no {key:?} among {:?}", keys(value));
    }
}

/// A folder with a simulated shop, a recipe and a registry.
struct Shop {
    folder: TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The arguments that name the log.
    fn log(&self) -> [String; 6] {
        let [events, items, recipe] =
            ["events.parquet", "items.parquet", "recipe.toml"].map(|name| self.path(name));
        [
            "--events".into(),
            events,
            "--items".into(),
            items,
            "--recipe".into(),
            recipe,
        ]
    }
}

/// A server of its own process, ended with the test.
struct Server {
    process: Child,
    out: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start(registry: &str) -> Self {
        let mut process = command(&["serve", "--registry", registry, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line
            .split([' ', ','])
            .find(|word| word.starts_with("http://"))
            .unwrap_or_else(|| panic!("no address in {line:?}"))
            .to_owned();
        Self { process, out, url }
    }

    fn wait_until_ready(&self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = Client::connect(&self.url, Duration::from_secs(60)).await.unwrap();
            client.until_ready().await.unwrap();
        });
    }

    /// Asks it to stop as an operator does; its exit code and what it still had to say.
    fn terminate(&mut self) -> (Option<i32>, String) {
        let kill = format!("kill -TERM {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Best effort, and nothing to do once it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[cfg(unix)]
fn the_whole_way_from_a_shop_to_its_answers() {
    let shop = Shop::open();
    simulate_and_inspect(&shop);
    let version = train_twice(&shop);
    write_files(&shop);
    evaluate_in_time(&shop);
    ask(&shop, &version);
}

fn simulate_and_inspect(shop: &Shop) {
    let size = [
        "--customers",
        "300",
        "--items",
        "60",
        "--days",
        "400",
        "--seed",
        "3",
    ];
    let out = shop.path("");
    let made = json(&[&["simulate", "--out", &out], size.as_slice()].concat());
    assert_eq!((&made["customers"], &made["items"]), (&300.into(), &60.into()));
    let log = shop.log();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let report = json(&[&["inspect"], log.as_slice()].concat());
    let text = report.to_string();
    assert!(text.contains(&made["events"].to_string()), "{text}");
    let (report, _) = run(0, &[&["inspect"], log.as_slice()].concat());
    assert!(report.contains("purchase lines"), "{report}");
}

/// Trains, and again without activating; the version that is current.
fn train_twice(shop: &Shop) -> String {
    let registry = shop.path("registry");
    let log = shop.log();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let train = [&["train", "--registry", &registry], log.as_slice()].concat();
    let (report, _) = run(0, &train);
    for word in ["ials", "churn", "recall@20", "current"] {
        assert!(report.contains(word), "no {word:?} in\n{report}");
    }
    let earlier = [
        train.as_slice(),
        &["--no-activate", "--skip-evaluation", "--as-of", "2024-12-01"],
    ]
    .concat();
    let trained = json(&earlier);
    assert_keys(&trained, &["version", "data_through", "shapes", "lint", "fit"]);
    assert_eq!(trained["activated"], false);
    let other = trained["version"].as_str().unwrap();

    let listed = json(&["models", "list", "--registry", &registry]);
    let current: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["current"])
        .collect();
    assert_eq!(current, [false, true], "newest first");
    let version = listed[1]["version"].as_str().unwrap().to_owned();
    let (shown, _) = run(0, &["models", "show", "--registry", &registry]);
    assert!(shown.contains(&version) && shown.contains("recall@20"), "{shown}");
    run(0, &["models", "--registry", &registry, "activate", other]);
    let back = json(&["models", "rollback", "--registry", &registry]);
    assert_eq!(back["current"], version.as_str());
    let error = refused(1, &["models", "--registry", &registry, "rollback"]);
    assert!(error.contains("nothing to roll back to"), "{error}");
    version
}

fn write_files(shop: &Shop) {
    let log = shop.log();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let out = shop.path("features.csv");
    let as_of = ["--as-of", "2024-10-01", "--out", &out];
    let written = json(&[&["features"], log.as_slice(), &as_of].concat());
    let table = fs::read_to_string(&out).unwrap();
    assert_eq!(written["rows"], table.lines().count() - 1);
    assert!(table.lines().next().unwrap().ends_with(",eligible,label"));
    assert!(!table.contains("-0.0,"), "no customer spends less than nothing");

    let registry = shop.path("registry");
    for ending in ["csv", "jsonl", "parquet"] {
        let out = shop.path(&format!("scores.{ending}"));
        let score = [
            "score",
            "--registry",
            &registry,
            "--out",
            &out,
            "--recommend",
            "2",
        ];
        let written = json(&score);
        let columns: Vec<_> = written["columns"].as_array().unwrap().iter().collect();
        for column in ["customer_id", "churn_probability", "reason_1", "recommended_2"] {
            assert!(columns.contains(&&column.into()), "{columns:?}");
        }
        let rows = written["customers"].as_u64().unwrap() as usize;
        assert!(rows > 100, "{rows}");
        match ending {
            "csv" => assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), rows + 1),
            "jsonl" => assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), rows),
            _ => assert_eq!(&fs::read(&out).unwrap()[..4], b"PAR1"),
        }
    }
}

fn evaluate_in_time(shop: &Shop) {
    let log = shop.log();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let report = json(&[&["evaluate"], log.as_slice()].concat());
    assert_keys(&report["recommend"], &["as_of", "k", "models"]);
    assert_eq!(report["recommend"]["k"], 20);
    for model in ["ials", "popularity"] {
        assert_keys(&report["recommend"]["models"][model], &["recall", "ndcg"]);
    }
    assert_eq!(report["churn"]["horizon_days"], 90);
    let fold = &report["churn"]["folds"][0];
    assert_keys(fold, &["as_of", "eligible", "churn_rate", "models"]);
    for model in ["logistic", "recency"] {
        assert_keys(
            &fold["models"][model],
            &["auc", "brier", "average_precision", "ece"],
        );
    }
}

fn ask(shop: &Shop, version: &str) {
    let registry = shop.path("registry");
    let mut server = Server::start(&registry);
    server.wait_until_ready();
    let url = server.url.clone();
    let url = url.as_str();
    let scores = fs::read_to_string(shop.path("scores.csv")).unwrap();
    let mut known = scores.lines().nth(1).unwrap().split(',');
    let (customer, probability) = (known.next().unwrap(), known.next().unwrap());

    let recommend = [
        "recommend",
        "--server",
        url,
        "--customer",
        customer,
        "--count",
        "3",
    ];
    let answer = json(&recommend);
    assert_eq!(answer["model_version"], version);
    assert_eq!(answer["strategy"], "PERSONAL");
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    for (item, rank) in items.iter().zip(1..) {
        assert_keys(item, &["item_id", "score", "rank", "reasons"]);
        assert_eq!(item["rank"], rank);
    }
    let (text, _) = run(0, &recommend);
    assert!(text.contains(items[0]["item_id"].as_str().unwrap()), "{text}");

    let churn = ["churn", "--server", url, "--customer", customer];
    let answer = json(&churn);
    let wanted = [
        "customer_id",
        "probability",
        "horizon_days",
        "as_of",
        "band",
        "reasons",
        "model_version",
    ];
    assert_keys(&answer, &wanted);
    assert_eq!(answer["customer_id"], customer);
    assert_eq!(
        answer["probability"].to_string(),
        probability,
        "the file of scores and the server agree to the last digit"
    );
    let (text, _) = run(0, &churn);
    assert!(text.contains(customer) && text.contains("points"), "{text}");

    let error = refused(1, &["churn", "--server", url, "--customer", "nobody", "--json"]);
    assert!(error.contains("unknown customer \"nobody\""), "{error}");
    let error = refused(1, &["recommend", "--server", url, "--kind", "cross-sell"]);
    assert!(error.contains("CROSS_SELL"), "{error}");
    let address = url.trim_start_matches("http://");
    let error = refused(1, &["serve", "--registry", &registry, "--listen", address]);
    assert!(error.contains(address) && error.contains("--listen"), "{error}");

    let (code, rest) = server.terminate();
    assert_eq!(
        (code, rest.trim_end()),
        (Some(0), "stopped, every request was answered")
    );
    let error = refused(1, &churn);
    assert!(error.contains("rapport serve"), "{error}");
}

#[test]
fn a_fixed_split_is_judged_model_by_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Users of one parity like the items of the same parity; one item of each is left to find.
    let (mut train, mut test) = ("user_id,item_id\n".to_owned(), "user_id,item_id\n".to_owned());
    for user in 0..40 {
        for nth in 0..10 {
            let half = if nth == user / 2 % 10 {
                &mut test
            } else {
                &mut train
            };
            half.push_str(&format!("u{user},i{}\n", 2 * nth + user % 2));
        }
    }
    fs::write(path("train.csv"), train).unwrap();
    fs::write(path("test.csv"), test).unwrap();
    fs::write(path("recipe.toml"), "[recommend.ials]\nfactors = 4\n").unwrap();
    let (train, test, recipe) = (path("train.csv"), path("test.csv"), path("recipe.toml"));
    let split = [
        "evaluate", "--train", &train, "--test", &test, "--recipe", &recipe,
    ];
    let report = json(&[split.as_slice(), &["--k", "1"]].concat());
    assert_eq!((&report["k"], &report["users"]), (&1.into(), &40.into()));
    assert_eq!(
        keys(&report["models"]),
        ["blend", "ials", "low-pass", "neighbours", "popularity", "ridge"]
    );
    assert_keys(
        &report["models"]["popularity"],
        &["recall", "ndcg", "fit_seconds", "rank_seconds"],
    );
    assert_eq!(report["models"]["ials"]["recall"], 1.0);
    let report = json(&[split.as_slice(), &["--model", "popularity"]].concat());
    assert_eq!(keys(&report["models"]), ["popularity"]);
    let error = refused(2, &[split.as_slice(), &["--model", "oracle"]].concat());
    assert!(error.contains("popularity"), "{error}");
}

#[test]
fn bad_usage_and_configuration_end_with_2_and_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("server.toml").to_str().unwrap().to_owned();
    fs::write(&config, "[server]\nlistne = \"127.0.0.1:0\"\n").unwrap();
    let cases: [(&[&str], &str); 11] = [
        (&["no-such-command"], "no-such-command"),
        (&["simulate", "--out", "x", "--customers", "0"], "customers"),
        (&["train", "--events", "x.csv", "--recipe", "no.toml"], "no.toml"),
        (&["train", "--events", "x.csv", "--as-of", "never"], "2011-09-10"),
        (&["evaluate"], "--events"),
        (&["score", "--out", "scores.xls"], ".parquet"),
        (
            &[
                "features",
                "--events",
                "x.csv",
                "--as-of",
                "2024-01-01",
                "--out",
                "f",
            ],
            ".parquet",
        ),
        (&["serve", "--config", &config], "listne"),
        (&["serve", "--listen", "localhost"], "--listen localhost"),
        (&["churn", "--customer", "1", "--timeout", "0"], "--timeout"),
        (
            &["churn", "--customer", "1", "--server", "no such"],
            "http://127.0.0.1:50051",
        ),
    ];
    for (arguments, word) in cases {
        let error = refused(2, arguments);
        assert!(error.contains(word), "{arguments:?}: no {word:?} in {error}");
    }
}

#[test]
fn a_failure_ends_with_1_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("registry").to_str().unwrap().to_owned();
    let scores = folder.path().join("scores.csv").to_str().unwrap().to_owned();
    let cases: [(&[&str], &str); 5] = [
        (&["inspect", "--events", "no-such-log.csv"], "no-such-log.csv"),
        (
            &["models", "show", "--registry", &registry],
            "rapport models list",
        ),
        (
            &["models", "activate", "--registry", &registry, "newest"],
            "20261121T101500Z-ab12cd34",
        ),
        (
            &["score", "--registry", &registry, "--out", &scores],
            "rapport train",
        ),
        (&["recommend", "--server", "http://127.0.0.1:1"], "rapport serve"),
    ];
    for (arguments, word) in cases {
        let error = refused(1, arguments);
        assert!(error.contains(word), "{arguments:?}: no {word:?} in {error}");
    }
    let (out, _) = run(0, &["models", "list", "--registry", &registry]);
    assert!(out.contains("rapport train"), "{out}");
}
