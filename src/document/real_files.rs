//! Every file of the shared deliverables against counts from independent readers (python-docx, openpyxl,
//! pdfplumber; `manifest.csv`). Skipped where the data is absent.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::testing::text_of;
use super::{Input, Limits, read};
use crate::domain::{CellContent, FileExtract, Place};

struct Known {
    path: PathBuf,
    extension: String,
    sha256: String,
    detail: serde_json::Value,
}

fn known() -> Option<Vec<Known>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/deliverables");
    let Ok(mut manifest) = csv::Reader::from_path(root.join("manifest.csv")) else {
        eprintln!("skipped: no real files at {}", root.display());
        return None;
    };
    let rows = manifest.deserialize::<HashMap<String, String>>();
    Some(
        rows.map(|row| {
            let row = row.unwrap();
            Known {
                path: root.join(&row["task"]).join(&row["model"]).join(&row["file"]),
                extension: row["ext"].clone(),
                sha256: row["sha256"].clone(),
                detail: serde_json::from_str(&row["detail"]).unwrap(),
            }
        })
        .collect(),
    )
}

fn read_known(known: &Known) -> FileExtract {
    let bytes = std::fs::read(&known.path).unwrap();
    let name = known.path.file_name().unwrap().to_string_lossy().into_owned();
    read(&Input { name: &name, media_type: None, bytes: &bytes }, &Limits::default()).swap_remove(0)
}

/// Characters that are no blanks.
fn ink(text: &str) -> f64 {
    text.chars().filter(|c| !c.is_whitespace()).count() as f64
}

#[test]
fn every_real_file_is_read_and_counts_agree_with_independent_readers() {
    let Some(known) = known() else { return };
    assert_eq!(known.len(), 61);
    let mut wrong = Vec::new();
    for known in &known {
        let file = read_known(known);
        let number = |key: &str| known.detail[key].as_u64();
        let mut check = |what: &str, ours: Option<u64>, theirs: Option<u64>| {
            if theirs.is_some() && ours != theirs {
                wrong.push(format!("{}: {what} {ours:?}, expected {theirs:?}", known.path.display()));
            }
        };
        check("readable", Some(u64::from(file.is_readable())), Some(1));
        check("hash", Some(u64::from(file.sha256 == known.sha256)), Some(1));
        match known.extension.as_str() {
            "docx" => {
                let tables = file.segments.iter().filter(|s| matches!(s.place, Place::TableRow { row: 1, .. })).count();
                let headings = file.segments.iter().filter(|s| s.text.starts_with('#')).count();
                check("tables", Some(tables as u64), number("tables"));
                // Ours counts the document's title too, where there is one.
                let titled = number("headings").is_some_and(|n| headings as u64 == n || headings as u64 == n + 1);
                check("headings", Some(u64::from(titled)), Some(1));
                check("images", Some(file.images.len() as u64), number("images"));
            }
            "xlsx" => {
                let cells = file.sheets.iter().flat_map(|s| &s.cells);
                check("cells", Some(cells.clone().count() as u64), number("cells"));
                check(
                    "formulas",
                    Some(cells.clone().filter(|c| c.formula.is_some()).count() as u64),
                    number("formulas"),
                );
                let empty = cells.filter(|c| c.calculated || c.content == CellContent::NotCalculated).count();
                check("not calculated", Some(empty as u64), number("formulas_without_cached_value"));
                check(
                    "sheets",
                    Some(file.sheets.len() as u64),
                    known.detail["sheets"].as_array().map(|s| s.len() as u64),
                );
            }
            "pdf" => check("pages", file.pages.map(u64::from), number("pages")),
            "png" => {
                check("width", file.images.first().map(|i| u64::from(i.width)), number("w"));
                check("height", file.images.first().map(|i| u64::from(i.height)), number("h"));
            }
            _ => {}
        }
        if let Some(theirs) = number("chars").filter(|c| *c > 0) {
            // Theirs counts blanks, and of Word documents only what stands outside tables.
            let ratio = ink(&text_of(&file)) / theirs as f64;
            let most = if known.extension == "docx" { f64::INFINITY } else { 1.05 };
            if !(0.7..=most).contains(&ratio) {
                wrong.push(format!("{}: {ratio:.2} signs per character expected", known.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// For comparison by other tools: `EMPANEL_DUMP=folder cargo test dump_texts` writes what was read.
#[test]
fn dump_texts() {
    let (Some(known), Ok(folder)) = (known(), std::env::var("EMPANEL_DUMP")) else { return };
    for known in known {
        let start = std::time::Instant::now();
        let file = read_known(&known);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let cells: Vec<_> = file
            .sheets
            .iter()
            .flat_map(|s| {
                s.cells.iter().map(move |c| {
                    (s.name.clone(), c.row, c.column, super::grid::content_text(&c.content), c.formula.clone())
                })
            })
            .collect();
        let out = serde_json::json!({
            "path": known.path.to_string_lossy(), "text": text_of(&file), "cells": cells,
            "findings": file.findings, "cuts": file.cuts, "images": file.images.len(), "milliseconds": milliseconds,
        });
        std::fs::write(Path::new(&folder).join(format!("{}.json", file.sha256)), out.to_string()).unwrap();
    }
}
