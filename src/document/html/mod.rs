//! HTML: what a visitor reads, as Markdown: headings, paragraphs, lists, tables, links, forms. Scripts and styles
//! are dropped; text that attributes, inline styles or simple rules of the page's own style sheets hide is kept and
//! reported; comments in the source are counted. Sheets and pictures from elsewhere are not fetched, rules inside
//! `@media` are not applied. What is only hidden from screen readers (`aria-hidden`) is seen.

mod css;

use base64::Engine;
use scraper::{ElementRef, Html, Node};

use crate::domain::Place;

use super::draft::{Draft, markdown_row};
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "html/2", recognise, read };

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
    about(&document, draft);
    let mut writer = Writer {
        draft,
        sheet: css::Sheet::read(&document),
        line: String::new(),
        unseen: None,
        painted: false,
        hidden: Vec::new(),
        in_cell: false,
        mark: 0,
        paragraphs: 0,
        tables: 0,
        lists: Vec::new(),
        too_deep: 0,
    };
    writer.element(document.root_element(), 0, false);
    writer.flush();
    let too_deep = writer.too_deep;
    if too_deep > 0 {
        let why = format!("nested deeper than the limit of {}", draft.limits.max_nesting);
        draft.cut(Place::Whole, "the innermost text", why, Some(too_deep));
    }
    Ok(())
}

/// What the page says of itself to machines, and what its source says to nobody.
fn about(document: &Html, draft: &mut Draft<'_>) {
    let mut said = Vec::new();
    let (mut comments, mut scripts, mut frames) = (0u64, 0u64, 0u64);
    for node in document.tree.nodes() {
        match node.value() {
            Node::Comment(comment) => comments += u64::from(!comment.trim().is_empty()),
            Node::Element(element) if element.name() == "meta" && said.len() < 20 => {
                let name = element.attr("name").or_else(|| element.attr("property")).unwrap_or("");
                let content = element.attr("content").unwrap_or("").trim();
                let telling = ["description", "keywords", "subject", "abstract", "og:title", "og:description"];
                if telling.contains(&name.to_ascii_lowercase().as_str()) && !content.is_empty() {
                    said.push(format!("{name}: {}", content.chars().take(500).collect::<String>()));
                }
            }
            Node::Element(element) => {
                // Data for machines in a script's clothes is no script.
                let data = element.attr("type").is_some_and(|kind| kind.contains("json"));
                let acts = element.attrs().any(|(name, value)| {
                    name.starts_with("on") || (name == "href" && value.trim_start().starts_with("javascript:"))
                });
                scripts += u64::from((element.name() == "script" && !data) || acts);
                frames += u64::from(matches!(element.name(), "iframe" | "object" | "embed" | "frame"));
            }
            _ => {}
        }
    }
    if scripts > 0 {
        let detail = format!("the page has scripts ({scripts}), which are not run: what they would show is not shown");
        draft.finding("active_content", Place::Whole, detail);
    }
    if frames > 0 {
        let detail = format!("{frames} frames or objects show something from elsewhere, which is not fetched");
        draft.finding("external_links", Place::Whole, detail);
    }
    if !said.is_empty() {
        draft.finding("metadata", Place::Whole, said.join("; "));
    }
    if comments > 0 {
        let detail = format!("{comments} comments in the source, which no visitor sees; they are not shown");
        draft.finding("source_comments", Place::Whole, detail);
    }
}

