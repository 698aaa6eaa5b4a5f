//! The pictures and the page: well-formed, whole, escaped, and showing the numbers that they were given.

use roxmltree::{Document, Node};

use super::*;
use crate::measure::bootstrap::Interval;
use crate::measure::calibration::ReliabilityBin;

/// A report with every part filled from simple formulas.
pub(super) fn example() -> ChurnReport {
    let probabilities: Vec<f64> = (0..5000)
        .map(|i| {
            let u = (f64::from(i) + 0.5) / 5000.0;
            (0.03 + 0.94 * u * u * (3.0 - 2.0 * u)).powf(0.8)
        })
        .collect();
    let bins = (0..10)
        .map(|bin| {
            let predicted = 0.05 + 0.1 * f64::from(bin);
            ReliabilityBin {
                rows: 500 - 30 * bin as usize,
                predicted,
                observed: (predicted + 0.05 * (f64::from(bin) * 1.7).sin()).clamp(0.0, 1.0),
            }
        })
        .collect();
    let line = |model: &str, power: f64, gini| GainsLine {
        model: model.to_owned(),
        gini: Some(gini),
        points: (1..=10)
            .map(|d| f64::from(d) / 10.0)
            .map(|x| (x, (1.0 - (1.0 - x).powf(power)).min(x / 0.42)))
            .collect(),
    };
    let folds = (0..6)
        .map(|fold| FoldAucs {
            label: format!("2011-{:02}-10", 9 - fold),
            models: [
                ("logistic", 0.79),
                ("MBG/NBD", 0.77),
                ("recency", 0.735),
                ("frequency", 0.70),
            ]
            .iter()
            .map(|&(model, auc)| {
                let auc = auc + 0.015 * f64::from(fold * 5 % 4) - 0.02;
                ModelAuc {
                    model: model.to_owned(),
                    auc,
                    interval: Interval {
                        low: auc - 0.022,
                        high: auc + 0.021,
                    },
                }
            })
            .collect(),
        })
        .collect();
    let mut rfm = RfmGrid::default();
    for (recency, row) in rfm.cells.iter_mut().enumerate() {
        for (frequency, cell) in row.iter_mut().enumerate() {
            *cell = (recency + frequency != 8 || recency != 4).then_some(RfmCell {
                customers: 40 + 317 * ((recency * 3 + frequency * 5) % 7) as u64,
                mean_risk: (0.93 - 0.13 * recency as f64 - 0.085 * frequency as f64).max(0.04),
            });
        }
    }
    rfm.cells[0][4] = None;
    ChurnReport {
        title: "Churn backtest".to_owned(),
        facts: [
            ("as of", "2011-09-10"),
            ("horizon", "90 days"),
            ("eligible customers", "3 412"),
            ("churn rate", "41.8 %"),
        ]
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .to_vec(),
        reliability: Reliability {
            bins,
            scores: Histogram::of(&probabilities, 50),
        },
        gains: Gains {
            positive_rate: 0.42,
            lines: vec![
                line("logistic", 2.6, 0.58),
                line("MBG/NBD", 2.4, 0.54),
                line("recency", 2.1, 0.47),
                line("frequency", 1.8, 0.40),
            ],
        },
        folds: AucByFold {
            models: Vec::new(),
            folds,
        },
        risk: RiskDistribution::of(&probabilities, 0.33, 0.66),
        rfm,
        tables: vec![Table {
            caption: "Metrics at 2011-09-10".to_owned(),
            header: ["model", "AUC", "Brier", "log loss"].map(str::to_owned).to_vec(),
            rows: vec![
                ["logistic", "0.790", "0.183", "0.544"]
                    .map(str::to_owned)
                    .to_vec(),
                ["recency", "0.735", "0.201", "0.587"].map(str::to_owned).to_vec(),
            ],
        }],
        notes: vec!["Intervals are over resamples of customers.".to_owned()],
    }
}

fn pictures(report: &ChurnReport) -> [String; 5] {
    [
        reliability_curve(&report.reliability),
        gains_chart(&report.gains),
        auc_by_fold(&report.folds),
        risk_distribution(&report.risk),
        rfm_map(&report.rfm),
    ]
    .map(Result::unwrap)
}

fn parsed(page: &str) -> Document<'_> {
    Document::parse(page.trim_start_matches("<!DOCTYPE html>")).unwrap()
}

fn texts<'a>(document: &'a Document<'_>) -> Vec<&'a str> {
    let texts = document.descendants().filter(Node::is_text);
    texts
        .filter_map(|node| node.text())
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn every_picture_is_whole_and_stays_within_its_frame() {
    for svg in pictures(&example()) {
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "svg");
        let bound = |name: &str| root.attribute(name).unwrap().parse::<f64>().unwrap();
        let (width, height) = (bound("width"), bound("height"));
        assert!(document.descendants().count() > 40, "{svg}");
        for node in document.descendants() {
            let at = |name: &str| node.attribute(name).map(|value| value.parse::<f64>().unwrap());
            if let (Some(x), Some(y)) = (at("x"), at("y")) {
                assert!(
                    (0.0..=width).contains(&x) && (0.0..=height).contains(&y),
                    "{node:?}"
                );
                let (w, h) = (at("width").unwrap_or(0.0), at("height").unwrap_or(0.0));
                assert!(x + w <= width && y + h <= height, "{node:?}");
            }
        }
    }
}

