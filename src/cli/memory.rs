//! How much memory this process holds, as Linux tells it.

use std::fs;

use crate::evaluate::fixed::MemoryMeter;

/// The resident set of this process. Elsewhere than on Linux nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessMemory;

impl MemoryMeter for ProcessMemory {
    fn peak_since_last(&self) -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let peak = peak(&status)?;
        // Forgets the peak (proc_pid_clear_refs(5)). Where that is not allowed, no peak is one "since the last call".
        fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(peak)
    }
}

/// What a process holds in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Memory of its own.
    pub private: u64,
    /// Pages of files that it maps: the page cache's, and given back when the machine needs them.
    pub of_files: u64,
}

impl Resident {
    /// What this process holds now; `None` elsewhere than on Linux.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::of(&fs::read_to_string("/proc/self/status").ok()?)
    }

    fn of(status: &str) -> Option<Self> {
        Some(Self {
            private: bytes(status, "RssAnon:")?,
            of_files: bytes(status, "RssFile:")?,
        })
    }
}

/// `VmHWM`, the "high water mark", in bytes.
fn peak(status: &str) -> Option<u64> {
    bytes(status, "VmHWM:")
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(
            peak("VmPeak:\t 9 kB\nVmHWM:\t  1536 kB\nVmRSS:\t 1 kB"),
            Some(1536 * 1024)
        );
        assert_eq!(peak("VmRSS:\t 1 kB"), None);
        assert_eq!(
            Resident::of("RssAnon:\t  2 kB\nRssFile:\t 3 kB\nRssShmem:\t 9 kB"),
            Some(Resident {
                private: 2048,
                of_files: 3072
            })
        );
    }
}
