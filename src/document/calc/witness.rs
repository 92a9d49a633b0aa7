//! The engine against values that another program calculated: `fixtures/documents/formulas.xlsx` holds every
//! function that is evaluated, with LibreOffice's values (`formulas.py` beside it). The values are taken away,
//! computed again and compared; so are those of all shared deliverables, where there are any.

use std::path::{Path, PathBuf};

use crate::document::{Input, Limits, read};
use crate::domain::{Cell, CellContent};

/// The workbook with the values of its formulas taken away, as programs write it that do not calculate.
fn without_values(bytes: &[u8]) -> Vec<u8> {
    let value = regex::Regex::new(r"(?s)(<f[^>]*/>|<f[^>]*>[^<]*</f>)\s*<v>[^<]*</v>").unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        if name.starts_with("xl/worksheets/sheet") {
            let text = String::from_utf8(bytes).unwrap();
            // The type of a text, an error or a truth value goes with the value.
            bytes = value.replace_all(&text, "$1").into_owned().into_bytes();
        }
        members.push((name, bytes));
    }
    let members: Vec<_> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    crate::document::testing::zip(&members)
}

fn cells(bytes: &[u8]) -> Vec<Cell> {
    let file = read(&Input { name: "a.xlsx", media_type: None, bytes }, &Limits::default()).swap_remove(0);
    file.sheets.into_iter().flat_map(|s| s.cells).collect()
}

/// How many formulas with a stored value there are, those computed otherwise, and those not computed.
fn compare(path: &Path) -> (usize, Vec<String>, Vec<String>) {
    let bytes = std::fs::read(path).unwrap();
    let (mut all, mut other, mut unknown) = (0, Vec::new(), Vec::new());
    for (stored, computed) in cells(&bytes).into_iter().zip(cells(&without_values(&bytes))) {
        assert_eq!((stored.row, stored.column, &stored.formula), (computed.row, computed.column, &computed.formula));
        if stored.formula.is_none() || stored.calculated || stored.content == CellContent::NotCalculated {
            continue;
        }
        all += 1;
        let agree = match (&stored.content, &computed.content) {
            (CellContent::Number(a), CellContent::Number(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
            // Without a stored value the type of the cell is the format's.
            (a, b) => a == b,
        };
        let said = format!("{:?}: {:?}, computed {:?}", stored.formula, stored.content, computed.content);
        match computed.content {
            _ if agree => {}
            CellContent::NotCalculated => unknown.push(said),
            _ => other.push(said),
        }
    }
    (all, other, unknown)
}

#[test]
fn formulas_computed_again_have_the_values_that_another_program_gave() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents/formulas.xlsx");
    let (all, other, unknown) = compare(&path);
    assert!(other.is_empty(), "{}", other.join("\n"));
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(all > 250, "{all}");
}

#[test]
fn stored_values_of_real_workbooks_are_computed_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/deliverables");
    if !root.exists() {
        eprintln!("skipped: no real files at {}", root.display());
        return;
    }
    let entries = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect()
    };
    let tasks = entries(&root);
    let files = tasks.iter().flat_map(|t| entries(t)).flat_map(|model| entries(&model));
    for path in files.filter(|p| p.extension().is_some_and(|e| e == "xlsx")) {
        let (_, other, _) = compare(&path);
        assert!(other.is_empty(), "{}: {}", path.display(), other.join("\n"));
    }
}
