//! How fast is a log read and turned into histories? Rows a second, by format; the shop's real file where it is present.
//!
//! `cargo bench --bench log`

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a bench that cannot be set up ends there, aloud"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::history::{Dataset, LogInputs};
use rapport::log::{RawSource, ReadOptions, Source, Strictness};
use rapport::progress::Silent;

const ROWS: usize = 500_000;

/// One row of the made log.
struct Line {
    customer: i32,
    item: u32,
    order: u32,
    quantity: i32,
    price: f64,
    micros: i64,
}

fn lines() -> Vec<Line> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut order = 0;
    (0..ROWS)
        .map(|row| {
            // Orders of twenty lines on average.
            order += u32::from(rng.gen_bool(0.05));
            let item = (rng.gen_range(0.0f64..1.0).powi(2) * 5000.0) as u32;
            Line {
                customer: 10_000 + (order.wrapping_mul(2_654_435_761) % 6000) as i32,
                item,
                order,
                quantity: rng.gen_range(1..25),
                price: f64::from(item % 900 + 15) / 100.0,
                micros: 1_260_000_000_000_000 + row as i64 * 60_000_000,
            }
        })
        .collect()
}

fn write_csv(lines: &[Line], path: &Path) {
    let mut text = "customer_id,item_id,occurred_at,quantity,unit_price,order_id\n".to_owned();
    for line in lines {
        let at = rapport::time::Timestamp::from_micros(line.micros).unwrap();
        writeln!(
            text,
            "{},{},{at},{},{},{}",
            line.customer, line.item, line.quantity, line.price, line.order
        )
        .unwrap();
    }
    std::fs::write(path, text).unwrap();
}

fn write_parquet(lines: &[Line], path: &Path) {
    let schema = "message log {
        optional int32 customer_id; optional binary item_id (UTF8); optional int64 occurred_at (TIMESTAMP(MICROS,true));
        optional int32 quantity; optional double unit_price; optional binary order_id (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(zstd).build());
    let mut writer =
        SerializedFileWriter::new(std::fs::File::create(path).unwrap(), schema, properties).unwrap();
    for lines in lines.chunks(125_000) {
        let present = vec![1i16; lines.len()];
        let mut group = writer.next_row_group().unwrap();
        macro_rules! column {
            ($type:ty, $values:expr) => {{
                let mut column = group.next_column().unwrap().unwrap();
                let values: Vec<_> = lines.iter().map($values).collect();
                column
                    .typed::<$type>()
                    .write_batch(&values, Some(&present), None)
                    .unwrap();
                column.close().unwrap();
            }};
        }
        column!(Int32Type, |line| line.customer);
        column!(ByteArrayType, |line| ByteArray::from(
            line.item.to_string().into_bytes()
        ));
        column!(Int64Type, |line| line.micros);
        column!(Int32Type, |line| line.quantity);
        column!(DoubleType, |line| line.price);
        column!(ByteArrayType, |line| ByteArray::from(
            line.order.to_string().into_bytes()
        ));
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn inputs(path: PathBuf, source: RawSource) -> LogInputs {
    LogInputs {
        events: vec![path],
        items: None,
        source: Source::try_from(source).unwrap(),
        options: ReadOptions {
            strict: Strictness::Lenient,
            now: "2100-01-01".parse().unwrap(),
            until: None,
        },
    }
}

fn reading(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let lines = lines();
    let (csv, parquet) = (folder.path().join("log.csv"), folder.path().join("log.parquet"));
    write_csv(&lines, &csv);
    write_parquet(&lines, &parquet);
    let purchases = || RawSource {
        kind: "purchase".into(),
        ..RawSource::default()
    };
    let mut cases = vec![
        ("csv", inputs(csv, purchases())),
        ("parquet", inputs(parquet, purchases())),
    ];

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("RAPPORT_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let real = data.join("online-retail-ii/transactions.parquet");
    if real.exists() {
        let recipe = std::fs::read_to_string(root.join("models/online-retail-ii.toml")).unwrap();
        let recipe: toml::Table = recipe.parse().unwrap();
        cases.push((
            "online-retail-ii",
            inputs(real, recipe["source"].clone().try_into().unwrap()),
        ));
    } else {
        eprintln!("SKIPPED: {} is not there", real.display());
    }

    let mut group = criterion.benchmark_group("read the log and build histories");
    group.sample_size(10);
    for (name, inputs) in cases {
        let rows = Dataset::read(&inputs, &Silent).unwrap().report.rows_read;
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::new(name, rows), |bencher| {
            bencher.iter(|| Dataset::read(&inputs, &Silent).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
