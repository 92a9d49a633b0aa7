//! The same content in other forms: what a judge's answer must not hang on. Made from the text that was read, so that it
//! is the same for every kind of file; words, numbers and their order stay, pictures and page layout do not.

use crate::domain::{Extract, FileExtract, Place};

/// Characters of a line that is wrapped.
const WIDTH: usize = 60;

/// A form, and what is different in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub name: &'static str,
    pub what: &'static str,
    /// By file, with its new name.
    pub files: Vec<(String, String)>,
}

/// How a form is made of paragraphs, and how its files end.
type Make = (&'static str, &'static str, &'static str, fn(&[String]) -> String);

const FORMS: [Make; 6] = [
    ("markdown", "the text that was read, as Markdown", "md", joined),
    ("plain", "without headings, emphasis, bullets and rules of tables", "txt", plain),
    ("reflowed", "lines broken at 60 characters", "txt", reflowed),
    ("emphasised", "every paragraph begins in bold", "md", emphasised),
    ("headed", "a heading above every paragraph", "md", headed),
    ("padded", "ruled off, set apart, and with a closing line", "md", padded),
];

/// The forms of a deliverable; empty where it has no text.
#[must_use]
pub fn forms(extract: &Extract) -> Vec<Form> {
    let texts: Vec<(&FileExtract, Vec<String>)> =
        extract.files.iter().map(|file| (file, paragraphs(file))).filter(|(_, text)| !text.is_empty()).collect();
    if texts.is_empty() {
        return vec![];
    }
    let make = |(name, what, ending, make): Make| Form {
        name,
        what,
        files: texts.iter().map(|(file, text)| (renamed(&file.name, ending), make(text))).collect(),
    };
    FORMS.into_iter().map(make).collect()
}

fn renamed(name: &str, ending: &str) -> String {
    format!("{}.{ending}", name.replace(['/', '\\'], "_"))
}

/// Paragraphs and tables: lines that belong together are one.
fn paragraphs(file: &FileExtract) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut before: Option<&Place> = None;
    for segment in &file.segments {
        let place = &segment.place;
        let goes_on = match (before, place) {
            (Some(Place::Line(before)), Place::Line(line)) => before + 1 == *line,
            (Some(Place::TableRow { table: before, .. }), Place::TableRow { table, .. }) => before == table,
            (Some(Place::Cells { sheet: before, .. }), Place::Cells { sheet, .. }) => before == sheet,
            (Some(Place::Row(_)), Place::Row(_)) => true,
            _ => false,
        };
        match all.last_mut().filter(|_| goes_on) {
            Some(open) => {
                open.push('\n');
                open.push_str(segment.text.trim_end());
            }
            None => all.push(segment.text.trim().to_owned()),
        }
        before = Some(place);
    }
    all.retain(|text| !text.is_empty());
    all
}

fn joined(paragraphs: &[String]) -> String {
    paragraphs.join("\n\n") + "\n"
}

fn is_table(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with('|'))
}

/// A heading or a list: it has a form of its own.
fn is_formed(text: &str) -> bool {
    text.starts_with('#') || text.starts_with("- ") || text.starts_with("* ")
}

fn plain(paragraphs: &[String]) -> String {
    let line = |line: &str| {
        let bare = line.trim_start().trim_start_matches('#').trim_start();
        let bare = bare.strip_prefix("- ").or_else(|| bare.strip_prefix("* ")).unwrap_or(bare);
        bare.trim_matches('|').replace(" | ", "   ").replace("**", "").replace('`', "").trim().to_owned()
    };
    let text = |text: &String| text.lines().map(line).collect::<Vec<_>>().join("\n");
    joined(&paragraphs.iter().map(text).collect::<Vec<_>>())
}

fn reflowed(paragraphs: &[String]) -> String {
    let wrap = |text: &String| {
        if is_table(text) || is_formed(text) || text.lines().any(|line| line.starts_with("    ")) {
            return text.clone();
        }
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            if lines.last().is_some_and(|line| !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH)
            {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines.join("\n")
    };
    joined(&paragraphs.iter().map(wrap).collect::<Vec<_>>())
}

fn emphasised(paragraphs: &[String]) -> String {
    let bold = |text: &String| {
        if is_table(text) || is_formed(text) {
            return text.clone();
        }
        let end = text.match_indices(' ').map(|(at, _)| at).nth(2).unwrap_or(text.len());
        let (head, rest) = text.split_at(end);
        format!("**{}**{rest}", head.replace("**", ""))
    };
    joined(&paragraphs.iter().map(bold).collect::<Vec<_>>())
}

fn headed(paragraphs: &[String]) -> String {
    let head = |(n, text): (usize, &String)| {
        if is_formed(text) { text.clone() } else { format!("#### Part {}\n\n{text}", n + 1) }
    };
    joined(&paragraphs.iter().enumerate().map(head).collect::<Vec<_>>())
}

fn padded(paragraphs: &[String]) -> String {
    format!("---\n\n{}\n\n---\n\n*This is the end of the document.*\n", paragraphs.join("\n\n\n---\n\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read_message;

    fn letters(text: &str) -> String {
        text.chars().filter(|c| c.is_alphanumeric()).collect()
    }

    #[test]
    fn every_form_has_the_same_words_in_the_same_order_and_looks_different() {
        let text = "# Memo\n\nRevenue was **4,217** dollars, and that is 311 more than in the second quarter of the year.\n\n\
                    | item | amount |\n| rent | 7 |\n\n- first\n- second\n";
        let forms = forms(&Extract { files: vec![read_message(text)] });
        assert_eq!(forms.len(), 6);
        let known = letters(text);
        for form in &forms {
            let (name, made) = &form.files[0];
            assert!(name.starts_with("message."), "{name}");
            let mut found = letters(made);
            if form.name == "padded" {
                found = found.replace("Thisistheendofthedocument", "");
            }
            for part in 1..9 {
                if form.name == "headed" {
                    found = found.replace(&format!("Part{part}"), "");
                }
            }
            assert_eq!(found, known, "{}", form.name);
        }
        let distinct: std::collections::BTreeSet<&String> = forms.iter().map(|form| &form.files[0].1).collect();
        assert_eq!(distinct.len(), forms.len());
        assert!(!forms[1].files[0].1.contains(['#', '*', '|']), "{}", forms[1].files[0].1);
        assert!(forms[2].files[0].1.lines().all(|line| line.chars().count() <= WIDTH + 1), "{}", forms[2].files[0].1);
    }

    #[test]
    fn a_deliverable_without_text_has_no_other_form() {
        assert!(forms(&Extract::default()).is_empty());
    }
}
