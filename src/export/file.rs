//! A file that is written whole or not at all.
//!
//! It is written beside its target under another name, flushed to the disk and then renamed, so that a reader sees the
//! old file or the new one and never a part.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::ExportError;

/// Writes text to `path`, creating folders on the way and replacing a file that is there.
///
/// # Errors
/// [`ExportError::Write`], which names the file; what was at `path` before is still there then.
pub fn write_text(text: &str, path: &Path) -> Result<(), ExportError> {
    replace(path, |file| file.write_all(text.as_bytes())).map_err(|source| refused(path, source))
}

/// Asks before the work that fills a file whether it can be written at all: makes the folders on the way, and refuses a
/// path that is a folder or leads through a file.
///
/// # Errors
/// [`ExportError::Write`], which names the file.
pub fn make_way(path: &Path) -> Result<(), ExportError> {
    if path.is_dir() {
        let source = io::Error::new(io::ErrorKind::IsADirectory, "the path is a folder");
        return Err(refused(path, source));
    }
    file_name(path)
        .and_then(|_| make_folders(path))
        .map(drop)
        .map_err(|source| refused(path, source))
}

fn refused(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write {
        path: path.to_owned(),
        source,
    }
}

fn file_name(path: &Path) -> io::Result<&OsStr> {
    path.file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"))
}

/// The folder of a path, which exists then.
fn make_folders(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(folder)?;
    }
    Ok(folder)
}

/// Puts what `fill` writes in the place of `path`, whole or not at all.
pub(super) fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let name = file_name(path)?;
    let folder = make_folders(path)?;
    // Beside the target, because a rename is atomic only within one file system; the process id keeps two writers apart.
    let mut partial_name = OsString::from(".");
    partial_name.push(name);
    partial_name.push(format!(".{}.partial", std::process::id()));
    let partial = folder.join(partial_name);
    let written = File::create(&partial).and_then(|file| {
        let mut file = BufWriter::with_capacity(1 << 18, file);
        fill(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&partial, path)
    });
    if written.is_err() {
        // The first error is the one to tell; a partial file that stays has no name that anybody reads.
        let _ = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_into_new_folders_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/page.html");
        make_way(&path).unwrap();
        assert!(!path.exists() && path.parent().is_some_and(Path::is_dir));
        for text in ["the first text, which is longer", "the second"] {
            write_text(text, &path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(
            fs::read_dir(folder.path().join("a/b")).unwrap().count(),
            1,
            "nothing partial stays"
        );
    }

    #[test]
    fn a_way_that_is_barred_is_refused_by_name_before_and_while_writing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "kept").unwrap();
        for (barred, named) in [("", ""), ("file/page.html", "page.html"), ("..", "..")] {
            let path = folder.path().join(barred);
            for refused in [make_way(&path), write_text("x", &path)] {
                let error = refused.unwrap_err().to_string();
                assert!(
                    error.starts_with("cannot write ") && error.ends_with(named),
                    "{error}"
                );
            }
        }
        assert!(make_way(Path::new("")).is_err());
        assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "kept");
    }
}