#[test]
fn a_point_stands_where_its_numbers_say() {
    let data = Reliability {
        bins: vec![
            ReliabilityBin {
                rows: 10,
                predicted: 0.0,
                observed: 0.0,
            },
            ReliabilityBin {
                rows: 10,
                predicted: 0.5,
                observed: 0.25,
            },
            ReliabilityBin {
                rows: 10,
                predicted: 1.0,
                observed: 1.0,
            },
        ],
        scores: Histogram::of(&[0.0, 0.5, 1.0], 4),
    };
    let svg = reliability_curve(&data).unwrap();
    let document = Document::parse(&svg).unwrap();
    let number = |node: &Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let circles = document.descendants().filter(|node| node.has_tag_name("circle"));
    let points: Vec<_> = circles
        .map(|node| (number(&node, "cx"), number(&node, "cy")))
        .collect();
    // The first circle is the legend's; the others span the axes.
    let [_, low, middle, high] = points[..] else {
        panic!("{points:?}");
    };
    assert!(
        (middle.0 - f64::midpoint(low.0, high.0)).abs() <= 1.0,
        "{points:?}"
    );
    assert!(
        (middle.1 - (0.75 * low.1 + 0.25 * high.1)).abs() <= 1.0,
        "{points:?}"
    );
    assert!(high.0 > low.0 + 400.0 && high.1 < low.1 - 250.0, "{points:?}");
}

#[test]
fn the_page_stands_alone_and_shows_the_numbers() {
    let page = html(&example());
    let document = parsed(&page);
    assert_eq!(
        document
            .descendants()
            .filter(|node| node.has_tag_name("svg"))
            .count(),
        5
    );
    let shown = texts(&document);
    for number in [
        "3 412",
        "41.8 %",
        "0.735",
        "logistic (ranking quality 58 %)",
        "2011-09-10",
        "93 %",
        "chance",
    ] {
        assert!(shown.contains(&number), "{number} is missing in {shown:?}");
    }
    assert!(shown.iter().any(|text| text.starts_with("low: ")));
    let low_page = page.to_lowercase();
    for outside in ["<script", "<link", "url(", "@import", "href=", "src=", "onload"] {
        assert!(!low_page.contains(outside), "{outside}");
    }
    // The one address is the name of the SVG vocabulary, which nothing fetches.
    assert_eq!(
        low_page.matches("http").count(),
        low_page.matches("http://www.w3.org/2000/svg").count()
    );
    assert_eq!(html(&example()), page);
}

#[test]
fn every_colour_of_the_pictures_is_exchanged_in_a_dark_window() {
    let report = example();
    let known: Vec<String> = canvas::palette().map(|paint| canvas::hex(paint.light)).collect();
    // The heat map's colours mean risks and stay.
    for svg in &pictures(&report)[..4] {
        for attribute in ["fill=\"#", "stroke=\"#"] {
            for found in svg.split(attribute).skip(1) {
                let colour = format!("#{}", &found[..6]);
                assert!(known.contains(&colour), "{colour}");
            }
        }
    }
    for colour in known {
        assert!(
            html(&report).contains(&format!("svg [fill=\"{colour}\"]")),
            "{colour}"
        );
    }
}

#[test]
fn words_from_outside_stay_words() {
    const EVIL: &str = "<script>alert(\"1\" & '2')</script>\u{0}";
    let mut report = example();
    let evil = || EVIL.to_owned();
    report.title = evil();
    report.facts.push((evil(), evil()));
    report.gains.lines[0].model = evil();
    report.folds.folds[0].label = evil();
    report.folds.folds[0].models[0].model = evil();
    report.tables[0].caption = evil();
    report.tables[0].header[0] = evil();
    report.tables[0].rows[0][0] = evil();
    report.notes.push(evil());
    let page = html(&report);
    let document = parsed(&page);
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    let whole = texts(&document)
        .iter()
        .filter(|text| **text == EVIL.replace('\u{0}', "\u{FFFD}"))
        .count();
    // Title and heading, two of the fact, caption, head, cell and note; names in pictures are cut.
    assert_eq!(whole, 8);
}

#[test]
fn what_is_empty_or_no_number_is_shown_as_no_data() {
    let page = html(&ChurnReport::default());
    assert_eq!(
        texts(&parsed(&page))
            .iter()
            .filter(|text| **text == "No data")
            .count(),
        5
    );

    let mut report = example();
    report
        .reliability
        .bins
        .iter_mut()
        .for_each(|bin| bin.observed = f64::NAN);
    report
        .gains
        .lines
        .iter_mut()
        .for_each(|line| line.points[3].1 = f64::INFINITY);
    let aucs = report.folds.folds.iter_mut().flat_map(|fold| &mut fold.models);
    aucs.for_each(|auc| auc.auc = f64::NAN);
    report.risk = RiskDistribution::of(&[f64::NAN, 2.0, -1.0], 0.33, 0.66);
    let cells = report.rfm.cells.iter_mut().flatten();
    cells.for_each(|cell| {
        *cell = cell.map(|cell| RfmCell {
            mean_risk: f64::NAN,
            ..cell
        })
    });
    let page = html(&report);
    assert_eq!(
        texts(&parsed(&page))
            .iter()
            .filter(|text| **text == "No data")
            .count(),
        4
    );
    assert!(pictures(&report)[4].matches('–').count() == 25);
}

#[test]
fn histograms_and_bands_count_by_hand() {
    let p = [0.0, 0.33, 0.329, 0.66, 0.661, 1.0];
    assert_eq!(Histogram::of(&p, 4).counts, [1, 2, 2, 1]);
    let risk = RiskDistribution::of(&p, 0.33, 0.66);
    assert_eq!(risk.bands, [2, 2, 2]);
    assert_eq!(risk.scores.counts.iter().sum::<u64>(), 6);
    assert_eq!(Histogram::of(&p, 0).counts, [0u64; 0]);
}
