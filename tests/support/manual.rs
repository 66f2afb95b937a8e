//! The manual as tests read it: the README, the security policy and the pages of `assets/manual`, with their fenced blocks.

use std::{fs, path::Path};

/// What stands between two fences.
#[derive(Debug)]
pub struct Block {
    pub file: String,
    pub line: usize,
    /// What it is written in: the word after the fence.
    pub language: String,
    pub text: String,
    /// What the comment right above the fence says: where else the block is tried, or why it is not.
    pub note: Option<String>,
}

impl Block {
    /// What an administrator does as the service's user: it wants a machine with that user.
    pub fn is_for_the_services_user(&self) -> bool {
        self.text.starts_with("sudo -u lpse-kiosk ")
    }
}

/// All pages, by their paths.
pub fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "SECURITY.md".to_owned()];
    for entry in fs::read_dir("assets/manual").expect("the manual is there") {
        let path = entry.expect("its folder can be read").path();
        pages.push(path.to_str().expect("a plain name").to_owned());
    }
    pages.sort();
    pages
}

pub fn read(page: &str) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The blocks of a page, from its first to its last.
pub fn blocks(page: &str) -> Vec<Block> {
    let text = read(page);
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };
        let inner = &lines[at + 1..];
        let end = inner.iter().position(|line| *line == "```");
        let end = end.unwrap_or_else(|| panic!("{page}, line {}: the block ends", at + 1));
        let above = at.checked_sub(1).map(|above| lines[above]);
        let note = above.and_then(|line| line.strip_prefix("<!-- ")?.strip_suffix(" -->"));
        blocks.push(Block {
            file: page.to_owned(),
            line: at + 1,
            language: language.to_owned(),
            text: inner[..end].iter().flat_map(|line| [line, "\n"]).collect(),
            note: note.map(str::to_owned),
        });
        at += end + 2;
    }
    blocks
}

/// The one block of a page that is tried by the test in `file`, or the first of several in which `word` stands.
#[track_caller]
pub fn block_tried_by(page: &str, file: &str, word: &str) -> Block {
    let is_named = |block: &Block| {
        let note = block.note.as_deref().unwrap_or_default();
        note.starts_with(&format!("Tried by {file}")) && block.text.contains(word)
    };
    let found = blocks(page).into_iter().find(is_named);
    found.unwrap_or_else(|| panic!("{page} has a block with {word:?} that {file} tries"))
}

/// The file that `path` is, as a link in `page` writes it.
pub fn reached(page: &str, path: &str) -> String {
    let folder = Path::new(page).parent().expect("a page is a file");
    folder.join(path).display().to_string()
}

/// The anchors of a page's headings, as code hosts make them.
pub fn anchors(page: &str) -> Vec<String> {
    let anchor = |heading: &str| -> String {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    let text = read(page);
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect()
}
