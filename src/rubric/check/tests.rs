use super::*;
use crate::domain::{Cell, CellContent, CellValue, Cut, FileExtract, Image, Outcome, Segment, Sheet};

fn file(name: &str, media_type: &str, lines: &[&str]) -> FileExtract {
    FileExtract {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes: 1,
        sha256: String::new(),
        reader: "test/1".to_owned(),
        settings: None,
        outcome: Outcome::Read,
        segments: (1..).zip(lines).map(|(n, t)| Segment { place: Place::Line(n), text: (*t).to_owned() }).collect(),
        sheets: vec![],
        images: vec![],
        media: None,
        page_view: None,
        pages: None,
        cuts: vec![],
        findings: vec![],
    }
}

fn workbook(cells: Vec<(u32, u32, CellContent)>) -> FileExtract {
    let cells = cells
        .into_iter()
        .map(|(row, column, content)| Cell { row, column, content, formula: None, shown: None, calculated: false })
        .collect();
    let sheet = Sheet { name: "Summary".to_owned(), hidden: false, cells, rows: 12, columns: 3 };
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    FileExtract { sheets: vec![sheet], ..file("book.xlsx", kind, &[]) }
}

fn unreadable(file: FileExtract) -> FileExtract {
    FileExtract {
        outcome: Outcome::Unreadable { reason: "damaged".to_owned() },
        segments: vec![],
        sheets: vec![],
        ..file
    }
}

fn cut(file: FileExtract) -> FileExtract {
    let cut = Cut { what: "rows 41-180".to_owned(), why: "too long".to_owned(), characters: None };
    FileExtract { outcome: Outcome::Partial, cuts: vec![cut], ..file }
}

fn check(json: serde_json::Value) -> Check {
    serde_json::from_value(json).unwrap()
}

/// `holds`, `fails`, or why there is nothing to check.
fn outcome(json: serde_json::Value, files: &[FileExtract]) -> String {
    match run(&check(json), &Extract { files: files.to_vec() }).decision {
        CheckDecision::Holds => "holds".to_owned(),
        CheckDecision::Fails => "fails".to_owned(),
        CheckDecision::Partly { share } => format!("{share:.4}"),
        CheckDecision::NothingToCheck { why } => why,
    }
}

macro_rules! check {
    ($($json:tt)+) => { serde_json::json!({$($json)+}) };
}

#[test]
fn an_uncalculated_cell_is_not_blank() {
    let book = workbook(vec![(7, 2, CellContent::NotCalculated)]);
    let why =
        outcome(check!("cell_equals": {"sheet": "summary", "cell": "b7", "value": ""}), std::slice::from_ref(&book));
    assert_eq!(why, "cell B7 holds a formula that the file has no value for");
    assert!(outcome(check!("numeric": {"value": 5.0}), &[book]).contains("formulas"));
}

#[test]
fn a_cell_is_compared_by_what_it_holds() {
    let book = workbook(vec![
        (1, 1, CellContent::Number(1234.5)),
        (2, 1, CellContent::Text("$1,234.50".to_owned())),
        (3, 1, CellContent::Text("Total ".to_owned())),
        (4, 1, CellContent::Bool(true)),
        (5, 1, CellContent::DateTime("2024-01-05T00:00:00".to_owned())),
        (6, 1, CellContent::Error("#REF!".to_owned())),
    ]);
    let cell = |cell: &str, value: serde_json::Value, tolerance: f64| {
        let check = check!("cell_equals": {"sheet": "Summary", "cell": cell, "value": value, "tolerance": tolerance});
        outcome(check, std::slice::from_ref(&book))
    };
    for (at, value, tolerance, expected) in [
        ("A1", serde_json::json!(1234.5), 0.0, "holds"),
        ("$A$1", serde_json::json!(1234.0), 0.5, "holds"),
        ("A1", serde_json::json!(1234.0), 0.4, "fails"),
        ("A1", serde_json::json!("1,234.50"), 0.0, "holds"),
        ("A2", serde_json::json!(1234.5), 0.0, "holds"),
        ("A3", serde_json::json!("total"), 0.0, "holds"),
        ("A3", serde_json::json!(0), 0.0, "fails"),
        ("A4", serde_json::json!(true), 0.0, "holds"),
        ("A4", serde_json::json!(1), 0.0, "fails"),
        ("A5", serde_json::json!("2024-01-05"), 0.0, "holds"),
        ("A5", serde_json::json!("2024-01"), 0.0, "fails"),
        ("A6", serde_json::json!(0), 0.0, "fails"),
        ("C9", serde_json::json!(""), 0.0, "holds"),
        ("C9", serde_json::json!(0), 0.0, "fails"),
    ] {
        assert_eq!(cell(at, value.clone(), tolerance), expected, "{at} {value}");
    }
    assert_eq!(outcome(check!("cell_equals": {"sheet": "Other", "cell": "A1", "value": 1}), &[book]), "fails");
}

