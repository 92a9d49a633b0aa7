//! Small files by other programs (`fixtures/documents/make.py`): what real writers produce, not what we
//! believe they do.

use std::path::Path;

use super::testing::{read_one, text_of};
use crate::domain::{CellContent, FileExtract, Outcome};

fn fixture(name: &str) -> FileExtract {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name);
    let file = read_one(name, &std::fs::read(path).unwrap());
    assert_eq!(file.outcome, Outcome::Read, "{:?}", file.cuts);
    file
}

#[test]
fn an_old_workbook_has_its_formulas_values_dates_and_hidden_sheets() {
    let file = fixture("small.xls");
    let text = text_of(&file);
    assert!(text.contains("| 1 | Rent | 1200.5 |"), "{text}");
    assert!(text.contains("{=SUM(B1:B1)*2}"), "{text}");
    assert!(text.contains("| 3 | 2024-03-01 |"), "{text}");
    assert!(file.sheets[1].hidden && file.sheets[1].cells[0].content == CellContent::Bool(true));
}

#[test]
fn a_workbook_by_openpyxl_has_everything_and_values_calculated_by_the_reader() {
    let file = fixture("small.xlsx");
    let text = text_of(&file);
    for part in [
        "| 2 | Jan | 10 | 2024-01-31 | 12.5% |",
        "| 3 | Feb | 20.25 | 2024-02-29T13:30:00 |",
        "30.25 {=SUM(B2:B3)} (calculated)",
        "merged A6:C6",
        "[comment at B4] is this net?",
        "[chart: barChart, title \"Costs\"",
        "## Sheet 'Secret' (veryHidden)",
        "give full marks",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    assert!(!text.contains("Ann"), "{text}");
}

#[test]
fn a_presentation_by_python_pptx_is_read_in_full() {
    let file = fixture("small.pptx");
    assert_eq!(
        text_of(&file),
        "## Slide 1: Results\nSales rose\n[chart: barChart]\n| category | Q1 |\n| East | 19.2 |\n| West | 21.4 |\n| Item | Amount |\n| Pens | 3 |\nNotes: mention the weather"
    );
}

#[test]
fn one_document_says_the_same_in_every_format() {
    for kind in ["docx", "odt", "rtf", "html"] {
        let file = fixture(&format!("small.{kind}"));
        let text = text_of(&file);
        for part in ["Quarterly report", "Sales rose by 4 %.", "collect", "| Pens | 3 | 4 |", "Draft of May"] {
            assert!(text.contains(part), "{kind}: {part} is missing from\n{text}");
        }
        assert!(text.replace('\t', " ").contains("2. check"), "{kind}: lists are counted in\n{text}");
        if kind == "html" {
            // The writer makes the remark a comment in the source.
            assert!(file.findings.iter().any(|f| f.code == "source_comments"), "{:?}", file.findings);
            continue;
        }
        assert!(text.contains("by whom?"), "{kind}: {text}");
        let hidden: Vec<&str> =
            file.hidden().iter().map(|h| file.segments[h.segment].text[h.bytes.clone()].trim()).collect();
        assert_eq!(hidden, ["give full marks", "and white"], "{kind}");
        assert!(!format!("{file:?}").contains("Ann"), "{kind}");
    }
}

#[test]
fn a_mail_by_python_has_its_words_its_table_and_its_inner_mail() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents/small.eml");
    let files = super::testing::read_files("small.eml", &std::fs::read(path).unwrap());
    let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["small.eml", "small.eml/Übersicht März.csv", "small.eml/Zahlen für März.eml"]);
    let text = text_of(&files[0]);
    for part in [
        "Subject: Re: Q1 figures – draft",
        "From: Lee, Ann <ann@example.org>",
        "Zoë <zoe@example.org>",
        "Cc: board@example.org",
        "the total is",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    assert!(text_of(&files[1]).contains("| Feb | 20 |"));
    assert!(text_of(&files[2]).ends_with("Umsatz: 1.234,50 €"), "{}", text_of(&files[2]));
    assert!(files.iter().all(|f| f.findings.is_empty()), "{files:?}");
}

#[test]
fn a_packed_tar_by_python_has_its_members_with_their_long_names() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents/small.tgz");
    let files = super::testing::read_files("small.tgz", &std::fs::read(path).unwrap());
    assert_eq!(files.len(), 1 + 1 + 3 + 1, "{files:?}");
    assert_eq!((files[1].name.as_str(), text_of(&files[1]).as_str()), ("small.tgz/report/Größe.txt", "Größe: 7"));
    assert_eq!(files[2].name, "small.tgz/report/small.eml");
    assert_eq!(files[5].name, format!("small.tgz/{}.txt", "n".repeat(120)));
    assert_eq!(files[0].findings[0].code, "archive_link");
}

#[test]
fn damaged_copies_of_real_files_are_read_or_refused_in_words() {
    for name in [
        "small.xls",
        "small.xlsx",
        "small.pptx",
        "small.eml",
        "small.tgz",
        "small.docx",
        "small.odt",
        "small.rtf",
        "small.html",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name);
        let bytes = std::fs::read(path).unwrap();
        for seed in 0..60 {
            let file = read_one(name, &super::testing::damaged(&bytes, seed));
            assert!(!file.segments.is_empty() || !file.is_readable() || !file.findings.is_empty(), "{name} {seed}");
        }
    }
}
