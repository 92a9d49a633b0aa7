//! Jupyter notebooks (.ipynb, formats 3 and 4): Markdown cells as they are, code in fences with its number, outputs
//! as text, tables and pictures, errors with their traces, pictures attached to Markdown. An html output is shown as
//! the text that it makes, cells that the notebook folds away are marked. Widgets give way to their plain text.

use base64::Engine;
use scraper::{ElementRef, Html};
use serde_json::Value;

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "notebook/2", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    (sample.has_extension(&["ipynb"]) && sample.decoded()?.text.trim_start().starts_with('{'))
        .then_some("application/x-ipynb+json")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let text = &sample.decoded().ok_or("the file is not text")?.text;
    let notebook: Value =
        serde_json::from_str(text).map_err(|e| format!("the notebook is not valid JSON ({e}); save it again"))?;
    let cells = notebook.get("cells").and_then(Value::as_array).or_else(|| {
        // Format 3 keeps them in worksheets.
        notebook.get("worksheets")?.as_array()?.first()?.get("cells")?.as_array()
    });
    let cells = cells.ok_or("the notebook has no cells (formats 3 and 4); save it with a current Jupyter")?;
    let language =
        notebook.pointer("/metadata/kernelspec/language").or(notebook.pointer("/metadata/language_info/name"));
    let language = language.and_then(Value::as_str).unwrap_or("");
    let language: String = language.chars().filter(|c| c.is_ascii_alphanumeric()).take(20).collect();
    for (index, cell) in cells.iter().enumerate() {
        let place = Place::Pointer(format!("/cells/{index}"));
        let source = joined(cell.get("source").or_else(|| cell.get("input")));
        let folded =
            |name: &str| cell.pointer(&format!("/metadata/jupyter/{name}")).and_then(Value::as_bool) == Some(true);
        if !source.trim().is_empty() {
            match cell.get("cell_type").and_then(Value::as_str) {
                Some("code") => {
                    let count = cell.get("execution_count").or_else(|| cell.get("prompt_number"));
                    let run = count.and_then(Value::as_u64).map_or("not run".to_owned(), |n| format!("In [{n}]"));
                    draft.push(place.clone(), format!("{run}:\n```{language}\n{}\n```", source.trim_end()));
                }
                Some("heading") => {
                    let level = cell.get("level").and_then(Value::as_u64).unwrap_or(1).clamp(1, 6);
                    draft.push(place.clone(), format!("{} {source}", "#".repeat(usize::try_from(level).unwrap_or(1))));
                }
                _ => draft.push(place.clone(), source.clone()),
            }
            if folded("source_hidden") {
                let shown: String = source.trim().chars().take(200).collect();
                draft.finding("folded_cell", place.clone(), format!("the cell is folded away: {shown}"));
            }
        }
        for attached in cell.get("attachments").and_then(Value::as_object).into_iter().flat_map(|a| a.values()) {
            pictures(attached, &place, draft);
        }
        for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
            show_output(output, &place, draft);
        }
        if folded("outputs_hidden") {
            draft.finding("folded_cell", place, "the outputs of the cell are folded away");
        }
    }
    Ok(())
}

fn show_output(output: &Value, place: &Place, draft: &mut Draft<'_>) {
    let shown = |text: String| format!("Output:\n{}", without_colors(text.trim_end()));
    let streamed = joined(output.get("text"));
    if !streamed.trim().is_empty() {
        draft.push(place.clone(), shown(streamed));
    }
    if let Some(name) = output.get("ename").and_then(Value::as_str) {
        draft.push(place.clone(), format!("Error: {name}: {}", joined(output.get("evalue"))));
        let trace: Vec<&str> =
            output.get("traceback").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if !trace.is_empty() {
            draft.push(place.clone(), format!("Trace:\n{}", without_colors(&trace.join("\n"))));
        }
    }
    // Format 3 keeps the forms of a result beside each other in the output itself.
    let Some(data) = output.get("data").or_else(|| output.get("output_type").map(|_| output)) else { return };
    let form = |kinds: [&str; 2]| kinds.iter().map(|kind| joined(data.get(kind))).find(|text| !text.trim().is_empty());
    // What a reader of the notebook sees is the richest form that can be told in words.
    let markdown = form(["text/markdown", "text/latex"]);
    let page = data.get("text/html").map(|html| page_text(&joined(Some(html)))).filter(|text| !text.trim().is_empty());
    let plain = form(["text/plain", "application/javascript"]);
    let value = data.get("application/json").map(|json| json.to_string());
    let picture = pictures(data, place, draft);
    // The plain form of a picture only names its type.
    let plain = plain.filter(|text| !(picture && text.trim_start().starts_with('<')));
    if let Some(text) = page.or(markdown).or(plain).or(value) {
        draft.push(place.clone(), shown(text));
    }
}