#[test]
fn what_could_not_be_read_is_not_absent() {
    let book = workbook(vec![]);
    let text = file("memo.txt", "text/plain", &["hello"]);
    for json in [
        check!("cell_equals": {"sheet": "Summary", "cell": "A1", "value": 1}),
        check!("sheet_exists": {"sheet": "Other"}),
        check!("row_count": {"min": 20}),
        check!("csv_column": {"column": "Amount"}),
        check!("contains": {"text": "needle"}),
        check!("regex": {"pattern": "needle"}),
        check!("numeric": {"value": 3.0}),
        check!("word_count": {"min": 5}),
        check!("exact": {"text": "needle"}),
    ] {
        for gone in [unreadable(book.clone()), cut(book.clone())] {
            let why = outcome(json.clone(), &[gone, text.clone()]);
            assert!(why.contains("read completely") || why.contains("could not be read"), "{json}: {why}");
        }
        assert_eq!(outcome(json.clone(), &[book.clone(), text.clone()]), "fails", "{json}");
    }
}

#[test]
fn names_and_types_decide_even_if_the_file_is_unreadable() {
    let book = unreadable(workbook(vec![]));
    assert_eq!(outcome(check!("file_exists": {"glob": "*.XLSX"}), std::slice::from_ref(&book)), "holds");
    assert_eq!(outcome(check!("file_exists": {"glob": "*.pdf"}), std::slice::from_ref(&book)), "fails");
    assert_eq!(outcome(check!("media_type": {"media_type": "application/*"}), std::slice::from_ref(&book)), "holds");
    assert_eq!(outcome(check!("media_type": {"media_type": "application/pdf"}), &[book]), "fails");
    let zip = unreadable(file("all.zip", "application/zip", &[]));
    assert!(outcome(check!("file_exists": {"glob": "*.pdf"}), &[zip]).contains("archive"));
    let member = file("all.zip/report.pdf", "application/pdf", &[]);
    assert_eq!(outcome(check!("file_exists": {"glob": "*.pdf"}), &[member]), "holds");
    assert_eq!(outcome(check!("file_exists": {"glob": "*"}), &[]), "fails");
}

#[test]
fn a_damaged_workbook_is_no_archive_and_a_file_of_no_known_kind_may_be_one() {
    // By its bytes a broken .xlsx is a zip; it holds no memo all the same.
    let book = unreadable(file("book.xlsx", "application/zip", &[]));
    let memo = file("memo.txt", "text/plain", &["hello"]);
    assert_eq!(outcome(check!("contains": {"text": "x", "file": "memo.txt"}), &[book.clone(), memo.clone()]), "fails");
    assert_eq!(outcome(check!("file_exists": {"glob": "*.pdf"}), std::slice::from_ref(&book)), "fails");
    let cell = check!("cell_equals": {"sheet": "Summary", "cell": "A1", "value": 1});
    let blob = unreadable(file("blob.bin", "application/octet-stream", &[]));
    for lost in [book, blob] {
        assert!(outcome(cell.clone(), &[lost, memo.clone()]).contains("could not be read"));
    }
}

