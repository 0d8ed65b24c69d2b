//! Which modules and crates a source file names.

/// A source file: its path below the folder that was scanned, and its text.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

/// One use of a module of this crate, or of another crate.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) of_this_crate: bool,
    pub(super) name: String,
    pub(super) line: usize,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The module of the first level: `http` for `http.rs` and for `http/v1/x.rs`.
    pub(super) fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super::` lead from this file to the root of its crate.
    fn depth(&self) -> usize {
        self.path.split('/').count()
    }

    /// The text without comments and without what only tests see; lines stay where they are.
    fn code(&self) -> String {
        let of_tests = self.path.ends_with("tests.rs") || self.path.contains("/tests/");
        if of_tests {
            return String::new();
        }
        let shipped = self
            .text
            .split("\n#[cfg(test)]\nmod ")
            .next()
            .unwrap_or_default();
        let shipped = if shipped.starts_with("#[cfg(test)]\nmod ") {
            ""
        } else {
            shipped
        };
        let mut out = String::with_capacity(shipped.len());
        for line in shipped.lines() {
            out.push_str(line.split("//").next().unwrap_or_default());
            out.push('\n');
        }
        out
    }
}

/// Every path in `source` that leads to a module of its crate or to another crate.
pub(super) fn uses(source: &Source) -> impl Iterator<Item = Use> + use<> {
    let code = source.code();
    let words = words(&code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let starts_a_path = at == 0 || words[at - 1].text != "::";
        let leads_on = words.get(at + 1).is_some_and(|word| word.text == "::");
        if !(starts_a_path && leads_on && is_name(&words[at].text)) {
            at += 1;
            continue;
        }
        let root_at = root_of(&words, at, source.depth());
        match root_at {
            Some(next) if words.get(next).is_some_and(|word| word.text == "{") => {
                found.extend(group(&words, next));
            }
            Some(next) => found.extend(words.get(next).map(|word| word.to_use(true))),
            None => found.push(words[at].to_use(false)),
        }
        at += 2;
    }
    found.into_iter()
}

/// Where the path that starts at `at` goes on below the root of the crate, if it leads there.
fn root_of(words: &[Word], at: usize, depth: usize) -> Option<usize> {
    if words[at].text == "crate" {
        return Some(at + 2);
    }
    let mut supers = 0;
    let mut next = at;
    while words.get(next).is_some_and(|word| word.text == "super")
        && words.get(next + 1).is_some_and(|word| word.text == "::")
    {
        supers += 1;
        next += 2;
    }
    (supers > 0 && supers >= depth).then_some(next)
}

/// The names of the first level in `{a::{b, c}, d}`, which opens at `open`.
fn group(words: &[Word], open: usize) -> Vec<Use> {
    let mut found = Vec::new();
    let mut level = 0;
    let mut fresh = false;
    for word in &words[open..] {
        match word.text.as_str() {
            "{" => {
                level += 1;
                fresh = level == 1;
            }
            "}" => {
                level -= 1;
                if level == 0 {
                    break;
                }
            }
            "," => fresh = level == 1,
            _ if fresh => {
                found.push(word.to_use(true));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

struct Word {
    text: String,
    line: usize,
}

impl Word {
    fn to_use(&self, of_this_crate: bool) -> Use {
        Use {
            of_this_crate,
            name: self.text.clone(),
            line: self.line,
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Names, `::`, braces and commas; everything else only separates.
fn words(code: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (index, text) in code.lines().enumerate() {
        let line = index + 1;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = if first.is_ascii_alphanumeric() || first == '_' {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (word, after) = rest.split_at(length);
            if !word.trim().is_empty() {
                words.push(Word {
                    text: word.to_owned(),
                    line,
                });
            }
            rest = after;
        }
    }
    words
}
