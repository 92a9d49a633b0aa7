//! Files within files: what archives and mails hold is read like any other file, on one shared budget, so
//! that many small archives cannot do what one large one may not.

use super::draft::Draft;
use super::limits::Limits;
use super::{Input, read_within};

/// What is left for all nested files of one input together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub depth: u32,
    pub entries: usize,
    pub bytes: u64,
}

impl Budget {
    pub fn of(limits: &Limits) -> Self {
        Self {
            depth: limits.archive.max_depth,
            entries: limits.archive.max_entries,
            bytes: limits.archive.max_total_bytes,
        }
    }
}

impl Draft<'_> {
    /// Reads a file that was found inside this one; its extract is named `outer/inner`.
    pub fn member(&mut self, outer: &str, inner: &str, bytes: &[u8]) {
        let name = format!("{outer}/{}", clean_name(inner));
        self.budget.entries = self.budget.entries.saturating_sub(1);
        self.budget.bytes = self.budget.bytes.saturating_sub(bytes.len() as u64);
        let inside = Budget { depth: self.budget.depth.saturating_sub(1), ..self.budget };
        let (files, left) = read_within(&Input { name: &name, media_type: None, bytes }, self.limits, inside);
        self.budget.entries = left.entries;
        self.budget.bytes = left.bytes;
        self.members.extend(files);
    }

    /// A file inside this one that cannot be read at all.
    pub fn unreadable_member(&mut self, outer: &str, inner: &str, size: u64, reason: String) {
        let name = format!("{outer}/{}", clean_name(inner));
        self.budget.entries = self.budget.entries.saturating_sub(1);
        let identity = super::Identity {
            media_type: "application/octet-stream".to_owned(),
            bytes: size,
            // The hash of nothing would claim to know the bytes.
            sha256: String::new(),
            name,
        };
        self.members.push(super::unreadable(identity, "none/1", reason));
    }
}

/// A member's path as it may be shown: no way up, no control or invisible characters, not endless.
pub(super) fn clean_name(name: &str) -> String {
    let parts: Vec<String> = name
        .split(['/', '\\'])
        .map(|part| {
            part.chars()
                .filter(|c| {
                    !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
                })
                .take(150)
                .collect::<String>()
        })
        .filter(|part| !part.trim().is_empty() && part != "." && part != "..")
        .collect();
    let shown = parts.join("/").chars().take(300).collect::<String>();
    if shown.is_empty() { "unnamed".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_name_cannot_climb_or_deceive() {
        assert_eq!(clean_name("../../etc/passwd"), "etc/passwd");
        assert_eq!(clean_name("a\\b\u{202e}.txt"), "a/b.txt");
        assert_eq!(clean_name("/"), "unnamed");
    }
}