#[test]
fn a_hit_decides_whatever_else_could_not_be_read() {
    let files = [unreadable(workbook(vec![])), file("a.txt", "text/plain", &["Net  sales", "were $1,234.50."])];
    assert_eq!(outcome(check!("contains": {"text": "NET sales were"}), &files), "holds");
    assert_eq!(outcome(check!("numeric": {"value": 1234.5}), &files), "holds");
    assert_eq!(outcome(check!("word_count": {"min": 2}), &files), "holds");
    assert_eq!(outcome(check!("word_count": {"max": 2}), &files), "fails");
    assert_eq!(outcome(check!("contains": {"text": "x", "file": "a.txt"}), &files), "fails");
}

#[test]
fn the_place_says_what_was_looked_at() {
    let files = [file("a.txt", "text/plain", &["one", "two three"])];
    let found = run(&check(check!("regex": {"pattern": "^two"})), &Extract { files: files.to_vec() });
    let looked = found.place.unwrap();
    assert_eq!((looked.file.as_str(), &looked.place, looked.quote.as_str()), ("a.txt", &Place::Line(2), "two"));
    let found =
        run(&check(check!("contains": {"text": "two", "case_sensitive": true})), &Extract { files: files.to_vec() });
    assert_eq!(found.place.unwrap().evidence().place, Some(Place::Line(2)));
    assert_eq!(outcome(check!("contains": {"text": "Two", "case_sensitive": true}), &files), "fails");
    assert_eq!(outcome(check!("exact": {"text": " one two  three"}), &files), "holds");
    assert_eq!(outcome(check!("exact": {"text": "one two"}), &files), "fails");
}

#[test]
fn numbers_are_read_as_people_write_them() {
    let holds = |text: &str, value: f64| {
        outcome(check!("numeric": {"value": value}), &[file("a.txt", "text/plain", &[text])]) == "holds"
    };
    for (text, value) in [
        ("1,234.50", 1234.5),
        ("costs $1.2 today", 1.2),
        ("-5", -5.0),
        ("\u{2212}5.5%", -5.5),
        ("$3.4M", 3.4e6),
        ("2bn", 2e9),
        ("(1,234)", -1234.0),
        ("| 12 | 13 |", 13.0),
        ("1.5e3", 1500.0),
        ("2024-01-05", 1.0),
        ("12.5%", 12.5),
    ] {
        assert!(holds(text, value), "{text} {value}");
    }
    for (text, value) in [
        ("1,234.50", 234.5),
        ("Q3", 3.0),
        ("v1.2.3", 1.2),
        ("$3.4M", 3.4),
        ("2024-01-05", -1.0),
        ("12.5", 2.5),
        ("-5", 5.0),
        ("cell B7", 7.0),
    ] {
        assert!(!holds(text, value), "{text} {value}");
    }
    assert!(
        outcome(check!("numeric": {"value": 12.4, "tolerance": 0.1}), &[file("a", "text/plain", &["12.5"])]) == "holds"
    );
}

#[test]
fn pages_and_words_add_up_over_the_files() {
    let paged = |pages| FileExtract { pages, ..file("a.pdf", "application/pdf", &["x y"]) };
    assert_eq!(outcome(check!("page_count": {"max": 2}), &[paged(Some(1)), paged(Some(1))]), "holds");
    assert_eq!(outcome(check!("page_count": {"max": 2}), &[paged(Some(2)), paged(Some(1))]), "fails");
    assert!(outcome(check!("page_count": {"max": 2}), &[paged(Some(2)), paged(None)]).contains("how many pages"));
    assert_eq!(outcome(check!("page_count": {"max": 2}), &[paged(Some(3)), paged(None)]), "fails");
    assert_eq!(outcome(check!("page_count": {"min": 1}), &[file("a.txt", "text/plain", &[])]), "fails");
    assert_eq!(outcome(check!("word_count": {"min": 4, "max": 4}), &[paged(None), paged(None)]), "holds");
}

#[test]
fn text_in_pictures_is_not_read_and_not_absent() {
    let image =
        Image { place: Place::Page(1), media_type: "image/png".to_owned(), width: 1, height: 1, bytes: [].into() };
    let scan = FileExtract { images: vec![image.clone()], ..file("scan.pdf", "application/pdf", &[]) };
    assert!(outcome(check!("contains": {"text": "a"}), &[scan]).contains("only images"));
    let chart = FileExtract { images: vec![image], ..file("chart.png", "image/png", &[]) };
    assert!(outcome(check!("contains": {"text": "a"}), std::slice::from_ref(&chart)).contains("only images"));
    assert_eq!(outcome(check!("contains": {"text": "a"}), &[chart, file("m.txt", "text/plain", &["b"])]), "fails");
}

