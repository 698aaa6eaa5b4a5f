//! What can be measured, each scenario with its servers and questions.

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashSet;
use rapport::bundle::Registry;
use rapport::log::{read_clicks, sessions_of_clicks};

use super::ids::Ids;
use super::options::Scenario;
use super::questions::{self, Pages, Share};
use super::report::{OpenLoop, Report};
use super::saturation::{self, Asked};
use super::server::Server;
use super::setting::{CONNECTIONS, Caching, Setting};
use super::wire::Question;
use super::{arrivals, data};

/// What is asked of a shop with the usual cache.
pub fn cached_shop(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    use Scenario::{Home, Mix, Reload, Score, Search};
    if ![Home, Score, Mix, Search, Reload]
        .iter()
        .any(|&scenario| setting.options.wants(scenario))
    {
        return Ok(());
    }
    let registry = setting.shop()?;
    let pages = setting.pages(&registry)?;
    let mut own = None;
    let server = match setting.options.server()? {
        Some(address) => address,
        None => {
            own.insert(setting.serve("shop", &registry, Caching::Usual, report)?)
                .address
        }
    };
    let floor = setting.floor(server, pages.example())?;
    let home = |share: Share| pages.home(share);
    let every_home = |share: Share| pages.every_home(share);
    let fill = |address| {
        saturation::warm(
            setting,
            Asked {
                address,
                source: &every_home,
            },
        )
    };
    fill(server)?;
    let beside = Asked {
        address: floor.address,
        source: &home,
    };
    if setting.options.wants(Home) {
        let asked = Asked {
            address: server,
            source: &home,
        };
        report
            .saturations
            .push(saturation::measure(setting, "home, cached", beside, asked)?);
    }
    if !pages.has_scores() {
        report
            .skipped
            .push("scores and the mix: this bundle has no churn model".to_owned());
        return Ok(());
    }
    if setting.options.wants(Score) {
        let source = |share: Share| pages.score(share);
        let asked = Asked {
            address: server,
            source: &source,
        };
        report
            .saturations
            .push(saturation::measure(setting, "churn score", beside, asked)?);
    }
    mixes(setting, &pages, server, &floor, report)?;
    if setting.options.wants(Reload) {
        if registry.list()?.len() < 2 {
            setting.kept.another_shop(&registry)?;
        }
        let mut sources = setting.sources(CONNECTIONS, &|share| pages.mix(share));
        let rows = arrivals::reload(setting, &registry, server, &mut sources)?;
        report.open_loops.extend(rows);
    }
    Ok(())
}

/// The mix at a rate and the highest rate, with the floor's.
fn mixes(
    setting: &Setting,
    pages: &Pages,
    server: SocketAddr,
    floor: &Server,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut mix = setting.sources(CONNECTIONS, &|share| pages.mix(share));
    let mut home = setting.sources(CONNECTIONS, &|share| pages.home(share));
    let asked = [("floor", floor.address, &mut home), ("mix", server, &mut mix)];
    for (name, address, sources) in asked {
        if setting.options.wants(Scenario::Mix) {
            eprintln!("load: {name}, open loop");
            let rate = setting.options.rate;
            // Long enough for the slowest in a thousand to be more than a handful.
            let tally = arrivals::at_rate(setting, address, rate, 5 * setting.options.measured(), sources)?;
            report.open_loops.push(OpenLoop::new(name, rate, &tally));
        }
        if setting.options.wants(Scenario::Search) {
            report
                .searches
                .push(arrivals::search(setting, name, address, sources)?);
        }
    }
    Ok(())
}

/// Home pages that are all computed.
pub fn uncached_shop(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    if !setting.options.wants(Scenario::Uncached) {
        return Ok(());
    }
    if !has_server_of_its_own(setting, "uncached", report) {
        return Ok(());
    }
    let registry = setting.shop()?;
    let pages = setting.pages(&registry)?;
    let server = setting.serve("shop, no cache", &registry, Caching::Off, report)?;
    let floor = setting.floor(server.address, pages.example())?;
    let home = |share: Share| pages.home(share);
    let [beside, asked] = [floor.address, server.address].map(|address| Asked {
        address,
        source: &home,
    });
    report
        .saturations
        .push(saturation::measure(setting, "home, uncached", beside, asked)?);
    Ok(())
}

