//! The client: threads of their own on the client's cores, which ask and count.
//!
//! Closed loop: so many callers, each of whom asks again as soon as it is answered. It shows how much a server can do, and
//! never how long somebody waits: a slow answer delays the questions that would have shown it.
//! Open loop: questions arrive as a Poisson process at a given rate, whatever the answers do, and latency runs from the
//! instant at which a question was due. Its threads never sleep, since a system wakes them late: they look at the clock and
//! at the sockets in turn, which their cores have time for.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_distr::{Distribution, Exp};
use rand_xoshiro::Xoshiro256PlusPlus;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{Connection, TRANSPORT};
use super::cores::Cores;
use super::questions::{Questions, Sources};
use super::tally::Tally;

/// Questions that may be under way on all connections; a server that is so far behind is not measured by more of them.
const MOST_UNDER_WAY: usize = 20_000;

/// How long answers are awaited after the last question.
const DRAIN: Duration = Duration::from_secs(10);

/// Silence after which a closed loop looks at the clock.
const LOOK_UP: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// The phase that ends an open loop early.
pub const STOP: usize = usize::MAX;

/// So many callers who ask one question at a time.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    pub connections: usize,
    /// Callers on each connection.
    pub streams: usize,
    pub warm_up: Duration,
    pub measured: Duration,
}

/// Questions at a rate.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    pub connections: usize,
    /// Arrivals a second.
    pub rate: f64,
    pub seed: u64,
    pub warm_up: Duration,
    pub measured: Duration,
    /// Which tally counts a question that is due now; [`STOP`] when there shall be no more.
    pub phase: &'a AtomicUsize,
    pub phases: usize,
}

/// Asks in a closed loop until the time is over or the questions are; one source for each thread.
pub fn closed(
    address: SocketAddr,
    plan: Closed,
    cores: &Cores,
    sources: &mut Sources,
) -> anyhow::Result<Tally> {
    let tallies = on_threads(address, plan.connections, cores, sources, |thread| {
        closed_on_thread(plan, thread)
    })?;
    let mut all = Tally::new(plan.measured);
    tallies.iter().for_each(|tally| all.merge(tally));
    Ok(all)
}

/// Asks in an open loop; one source for each thread, one tally for each phase.
pub fn open(
    address: SocketAddr,
    plan: Open<'_>,
    cores: &Cores,
    sources: &mut Sources,
) -> anyhow::Result<Vec<Tally>> {
    let rate = plan.rate / sources.len() as f64;
    let tallies = on_threads(address, plan.connections, cores, sources, |thread| {
        open_on_thread(plan, rate, thread)
    })?;
    let mut phases = vec![Tally::new(plan.measured); plan.phases];
    for tallies in &tallies {
        for (all, tally) in phases.iter_mut().zip(tallies) {
            all.merge(tally);
        }
    }
    Ok(phases)
}

/// What one thread asks with; `T` comes back with each answer.
struct Thread<'a, T> {
    at: usize,
    connections: Vec<Connection<T>>,
    source: &'a mut dyn Questions,
    begun: Instant,
}

/// Each caller asks again and again; what was answered within the measured time counts.
fn closed_on_thread(plan: Closed, thread: Thread<'_, Instant>) -> anyhow::Result<Tally> {
    let Thread {
        mut connections,
        source,
        begun,
        ..
    } = thread;
    let from = begun + plan.warm_up;
    let to = from + plan.measured;
    let mut tally = Tally::new(plan.measured);
    let mut ended = Vec::new();
    for connection in &mut connections {
        for question in std::iter::from_fn(|| source.next()).take(plan.streams) {
            connection.ask(question, Instant::now());
        }
        connection.flush(&mut ended);
    }
    while connections.iter().any(|connection| connection.under_way() > 0) {
        let ready = ready(&connections)?;
        for (connection, _) in connections.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            connection.read(&mut ended);
            let now = Instant::now();
            for (sent, outcome) in ended.drain(..) {
                // A failure counts whenever it happens, and a caller without a connection stops.
                let lost = matches!(&outcome, Err(failure) if failure.starts_with(TRANSPORT));
                if outcome.is_err() || (from..to).contains(&now) {
                    tally.count(outcome, now - sent);
                }
                if now < to
                    && !lost
                    && let Some(question) = source.next()
                {
                    connection.ask(question, now);
                }
            }
            connection.flush(&mut ended);
        }
    }
    Ok(tally)
}

