//! All rows of all files, as blocks of work in log order.
//!
//! Taking a block off the feed is cheap (a cut in a stream, a range of rows) and done by one thread at a time; decoding
//! it is the costly part and is done side by side.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::batch::{Batch, Wanted};
use super::csv::Header;
use super::error::LogError;
use super::files::{Format, LogFile};
use super::jsonl;
use super::parquet::{Cursor, ParquetFile, Range};
use super::split::{Piece, Records, Splitter};

/// A block of work: some rows of one file.
pub(super) struct Block {
    /// Bytes of the file that it stands for, about.
    pub(super) bytes: u64,
    content: Content,
}

enum Content {
    Csv {
        file: Arc<Path>,
        header: Arc<Header>,
        piece: Piece,
    },
    Json {
        file: Arc<Path>,
        wanted: Arc<[Wanted]>,
        piece: Piece,
    },
    Parquet {
        file: Arc<ParquetFile>,
        range: Range,
    },
}

impl Block {
    pub(super) fn decode(self) -> Result<Batch, LogError> {
        match self.content {
            Content::Csv { file, header, piece } => Ok(header.decode(file, piece)),
            Content::Json { file, wanted, piece } => Ok(jsonl::decode(file, &wanted, piece)),
            Content::Parquet { file, range } => file.decode(range),
        }
    }
}

/// Gives the blocks of files, one file after the other.
pub(super) struct Feed {
    files: VecDeque<LogFile>,
    wanted: Arc<[Wanted]>,
    delimiter: u8,
    open: Option<Open>,
}

enum Open {
    /// `header` is none for JSON Lines.
    Text {
        file: Arc<Path>,
        splitter: Splitter,
        header: Option<Arc<Header>>,
        first: Option<Piece>,
        taken: Arc<AtomicU64>,
        told: u64,
    },
    Parquet {
        file: Arc<ParquetFile>,
        cursor: Cursor,
    },
}

impl Feed {
    pub(super) fn new(files: Vec<LogFile>, wanted: Vec<Wanted>, delimiter: u8) -> Self {
        Self {
            files: files.into(),
            wanted: wanted.into(),
            delimiter,
            open: None,
        }
    }

    fn open(&self, file: &LogFile) -> Result<Open, LogError> {
        let (records, delimiter) = match file.format {
            Format::Parquet => {
                let file = Arc::new(ParquetFile::open(&file.path, &self.wanted)?);
                return Ok(Open::Parquet {
                    file,
                    cursor: Cursor::default(),
                });
            }
            Format::Csv => (
                Records::Quoted {
                    delimiter: self.delimiter,
                },
                self.delimiter,
            ),
            Format::Tsv => (Records::Quoted { delimiter: b'\t' }, b'\t'),
            Format::JsonLines => (Records::Lines, 0),
        };
        let taken = Arc::new(AtomicU64::new(0));
        let mut splitter = Splitter::new(file.open(Arc::clone(&taken))?, records);
        let mut first = splitter
            .next()
            .map_err(|source| io(&file.path, source))?
            .unwrap_or_default();
        let header = if file.format == Format::JsonLines {
            jsonl::check(&file.path, &self.wanted, &first)?;
            None
        } else {
            Some(Arc::new(Header::take(
                &file.path,
                delimiter,
                &self.wanted,
                &mut first,
            )?))
        };
        Ok(Open::Text {
            file: Arc::clone(&file.path),
            splitter,
            header,
            first: Some(first),
            taken,
            told: 0,
        })
    }

    fn advance(&mut self) -> Result<Option<Block>, LogError> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(file) = self.files.pop_front() else {
                    return Ok(None);
                };
                self.open = Some(self.open(&file)?);
                continue;
            };
            let block = match open {
                Open::Parquet { file, cursor } => file.next(cursor).map(|range| Block {
                    bytes: range.bytes,
                    content: Content::Parquet {
                        file: Arc::clone(file),
                        range,
                    },
                }),
                Open::Text {
                    file,
                    splitter,
                    header,
                    first,
                    taken,
                    told,
                } => {
                    let piece = match first.take() {
                        Some(piece) => Some(piece),
                        None => splitter.next().map_err(|source| io(file, source))?,
                    };
                    let now = taken.load(Ordering::Relaxed);
                    let bytes = now - *told;
                    *told = now;
                    piece.map(|piece| Block {
                        bytes,
                        content: match header {
                            Some(header) => Content::Csv {
                                file: Arc::clone(file),
                                header: Arc::clone(header),
                                piece,
                            },
                            None => Content::Json {
                                file: Arc::clone(file),
                                wanted: Arc::clone(&self.wanted),
                                piece,
                            },
                        },
                    })
                }
            };
            match block {
                Some(block) => return Ok(Some(block)),
                None => self.open = None,
            }
        }
    }
}

impl Iterator for Feed {
    type Item = Result<Block, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

fn io(path: &Path, source: std::io::Error) -> LogError {
    LogError::Io {
        path: path.to_owned(),
        source,
    }
}
