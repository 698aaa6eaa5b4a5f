//! Which cores serve and which ask: two programs that share cores measure each other.

use std::fmt;

/// The cores of this machine that the bench may use, in two halves.
#[derive(Clone, Debug)]
pub struct Cores {
    /// For servers.
    pub server: Vec<usize>,
    /// For the client.
    pub client: Vec<usize>,
    pinned: bool,
}

impl Cores {
    /// The first half for servers, the other for the client. A single core, and a system that does not pin threads, is shared.
    pub fn halves() -> Self {
        let all = system::allowed();
        let n = std::thread::available_parallelism().map_or(1, usize::from);
        if all.len() < 2 {
            let shared: Vec<usize> = (0..n).collect();
            return Self {
                server: shared[..n.div_ceil(2)].to_vec(),
                client: shared[n / 2..].to_vec(),
                pinned: false,
            };
        }
        let (server, client) = all.split_at(all.len() / 2);
        Self {
            server: server.to_vec(),
            client: client.to_vec(),
            pinned: true,
        }
    }

    /// Keeps this thread, and what it will start, on these cores.
    pub fn pin(&self, cores: &[usize]) {
        if self.pinned {
            system::pin(cores);
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pinned {
            write!(
                f,
                "servers on cores {:?}, client on {:?}",
                self.server, self.client
            )
        } else {
            f.write_str("servers and client NOT pinned: they share cores, and the figures are of both")
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub fn allowed() -> Vec<usize> {
        sched_getaffinity(None).map_or_else(
            |_| Vec::new(),
            |set| (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect(),
        )
    }

    pub fn pin(cores: &[usize]) {
        let mut set = CpuSet::new();
        for &core in cores {
            set.set(core);
        }
        if let Err(error) = sched_setaffinity(None, &set) {
            eprintln!("load: cannot pin a thread to cores {cores:?}: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub fn pin(_: &[usize]) {}
}
