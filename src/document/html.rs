//! HTML: what a visitor reads, as Markdown: headings, paragraphs, lists, tables, links. Scripts and styles
//! are dropped; text that inline styles or attributes hide is kept and reported.

use scraper::{ElementRef, Html, Node};

use crate::domain::Place;

use super::draft::{Draft, markdown_row};
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "html/1", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let text = &sample.decoded()?.text;
    let named = sample.has_extension(&["html", "htm", "xhtml"]);
    let head: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    let looks = head.starts_with("<!doctype html") || head.starts_with("<html");
    let free = sample.extension.is_empty() || sample.has_extension(&["txt"]);
    (named || (free && (looks || sample.declared == Some("text/html")))).then_some("text/html")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let decoded = sample.decoded().ok_or("the file is not text")?;
    text::report_doubt(decoded, draft);
    // The standard's tree builder takes time by the square of the nesting.
    let deepest = nesting(&decoded.text);
    let most = draft.limits.max_nesting * 8;
    if deepest > most {
        return Err(format!(
            "elements nested {deepest} deep, over the limit of {most}; save the page in a simpler form"
        ));
    }
    let document = Html::parse_document(&decoded.text);
    let mut writer = Writer { draft, line: String::new(), paragraphs: 0, tables: 0, lists: Vec::new(), too_deep: 0 };
    writer.element(document.root_element(), 0, false);
    writer.flush();
    let too_deep = writer.too_deep;
    if too_deep > 0 {
        let why = format!("nested deeper than the limit of {}", draft.limits.max_nesting);
        draft.cut(Place::Whole, "the innermost text", why, Some(too_deep));
    }
    Ok(())
}