#[test]
fn json_and_columns_are_looked_up_by_path_and_name() {
    let json = file("a.json", "application/json", &["{\"a\": [{\"b\": 1}],", "\"c\": \"x\"}"]);
    for (path, value, expected) in [
        ("$.a[0].b", serde_json::json!(1.0), "holds"),
        ("/a/0/b", serde_json::json!(2), "fails"),
        ("c", serde_json::Value::Null, "holds"),
        ("$['c']", serde_json::json!("x"), "holds"),
        ("$.d", serde_json::Value::Null, "fails"),
    ] {
        assert_eq!(
            outcome(check!("json_path": {"path": path, "value": value}), std::slice::from_ref(&json)),
            expected,
            "{path}"
        );
    }
    let mut shown = file(
        "b.json",
        "application/json",
        &["/a~1b/0/x: 1.10", "/a~1b/1: {\"y\": [1, 2]}", "/t: two\nlines", "/n: \"5\""],
    );
    for (segment, at) in shown.segments.iter_mut().zip(["/a~1b/0/x", "/a~1b/1", "/t", "/n"]) {
        segment.place = Place::Pointer(at.to_owned());
    }
    for (path, value, expected) in [
        ("/a~1b/0/x", serde_json::json!(1.1), "holds"),
        ("$['a/b'][1].y[1]", serde_json::json!(2), "holds"),
        ("/a~1b", serde_json::json!([{"x": 1.1}, {"y": [1, 2]}]), "holds"),
        ("/a~1b", serde_json::json!([{"x": 1.1}]), "fails"),
        ("/t", serde_json::json!("two\nlines"), "holds"),
        ("/n", serde_json::json!(5), "fails"),
        ("/a~1b/2", serde_json::Value::Null, "fails"),
    ] {
        let check = || check!("json_path": {"path": path, "value": value.clone()});
        assert_eq!(outcome(check(), std::slice::from_ref(&shown)), expected, "{path}");
        let gone = outcome(check(), &[cut(shown.clone())]);
        assert!(gone == expected || gone.contains("read completely"), "{path}: {gone}");
    }
    let part = check!("json_path": {"path": "/a~1b", "value": [{"x": 1.1}, {"y": [1, 2]}, 3]});
    assert!(outcome(part, &[cut(shown.clone())]).contains("read completely"));
    assert!(outcome(check!("json_path": {"path": "/z"}), &[cut(shown)]).contains("read completely"));
    let lines = file("a.jsonl", "application/jsonl", &["{\"a\": 1}", "{\"a\": 2}"]);
    assert_eq!(outcome(check!("json_path": {"path": "/1/a", "value": 2}), &[lines]), "holds");
    let broken = file("a.json", "application/json", &["{"]);
    assert_eq!(outcome(check!("json_path": {"path": "a"}), std::slice::from_ref(&broken)), "fails");
    assert!(outcome(check!("json_path": {"path": "a"}), &[cut(broken)]).contains("read completely"));
    let book =
        workbook(vec![(1, 1, CellContent::Text("Amount".to_owned())), (2, 1, CellContent::Text("x".to_owned()))]);
    assert_eq!(outcome(check!("csv_column": {"column": "amount"}), std::slice::from_ref(&book)), "holds");
    assert_eq!(outcome(check!("csv_column": {"column": "x"}), std::slice::from_ref(&book)), "fails");
    assert_eq!(outcome(check!("row_count": {"min": 12, "max": 12}), &[book]), "holds");
}