/// Takes in the pictures of one output; `false` if there are none.
fn pictures(data: &Value, place: &Place, draft: &mut Draft<'_>) -> bool {
    let mut any = false;
    for kind in ["image/png", "image/jpeg", "image/gif", "image/webp", "png", "jpeg"] {
        let Some(packed) = data.get(kind) else { continue };
        any = true;
        let packed: String = joined(Some(packed)).split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD.decode(packed) {
            Ok(bytes) => draft.image(place.clone(), &bytes),
            Err(_) => draft.lose_image(place.clone(), "an image that is not valid base64".to_owned()),
        }
    }
    if let Some(svg) = data.get("image/svg+xml").filter(|_| !any) {
        any = true;
        let words = page_text(&joined(Some(svg)));
        if !words.trim().is_empty() {
            draft.push(place.clone(), format!("[drawing with the words: {}]", words.trim()));
        }
        draft.lose_image(place.clone(), "a drawing (svg) whose words alone are shown".to_owned());
    }
    any
}

/// The words of a piece of html, a row of a table a line.
fn page_text(html: &str) -> String {
    // The standard's tree builder takes time by the square of the nesting.
    if html.matches('<').count() > 200_000 || super::html::nesting(html) > 512 {
        return String::new();
    }
    let page = Html::parse_fragment(html);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for node in page.tree.root().descendants() {
        if let Some(element) = ElementRef::wrap(node) {
            match element.value().name() {
                "tr" | "p" | "div" | "br" | "li" | "h1" | "h2" | "h3" | "h4" | "table" | "caption" => {
                    lines.push(std::mem::take(&mut line));
                }
                "td" | "th" => line.push_str(if line.is_empty() { "| " } else { " | " }),
                _ => {}
            }
        } else if let Some(text) = node.value().as_text() {
            let unseen = node.parent().and_then(ElementRef::wrap);
            if !unseen.is_some_and(|e| matches!(e.value().name(), "style" | "script")) {
                let words: Vec<&str> = text.split_whitespace().collect();
                if !line.is_empty() && !line.ends_with(' ') && !words.is_empty() && text.starts_with([' ', '\n']) {
                    line.push(' ');
                }
                line.push_str(&words.join(" "));
            }
        }
    }
    lines.push(line);
    lines.retain(|line| !line.trim().is_empty());
    for line in &mut lines {
        if line.starts_with('|') {
            line.push_str(" |");
        }
    }
    lines.join("\n")
}

/// Without the signs by which terminals are told colours.
fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        rest = after.get(end..).unwrap_or("");
    }
    plain.push_str(rest);
    plain
}

/// The format allows a text as one string or as a list of lines.
fn joined(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of};

    #[test]
    fn cells_and_outputs_are_shown_in_order() {
        let text = r##"{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# Head\n", "words"]},
            {"cell_type": "code", "source": "print(1)", "outputs": [{"output_type": "stream", "text": ["1\n"]},
            {"output_type": "error", "ename": "ValueError", "evalue": "bad"}]}]}"##;
        let file = read_one("a.ipynb", text.as_bytes());
        assert_eq!(text_of(&file), "# Head\nwords\nnot run:\n```\nprint(1)\n```\nOutput:\n1\nError: ValueError: bad");
    }

    #[test]
    fn tables_traces_and_numbers_of_cells_are_shown() {
        let text = r##"{"nbformat": 4, "metadata": {"kernelspec": {"language": "python"}}, "cells": [{"cell_type": "code", "execution_count": 7,
            "metadata": {"jupyter": {"source_hidden": true}}, "source": "df", "outputs": [{"output_type": "execute_result", "data": {"text/plain": "   a\n0  1",
            "text/html": "<style>x{}</style><table><tr><th></th><th>a</th></tr><tr><td>0</td><td>1</td></tr></table>"}},
            {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\u001b[0;31mE\u001b[0m: line 1"]}]}]}"##;
        let file = read_one("a.ipynb", text.as_bytes());
        assert_eq!(
            text_of(&file),
            "In [7]:\n```python\ndf\n```\nOutput:\n|  | a |\n| 0 | 1 |\nError: E:\nTrace:\nE: line 1"
        );
        assert_eq!(file.findings[0].code, "folded_cell");
    }
}
