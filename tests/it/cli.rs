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
    watch_with_a_newer_log(&shop);
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
        for column in [
            "customer_id",
            "churn_probability",
            "probability_low",
            "probability_high",
            "percentile",
            "reason_1",
            "reason_1_usual",
            "flags",
            "segment",
            "stage",
            "rfm",
            "value",
            "value_at_risk",
            "next_order_at",
            "recommended_2",
        ] {
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
    the_scores_hang_together(&fs::read_to_string(shop.path("scores.jsonl")).unwrap());
    plan(shop);
}

fn the_scores_hang_together(lines: &str) {
    let (mut with_interval, mut with_date, mut taken_back) = (0, 0, 0);
    for line in lines.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| row[key].as_f64();
        let Some(probability) = number("churn_probability") else {
            // Whoever took her only order back has bought nothing: there is no risk, and no segment either.
            assert!(row["segment"].is_null() && row["orders"] == 1, "{row}");
            taken_back += 1;
            continue;
        };
        assert!(row["segment"].is_string() && row["stage"].is_string(), "{row}");
        let rfm = row["rfm"].as_str().unwrap();
        assert!(
            rfm.chars().filter(|c| ('1'..='5').contains(c)).count() == 3,
            "{rfm}"
        );
        let (value, at_risk) = (number("value").unwrap(), number("value_at_risk").unwrap());
        assert!(
            (at_risk - probability * value).abs() <= 1e-6 * value.max(1.0),
            "{row}"
        );
        if let (Some(low), Some(high)) = (number("probability_low"), number("probability_high")) {
            with_interval += 1;
            assert!(low <= probability && probability <= high, "{row}");
            assert!((0.0..=100.0).contains(&number("percentile").unwrap()));
        }
        with_date += usize::from(row["next_order_at"].is_string());
    }
    assert!(
        with_interval > 50 && with_date > 20 && taken_back < 5,
        "{with_interval}, {with_date}, {taken_back}"
    );
}