#[test]
fn a_check_that_cannot_be_understood_says_so() {
    let files = [file("a.txt", "text/plain", &["a"])];
    for check in [
        Check::Regex { pattern: "(".to_owned(), file: None },
        Check::Regex { pattern: "(a{1000}){1000}".to_owned(), file: None },
        Check::FileExists { glob: "{a".to_owned() },
        Check::Numeric { value: f64::NAN, tolerance: 0.0, file: None },
        Check::CellEquals {
            sheet: "S".to_owned(),
            cell: "ZZZZ1".to_owned(),
            value: CellValue::Bool(true),
            tolerance: 0.0,
            file: None,
        },
        Check::JsonPath { path: "$..a".to_owned(), value: None, file: None },
    ] {
        let found = run(&check, &Extract { files: files.to_vec() });
        assert!(matches!(found.decision, CheckDecision::NothingToCheck { .. }), "{check:?}");
    }
}

#[test]
fn checks_are_joined_and_what_one_cannot_decide_stays_undecided() {
    let memo = file("memo.txt", "text/plain", &["The total return was 4.2 percent."]);
    let lost = unreadable(file("other.docx", "application/msword", &[]));
    let of = |json: serde_json::Value| outcome(json, std::slice::from_ref(&memo));
    assert_eq!(of(check!("not": {"contains": {"text": "TODO"}})), "holds");
    assert_eq!(of(check!("not": {"contains": {"text": "total"}})), "fails");
    let (yes, no) = (check!("contains": {"text": "total"}), check!("contains": {"text": "loss"}));
    assert_eq!(of(check!("all_of": [yes, no])), "fails");
    assert_eq!(of(check!("all_of": [yes, yes])), "holds");
    assert_eq!(of(check!("any_of": [no, yes])), "holds");
    assert_eq!(of(check!("any_of": [no, no])), "fails");
    let both = [memo.clone(), lost];
    let undecided = outcome(check!("not": {"contains": {"text": "TODO"}}), &both);
    assert!(undecided.contains("could not be read"), "{undecided}");
    assert_eq!(outcome(check!("any_of": [no, yes]), &both), "holds");
    assert!(outcome(check!("all_of": [yes, no]), &both).contains("could not be read"));
    assert!(outcome(check!("any_of": []), &both).contains("cannot be run"));
}

#[test]
fn a_text_resembles_its_reference_or_not() {
    let memo = file("memo.txt", "text/plain", &["The total return", "was 4.2 percent."]);
    let similar = |metric: &str, threshold: f64, files: &[FileExtract]| {
        let text = "the total return was 4.3 percent";
        outcome(check!("text_similarity": {"metric": metric, "text": text, "threshold": threshold}), files)
    };
    assert_eq!(similar("rouge_1", 0.8, std::slice::from_ref(&memo)), "holds");
    assert_eq!(similar("rouge_1", 0.99, std::slice::from_ref(&memo)), "fails");
    assert_eq!(similar("fuzzy_match", 0.9, std::slice::from_ref(&memo)), "holds");
    assert!(
        similar("rouge_1", 0.99, &[memo, unreadable(file("b.txt", "text/plain", &[]))]).contains("could not be read")
    );
    assert!(similar("rouge_1", 1.5, &[]).contains("cannot be run"));
}

#[test]
fn without_a_threshold_a_text_earns_as_much_as_it_resembles() {
    let memo = file("memo.txt", "text/plain", &["The total return", "was 4.2 percent."]);
    let graded = |files: &[FileExtract]| {
        let text = "the total return was 4.3 percent";
        let similar = check!("text_similarity": {"metric": "rouge_1", "text": text});
        (outcome(similar.clone(), files), outcome(check!("not": similar), files))
    };
    // Six of seven words each way (the point parts 4.2 into two).
    assert_eq!(graded(std::slice::from_ref(&memo)), ("0.8571".to_owned(), "0.1429".to_owned()));
    let same = file("same.txt", "text/plain", &["The total return was 4.3 percent"]);
    assert_eq!(graded(&[memo.clone(), same]).0, "holds", "the best file counts");
    assert_eq!(
        graded(&[file("other.txt", "text/plain", &["nothing alike"])]),
        ("fails".to_owned(), "holds".to_owned())
    );
    let lost = unreadable(file("b.txt", "text/plain", &[]));
    assert!(graded(&[memo, lost]).0.contains("could not be read"), "it might resemble more");
    let similar = serde_json::json!({"text_similarity": {"metric": "rouge_1", "text": "a"}});
    assert!(outcome(check!("any_of": [similar]), &[]).contains("in a group a similarity holds or fails"));
}
