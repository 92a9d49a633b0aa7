//! ARCHITECTURE.md is a promise about what does not happen: which room may know which, and which crates stay in their
//! room. This reads the table there and every token of `src`, and fails on a use that the table does not allow.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

struct Room {
    may_use: BTreeSet<String>,
    crates: BTreeSet<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table *room | may use | crates of its own*.
fn rooms() -> BTreeMap<String, Room> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split(',')
            .map(|name| name.trim().trim_matches('`').to_owned())
            .filter(|name| !name.is_empty() && name != "–")
            .collect()
    };
    text.lines()
        .skip_while(|line| !line.starts_with("| room |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [room, _, may_use, crates] = cells[..] else { panic!("a row with four cells: {line}") };
            (room.trim_matches('`').to_owned(), Room { may_use: names(may_use), crates: names(crates) })
        })
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of src").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What a file refers to outside its tests.
#[derive(Default)]
struct Uses {
    rooms: BTreeSet<String>,
    crates: BTreeSet<String>,
    /// Modules that exist only for tests.
    test_modules: Vec<String>,
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_cfg_test(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    let text = group.stream().to_string().replace(' ', "");
    text == "cfg(test)" || (text.starts_with("cfg(any(test") && text.contains("feature"))
}

fn scan(stream: TokenStream, uses: &mut Uses) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let token = |offset: usize| tokens.get(at + offset);
        if is_punct(token(0), '#') && is_cfg_test(token(1)) {
            // Skip the item: up to its braces or its semicolon.
            at += 2;
            while let Some(token) = tokens.get(at) {
                if ident(Some(token)).as_deref() == Some("mod") {
                    uses.test_modules.extend(ident(tokens.get(at + 1)));
                }
                at += 1;
                let braces = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
                if braces || is_punct(Some(token), ';') {
                    break;
                }
            }
            continue;
        }
        let starts_path = !(at >= 2 && is_punct(tokens.get(at - 1), ':') && is_punct(tokens.get(at - 2), ':'));
        if let Some(name) = ident(token(0))
            && starts_path
            && is_punct(token(1), ':')
            && is_punct(token(2), ':')
        {
            match (name.as_str(), token(3)) {
                ("crate", Some(TokenTree::Ident(room))) => drop(uses.rooms.insert(room.to_string())),
                ("crate", Some(TokenTree::Group(group))) => {
                    let mut first = true;
                    for inner in group.stream() {
                        if let (true, Some(room)) = (first, ident(Some(&inner))) {
                            uses.rooms.insert(room);
                        }
                        first = is_punct(Some(&inner), ',');
                    }
                }
                _ => drop(uses.crates.insert(name)),
            }
        }
        if let Some(TokenTree::Group(group)) = token(0) {
            scan(group.stream(), uses);
        }
        at += 1;
    }
}

/// The room of a file: its folder in `src`, or its own name.
fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a file of src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn every_room_uses_only_what_the_map_allows() {
    let rooms = rooms();
    assert!(rooms.len() > 10, "the table of rooms was not found in ARCHITECTURE.md");
    let owned: BTreeSet<&String> = rooms.values().flat_map(|room| &room.crates).collect();
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut read: Vec<(PathBuf, Uses)> = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let stream: TokenStream = text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut uses = Uses::default();
        scan(stream, &mut uses);
        read.push((path, uses));
    }
    let for_tests: HashSet<PathBuf> = read
        .iter()
        .flat_map(|(path, uses)| {
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let folder = match stem.as_str() {
                "mod" | "lib" | "main" => path.parent().expect("a folder").to_owned(),
                _ => path.with_extension(""),
            };
            uses.test_modules.iter().map(move |name| folder.join(name)).collect::<Vec<_>>()
        })
        .collect();
    let is_test = |path: &Path| path.ancestors().any(|part| for_tests.contains(&part.with_extension("")));
    let mut wrong = Vec::new();
    for (path, uses) in read.iter().filter(|(path, _)| !is_test(path)) {
        let name = room_of(path);
        if name == "lib" || name == "main" {
            continue;
        }
        let place = path.strip_prefix(root()).expect("a file of the project").display();
        let Some(room) = rooms.get(&name) else {
            wrong.push(format!("{place}: room `{name}` is not in the table"));
            continue;
        };
        for other in uses.rooms.iter().filter(|other| **other != name && rooms.contains_key(*other)) {
            if !room.may_use.contains(other) {
                wrong.push(format!("{place}: `{name}` may not use `{other}`"));
            }
        }
        for one in uses.crates.iter().filter(|one| owned.contains(one) && !room.crates.contains(*one)) {
            wrong.push(format!("{place}: the crate `{one}` is not one of `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "against the table in ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_map_names_rooms_that_exist_and_crates_that_are_used() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    for (name, room) in rooms() {
        let there = root().join("src").join(&name).is_dir() || root().join("src").join(format!("{name}.rs")).is_file();
        assert!(there, "the map names room `{name}`, which src does not have");
        for one in room.crates {
            let dependency = one.replace('_', "-");
            let listed = manifest
                .lines()
                .any(|line| line.starts_with(&format!("{dependency} =")) || line.starts_with(&format!("{one} =")));
            assert!(listed, "the map gives `{name}` the crate `{one}`, which Cargo.toml does not list");
        }
    }
}

#[test]
fn the_scan_sees_what_it_is_to_see() {
    let mut uses = Uses::default();
    let text = "use crate::{store::Store, stats}; fn f() { reqwest::get(); vec![crate::http::x()] } #[cfg(test)] mod tests { use crate::cli; }";
    scan(text.parse().expect("tokens"), &mut uses);
    assert_eq!(uses.rooms.iter().map(String::as_str).collect::<Vec<_>>(), ["http", "stats", "store"]);
    assert!(uses.crates.contains("reqwest"));
    assert_eq!(uses.test_modules, ["tests"]);
}

#[test]
fn every_file_of_tests_is_compiled_into_the_one_binary() {
    let folder = root().join("tests/all");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else { continue };
        assert!(main.lines().any(|line| line == format!("mod {module};")), "{name} is in no `mod` line of main.rs");
    }
}
