//! The house's law: imports run down the rooms and in no circle between files, every file says in its first line what it
//! is for, and the wall clock and chance come in from outside.
//!
//! It reads the sources as text. Paths are followed through the re-exports of a room's map to the file that has the item;
//! the maps' own `pub use` lines are no imports, and neither is what tests use.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms, from the ground up. A file imports from its own room and from those below it.
const ROOMS: &[&str] = &[
    "kill_point",
    "domain",
    "ports",
    "vault",
    "config",
    "store",
    "adapter",
    "mail",
    "service",
    "assembly",
    "tui",
    "session",
    "frontend",
    "daemon",
    "cli",
];

type Names = Vec<String>;

#[derive(Debug, Default)]
struct File {
    shown: String,
    text: String,
    tokens: Vec<String>,
    /// The names that a map hands on, each with its path from the crate's root; `*` for all of a module.
    handed_on: Vec<(String, Names)>,
    /// What it imports, and what it names by a whole path.
    paths: BTreeSet<Names>,
}

/// By their module's path.
type House = BTreeMap<Names, File>;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Words and signs, without comments, literals and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let word = &rest[..end.unwrap_or(rest.len())];
            tokens.push(word.to_owned());
            word.len()
        } else {
            let sign = if rest.starts_with("::") {
                "::"
            } else {
                &rest[..first.len_utf8()]
            };
            if !first.is_whitespace() {
                tokens.push(sign.to_owned());
            }
            sign.len()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the literal or lifetime that `text` begins with, if it does.
fn literal(text: &str) -> Option<usize> {
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'));
    if let Some(raw) = raw.filter(|raw| raw.starts_with(['"', '#'])) {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[marks..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(marks));
        return Some(
            text.len() - body.len() + body.find(&end).unwrap_or(body.len() - end.len()) + end.len(),
        );
    }
    let prefix = usize::from(text.starts_with("b\"") || text.starts_with("b'"));
    let quote = text[prefix..]
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\''))?;
    let mut characters = text[prefix + 1..].char_indices();
    if quote == '\'' {
        let mut ahead = text[prefix + 1..].chars();
        let (first, second) = (ahead.next()?, ahead.next()?);
        if first != '\\' && second != '\'' {
            // A lifetime.
            return Some(prefix + 1);
        }
    }
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return Some(prefix + 1 + at + 1);
        }
    }
    Some(text.len())
}

