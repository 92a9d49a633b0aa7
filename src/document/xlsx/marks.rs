//! What hangs on a sheet besides its cells and is written in the sheet's own part: links, rules for what may be
//! entered, headers and footers.

use crate::document::draft::Draft;
use crate::document::opc::Relation;
use crate::document::xml::Element;
use crate::domain::Place;

/// Links and rules named one by one; the rest is said in a cut.
const MAX_EACH: usize = 1_000;

#[derive(Default)]
pub(super) struct Marks {
    links: Vec<Link>,
    rules: Vec<Rule>,
    /// Where on the page, and the text with its codes.
    margins: Vec<(String, String)>,
    /// Which of a rule's limits is being read.
    second: bool,
    /// Whether a rule is being read. Newer ones keep limits and range in elements of their own.
    in_rule: bool,
}

struct Link {
    range: String,
    /// The relationship that holds the address.
    relation: Option<String>,
    /// A place in the workbook.
    location: Option<String>,
}

#[derive(Default)]
struct Rule {
    range: String,
    kind: String,
    operator: String,
    limits: [String; 2],
}

impl Marks {
    /// An element of the sheet that is none of its cells.
    pub fn open(&mut self, element: &Element<'_>) {
        let own = |name: &str| element.attribute(name).map(|v| v.into_owned());
        self.in_rule &= matches!(element.name(), "formula1" | "formula2" | "f" | "sqref");
        self.in_rule |= element.name() == "dataValidation";
        match element.name() {
            "hyperlink" => {
                let range = own("ref").unwrap_or_default();
                self.links.push(Link { range, relation: own("id"), location: own("location") });
            }
            "dataValidation" => self.rules.push(Rule {
                range: own("sqref").unwrap_or_default(),
                kind: own("type").unwrap_or_default(),
                operator: own("operator").unwrap_or_else(|| "between".to_owned()),
                ..Rule::default()
            }),
            "formula1" => self.second = false,
            "formula2" => self.second = true,
            name if margin(name).is_some() => self.margins.push((name.to_owned(), String::new())),
            _ => {}
        }
    }

    /// Text in an element that is none of the sheet's cells.
    pub fn text(&mut self, element: &str, text: &str) {
        match element {
            "formula1" | "formula2" | "f" => {
                if let Some(rule) = self.rules.last_mut().filter(|_| self.in_rule) {
                    rule.limits[usize::from(self.second)].push_str(text);
                }
            }
            "sqref" => {
                if let Some(rule) = self.rules.last_mut().filter(|_| self.in_rule) {
                    rule.range.push_str(text);
                }
            }
            name if margin(name).is_some() => {
                if let Some((_, whole)) = self.margins.last_mut() {
                    whole.push_str(text);
                }
            }
            _ => {}
        }
    }

    pub fn push(self, sheet: &str, relations: &[Relation], draft: &mut Draft<'_>) {
        let at = |range: &str| {
            let range = range.split_whitespace().next().unwrap_or("A1");
            Place::Cells { sheet: sheet.to_owned(), range: range.to_owned() }
        };
        for (name, text) in &self.margins {
            let text = margin_text(text);
            if !text.is_empty() {
                draft.push(at("A1"), format!("[{} of '{sheet}'] {text}", margin(name).unwrap_or("margin")));
            }
        }
        for rule in self.rules.iter().filter(|r| !r.kind.is_empty() && r.kind != "none").take(MAX_EACH) {
            let [first, second] = &rule.limits;
            let what = match (rule.kind.as_str(), rule.operator.as_str()) {
                ("list", _) => format!("choice of {first}"),
                ("custom", _) => format!("must satisfy {first}"),
                (kind, "between" | "notBetween") => format!("{kind} {} {first} and {second}", words(&rule.operator)),
                (kind, operator) => format!("{kind} {} {first}", words(operator)),
            };
            draft.push(at(&rule.range), format!("[entry rule for {}: {what}]", rule.range));
        }
        for link in self.links.iter().take(MAX_EACH) {
            let address = link.relation.as_ref().and_then(|id| relations.iter().find(|r| r.id == *id));
            let target = match (address, &link.location) {
                (Some(r), Some(location)) => format!("{}#{location}", r.target),
                (Some(r), None) => r.target.clone(),
                (None, Some(location)) => location.clone(),
                (None, None) => continue,
            };
            draft.push(at(&link.range), format!("[link at {}: {target}]", link.range));
        }
        for (count, what) in [(self.links.len(), "links"), (self.rules.len(), "entry rules")] {
            if count > MAX_EACH {
                let what = format!("{} {what} of '{sheet}'", count - MAX_EACH);
                draft.cut(at("A1"), what, format!("over the limit of {MAX_EACH}"), None);
            }
        }
    }
}

fn words(operator: &str) -> &str {
    match operator {
        "notBetween" => "not between",
        "equal" => "=",
        "notEqual" => "<>",
        "lessThan" => "<",
        "lessThanOrEqual" => "<=",
        "greaterThan" => ">",
        "greaterThanOrEqual" => ">=",
        other => other,
    }
}

fn margin(element: &str) -> Option<&'static str> {
    Some(match element {
        "oddHeader" => "page header",
        "oddFooter" => "page footer",
        "evenHeader" => "header of even pages",
        "evenFooter" => "footer of even pages",
        "firstHeader" => "header of the first page",
        "firstFooter" => "footer of the first page",
        _ => return None,
    })
}

/// A header without its codes: `&LDraft&CPage &P` is `Draft | Page [page]` (ECMA-376 part 1, 18.3.1.46).
fn margin_text(codes: &str) -> String {
    let mut text = String::new();
    let mut chars = codes.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '&' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('&') => text.push('&'),
            Some('L' | 'C' | 'R') if text.trim().is_empty() => {}
            Some('L' | 'C' | 'R') => text.push_str(" | "),
            Some('P') => text.push_str("[page]"),
            Some('N') => text.push_str("[pages]"),
            Some('D') => text.push_str("[date]"),
            Some('T') => text.push_str("[time]"),
            Some('F') => text.push_str("[file]"),
            Some('A') => text.push_str("[sheet]"),
            Some('"') => while chars.next().is_some_and(|c| c != '"') {},
            // A colour: six digits, or a theme's number with its tint.
            Some('K') => {
                for _ in 0..6 {
                    if chars.peek().is_some_and(|c| c.is_ascii_hexdigit() || matches!(c, '+' | '-')) {
                        chars.next();
                    }
                }
            }
            Some(c) if c.is_ascii_digit() => {
                while chars.peek().is_some_and(char::is_ascii_digit) {
                    chars.next();
                }
            }
            _ => {}
        }
    }
    text.trim().trim_end_matches('|').trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_lose_their_codes_and_keep_their_words() {
        assert_eq!(
            margin_text("&L&\"Arial,Bold\"&12Draft &&Co&C&K00-034Page &P of &N&R"),
            "Draft &Co | Page [page] of [pages]"
        );
    }
}
