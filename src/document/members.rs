//! Files within files: what archives and mails hold is read like any other file, on one shared budget, so
//! that many small archives cannot do what one large one may not.

use crate::domain::Place;

use super::draft::Draft;
use super::invisible::is_invisible;
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
    /// Says of members whose paths lead out of the archive that they do. They are read under the names that are left.
    pub fn report_paths<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let out: Vec<&str> = names.filter(|name| leads_out(name)).collect();
        if let Some(first) = out.first() {
            let shown: String = first.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(200).collect();
            let detail = format!(
                "the paths of {} files lead out of the archive (first: {shown}); they are read under what is left of them",
                out.len()
            );
            self.finding("archive_path", Place::Whole, detail);
        }
    }

    /// Whether files inside this one may still be opened.
    ///
    /// # Errors
    /// With the reason why not.
    pub fn may_open(&self) -> Result<(), String> {
        if self.budget.depth == 0 {
            let deepest = self.limits.archive.max_depth;
            return Err(format!("an archive nested deeper than the limit of {deepest}; unpack it"));
        }
        Ok(())
    }

    /// Reads a file inside this one if the budget allows it, or accounts for why not. `false` once no further
    /// member will be taken.
    pub fn member_within(&mut self, outer: &str, inner: &str, bytes: &[u8]) -> bool {
        let (size, limits) = (bytes.len() as u64, &self.limits.archive);
        if self.budget.entries == 0 {
            return false;
        }
        if let Err(why) = self.may_open() {
            self.unreadable_member(outer, inner, size, why);
        } else if size > limits.max_entry_bytes {
            let why = format!("{size} bytes, over the limit of {}", limits.max_entry_bytes);
            self.unreadable_member(outer, inner, size, why);
        } else if size > self.budget.bytes {
            let why = format!("over the limit of {} bytes unpacked in all", limits.max_total_bytes);
            self.unreadable_member(outer, inner, size, why);
        } else {
            self.member(outer, inner, bytes);
        }
        true
    }

    /// A part that is no file by its own bytes (a mail inside an Outlook message): `read` writes its draft.
    pub fn member_read(
        &mut self,
        outer: &str,
        inner: &str,
        kind: (&str, &str),
        read: impl FnOnce(&str, &mut Draft<'_>) -> Result<(), String>,
    ) {
        let (media_type, reader) = kind;
        let name = self.member_name(outer, inner);
        self.budget.entries = self.budget.entries.saturating_sub(1);
        let inside = Budget { depth: self.budget.depth.saturating_sub(1), ..self.budget };
        let mut draft = Draft::new(self.limits, inside);
        let result = read(&name, &mut draft);
        self.budget = Budget { depth: self.budget.depth, ..draft.budget };
        // It has no bytes of its own, so no hash either.
        let identity = super::Identity { name, media_type: media_type.to_owned(), bytes: 0, sha256: String::new() };
        match result {
            Ok(()) => self.members.extend(draft.finish(identity, reader)),
            Err(reason) => self.members.push(super::unreadable(identity, reader, Some(self.limits), reason)),
        }
    }

    /// Two members of one name are told apart: `a.txt`, `a.txt (2)`.
    fn member_name(&mut self, outer: &str, inner: &str) -> String {
        let clean = format!("{outer}/{}", clean_name(inner));
        if self.member_names.insert(clean.clone()) {
            return clean;
        }
        for number in 2u64.. {
            let name = format!("{clean} ({number})");
            if self.member_names.insert(name.clone()) {
                return name;
            }
        }
        clean
    }

    /// Reads a file that was found inside this one; its extract is named `outer/inner`.
    pub fn member(&mut self, outer: &str, inner: &str, bytes: &[u8]) {
        let name = self.member_name(outer, inner);
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
        let name = self.member_name(outer, inner);
        self.budget.entries = self.budget.entries.saturating_sub(1);
        let identity = super::Identity {
            media_type: "application/octet-stream".to_owned(),
            bytes: size,
            // The hash of nothing would claim to know the bytes.
            sha256: String::new(),
            name,
        };
        self.members.push(super::unreadable(identity, "none/1", Some(self.limits), reason));
    }
}

/// Whether a member's path leads out of the folder that it is unpacked in, or would with a careless program.
pub(super) fn leads_out(name: &str) -> bool {
    let absolute = name.starts_with(['/', '\\']) || name.as_bytes().get(1) == Some(&b':');
    absolute || name.split(['/', '\\']).any(|part| part == "..") || name.contains('\0')
}

/// A member's path as it may be shown: no way up, no control or invisible characters, not endless.
pub(super) fn clean_name(name: &str) -> String {
    let parts: Vec<String> = name
        .split(['/', '\\'])
        .map(|part| part.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(150).collect::<String>())
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
        for out in ["../a", "a/../../b", "/etc/passwd", "C:\\a", "\\\\host\\a", "a\\..\\b", "a\0.txt"] {
            assert!(leads_out(out), "{out}");
        }
        assert!(!leads_out("a/b..c/...txt") && !leads_out("é:a"));
    }
}