/// Visits of the example's test file, click by click, of strangers.
pub fn session(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    if !setting.options.wants(Scenario::Session) || !has_server_of_its_own(setting, "session", report) {
        return Ok(());
    }
    let (Some(registry), Some(test)) = (
        setting.kept.serenade()?,
        data::published("serenade-example/test.parquet"),
    ) else {
        report
            .skipped
            .push("session: the Serenade example is not there".to_owned());
        return Ok(());
    };
    let known: HashSet<String> = Ids::of_current(&registry)?.items.into_iter().collect();
    let visits = sessions_of_clicks(read_clicks(&test)?)
        .into_iter()
        .flat_map(|visit| {
            let items: Vec<u64> = visit
                .items
                .into_iter()
                .filter(|item| known.contains(&item.to_string()))
                .collect();
            (1..=items.len())
                .map(|clicks| questions::visit(&items[..clicks], visit.end))
                .collect::<Vec<_>>()
        });
    let visits: Vec<_> = visits.collect();
    let Some(example) = visits.first().cloned() else {
        report
            .skipped
            .push("session: no item of the test file is known".to_owned());
        return Ok(());
    };
    let server = setting.serve("Serenade example, no cache", &registry, Caching::Off, report)?;
    let floor = setting.floor(server.address, example)?;
    let visits: Arc<[_]> = visits.iter().map(Question::recommend).collect();
    let source = |share: Share| questions::any(&visits, setting.options.seed, share);
    let [beside, asked] = [floor.address, server.address].map(|address| Asked {
        address,
        source: &source,
    });
    report
        .saturations
        .push(saturation::measure(setting, "session, uncached", beside, asked)?);
    Ok(())
}

/// Home pages of a large catalogue, all computed.
pub fn gowalla(setting: &Setting, report: &mut Report) -> anyhow::Result<()> {
    if !setting.options.wants(Scenario::Gowalla) || !has_server_of_its_own(setting, "gowalla", report) {
        return Ok(());
    }
    if setting.options.quick {
        report
            .skipped
            .push("gowalla: its training is not quick".to_owned());
        return Ok(());
    }
    let Some(registry) = setting.kept.gowalla()? else {
        report.skipped.push("gowalla: its data is not there".to_owned());
        return Ok(());
    };
    gowalla_served(setting, &registry, report)
}

fn gowalla_served(setting: &Setting, registry: &Registry, report: &mut Report) -> anyhow::Result<()> {
    let pages = setting.pages(registry)?;
    let server = setting.serve("Gowalla, no cache", registry, Caching::Off, report)?;
    let floor = setting.floor(server.address, pages.example())?;
    let home = |share: Share| pages.home(share);
    let rate = setting.options.gowalla_rate;
    for (name, address) in [
        ("Gowalla's floor", floor.address),
        ("Gowalla, uncached", server.address),
    ] {
        eprintln!("load: {name}, open loop");
        let mut sources = setting.sources(CONNECTIONS, &home);
        let tally = arrivals::at_rate(
            setting,
            address,
            rate,
            5 * setting.options.measured(),
            &mut sources,
        )?;
        report.open_loops.push(OpenLoop::new(name, rate, &tally));
    }
    let [beside, asked] = [floor.address, server.address].map(|address| Asked {
        address,
        source: &home,
    });
    report
        .saturations
        .push(saturation::measure(setting, "Gowalla, uncached", beside, asked)?);
    Ok(())
}

/// Whether the bench may start servers; a running one has the configuration and the bundle that it has.
fn has_server_of_its_own(setting: &Setting, name: &str, report: &mut Report) -> bool {
    let running = setting.options.server().ok().flatten().is_some();
    if running && !setting.options.only.is_empty() {
        report.skipped.push(format!(
            "{name}: it needs a server of its own, and --server was given"
        ));
    }
    !running
}
