//! What the file says about itself beside its sheets: title, subject, keywords, description. Nobody sees it on
//! the sheets, so it is a finding. Who made the file is left out.

use crate::document::draft::Draft;
use crate::document::opc::Parts;
use crate::document::xml;
use crate::domain::Place;

/// Characters of one property.
const MAX_CHARS: usize = 500;

pub(in crate::document) fn push(parts: &mut Parts<'_>, draft: &mut Draft<'_>) {
    let nesting = draft.limits.max_nesting;
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: &str, text: &str| {
        let text: String = text.trim().chars().take(MAX_CHARS).collect();
        if !text.is_empty() && found.len() < 50 {
            found.push(format!("{name}: {text}"));
        }
    };
    for relation in parts.relations("") {
        let Ok(text) = parts.text(&relation.target) else { continue };
        match relation.kind.as_str() {
            "core-properties" => {
                let tree = xml::parse(&text, nesting);
                for property in tree.root.elements() {
                    let name = property.name();
                    if matches!(name, "title" | "subject" | "keywords" | "description" | "category" | "contentStatus") {
                        add(name, &property.text());
                    }
                }
            }
            // Properties of the author's own: only their texts can speak to a judge.
            "custom-properties" => {
                let tree = xml::parse(&text, nesting);
                for property in tree.root.children_named("property") {
                    let name = property.attribute("name").unwrap_or_default();
                    let person = ["author", "owner", "creator", "user", "name", "mail", "manager", "editor", "by"];
                    let lower = name.to_lowercase();
                    if property.child("lpwstr").is_some() && !person.iter().any(|p| lower.contains(p)) {
                        add(&name, &property.text());
                    }
                }
            }
            _ => {}
        }
    }
    if !found.is_empty() {
        draft.finding("metadata", Place::Whole, found.join("; "));
    }
}