fn plan(shop: &Shop) {
    let (registry, out) = (shop.path("registry"), shop.path("plan.csv"));
    let plan = ["plan", "--registry", &registry, "--budget", "200"];
    let answer = json(&[plan.as_slice(), &["--out", &out]].concat());
    assert_keys(
        &answer,
        &["as_of", "horizon_days", "value_months", "model_version", "plan"],
    );
    let found = &answer["plan"];
    assert_keys(
        &found["outcome"],
        &[
            "treated",
            "expected_cost",
            "worst_cost",
            "expected_profit",
            "expected_saved",
        ],
    );
    assert!(found["outcome"]["expected_cost"].as_f64().unwrap() <= 200.0);
    let rows = |key: &str| found[key].as_array().unwrap().len();
    assert_eq!(found["outcome"]["treated"], rows("treated"));
    assert!(rows("treated") > 0, "{found}");
    let table = fs::read_to_string(&out).unwrap();
    assert!(
        table.starts_with("customer_id,group,segment,churn_probability,"),
        "{table}"
    );
    assert_eq!(
        table.lines().count(),
        1 + rows("treated") + rows("control") + rows("do_not_disturb")
    );
    let (text, _) = run(0, &plan);
    for words in [
        "budget of 200.00",
        "assumed, not measured",
        "Held back to measure by",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
}

/// A model of an earlier instant is judged by what the whole log says happened next.
fn watch_with_a_newer_log(shop: &Shop) {
    let log = shop.log();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let registry = shop.path("past-registry");
    let on = [&["--registry", &registry], log.as_slice()].concat();
    let error = refused(1, &[&["watch"], on.as_slice()].concat());
    assert!(error.contains("rapport train"), "{error}");
    let train = ["--as-of", "2024-10-01", "--skip-evaluation"];
    let trained = json(&[&["train"], on.as_slice(), &train].concat());
    let watch = [&["watch"], on.as_slice()].concat();
    let seen = json(&watch);
    assert_eq!(seen["version"], trained["version"]);
    assert_eq!(seen["drift"]["reference_as_of"], "2024-10-01T00:00:00Z");
    let judged = &seen["truth"][0];
    assert_eq!(judged["version"], trained["version"]);
    assert_keys(
        judged,
        &["large", "auc", "recency_auc", "brier", "ece", "ece_if_perfect"],
    );
    assert!(judged["customers"].as_u64().unwrap() > 50, "{judged}");
    let alarms = seen["alarms"].as_array().unwrap();
    let (text, _) = run(0, &watch);
    for word in ["score", "Truth", trained["version"].as_str().unwrap()] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
    // The exit code tells whether something alarms.
    let code = i32::from(!alarms.is_empty());
    let (told, error) = run(code, &[watch.as_slice(), &["--fail"]].concat());
    assert_eq!(told, text);
    assert!(
        alarms.iter().all(|alarm| error.contains(alarm.as_str().unwrap())),
        "{error}"
    );

    // Before the horizon is over there is nothing to judge.
    let early = json(&[watch.as_slice(), &["--as-of", "2024-11-01"]].concat());
    assert_eq!(early["truth"], Value::Array(Vec::new()));
}

fn evaluate_in_time(shop: &Shop) {
    let log = shop.log();
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let page = shop.path("reports/churn.html");
    let with_page = [&["evaluate"], log.as_slice(), &["--html", &page]].concat();
    let report = json(&with_page);
    assert_keys(&report["recommend"], &["as_of", "k", "models"]);
    assert_eq!(report["recommend"]["k"], 20);
    for model in ["ials", "popularity"] {
        assert_keys(&report["recommend"]["models"][model], &["recall", "ndcg"]);
    }
    // The simulated shop's customers come back soon enough for the horizon that the log chose.
    assert_eq!(report["churn"]["horizon_days"], 60);
    let fold = &report["churn"]["folds"][0];
    assert_keys(fold, &["as_of", "eligible", "churn_rate", "models"]);
    // 300 customers are too few for the regression.
    assert_eq!(fold["served"], "mbg-nbd");
    for model in ["mbg-nbd", "recency"] {
        assert_keys(
            &fold["models"][model],
            &[
                "auc",
                "brier",
                "average_precision",
                "ece",
                "gini",
                "calibration_in_the_large",
            ],
        );
        assert_eq!(fold["gains"][model]["deciles"].as_array().unwrap().len(), 10);
    }
    assert_keys(fold, &["served", "ladder", "reliability", "gains"]);
    assert_keys(
        &fold["repeat_buyers"],
        &["customers", "churn_rate", "auc", "brier"],
    );
    assert_keys(
        &fold["rfm"][0],
        &["recency", "frequency", "customers", "mean_risk", "churn_rate"],
    );
    assert_keys(
        &fold["risk"],
        &["low_below", "high_above", "low", "medium", "high"],
    );
    let counts = fold["risk"]["counts"].as_array().unwrap();
    let counted: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((counts.len(), &fold["eligible"]), (20, &counted.into()));
    the_page_stands_alone(&fs::read_to_string(&page).unwrap(), &report);
    the_shelves_are_judged(&report);

    // Without --json the same page, and where it is.
    let first = fs::read(&page).unwrap();
    let (text, _) = run(0, &with_page);
    assert!(
        text.trim_end().ends_with(&page),
        "where the page is comes last: {text}"
    );
    assert_eq!(
        fs::read(&page).unwrap(),
        first,
        "the same log gives the same page"
    );
    for words in [
        "Items new to the customer",
        "tenths by falling risk",
        "repeat buyers",
        "served AUC more by",
        "one item of a basket is given",
        "what is bought within 30 days",
        "what does the dial cost?",
        "which item comes next",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    let widest = text.lines().map(|line| line.chars().count());
    let tables = text.lines().filter(|line| line.contains("recency  ")).count();
    assert!(tables >= 2 && widest.max().unwrap() <= 200, "{text}");
}

/// Every shelf is judged on the window that the ranking was judged on, and stands beside what needs no model.
fn the_shelves_are_judged(report: &Value) {
    let as_of = &report["recommend"]["as_of"];
    for shelf in ["cross_sell", "buy_again", "margin", "visits"] {
        assert_eq!(&report[shelf]["as_of"], as_of, "{shelf}: {}", report[shelf]);
    }
    let value = |of: &Value| of["value"].as_f64().unwrap();
    let models = &report["cross_sell"]["models"];
    assert!(value(&models["cross-sell"]["mrr"]) > value(&models["popularity"]["mrr"]));
    let models = &report["buy_again"]["models"];
    let precision = |model: &str| value(&models[model]["average_precision"]);
    assert!(precision("buy-again") > precision("most-recently-bought"));
    let dial = report["margin"]["dial"].as_array().unwrap();
    let shown: Vec<f64> = dial.iter().map(|point| value(&point["margin"])).collect();
    assert!(shown.is_sorted(), "more weight, more margin: {shown:?}");
    // The dial at nothing is the blend of the ranking's report.
    let plain = value(&dial[0]["ndcg"]) - report["recommend"]["models"]["blend"]["ndcg"].as_f64().unwrap();
    assert!(plain.abs() < 1e-9, "{plain}");
    let visits = &report["visits"];
    let served: Vec<&Value> = visits["joined"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|joined| joined["serves"] == true)
        .collect();
    assert_eq!(served.len(), 1);
    assert!(value(&served[0]["mrr"]) > value(&visits["models"]["blend"]["mrr"]));
    assert!(served[0]["served_minus"].is_null());
}

fn the_page_stands_alone(page: &str, report: &Value) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<svg ").count(), 5, "five pictures");
    for outside in ["http", "<script", "<link", "<img", "url(", "@import"] {
        let found = page.find(outside);
        // The name of SVG itself is no address.
        let without = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!without.contains(outside), "{outside:?} at {found:?}");
    }
    let fold = &report["churn"]["folds"][0];
    let as_of = &fold["as_of"].as_str().unwrap()[..10];
    let auc = format!("{:.4}", fold["models"]["recency"]["auc"].as_f64().unwrap());
    for words in [
        as_of,
        &auc,
        "no purchase in 60 days",
        "Items new to the customer",
        "had lapsed before is in none",
        "tenths by falling risk",
    ] {
        assert!(page.contains(words), "no {words:?} on the page");
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
    assert!(
        error.contains("context.cart must hold at least one item"),
        "{error}"
    );
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
    let cases: [(&[&str], &str); 15] = [
        (&["no-such-command"], "no-such-command"),
        (&["plan"], "--budget"),
        (&["plan", "--budget", "0"], "plan.budget = 0"),
        (
            &["plan", "--budget", "100", "--control", "0"],
            "plan.control_share = 0",
        ),
        (&["simulate", "--out", "x", "--customers", "0"], "customers"),
        (&["train", "--events", "x.csv", "--recipe", "no.toml"], "no.toml"),
        (&["train", "--events", "x.csv", "--as-of", "never"], "2011-09-10"),
        (&["evaluate"], "--events"),
        (
            &[
                "evaluate",
                "--train",
                "x.csv",
                "--test",
                "y.csv",
                "--html",
                "page.html",
            ],
            "cannot be used with '--html",
        ),
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
    let taken = folder.path().join("taken").to_str().unwrap().to_owned();
    fs::write(&taken, "a file").unwrap();
    let through_a_file = format!("{taken}/page.html");
    let a_folder = folder.path().to_str().unwrap().to_owned();
    let cases: [(&[&str], &str); 7] = [
        (&["inspect", "--events", "no-such-log.csv"], "no-such-log.csv"),
        // The page is refused before the log is read.
        (
            &["evaluate", "--events", "no-such-log.csv", "--html", &a_folder],
            &a_folder,
        ),
        (
            &[
                "evaluate",
                "--events",
                "no-such-log.csv",
                "--html",
                &through_a_file,
            ],
            &through_a_file,
        ),
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