/// The tree of a `use`, spread out: each path with the name that it is known by.
fn spread(tokens: &[String], at: &mut usize, before: &Names, spreads: &mut Vec<(String, Names)>) {
    let mut path = before.clone();
    loop {
        match tokens[*at].as_str() {
            "{" => {
                *at += 1;
                while tokens[*at] != "}" {
                    spread(tokens, at, &path, spreads);
                    if tokens[*at] == "," {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "::" => *at += 1,
            "as" => {
                spreads.push((tokens[*at + 1].clone(), path));
                *at += 2;
                return;
            }
            "," | "}" | ";" => {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let name = path.last().cloned().unwrap_or_default();
                spreads.push((name, path));
                return;
            }
            word => {
                path.push(word.to_owned());
                *at += 1;
            }
        }
    }
}

/// `path`, as it stands in the module `module`, from the crate's root; `None` where it leads out of the crate.
fn absolute(path: &[String], module: &Names, children: &BTreeSet<String>) -> Option<Names> {
    let (first, rest) = path.split_first()?;
    let mut from = match first.as_str() {
        "crate" => return Some(rest.to_vec()),
        "self" => module.clone(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        name if children.contains(name) => {
            let mut from = module.clone();
            from.push(name.to_owned());
            from
        }
        _ => return None,
    };
    for word in rest {
        match word.as_str() {
            "super" => drop(from.pop()),
            word => from.push(word.to_owned()),
        }
    }
    Some(from)
}

fn read(module: &Names, file: &mut File, modules: &BTreeSet<Names>) {
    let children: BTreeSet<String> = modules
        .iter()
        .filter(|other| other.len() == module.len() + 1 && other.starts_with(module))
        .map(|other| other[other.len() - 1].clone())
        .collect();
    let tokens = std::mem::take(&mut file.tokens);
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map(|before| tokens[before].as_str());
        match tokens[at].as_str() {
            "use" if tokens[at + 1] != "<" => {
                let is_handed_on = matches!(before, Some("pub" | ")"));
                let mut spreads = Vec::new();
                at += 1;
                spread(&tokens, &mut at, &Names::new(), &mut spreads);
                for (name, path) in spreads {
                    if let Some(path) = absolute(&path, module, &children) {
                        match is_handed_on {
                            true => file.handed_on.push((name, path)),
                            false => drop(file.paths.insert(path)),
                        }
                    }
                }
            }
            word if before != Some("::")
                && tokens.get(at + 1).is_some_and(|next| next == "::")
                && (matches!(word, "crate" | "super") || children.contains(word)) =>
            {
                let mut path = vec![word.to_owned()];
                while tokens.get(at + 1).is_some_and(|next| next == "::")
                    && tokens.get(at + 2).is_some_and(|word| {
                        word.starts_with(|c: char| c.is_alphabetic() || c == '_')
                    })
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                file.paths.extend(absolute(&path, module, &children));
            }
            _ => {}
        }
        at += 1;
    }
}

/// The module whose file has what `path` names.
fn home_of(house: &House, path: &[String]) -> Option<Names> {
    let mut module = Names::new();
    for (at, name) in path.iter().enumerate() {
        let mut deeper = module.clone();
        deeper.push(name.clone());
        if house.contains_key(&deeper) {
            module = deeper;
            continue;
        }
        let here = &house.get(&module)?.handed_on;
        let by_name = here
            .iter()
            .find(|(known_by, _)| known_by == name)
            .map(|(_, path)| path.clone());
        return match by_name {
            Some(mut target) => {
                target.extend_from_slice(&path[at + 1..]);
                home_of(house, &target)
            }
            None => Some(module),
        };
    }
    Some(module)
}

fn house() -> House {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let mut house = House::new();
    for path in found {
        let inside = path.strip_prefix(&root).unwrap();
        let mut module: Names = inside
            .with_extension("")
            .iter()
            .map(|name| name.to_str().unwrap().to_owned())
            .collect();
        if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
            module.pop();
        }
        if module == ["main"] || module.last().is_some_and(|last| last == "tests") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let tokens = tokens(code);
        let shown = inside.to_str().unwrap().to_owned();
        house.insert(
            module,
            File {
                shown,
                tokens,
                text: code.to_owned(),
                ..File::default()
            },
        );
    }
    let modules: BTreeSet<Names> = house.keys().cloned().collect();
    for (module, file) in &mut house {
        read(module, file, &modules);
    }
    house
}

/// Which files each file imports from.
fn arrows(house: &House) -> BTreeMap<&str, BTreeSet<&str>> {
    let arrows = house.values().map(|file| {
        let to = file.paths.iter().filter_map(|path| home_of(house, path));
        let to = to
            .map(|home| house[&home].shown.as_str())
            .filter(|to| *to != file.shown);
        (file.shown.as_str(), to.collect())
    });
    arrows.collect()
}

#[test]
fn imports_run_down_the_rooms() {
    let house = house();
    let level = |shown: &str| {
        let room = shown.split(['/', '.']).next().unwrap();
        ROOMS.iter().position(|known| *known == room)
    };
    let mut wrong = Vec::new();
    for (from, all) in arrows(&house) {
        for to in all {
            if from != "lib.rs"
                && level(from)
                    .zip(level(to))
                    .is_none_or(|(from, to)| to > from)
            {
                wrong.push(format!("{from} imports from {to}, which is above it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_import_from_each_other() {
    let house = house();
    let arrows = arrows(&house);
    let reached = |from: &str| {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = arrows[from].iter().copied().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(arrows[next].iter().copied());
            }
        }
        reached
    };
    let all: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|from| (*from, reached(from))).collect();
    let circles: BTreeSet<Vec<&str>> = all
        .iter()
        .filter(|(from, reached)| reached.contains(*from))
        .map(|(from, reached)| {
            reached
                .iter()
                .filter(|to| all[*to].contains(from))
                .copied()
                .collect()
        })
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let house = house();
    let mut first_lines: BTreeMap<&str, &str> = BTreeMap::new();
    for file in house.values() {
        let first = file.text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! "),
            "{} begins without a sentence",
            file.shown
        );
        if let Some(other) = first_lines.insert(first, &file.shown) {
            panic!("{other} and {} begin alike: {first}", file.shown);
        }
    }
}

/// Files that still ask for the time or for chance by themselves. One that does not any more fails the test as a new one
/// does.
const ASKING: &[&str] = &[
    "store/etcd/cluster.rs",
    "store/etcd/node.rs",
    "store/etcd/slot.rs",
    "store/etcd/turn.rs",
    "store/folder.rs",
];

#[test]
fn the_clock_and_chance_come_in_from_outside() {
    let house = house();
    let is_asking = |file: &&File| {
        let is_outside = ["adapter/", "cli/"]
            .iter()
            .any(|room| file.shown.starts_with(room));
        !is_outside && SOURCES.iter().any(|source| file.text.contains(source))
    };
    let asking = house.values().filter(is_asking);
    let asking: BTreeSet<&str> = asking.map(|file| file.shown.as_str()).collect();
    let known: BTreeSet<&str> = ASKING.iter().copied().collect();
    assert_eq!(
        asking, known,
        "one is new, or one that is an exception is gone"
    );
}

/// How the wall clock is read and random bytes are drawn.
const SOURCES: &[&str] = &[
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "getrandom::",
    "rand::",
];
