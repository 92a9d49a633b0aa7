//! Comments on slides: the old ones and the threads of newer versions. Who wrote them is left out.

use crate::document::draft::Draft;
use crate::document::xml::{self, Element};
use crate::domain::Place;

/// Adds the comments of one part; `number` counts them through the presentation.
pub(super) fn push(part: &str, slide: u32, number: &mut u32, draft: &mut Draft<'_>) {
    let tree = xml::parse(part, draft.limits.max_nesting);
    for comment in tree.root.children_named("cm") {
        let text = match (comment.child("text"), comment.child("txBody")) {
            (Some(text), _) => text.text(),
            (None, Some(body)) => words(body),
            (None, None) => continue,
        };
        *number += 1;
        let own = *number;
        let done = comment.attribute("status").is_some_and(|s| s == "resolved");
        let mark = if done { ", resolved" } else { "" };
        draft.push(Place::Comment(own), format!("[comment {own} on slide {slide}{mark}] {}", text.trim()));
        let mut replies = Vec::new();
        comment.find_all("reply", &mut replies);
        for reply in replies {
            *number += 1;
            let text = reply.child("txBody").map(words).unwrap_or_default();
            let mark = format!("[comment {number} on slide {slide}, a reply to comment {own}]");
            draft.push(Place::Comment(*number), format!("{mark} {}", text.trim()));
        }
    }
}

fn words(body: &Element<'_>) -> String {
    let paragraphs = body.children_named("p").map(|paragraph| {
        let mut found = Vec::new();
        paragraph.find_all("t", &mut found);
        found.iter().map(|t| t.text()).collect::<String>()
    });
    paragraphs.collect::<Vec<_>>().join("\n")
}
