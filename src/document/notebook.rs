//! Jupyter notebooks (.ipynb, format 4): Markdown cells as they are, code in fences, outputs as text and
//! pictures, errors by name. Widgets and html outputs give way to their plain text, as in the format's rule.

use base64::Engine;
use serde_json::Value;

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "notebook/1", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    (sample.has_extension(&["ipynb"]) && sample.decoded()?.text.trim_start().starts_with('{'))
        .then_some("application/x-ipynb+json")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let text = &sample.decoded().ok_or("the file is not text")?.text;
    let notebook: Value =
        serde_json::from_str(text).map_err(|e| format!("the notebook is not valid JSON ({e}); save it again"))?;
    let cells = notebook.get("cells").and_then(Value::as_array);
    let cells = cells.ok_or("the notebook has no cells (format 4); save it with a current Jupyter")?;
    for (index, cell) in cells.iter().enumerate() {
        let place = Place::Pointer(format!("/cells/{index}"));
        let source = joined(cell.get("source"));
        if source.trim().is_empty() {
            continue;
        }
        match cell.get("cell_type").and_then(Value::as_str) {
            Some("code") => draft.push(place.clone(), format!("```\n{}\n```", source.trim_end())),
            _ => draft.push(place.clone(), source),
        }
        for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
            show_output(output, &place, draft);
        }
    }
    Ok(())
}

fn show_output(output: &Value, place: &Place, draft: &mut Draft<'_>) {
    let shown = |text: String| format!("Output:\n{}", text.trim_end());
    let streamed = joined(output.get("text"));
    if !streamed.trim().is_empty() {
        draft.push(place.clone(), shown(streamed));
    }
    if let Some(name) = output.get("ename").and_then(Value::as_str) {
        draft.push(place.clone(), format!("Error: {name}: {}", joined(output.get("evalue"))));
    }
    let Some(data) = output.get("data") else { return };
    let plain = joined(data.get("text/plain"));
    if !plain.trim().is_empty() {
        draft.push(place.clone(), shown(plain));
    }
    for kind in ["image/png", "image/jpeg", "image/gif"] {
        let Some(packed) = data.get(kind) else { continue };
        let packed: String = joined(Some(packed)).split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD.decode(packed) {
            Ok(bytes) => draft.image(place.clone(), &bytes),
            Err(_) => draft.lose_image(place.clone(), "an image that is not valid base64".to_owned()),
        }
    }
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
        assert_eq!(text_of(&file), "# Head\nwords\n```\nprint(1)\n```\nOutput:\n1\nError: ValueError: bad");
    }
}
