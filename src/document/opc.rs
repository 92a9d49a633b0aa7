//! Office packages: parts by path, and the relationships that join them (Open Packaging Conventions,
//! ECMA-376 part 2).

use std::collections::HashMap;

use super::limits::Limits;
use super::package::{Entry, Package};
use super::xml;

pub(super) struct Parts<'a> {
    package: Package<'a>,
    entries: HashMap<String, Entry>,
}

/// A relationship of a part.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub id: String,
    /// The last word of the type's URL: `image`, `header`, `slideLayout`.
    pub kind: String,
    /// The path of the part, or the URL if `external`.
    pub target: String,
    pub external: bool,
}

impl<'a> Parts<'a> {
    /// # Errors
    /// If the package is damaged or over the limits.
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, String> {
        let (package, entries) = Package::open(bytes, &limits.archive)?;
        let entries = entries.into_iter().map(|e| (key(&e.name), e)).collect();
        Ok(Self { package, entries })
    }

    pub fn has(&self, path: &str) -> bool {
        self.entries.contains_key(&key(path))
    }

    /// # Errors
    /// If the part is missing or cannot be unpacked.
    pub fn bytes(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let entry = self.entries.get(&key(path)).ok_or_else(|| format!("the part {path} is missing"))?;
        self.package.read(entry).map_err(|why| format!("the part {path}: {why}"))
    }

    /// The XML text of a part: UTF-8 or, by its mark, UTF-16.
    ///
    /// # Errors
    /// If the part is missing or cannot be unpacked.
    pub fn text(&mut self, path: &str) -> Result<String, String> {
        let bytes = self.bytes(path)?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => encoding_rs::UTF_8.decode(error.as_bytes()).0.into_owned(),
        })
    }

    /// The relationships of a part, in their order; none if it has no relationships part.
    pub fn relations(&mut self, part: &str) -> Vec<Relation> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let path = if folder.is_empty() { format!("_rels/{file}.rels") } else { format!("{folder}/_rels/{file}.rels") };
        let Ok(text) = self.text(&path) else { return Vec::new() };
        let tree = xml::parse(&text, 16);
        tree.root
            .children_named("Relationship")
            .filter_map(|r| {
                let external = r.attribute("TargetMode").as_deref() == Some("External");
                let target = r.attribute("Target")?;
                Some(Relation {
                    id: r.attribute("Id")?.into_owned(),
                    kind: r.attribute("Type")?.rsplit('/').next().unwrap_or("").to_owned(),
                    target: if external { target.into_owned() } else { resolve(folder, &target) },
                    external,
                })
            })
            .collect()
    }

    /// The part that the package is about.
    pub fn main_part(&mut self, usual: &str) -> String {
        let found = self.relations("").into_iter().find(|r| r.kind == "officeDocument").map(|r| r.target);
        found.filter(|path| self.has(path)).unwrap_or_else(|| usual.to_owned())
    }
}

/// Part names are compared without regard to case.
fn key(path: &str) -> String {
    path.trim_start_matches('/').replace('\\', "/").to_ascii_lowercase()
}

fn resolve(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_resolve_against_the_parts_folder() {
        assert_eq!(resolve("ppt/slides", "../media/a.png"), "ppt/media/a.png");
        assert_eq!(resolve("word", "/word/media/a.png"), "word/media/a.png");
        assert_eq!(resolve("word", "../../../etc/passwd"), "etc/passwd");
    }
}
