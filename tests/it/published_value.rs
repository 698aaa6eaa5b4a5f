//! What the value model says of published logs, beside what happened.
//!
//! Everything is fitted before an instant and judged by the months after it. Nothing is tuned here.

#![expect(
    clippy::print_stderr,
    reason = "a test without its data says so, and one with it says what it reached"
)]

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rapport::churn::value::{DAYS_PER_MONTH, RawValueParams, ValueFitReport, ValueModel};
use rapport::history::{Dataset, Histories, HistoriesBuilder, LogInputs, purchase_days};
use rapport::log::{Event, EventKind, ReadOptions, Strictness};
use rapport::progress::Silent;
use rapport::recipe::Recipe;
use rapport::time::{Calendar, Timestamp};

use crate::support::data::published;

/// Purchase days and revenue of the customers who had bought before the instant.
struct Forecast {
    report: ValueFitReport,
    expected: [f64; 2],
    happened: [f64; 2],
}

impl Forecast {
    fn ratios(&self) -> [f64; 2] {
        [0, 1].map(|at| self.expected[at] / self.happened[at])
    }
}

fn forecast(histories: &Histories, calendar: &Calendar, now: &str, months: u32) -> Forecast {
    let now: Timestamp = now.parse().unwrap();
    let raw = RawValueParams {
        months,
        annual_discount_rate: 0.0,
        ..RawValueParams::default()
    };
    let (model, report) = ValueModel::fit(histories, calendar, &raw.try_into().unwrap(), now).unwrap();
    let end = now.plus_days(f64::from(months) * DAYS_PER_MONTH);
    let (mut expected, mut happened) = ([0.0; 2], [0.0; 2]);
    for customer in histories.customers().rows() {
        let history = histories.of(customer);
        let Some(value) = model.value(&purchase_days(history.before(now), calendar), now, calendar) else {
            continue;
        };
        expected[0] += value.expected_purchases;
        expected[1] += value.value.unwrap();
        for day in purchase_days(history.within(now, end), calendar) {
            happened[0] += 1.0;
            happened[1] += day.amount;
        }
    }
    let forecast = Forecast {
        report,
        expected,
        happened,
    };
    let ValueFitReport {
        customers,
        repeat_buyers,
        correlation,
        spending,
        buying,
        ..
    } = &forecast.report;
    eprintln!(
        "{months} months from {now}: purchase days {:.0} expected, {:.0} happened ({:.3}); money {:.0}, {:.0} ({:.3})",
        expected[0],
        happened[0],
        forecast.ratios()[0],
        expected[1],
        happened[1],
        forecast.ratios()[1]
    );
    eprintln!(
        "  {customers} customers, {repeat_buyers} repeat buyers, correlation {correlation:.3?}, {buying:?}, {spending:?}"
    );
    forecast
}

/// All CDNOW customers. A purchase is one piece at the price of all; what was given away has no price.
fn cdnow() -> Option<Histories> {
    let path = published("cdnow/master.parquet")?;
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut builder = HistoriesBuilder::default();
    let epoch: Timestamp = "1970-01-01".parse().unwrap();
    for row in reader.get_row_iter(None).unwrap() {
        let (mut customer, mut at, mut paid) = (String::new(), Timestamp::MIN, None);
        for (name, field) in row.unwrap().into_columns() {
            match (name.as_str(), field) {
                ("customer_id", id) => customer = id.to_string(),
                ("date", Field::Date(days)) => at = epoch.plus_days(f64::from(days)),
                ("amount", Field::Double(amount)) => paid = (amount > 0.0).then_some(amount as f32),
                ("quantity", _) => {}
                (name, field) => panic!("no such column is expected: {name} = {field}"),
            }
        }
        builder
            .push(&Event {
                event_id: None,
                customer_id: &customer,
                item_id: "cd",
                kind: EventKind::Purchase,
                occurred_at: at,
                quantity: 1.0,
                unit_price: paid,
                order_id: None,
                session_id: None,
            })
            .unwrap();
    }
    Some(builder.finish())
}

#[test]
fn the_purchases_of_cdnow_come_as_expected() {
    let Some(histories) = cdnow() else { return };
    let utc = Calendar::new("UTC").unwrap();
    let forecast = forecast(&histories, &utc, "1998-04-01", 3);
    assert_eq!(forecast.report.customers, 23_570);
    for ratio in forecast.ratios() {
        assert!((ratio - 1.0).abs() < 0.25, "{ratio}");
    }
}

#[test]
fn the_purchases_of_online_retail_ii_come_as_expected() {
    let Some(path) = published("online-retail-ii/transactions.parquet") else {
        return;
    };
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/online-retail-ii.toml");
    let inputs = LogInputs {
        events: vec![path],
        items: None,
        source: Recipe::read(Some(&recipe)).unwrap().source,
        options: ReadOptions {
            strict: Strictness::Lenient,
            now: "2030-01-01".parse().unwrap(),
            until: None,
        },
    };
    let dataset = Dataset::read(&inputs, &Silent).unwrap();
    let from = |now, months| forecast(&dataset.histories, &dataset.calendar, now, months);
    // The model knows no seasons, and this wholesaler sells for Christmas: too much is expected of the summer, too
    // little of the autumn, and of money, which grows with the orders, even less.
    let [summer, autumn] = [from("2011-06-01", 3), from("2011-09-09", 3)];
    for forecast in [&summer, &autumn] {
        let [purchases, money] = forecast.ratios();
        assert!((purchases - 1.0).abs() < 0.25, "{purchases}");
        assert!((money - 1.0).abs() < 0.4, "{money}");
    }
    assert!(summer.ratios()[0] > 1.0 && autumn.ratios()[0] < 1.0);
    // A log of a single year hardly shows that customers leave: a year ahead is overrated then.
    let young = from("2010-12-01", 12).ratios();
    assert!(young[0] > 1.0 && young[0] < 2.0, "{young:?}");
}
