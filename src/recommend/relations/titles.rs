//! How alike items are by their titles: words in common, rare ones counting more.
//!
//! # Formula
//! `cos(a, b) = Σ_w idf_w² [w in both] / (|a| |b|)` with `idf_w = ln(N / n_w)` over the `N` items with a title, and `|a|`
//! the length of `a`'s words so weighed. Words are runs of letters and digits in lower case, without numbers and single
//! letters; a final `s` after three letters or more is dropped, so that `tins` meets `tin`.
//!
//! The one decision: a word that stands in more than [`COMMON`] titles says nothing of a need, and looking through its
//! items would take the time of all others together; it is left out.

use hashbrown::HashMap;

use crate::catalog::Catalog;
use crate::history::Csr;
use crate::id::{ItemIdx, Row};

/// Titles with one word, at most.
const COMMON: usize = 2_000;

/// Titles as weighted words.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `words` | items × words, sparse | weight of a word in a title; each row has length one |
/// | `items` | words × items, sparse | the same by word |
pub(crate) struct Titles {
    words: Csr,
    items: Csr,
}

impl Titles {
    /// The titles of `n_items` items; only those for which `known` is true are found by others.
    pub(crate) fn of(catalog: &Catalog, known: &[bool]) -> Self {
        let mut codes: HashMap<String, u32> = HashMap::new();
        let titles: Vec<Vec<u32>> = (0..known.len())
            .map(|item| {
                let title = catalog.items().get(item).and_then(|item| item.title.as_deref());
                let mut words: Vec<u32> = words(title.unwrap_or_default())
                    .map(|word| {
                        // A catalogue has far fewer words than a u32 counts.
                        let next = codes.len() as u32;
                        *codes.entry(word).or_insert(next)
                    })
                    .collect();
                words.sort_unstable();
                words.dedup();
                words
            })
            .collect();
        let mut counts = vec![0usize; codes.len()];
        titles
            .iter()
            .flatten()
            .for_each(|&word| counts[word as usize] += 1);
        let n_titles = titles.iter().filter(|words| !words.is_empty()).count();
        let idf = |word: u32| match counts[word as usize] {
            count if count > COMMON => 0.0,
            count => (n_titles as f64 / count as f64).ln(),
        };
        let rows: Vec<Vec<(ItemIdx, f32)>> = titles
            .iter()
            .map(|words| {
                let length: f64 = words.iter().map(|&word| idf(word).powi(2)).sum::<f64>().sqrt();
                words
                    .iter()
                    .filter(|&&word| idf(word) > 0.0)
                    .map(|&word| (ItemIdx::from_u32(word), (idf(word) / length) as f32))
                    .collect()
            })
            .collect();
        let words = Csr::from_rows(&rows, codes.len());
        let of_known: Vec<Vec<(ItemIdx, f32)>> = rows
            .into_iter()
            .zip(known)
            .map(|(row, &known)| if known { row } else { Vec::new() })
            .collect();
        Self {
            items: Csr::from_rows(&of_known, codes.len()).transposed(),
            words,
        }
    }

    /// Adds the likeness of every known item to `likeness`, which is zero everywhere, and gives the items that it touched.
    pub(crate) fn alike(&self, item: usize, likeness: &mut [f32], touched: &mut Vec<u32>) {
        touched.clear();
        let (words, weights) = self.words.row(item);
        for (&word, weight) in words.iter().zip(weights) {
            let (others, theirs) = self.items.row(word as usize);
            for (&other, their) in others.iter().zip(theirs) {
                let likeness = &mut likeness[other as usize];
                if *likeness <= 0.0 {
                    touched.push(other);
                }
                *likeness += weight * their;
            }
        }
    }
}

/// The words of a title.
fn words(title: &str) -> impl Iterator<Item = String> + '_ {
    title
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().nth(1).is_some() && !word.chars().all(|letter| letter.is_ascii_digit()))
        .map(|word| {
            let mut word = word.to_lowercase();
            if word.chars().count() > 3 && word.ends_with('s') && !word.ends_with("ss") {
                word.pop();
            }
            word
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Item;

    fn alike(titles: &[&str], of: usize) -> Vec<f32> {
        let items = titles.iter().map(|&title| Item {
            title: (!title.is_empty()).then(|| title.to_owned()),
            ..Item::default()
        });
        let catalog = Catalog::new(items.collect());
        let mut likeness = vec![0.0; titles.len()];
        let mut touched = Vec::new();
        let known: Vec<bool> = (0..titles.len()).map(|item| item != 4).collect();
        Titles::of(&catalog, &known).alike(of, &mut likeness, &mut touched);
        touched.sort_unstable();
        let found: Vec<u32> = (0u32..)
            .zip(&likeness)
            .filter(|(_, likeness)| **likeness > 0.0)
            .map(|(item, _)| item)
            .collect();
        assert_eq!(touched, found);
        likeness
    }

    #[test]
    fn rare_words_in_common_make_titles_alike() {
        let titles = [
            "Red cake stand",
            "Blue Cake-Stands",
            "red mug",
            "",
            "red cake stand 2",
            "green bowl",
        ];
        let likeness = alike(&titles, 0);
        assert!((likeness[0] - 1.0).abs() < 1e-6);
        // Five titles: red in three, cake and stand in three each, blue in one.
        let (three, one) = ((5.0f64 / 3.0).ln(), 5.0f64.ln());
        let expected =
            2.0 * three * three / ((3.0 * three * three).sqrt() * (2.0 * three * three + one * one).sqrt());
        assert!((f64::from(likeness[1]) - expected).abs() < 1e-6, "{likeness:?}");
        assert!(likeness[1] > likeness[2] && likeness[2] > 0.0);
        // One without a title, one that must not be found, one without a word in common.
        assert!(
            likeness[3..].iter().all(|&likeness| likeness <= 0.0),
            "{likeness:?}"
        );
    }

    #[test]
    fn numbers_and_letters_alone_are_no_words() {
        assert_eq!(
            words("3 Tins, S/M & Glass's 2nd").collect::<Vec<_>>(),
            ["tin", "glass", "2nd"]
        );
    }
}
