//! Typed arrays in and out of one safetensors file.
//!
//! The one decision: every column is a named one-dimensional array (factors: two-dimensional) of a plain number, and text
//! is its UTF-8 bytes end to end beside the offsets, so that any safetensors reader can open the file.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};

use super::error::BundleError;
use crate::column::{Column, Plain, Rows, Texts};
use crate::recommend::relations::Sparse;

/// A number that an array holds, little-endian.
pub(super) trait Element: Plain {
    /// Its name in the file's header.
    const DTYPE: Dtype;
    /// Appends its bytes.
    fn append(self, bytes: &mut Vec<u8>);
    /// Reads all numbers of an array.
    fn read(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($type:ty, $dtype:ident) => {
        impl Element for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            fn append(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn read(bytes: &[u8]) -> Vec<Self> {
                let (chunks, _) = bytes.as_chunks();
                chunks
                    .iter()
                    .map(|chunk| Self::from_le_bytes(*chunk))
                    .collect()
            }
        }
    };
}
element!(u8, U8);
element!(u32, U32);
element!(u64, U64);
element!(i64, I64);
element!(f32, F32);
element!(f64, F64);

struct Array {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Collects arrays for one file.
#[derive(Default)]
pub(super) struct ArrayWriter {
    arrays: Vec<(String, Array)>,
}

impl ArrayWriter {
    /// Adds a one-dimensional array.
    pub(super) fn vector<T: Element>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        let mut bytes = Vec::new();
        values.into_iter().for_each(|value| value.append(&mut bytes));
        let len = bytes.len() / T::DTYPE.bitsize().div_ceil(8);
        self.push(name, T::DTYPE, vec![len], bytes);
    }

    /// Adds a two-dimensional array in row-major order.
    pub(super) fn matrix(&mut self, name: &str, values: ndarray::ArrayView2<'_, f32>) {
        let mut bytes = Vec::with_capacity(values.len() * 4);
        values.iter().for_each(|value| value.append(&mut bytes));
        self.push(name, Dtype::F32, vec![values.nrows(), values.ncols()], bytes);
    }

    /// Adds a sparse matrix as `<name>.offsets`, `<name>.items` and `<name>.values`.
    pub(super) fn sparse(&mut self, name: &str, matrix: Sparse) {
        self.vector(&format!("{name}.offsets"), matrix.offsets);
        self.vector(&format!("{name}.items"), matrix.columns.iter().copied());
        self.vector(&format!("{name}.values"), matrix.values.iter().copied());
    }

    /// Adds texts as `<name>.bytes` and `<name>.offsets`.
    pub(super) fn texts<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) {
        let mut bytes = Vec::new();
        let mut offsets = vec![0u64];
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
            offsets.push(bytes.len() as u64);
        }
        let len = bytes.len();
        self.push(&format!("{name}.bytes"), Dtype::U8, vec![len], bytes);
        self.vector(&format!("{name}.offsets"), offsets);
    }

    fn push(&mut self, name: &str, dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) {
        self.arrays.push((name.to_owned(), Array { dtype, shape, bytes }));
    }

    /// The file's content; the same arrays always give the same bytes.
    pub(super) fn finish(self, file: &Path) -> Result<Vec<u8>, BundleError> {
        let views = self.arrays.iter().map(|(name, array)| (name.as_str(), array));
        safetensors::serialize(views, None).map_err(|error| BundleError::invalid(file, error.to_string()))
    }
}

/// The arrays of one file.
pub(super) struct ArrayReader<'a> {
    file: PathBuf,
    content: &'a Bytes,
    arrays: SafeTensors<'a>,
}

impl<'a> ArrayReader<'a> {
    pub(super) fn new(file: &Path, content: &'a Bytes) -> Result<Self, BundleError> {
        let arrays = SafeTensors::deserialize(content)
            .map_err(|error| BundleError::invalid(file, format!("no safetensors file: {error}")))?;
        Ok(Self {
            file: file.to_owned(),
            content,
            arrays,
        })
    }

    /// An error about this file.
    pub(super) fn invalid(&self, reason: impl Into<String>) -> BundleError {
        BundleError::invalid(&self.file, reason)
    }

    fn array<T: Element>(&self, name: &str, dimensions: usize) -> Result<TensorView<'a>, BundleError> {
        let found = self
            .arrays
            .tensor(name)
            .map_err(|_| self.invalid(format!("no array {name:?}")))?;
        if found.dtype() != T::DTYPE || found.shape().len() != dimensions {
            return Err(self.invalid(format!(
                "array {name:?} is {} of {:?} instead of {} of {dimensions} dimension(s)",
                found.dtype(),
                found.shape(),
                T::DTYPE
            )));
        }
        Ok(found)
    }

    /// Whether there is an array of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.arrays.tensor(name).is_ok()
    }

    /// A one-dimensional array of any length.
    pub(super) fn vector<T: Element>(&self, name: &str) -> Result<Vec<T>, BundleError> {
        Ok(T::read(self.array::<T>(name, 1)?.data()))
    }

    /// A one-dimensional array that must have `len` entries.
    pub(super) fn vector_of<T: Element>(&self, name: &str, len: usize) -> Result<Vec<T>, BundleError> {
        let found = self.vector(name)?;
        if found.len() != len {
            return Err(self.invalid(format!(
                "array {name:?} has {} entries instead of {len}",
                found.len()
            )));
        }
        Ok(found)
    }

    /// A one-dimensional array where it stands in the file; a copy where this machine orders bytes otherwise, or the array
    /// begins at an address that does not suit its numbers.
    pub(super) fn column<T: Element>(&self, name: &str) -> Result<Column<T>, BundleError> {
        Ok(self.in_place(self.array::<T>(name, 1)?.data()))
    }

    fn in_place<T: Element>(&self, data: &'a [u8]) -> Column<T> {
        let shared = || Column::shared(self.content.slice_ref(data));
        let shared = cfg!(target_endian = "little").then(shared).flatten();
        shared.unwrap_or_else(|| T::read(data).into())
    }

    /// A sparse matrix written by [`ArrayWriter::sparse`], not checked yet.
    pub(super) fn sparse(&self, name: &str) -> Result<Sparse, BundleError> {
        Ok(Sparse {
            offsets: self.vector(&format!("{name}.offsets"))?,
            columns: self.column(&format!("{name}.items"))?,
            values: self.column(&format!("{name}.values"))?,
        })
    }

    /// A two-dimensional array that must have `rows` rows, where it stands in the file.
    pub(super) fn matrix(&self, name: &str, rows: usize) -> Result<Rows, BundleError> {
        let found = self.array::<f32>(name, 2)?;
        let shape = (found.shape()[0], found.shape()[1]);
        if shape.0 != rows {
            return Err(self.invalid(format!("array {name:?} has {} rows instead of {rows}", shape.0)));
        }
        Ok(Rows {
            values: self.in_place(found.data()),
            width: shape.1,
        })
    }

    /// Texts written by [`ArrayWriter::texts`], copied.
    pub(super) fn texts(&self, name: &str) -> Result<Texts, BundleError> {
        let bytes = self.array::<u8>(&format!("{name}.bytes"), 1)?.data();
        let offsets = self.vector::<u64>(&format!("{name}.offsets"))?;
        // Copied first, so that what is checked is what is kept.
        let text =
            String::from_utf8(bytes.to_vec()).map_err(|error| self.invalid(format!("{name:?}: {error}")))?;
        Texts::new(text, offsets).map_err(|error| self.invalid(format!("offsets of {name:?} {error}")))
    }
}
