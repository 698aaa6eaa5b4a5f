//! As many answers as the server can give, and the latency of a single caller, beside the floor in the same minute.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Closed, closed};
use super::questions::{Questions, Share};
use super::report::{Saturation, failures};
use super::setting::{CONNECTIONS, Setting};
use super::tally::{Tally, median};

/// Callers on each connection: with eight connections as `h2load -c 8 -m 16` asks.
const STREAMS: usize = 16;

/// Whom to ask, and what.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub address: SocketAddr,
    pub source: &'a dyn Fn(Share) -> Box<dyn Questions>,
}

/// Measures the floor and the server in turn; the medians are told.
pub fn measure(
    setting: &Setting,
    name: &str,
    floor: Asked<'_>,
    server: Asked<'_>,
) -> anyhow::Result<Saturation> {
    eprintln!("load: {name}, closed loop");
    let many = in_turn(setting, CONNECTIONS, STREAMS, [floor, server])?;
    let single = in_turn(setting, 1, 1, [floor, server])?;
    let of = |tallies: &[Tally], figure: &dyn Fn(&Tally) -> f64| median(tallies.iter().map(figure).collect());
    let p50 = |tally: &Tally| tally.millis_at(0.5);
    let p99 = |tally: &Tally| tally.millis_at(0.99);
    let (rate, floor_rate) = (of(&many[1], &Tally::rate), of(&many[0], &Tally::rate));
    Ok(Saturation {
        name: name.to_owned(),
        rate,
        floor_rate,
        ratio: rate / floor_rate,
        loaded_p99: of(&many[1], &p99),
        floor_loaded_p99: of(&many[0], &p99),
        single_p50: of(&single[1], &p50),
        floor_single_p50: of(&single[0], &p50),
        single_p99: of(&single[1], &p99),
        floor_single_p99: of(&single[0], &p99),
        failures: failures(many.iter().chain(&single).flatten()),
    })
}

/// Asks every question once, so that the cache knows its answer.
pub fn warm(setting: &Setting, server: Asked<'_>) -> anyhow::Result<()> {
    eprintln!("load: filling the cache");
    let plan = Closed {
        connections: CONNECTIONS,
        streams: STREAMS,
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(3600),
    };
    let mut sources = setting.sources(CONNECTIONS, server.source);
    let tally = closed(server.address, plan, &setting.cores, &mut sources)?;
    anyhow::ensure!(
        tally.failed() == 0,
        "the cache cannot be filled: {:?}",
        tally.failures
    );
    Ok(())
}

fn in_turn(
    setting: &Setting,
    connections: usize,
    streams: usize,
    asked: [Asked<'_>; 2],
) -> anyhow::Result<[Vec<Tally>; 2]> {
    let plan = Closed {
        connections,
        streams,
        warm_up: setting.options.warm_up(),
        measured: setting.options.measured(),
    };
    let mut sources = asked.map(|asked| setting.sources(connections, asked.source));
    let mut tallies = [Vec::new(), Vec::new()];
    for _ in 0..setting.options.repeats() {
        for ((asked, sources), tallies) in asked.iter().zip(&mut sources).zip(&mut tallies) {
            tallies.push(closed(asked.address, plan, &setting.cores, sources)?);
        }
    }
    Ok(tallies)
}