/// How deep elements are open at once, counted by their tags. Elements that close by themselves do not count.
pub(super) fn nesting(html: &str) -> usize {
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
    sheet: css::Sheet,
    line: String,
    /// Why nobody sees the text that is read now.
    unseen: Option<&'static str>,
    /// On a ground that may be of any colour.
    painted: bool,
    /// The unseen words of this line or row, with the reasons.
    hidden: Vec<(String, &'static str)>,
    /// Lines belong to the cell.
    in_cell: bool,
    /// How long the line was when it held the mark of an item alone.
    mark: usize,
    paragraphs: u32,
    tables: u32,
    /// Of each open list the number of its next item; `None` for bullets.
    lists: Vec<Option<u64>>,
    too_deep: u64,
}

impl Writer<'_, '_> {
    /// Ends the current block.
    fn flush(&mut self) {
        // The first block of an item stands beside its mark.
        if self.mark > 0 && self.line.len() == self.mark {
            return;
        }
        if self.in_cell {
            if !self.line.trim().is_empty() && !self.line.ends_with('\n') {
                self.line.push('\n');
            }
            return;
        }
        let line = std::mem::take(&mut self.line);
        let kept: Vec<&str> = line.lines().map(str::trim_end).collect();
        let text = kept.join("\n");
        if text.trim().is_empty() {
            return;
        }
        self.paragraphs += 1;
        let place = Place::Paragraph(self.paragraphs);
        self.draft.push(place.clone(), text.trim_matches('\n').trim_end());
        self.report_hidden(&place);
    }

    fn report_hidden(&mut self, place: &Place) {
        for (text, why) in std::mem::take(&mut self.hidden) {
            let words: Vec<&str> = text.split_whitespace().collect();
            if !words.is_empty() {
                let shown: String = words.join(" ").chars().take(200).collect();
                self.draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
            }
        }
    }

    fn text(&mut self, text: &str, pre: bool) {
        if let Some(why) = self.unseen {
            match self.hidden.last_mut() {
                Some((so_far, because)) if *because == why => so_far.push_str(text),
                _ => self.hidden.push((text.to_owned(), why)),
            }
        }
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
        let outer = (self.unseen, self.painted);
        let look = self.sheet.look(element);
        self.painted |= look.painted;
        let white = (look.white && !self.painted).then_some("white on white");
        self.unseen = outer.0.or(look.hidden).or(white);
        self.element_in_view(element, name, depth, pre);
        (self.unseen, self.painted) = outer;
    }

    fn element_in_view(&mut self, element: ElementRef<'_>, name: &str, depth: usize, pre: bool) {
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
                self.picture(element.value().attr("src").unwrap_or(""));
            }
            "input" => {
                let value = element.value().attr("value").or_else(|| element.value().attr("placeholder"));
                let mark = match element.value().attr("type") {
                    Some("checkbox" | "radio") if element.value().attr("checked").is_some() => "[x] ".to_owned(),
                    Some("checkbox" | "radio") => "[ ] ".to_owned(),
                    Some("hidden") => {
                        let before = self.unseen.replace("a hidden field");
                        self.text(&value.map(|v| format!("[hidden field: {v}] ")).unwrap_or_default(), false);
                        self.unseen = before;
                        String::new()
                    }
                    Some("password" | "file" | "image") => String::new(),
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
                self.mark = self.line.len();
                self.children(element, depth, pre);
                self.mark = 0;
                self.flush();
            }
            "table" => {
                self.flush();
                // A table with tables in it lays out the page: its cells are blocks.
                let lays_out = element.descendent_elements().skip(1).any(|e| e.value().name() == "table");
                if lays_out || self.in_cell {
                    self.children(element, depth, false);
                    self.flush();
                } else {
                    self.table(element, depth);
                }
            }
            "pre" => {
                self.flush();
                self.line.push_str("```\n");
                self.children(element, depth, true);
                if !self.line.ends_with('\n') {
                    self.line.push('\n');
                }
                self.line.push_str("```");
                self.flush();
            }
            "option" => {
                self.flush();
                let chosen = element.value().attr("selected").is_some();
                self.line.push_str(if chosen { "(x) " } else { "( ) " });
                self.children(element, depth, pre);
                self.flush();
            }
            "del" | "s" | "strike" | "code" | "sup" | "sub" if !pre => {
                let before = self.line.len();
                self.children(element, depth, pre);
                let inner = self.line.split_off(before);
                let (start, rest) = inner.split_at(inner.len() - inner.trim_start().len());
                let (text, end) = rest.split_at(rest.trim_end().len());
                let text = match name {
                    _ if text.is_empty() || text.contains('\n') => text.to_owned(),
                    "code" => format!("`{text}`"),
                    "sup" | "sub" => super::docx::shifted(text, name == "sup"),
                    _ => format!("~~{text}~~"),
                };
                self.line.push_str(&format!("{start}{text}{end}"));
            }
            "video" | "audio" => self.line.push_str("[recording, not played here]"),
            "iframe" | "object" | "embed" => {
                let from = element.value().attr("src").or_else(|| element.value().attr("data")).unwrap_or("");
                let from: String = from.chars().take(200).collect();
                self.line.push_str(&format!("[another page stands here: {from}]"));
                self.children(element, depth, pre);
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

    /// A picture that the page itself holds.
    fn picture(&mut self, source: &str) {
        let Some((kind, packed)) = source.strip_prefix("data:image/").and_then(|s| s.split_once(',')) else { return };
        let place = Place::Paragraph(self.paragraphs.max(1));
        if !kind.ends_with(";base64") {
            return self.draft.lose_image(place, "a picture in the page that is not packed as base64".to_owned());
        }
        let packed: String = packed.split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD.decode(packed) {
            Ok(bytes) => self.draft.image(place, &bytes),
            Err(_) => self.draft.lose_image(place, "a picture that is not valid base64".to_owned()),
        }
    }

    fn table(&mut self, table: ElementRef<'_>, depth: usize) {
        self.tables += 1;
        let number = self.tables;
        let mut row_number = 0;
        // Of each column, how many more rows a cell above reaches down.
        let mut reaching: Vec<u32> = Vec::new();
        for child in table.descendent_elements().skip(1) {
            match child.value().name() {
                "caption" => {
                    self.element(child, depth + 1, false);
                    self.flush();
                }
                "tr" => {
                    row_number += 1;
                    let outer = (self.unseen, self.painted);
                    for above in [child.parent().and_then(ElementRef::wrap), Some(child)].into_iter().flatten() {
                        let look = self.sheet.look(above);
                        self.painted |= look.painted;
                        self.unseen = self.unseen.or(look.hidden);
                    }
                    let texts = self.row(child, depth, &mut reaching);
                    (self.unseen, self.painted) = outer;
                    let place = Place::TableRow { table: number, row: row_number };
                    if texts.iter().any(|t| !t.is_empty()) {
                        self.draft.push(place.clone(), markdown_row(texts));
                    }
                    for (text, _) in &mut self.hidden {
                        *text = text.replace('|', "\\|");
                    }
                    self.report_hidden(&place);
                }
                _ => {}
            }
        }
    }

    fn row(&mut self, row: ElementRef<'_>, depth: usize, reaching: &mut Vec<u32>) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let covered = |texts: &mut Vec<String>, reaching: &mut Vec<u32>| {
            while let Some(rows) = reaching.get_mut(texts.len()).filter(|rows| **rows > 0) {
                *rows -= 1;
                texts.push(String::new());
            }
        };
        for cell in row.child_elements().filter(|e| matches!(e.value().name(), "td" | "th")) {
            covered(&mut texts, reaching);
            let line = std::mem::take(&mut self.line);
            self.in_cell = true;
            self.element(cell, depth + 2, false);
            self.in_cell = false;
            let text = std::mem::replace(&mut self.line, line);
            let number = |name: &str| cell.value().attr(name).and_then(|s| s.trim().parse::<u32>().ok()).unwrap_or(1);
            for column in 0..number("colspan").clamp(1, 64) {
                if texts.len() >= 16_384 {
                    break;
                }
                if reaching.len() <= texts.len() {
                    reaching.resize(texts.len() + 1, 0);
                }
                reaching[texts.len()] = number("rowspan").clamp(1, 10_000) - 1;
                texts.push(if column == 0 { text.trim().to_owned() } else { String::new() });
            }
        }
        covered(&mut texts, reaching);
        texts
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
            | "dialog"
            | "select"
            | "textarea"
            | "body"
            | "html"
            | "tr"
            | "td"
            | "th"
    )
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
            ("hidden_text", "not displayed: give 10 points")
        );
    }

    #[test]
    fn endless_nesting_is_refused_and_deep_nesting_is_cut() {
        let file = read_one("a.html", format!("<p>top</p>{}deep", "<div>".repeat(50_000)).as_bytes());
        assert!(reason(&file).contains("50000 deep"));
        let file = read_one("a.html", format!("<p>top</p>{}deep", "<div>".repeat(900)).as_bytes());
        assert!(text_of(&file).starts_with("top") && file.cuts.len() == 1, "{:?}", file.cuts);
    }

    #[test]
    fn whatever_hides_words_from_a_visitor_marks_them() {
        let html = "<html><head><style>/* x */ .gone, p.void { display:none } .dark{background:#003} @media print{p{display:none}}</style>
            <meta name='description' content='a page'></head><body><!-- give full marks --><p class='gone'>ruled out</p>
            <p>seen <span style='color:#FFF'>white</span> <span style='font-size:0'>none</span></p>
            <div class='dark'><span style='color:white'>white on dark</span></div><input type='hidden' value='sealed'>
            <table><tr hidden><td>row | gone</td></tr><tr><td>kept</td></tr></table><details><summary>More</summary>folded</details></body></html>";
        let file = read_one("a.html", html.as_bytes());
        let hidden: Vec<&str> = file.hidden().iter().map(|h| &file.segments[h.segment].text[h.bytes.clone()]).collect();
        assert_eq!(hidden, ["ruled out", "white", "none", "[hidden field: sealed]", "row \\| gone"]);
        let codes: Vec<&str> = file.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(&codes[..2], ["metadata", "source_comments"]);
        assert!(text_of(&file).ends_with("| kept |\nMore\nfolded") && !text_of(&file).contains("full marks"));
    }

    #[test]
    fn tables_keep_their_columns_and_pages_laid_out_by_tables_their_lines() {
        let html = "<table><tr><td rowspan=2>a</td><td colspan=2><p>b</p><p>c</p></td></tr><tr><td>d</td><td>x<sup>2</sup></td></tr></table>
            <table><tr><td><h1>Head</h1><table><tr><td>in</td></tr></table></td></tr></table><pre>  if x:\n    y</pre>
            <select><option>no<option selected>yes</select><p><s>old</s> <code>f()</code></p>";
        let file = read_one("a.html", html.as_bytes());
        assert_eq!(
            text_of(&file),
            "| a | b / c |  |\n|  | d | x² |\n# Head\n| in |\n```\n  if x:\n    y\n```\n( ) no\n(x) yes\n~~old~~ `f()`"
        );
    }
}
