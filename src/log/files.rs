//! From paths, folders and patterns to files, and from a file's ending to its format.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::LogError;

/// Folders within folders that are followed; deeper ones are a loop of links.
const MAX_DEPTH: usize = 32;

/// Patterns match as a shell's do.
const PATTERNS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// What a file holds, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    /// CSV whose delimiter is the tab, whatever the recipe says.
    Tsv,
    JsonLines,
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A file and what its name says of it.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    pub(super) path: Arc<Path>,
    pub(super) format: Format,
    pub(super) compression: Compression,
}

impl LogFile {
    pub(super) fn new(path: &Path) -> Result<Self, LogError> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        let (stem, compression) = match name.rsplit_once('.') {
            Some((stem, "gz")) => (stem, Compression::Gzip),
            Some((stem, "zst" | "zstd")) => (stem, Compression::Zstd),
            _ => (name.as_str(), Compression::None),
        };
        let format = match (stem.rsplit_once('.').map(|(_, ending)| ending), compression) {
            (Some("csv"), _) => Format::Csv,
            (Some("tsv"), _) => Format::Tsv,
            (Some("jsonl" | "ndjson"), _) => Format::JsonLines,
            (Some("parquet"), Compression::None) => Format::Parquet,
            _ => {
                return Err(LogError::UnknownFormat {
                    path: path.to_owned(),
                });
            }
        };
        Ok(Self {
            path: path.into(),
            format,
            compression,
        })
    }

    /// The bytes of a text file, decompressed; `taken` counts the bytes taken from the disk.
    pub(super) fn open(&self, taken: Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, LogError> {
        let io = |source| LogError::Io {
            path: self.path.to_path_buf(),
            source,
        };
        let file = File::open(&self.path).map_err(io)?;
        let counted = BufReader::with_capacity(1 << 16, Counted { file, taken });
        Ok(match self.compression {
            Compression::None => Box::new(counted),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(counted)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(counted).map_err(io)?),
        })
    }
}

struct Counted {
    file: File,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        // A count for a progress bar: no other memory hangs on it.
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// The log files that paths stand for: a file is itself, a folder all its log files at any depth, a pattern (`*`, `?`,
/// `[…]`, `**`) what it matches. Folders and patterns give their files sorted by path and skip what is no log.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<LogFile>, LogError> {
    let mut found = Vec::new();
    for path in paths {
        let before = found.len();
        if path.is_dir() {
            walk(path, 0, &mut found)?;
        } else if path.exists() {
            found.push(LogFile::new(path)?);
        } else {
            let matched = path
                .to_str()
                .and_then(|pattern| glob::glob_with(pattern, PATTERNS).ok());
            for entry in matched.into_iter().flatten() {
                let entry = entry.map_err(|error| LogError::Io {
                    path: error.path().to_owned(),
                    source: error.into(),
                })?;
                if entry.is_dir() {
                    walk(&entry, 0, &mut found)?;
                } else if let Ok(file) = LogFile::new(&entry) {
                    found.push(file);
                }
            }
        }
        if found.len() == before {
            return Err(LogError::NothingFound { path: path.clone() });
        }
    }
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<LogFile>) -> Result<(), LogError> {
    let io = |source| LogError::Io {
        path: folder.to_owned(),
        source,
    };
    if depth > MAX_DEPTH {
        return Err(io(std::io::Error::other(
            "more than 32 folders within one another",
        )));
    }
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        entries.push(entry.map_err(io)?.path());
    }
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        // What programs leave beside data: .git, _SUCCESS, _temporary.
        if name.starts_with(['.', '_']) {
            continue;
        }
        if entry.is_dir() {
            walk(&entry, depth + 1, found)?;
        } else if let Ok(file) = LogFile::new(&entry) {
            found.push(file);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_format_and_compression() {
        for (name, expected) in [
            ("a.csv", Some((Format::Csv, Compression::None))),
            ("a.CSV.GZ", Some((Format::Csv, Compression::Gzip))),
            ("a.b.tsv.zst", Some((Format::Tsv, Compression::Zstd))),
            ("a.ndjson", Some((Format::JsonLines, Compression::None))),
            ("a.parquet", Some((Format::Parquet, Compression::None))),
            ("a.parquet.gz", None),
            ("a.txt", None),
            ("csv", None),
        ] {
            let found = LogFile::new(Path::new(name))
                .ok()
                .map(|file| (file.format, file.compression));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn folders_and_patterns_give_sorted_logs_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("2024")).unwrap();
        for name in [
            "b.csv",
            "a.jsonl",
            "2024/z.csv.gz",
            "README.md",
            "_SUCCESS",
            ".x.csv",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names = |path: PathBuf| -> Vec<String> {
            let files = find(&[path]).unwrap();
            let root = dir.path().to_owned();
            files
                .iter()
                .map(|f| f.path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(
            names(dir.path().to_owned()),
            ["2024/z.csv.gz", "a.jsonl", "b.csv"]
        );
        assert_eq!(names(dir.path().join("*.csv")), ["b.csv"]);
        assert_eq!(names(dir.path().join("**/z*")), ["2024/z.csv.gz"]);
        for missing in ["none", "none*.csv"] {
            let error = find(&[dir.path().join(missing)]).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }
}
