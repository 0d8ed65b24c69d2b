//! The words of a text, as they are searched for. The same for what is stored and for what is asked.
//!
//! Owns what a word is; the databases only compare. Pure.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Words in one question.
const MOST: usize = 16;
/// Characters in one question.
const LONGEST: usize = 256;

/// The words of `text`, in its order: where Unicode parts them and at punctuation, in compatible forms, in small letters.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let plain: String = text.nfkc().collect();
    // Greek writes one letter in two ways.
    let small = plain.to_lowercase().replace('ς', "σ");
    let words: Vec<String> = small
        .unicode_words()
        .flat_map(|word| word.split(|one: char| one.is_ascii_punctuation() || one == '’'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// A word that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The word.
    pub word: String,
    /// Words that begin with it will do.
    pub is_prefix: bool,
}

/// What is asked for: messages with all of these words, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(BTreeSet<Wanted>);

/// A question that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// It is too long.
    #[error("has at most {LONGEST} characters and {MOST} words")]
    TooLong,
    /// Signs alone are not searched for.
    #[error("has at least one word")]
    NoWord,
}

impl Search {
    /// Reads a question. A word that ends in `*` stands for all that begin with it.
    pub fn parse(question: &str) -> Result<Self, SearchError> {
        if question.chars().count() > LONGEST {
            return Err(SearchError::TooLong);
        }
        let mut wanted = BTreeSet::new();
        for part in question.split_whitespace() {
            let mut found: Vec<Wanted> = words(part)
                .map(|word| Wanted {
                    word,
                    is_prefix: false,
                })
                .collect();
            if let Some(last) = found.last_mut() {
                last.is_prefix = part.ends_with('*');
            }
            wanted.extend(found);
        }
        match wanted.len() {
            0 => Err(SearchError::NoWord),
            1..=MOST => Ok(Self(wanted)),
            _ => Err(SearchError::TooLong),
        }
    }

    /// Each of the words.
    pub fn wanted(&self) -> impl Iterator<Item = &Wanted> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_small_letters_without_signs() {
        let all = |text: &str| words(text).collect::<Vec<_>>().join(" ");
        assert_eq!(all("Ahoy, the SHIP's  in!"), "ahoy the ship s in");
        assert_eq!(
            all("ann@example.com https://x.org/a-b?c=1"),
            "ann example com https x org a b c 1"
        );
        assert_eq!(all("ＦＵＬＬ ﬁn É e\u{301} ΟΔΟΣ"), "full fin é é οδοσ");
        assert_eq!(all("日本 Привет 👍"), "日 本 привет");
        assert_eq!(all("… 👍 !"), "");
    }

    #[test]
    fn a_question_has_words_of_which_some_stand_for_more() {
        let search = Search::parse("Tid* the-end* the").unwrap();
        let shown = search
            .wanted()
            .map(|one| (one.word.as_str(), one.is_prefix));
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown, [("end", true), ("the", false), ("tid", true)]);
        assert_eq!(Search::parse(" *! "), Err(SearchError::NoWord));
        assert_eq!(Search::parse(&"a".repeat(257)), Err(SearchError::TooLong));
        let many: String = (0..17).map(|number| format!("{number} ")).collect();
        assert_eq!(Search::parse(&many), Err(SearchError::TooLong));
    }
}