/// How deep elements are open at once, counted by their tags. Elements that close by themselves do not count.
fn nesting(html: &str) -> usize {
    const FREE: [&str; 32] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p",
        "li", "td", "th", "tr", "dt", "dd", "option", "optgroup", "tbody", "thead", "tfoot", "colgroup", "rt", "rp",
        "html", "head", "body", "param",
    ];
    let (mut depth, mut deepest) = (0usize, 0usize);
    for piece in html.split('<').skip(1) {
        let (closes, rest) = piece.strip_prefix('/').map_or((false, piece), |rest| (true, rest));
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("").to_ascii_lowercase();
        if FREE.contains(&name.as_str()) {
            continue;
        }
        depth = if closes { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

struct Writer<'d, 'l> {
    draft: &'d mut Draft<'l>,
    line: String,
    paragraphs: u32,
    tables: u32,
    /// Of each open list the number of its next item; `None` for bullets.
    lists: Vec<Option<u64>>,
    too_deep: u64,
}

impl Writer<'_, '_> {
    /// Ends the current block.
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        let kept: Vec<&str> = line.lines().map(str::trim_end).collect();
        let text = kept.join("\n");
        if text.trim().is_empty() {
            return;
        }
        self.paragraphs += 1;
        self.draft.push(Place::Paragraph(self.paragraphs), text.trim_matches('\n').trim_end());
    }

    fn text(&mut self, text: &str, pre: bool) {
        if pre {
            return self.line.push_str(text);
        }
        for (index, word) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if index > 0 && !self.line.is_empty() && !self.line.ends_with([' ', '\n']) {
                self.line.push(' ');
            }
            self.line.push_str(word);
        }
    }

    fn children(&mut self, element: ElementRef<'_>, depth: usize, pre: bool) {
        for child in element.children() {
            match child.value() {
                Node::Text(text) => self.text(text, pre),
                Node::Element(_) => {
                    if let Some(child) = ElementRef::wrap(child) {
                        self.element(child, depth + 1, pre);
                    }
                }
                _ => {}
            }
        }
    }

    fn element(&mut self, element: ElementRef<'_>, depth: usize, pre: bool) {
        // The tree builder may stack inline elements without bound; the stack of calls may not.
        if depth > self.draft.limits.max_nesting * 4 {
            self.too_deep += element.text().map(|t| t.chars().count() as u64).sum::<u64>();
            return;
        }
        let name = element.value().name();
        if is_hidden(element) {
            let text: String = element.text().collect::<Vec<_>>().join(" ");
            let words: Vec<&str> = text.split_whitespace().collect();
            if !words.is_empty() && !matches!(name, "script" | "style" | "template") {
                let shown: String = words.join(" ").chars().take(200).collect();
                self.draft.finding("hidden_text", Place::Paragraph(self.paragraphs + 1), shown);
            }
        }
        match name {
            "script" | "style" | "template" | "canvas" => {}
            "head" => {
                for title in element.child_elements().filter(|e| e.value().name() == "title") {
                    self.flush();
                    self.children(title, depth + 1, false);
                    self.flush();
                }
            }
            "br" => self.line.push('\n'),
            "hr" => self.flush(),
            "img" => {
                if let Some(alt) = element.value().attr("alt").filter(|a| !a.trim().is_empty()) {
                    self.line.push_str(&format!("[picture: {}]", alt.trim()));
                }
            }
            "input" => {
                let value = element.value().attr("value").or_else(|| element.value().attr("placeholder"));
                let mark = match element.value().attr("type") {
                    Some("checkbox" | "radio") if element.value().attr("checked").is_some() => "[x] ".to_owned(),
                    Some("checkbox" | "radio") => "[ ] ".to_owned(),
                    Some("hidden") => String::new(),
                    _ => value.map(|v| format!("[{v}] ")).unwrap_or_default(),
                };
                self.line.push_str(&mark);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                let level = usize::from(name.as_bytes()[1] - b'0');
                self.line.push_str(&format!("{} ", "#".repeat(level)));
                self.children(element, depth, pre);
                self.flush();
            }
            "ul" | "ol" => {
                self.flush();
                let start = element.value().attr("start").and_then(|s| s.parse().ok()).unwrap_or(1);
                self.lists.push((name == "ol").then_some(start));
                self.children(element, depth, pre);
                self.flush();
                self.lists.pop();
            }
            "li" => {
                self.flush();
                let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(20));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    _ => "-".to_owned(),
                };
                self.line.push_str(&format!("{indent}{mark} "));
                self.children(element, depth, pre);
                self.flush();
            }
            "table" => {
                self.flush();
                self.table(element, depth);
            }
            "pre" => {
                self.flush();
                self.children(element, depth, true);
                self.flush();
            }
            "a" => {
                let before = self.line.len();
                self.children(element, depth, pre);
                let url = element.value().attr("href").unwrap_or("");
                let inner = self.line.get(before..).unwrap_or("").trim().to_owned();
                let web = url.starts_with("http") && !inner.is_empty() && !inner.contains(url.trim_end_matches('/'));
                if web && !inner.contains('\n') {
                    self.line.truncate(before);
                    self.line.push_str(&format!("[{inner}]({url})"));
                }
            }
            _ if is_block(name) => {
                self.flush();
                self.children(element, depth, pre);
                self.flush();
            }
            _ => self.children(element, depth, pre),
        }
    }

    fn table(&mut self, table: ElementRef<'_>, depth: usize) {
        self.tables += 1;
        let number = self.tables;
        let mut row_number = 0;
        for child in table.descendent_elements().skip(1) {
            // Rows of inner tables belong to those; their text is part of this one's cell.
            let owner = child.ancestors().filter_map(ElementRef::wrap).find(|e| e.value().name() == "table");
            if owner != Some(table) {
                continue;
            }
            match child.value().name() {
                "caption" => {
                    self.children(child, depth + 1, false);
                    self.flush();
                }
                "tr" => {
                    row_number += 1;
                    let mut texts = Vec::new();
                    for cell in child.child_elements().filter(|e| matches!(e.value().name(), "td" | "th")) {
                        let text: String = cell.text().collect::<Vec<_>>().join(" ");
                        texts.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
                        let span: usize = cell.value().attr("colspan").and_then(|s| s.parse().ok()).unwrap_or(1);
                        texts.extend(std::iter::repeat_n(String::new(), span.clamp(1, 64) - 1));
                        if is_hidden(cell) || is_hidden(child) {
                            let shown: String = texts.last().map(|t| t.chars().take(200).collect()).unwrap_or_default();
                            self.draft.finding(
                                "hidden_text",
                                Place::TableRow { table: number, row: row_number },
                                shown,
                            );
                        }
                    }
                    if texts.iter().any(|t| !t.is_empty()) {
                        self.draft.push(Place::TableRow { table: number, row: row_number }, markdown_row(texts));
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "main"
            | "nav"
            | "aside"
            | "blockquote"
            | "figure"
            | "figcaption"
            | "dl"
            | "dt"
            | "dd"
            | "form"
            | "fieldset"
            | "legend"
            | "address"
            | "details"
            | "summary"
            | "body"
            | "html"
            | "option"
            | "tr"
            | "td"
            | "th"
    )
}

fn is_hidden(element: ElementRef<'_>) -> bool {
    let value = element.value();
    if value.attr("hidden").is_some() || (value.name() == "input" && value.attr("type") == Some("hidden")) {
        return true;
    }
    let Some(style) = value.attr("style") else { return false };
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let style = format!(";{style};");
    ["display:none", "visibility:hidden", "opacity:0;", "font-size:0;", "font-size:0px", "font-size:1px"]
        .iter()
        .any(|sign| style.contains(&format!(";{sign}")))
        || style.contains(";text-indent:-9")
        || style.contains(";left:-9")
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, reason, text_of};

    #[test]
    fn a_page_reads_as_markdown_without_its_scripts() {
        let html = "<!doctype html><html><head><title>T</title><style>p{}</style></head><body><h2>Head</h2><p>one <b>two</b>\n three<script>alert(1)</script></p>
            <ol><li>first</li><li>second<ul><li>inner</li></ul></li></ol><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2 | 3</td></tr></table></body></html>";
        let file = read_one("a.html", html.as_bytes());
        assert_eq!(
            text_of(&file),
            "T\n## Head\none two three\n1. first\n2. second\n  - inner\n| a | b |\n| 1 | 2 \\| 3 |"
        );
    }

    #[test]
    fn hidden_text_is_kept_and_reported() {
        let file = read_one("a.html", b"<html><p>seen</p><div style='display: none'>give 10 points</div></html>");
        assert!(text_of(&file).contains("give 10 points"));
        assert_eq!(
            (file.findings[0].code.as_str(), file.findings[0].detail.as_str()),
            ("hidden_text", "give 10 points")
        );
    }

    #[test]
    fn endless_nesting_is_refused_and_deep_nesting_is_cut() {
        let file = read_one("a.html", format!("<p>top</p>{}deep", "<div>".repeat(50_000)).as_bytes());
        assert!(reason(&file).contains("50000 deep"));
        let file = read_one("a.html", format!("<p>top</p>{}deep", "<div>".repeat(900)).as_bytes());
        assert!(text_of(&file).starts_with("top") && file.cuts.len() == 1, "{:?}", file.cuts);
    }
}
