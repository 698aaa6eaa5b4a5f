//! Words end to end: one text and where each word ends, instead of an allocation a word.

/// Many words, by number.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `text` | bytes | all words, one after the other |
/// | `offsets` | words + 1 | word `n` is `text[offsets[n]..offsets[n + 1]]` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    text: String,
    offsets: Vec<u64>,
}

/// Why a text and its offsets are no words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextsError {
    /// The words are not all of the text.
    #[error("must run from 0 to {end}")]
    Ends {
        /// Length of the text in bytes.
        end: usize,
    },
    /// A word that ends before it begins, or within a character.
    #[error("are wrong after entry {at}")]
    Cut {
        /// The word.
        at: usize,
    },
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            text: String::new(),
            offsets: vec![0],
        }
    }
}

impl Texts {
    /// The words of a text.
    ///
    /// # Errors
    /// [`TextsError`] with the offset that breaks a rule.
    pub fn new(text: String, offsets: Vec<u64>) -> Result<Self, TextsError> {
        let end = text.len();
        if offsets.first() != Some(&0) || offsets.last() != Some(&(end as u64)) {
            return Err(TextsError::Ends { end });
        }
        let is_word = |pair: &[u64]| {
            pair[0] <= pair[1] && usize::try_from(pair[1]).is_ok_and(|end| text.is_char_boundary(end))
        };
        match offsets.windows(2).position(|pair| !is_word(pair)) {
            Some(at) => Err(TextsError::Cut { at }),
            None => Ok(Self { text, offsets }),
        }
    }

    /// Adds a word.
    pub fn push(&mut self, word: &str) {
        self.text.push_str(word);
        self.offsets.push(self.text.len() as u64);
    }

    /// A word by its number.
    ///
    /// # Panics
    /// When there are not so many.
    #[must_use]
    pub fn get(&self, at: usize) -> &str {
        // Offsets are positions in the text, so they fit.
        &self.text[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All words in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_cuts_through_characters_do_not() {
        let mut texts = Texts::default();
        for word in ["tea", "", "Tüte"] {
            texts.push(word);
        }
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["tea", "", "Tüte"]);
        let again = |offsets: &[u64]| Texts::new("teaTüte".to_owned(), offsets.to_vec());
        assert_eq!(again(&[0, 3, 3, 8]), Ok(texts));
        assert_eq!(again(&[0, 3, 7]), Err(TextsError::Ends { end: 8 }));
        assert_eq!(again(&[]), Err(TextsError::Ends { end: 8 }));
        // The ü is at 4 and 5.
        assert_eq!(again(&[0, 3, 5, 8]), Err(TextsError::Cut { at: 1 }));
        assert_eq!(again(&[0, 6, 3, 8]), Err(TextsError::Cut { at: 1 }));
        assert_eq!(again(&[0, u64::MAX, 8]), Err(TextsError::Cut { at: 0 }));
    }
}