/// Waits until a connection has something to read, or room for what is to be written; which ones have.
fn ready<T>(connections: &[Connection<T>]) -> anyhow::Result<Vec<bool>> {
    let mut sockets: Vec<_> = connections
        .iter()
        .map(|connection| {
            let mut events = PollFlags::IN;
            events.set(PollFlags::OUT, connection.has_unsent());
            PollFd::new(connection.socket(), events)
        })
        .collect();
    poll(&mut sockets, Some(&LOOK_UP))?;
    Ok(sockets
        .iter()
        .map(|socket| !socket.revents().is_empty())
        .collect())
}

/// When a question was due, and which tally it belongs to; none before the measurement.
struct Due {
    at: Instant,
    tally: Option<usize>,
}

/// Asks when a question is due, on one connection after the other.
fn open_on_thread(plan: Open<'_>, rate: f64, thread: Thread<'_, Due>) -> anyhow::Result<Vec<Tally>> {
    let Thread {
        at,
        mut connections,
        source,
        begun,
    } = thread;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(plan.seed ^ ((at as u64 + 1) << 32));
    let gaps = Exp::new(rate)?;
    let mut gap = || Duration::from_secs_f64(gaps.sample(&mut random));
    let from = begun + plan.warm_up;
    let to = from + plan.measured;
    let mut tallies = vec![Tally::new(plan.measured); plan.phases];
    let mut ended = Vec::new();
    let (mut due, mut next) = (begun + gap(), 0);
    let mut stopped = None;
    loop {
        let now = Instant::now();
        let phase = plan.phase.load(Ordering::Relaxed);
        if stopped.is_none() && (due >= to || phase == STOP) {
            stopped = Some(now);
        }
        // Not all that is late at once: answers are read in between.
        if stopped.is_none() && due <= now {
            let tally = (due >= from).then_some(phase);
            let connection = &mut connections[next];
            if connection.under_way() * plan.connections >= MOST_UNDER_WAY {
                tallies[phase].unsent += u64::from(tally.is_some());
            } else if let Some(question) = source.next() {
                connection.ask(question, Due { at: due, tally });
                connection.flush(&mut ended);
            }
            next = (next + 1) % connections.len();
            due += gap();
        }
        let mut under_way = 0;
        for connection in &mut connections {
            if connection.under_way() == 0 {
                continue;
            }
            connection.read(&mut ended);
            connection.flush(&mut ended);
            under_way += connection.under_way();
            let now = Instant::now();
            for (due, outcome) in ended.drain(..) {
                if due.tally.is_some() || outcome.is_err() {
                    tallies[due.tally.unwrap_or(0)].count(outcome, now - due.at);
                }
            }
        }
        if let Some(since) = stopped {
            let late = since.elapsed() > DRAIN;
            if late && under_way > 0 {
                let failures = &mut tallies[plan.phases - 1].failures;
                *failures.entry(format!("no answer within {DRAIN:?}")).or_default() += under_way as u64;
            }
            if late || under_way == 0 {
                return Ok(tallies);
            }
        }
    }
}

/// Runs the same on a thread for each source, each with its share of the connections, all beginning together.
fn on_threads<T, R: Send>(
    address: SocketAddr,
    connections: usize,
    cores: &Cores,
    sources: &mut Sources,
    run: impl Fn(Thread<'_, T>) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let threads = sources.len();
    let all_here = Barrier::new(threads);
    let (run, all_here) = (&run, &all_here);
    std::thread::scope(|scope| {
        let asking: Vec<_> = sources
            .iter_mut()
            .enumerate()
            .map(|(at, source)| {
                scope.spawn(move || {
                    cores.pin(&[cores.client[at % cores.client.len()]]);
                    let share = (0..connections).filter(|connection| connection % threads == at);
                    let connected: anyhow::Result<_> = share.map(|_| Connection::open(address)).collect();
                    // Also by a thread that cannot go on: the others wait for everybody.
                    all_here.wait();
                    run(Thread {
                        at,
                        connections: connected?,
                        source: source.as_mut(),
                        begun: Instant::now(),
                    })
                })
            })
            .collect();
        asking
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("a client thread broke down")))
            })
            .collect()
    })
}
