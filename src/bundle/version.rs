//! A bundle's name: UTC time plus a short digest, and nothing that could leave the registry's folder.

use super::error::BundleError;
use crate::time::Timestamp;

/// The name of a bundle made at this instant with this digest: `20261121T101500Z-ab12cd34`.
pub(super) fn version(created_at: Timestamp, digest: &str) -> String {
    // `2026-11-21T10:15:00.5Z` without punctuation and fractions; all accepted years have four digits.
    let digits: String = created_at
        .to_string()
        .chars()
        .take_while(|&c| c != '.' && c != 'Z')
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    format!("{digits}Z-{}", &digest[..8])
}

/// Checks that a name from outside is one that [`version`] could have made.
pub(super) fn check(name: &str) -> Result<&str, BundleError> {
    let shape = b"00000000T000000Z-xxxxxxxx";
    let fits = name.len() == shape.len()
        && name.bytes().zip(shape).all(|(byte, &like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            exact => byte == exact,
        });
    if fits {
        Ok(name)
    } else {
        Err(BundleError::BadVersion {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_time_and_digest_and_passes_its_own_check() {
        let at: Timestamp = "2026-11-21T10:15:00.25Z".parse().unwrap();
        let name = version(at, "ab12cd34ef");
        assert_eq!(name, "20261121T101500Z-ab12cd34");
        assert_eq!(check(&name).unwrap(), name);
    }

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for name in [
            "",
            "..",
            "../../etc/passwd",
            "/etc",
            "20261121T101500Z-ab12cd3/",
            "20261121T101500Z-AB12CD34",
            "current",
        ] {
            assert!(
                matches!(check(name), Err(BundleError::BadVersion { .. })),
                "{name}"
            );
        }
    }
}
