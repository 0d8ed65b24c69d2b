//! A guide, cut into the blocks of code that it prints.

use std::path::Path;

/// One block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// What stands behind the opening fence.
    pub(super) language: String,
    pub(super) text: String,
}

/// The blocks of the guide of this name, in its own order.
pub(super) fn blocks(guide: &str) -> Vec<Block> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snippets/seeds");
    let text = std::fs::read_to_string(folder.join(guide)).unwrap();
    let found = cut(&text);
    assert!(!found.is_empty(), "{guide} prints no code");
    found
}

pub(super) fn cut(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(language) => {
                open = true;
                found.push(Block {
                    language: language.trim().to_owned(),
                    text: String::new(),
                });
            }
            None if open => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a block is not closed");
    found
}

#[test]
fn blocks_are_cut_at_their_fences_with_their_language() {
    let block = |language: &str, text: &str| Block {
        language: language.to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(
        cut("a\n```bash\nls\n\npwd\n```\nb\n```\nx\n```\n"),
        [block("bash", "ls\n\npwd\n"), block("", "x\n")]
    );
}
