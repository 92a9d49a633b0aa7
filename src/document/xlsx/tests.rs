use crate::document::testing::{read_one, reason, text_of, xlsx, zip};
use crate::document::{Input, Limits, read};
use crate::domain::{CellContent, Outcome, Place};

#[test]
fn a_formula_shows_its_value_or_says_that_there_is_none() {
    let rows = r#"<row r="7"><c r="A7" t="inlineStr"><is><t>Salaries</t></is></c><c r="B7"><f>SUM(B2:B6)</f><v>1200</v></c>
        <c r="C7"><f>B7*2</f></c><c r="D7"><f>B7*3</f><v></v></c><c r="E7" t="str"><f>IF(TRUE,"")</f><v></v></c><c r="F7" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="G7"><f>NOW()</f></c></row>"#;
    let file = read_one("a.xlsx", &xlsx(&[("Ledger", "", rows)]));
    assert_eq!(
        file.segments[1].text,
        "| 7 | Salaries | 1200 {=SUM(B2:B6)} | 2400 {=B7*2} (calculated) | 3600 {=B7*3} (calculated) | {=IF(TRUE,\"\")} | #DIV/0! {=1/0} | {=NOW()} (not calculated: NOW depends on the clock) |"
    );
    assert_eq!(file.segments[1].place, Place::Cells { sheet: "Ledger".into(), range: "A7:G7".into() });
    assert!(file.segments[0].text.starts_with("## Sheet 'Ledger': used range A7:G7"));
    let cells = &file.sheets[0].cells;
    assert_eq!((&cells[2].content, cells[2].formula.as_deref()), (&CellContent::Number(2400.0), Some("B7*2")));
    assert!(cells[2].calculated && cells[3].calculated && !cells[1].calculated);
    assert_eq!(cells[6].content, CellContent::NotCalculated);
    assert_eq!(cells[4].content, CellContent::Text(String::new()));
}

#[test]
fn shared_formulas_are_written_out_for_each_cell() {
    let rows = r#"<row r="1"><c r="B1"><f t="shared" ref="B1:B2" si="0">A1*$C$1</f><v>1</v></c></row>
        <row r="2"><c r="B2"><f t="shared" si="0"/><v>2</v></c></row>"#;
    let file = read_one("a.xlsx", &xlsx(&[("S", "", rows)]));
    assert_eq!(file.sheets[0].cells[1].formula.as_deref(), Some("A2*$C$1"));
}

#[test]
fn hidden_sheets_rows_and_columns_are_shown_and_reported() {
    let rows = r#"<row r="1" hidden="1"><c r="A1"><v>1</v></c></row>"#;
    let file = read_one("a.xlsx", &xlsx(&[("Open", "", rows), ("Secret", r#"state="veryHidden""#, rows)]));
    assert!(text_of(&file).contains("## Sheet 'Secret' (veryHidden)"));
    assert!(file.sheets[1].hidden && !file.sheets[0].hidden);
    let codes: Vec<_> = file.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["hidden_rows", "hidden_sheet", "hidden_rows"]);
}

#[test]
fn cells_over_the_limit_are_cut_with_the_rows_named() {
    let rows: String = (1..=180).map(|r| format!(r#"<row r="{r}"><c r="A{r}"><v>{r}</v></c></row>"#)).collect();
    let limits = Limits { max_cells: 40, ..Limits::default() };
    let bytes = xlsx(&[("Ledger", "", &rows)]);
    let file = read(&Input { name: "a.xlsx", media_type: None, bytes: &bytes }, &limits).swap_remove(0);
    assert_eq!(file.outcome, Outcome::Partial);
    assert!(file.cuts[0].what == "rows 41-180 of 'Ledger', 140 rows", "{:?}", file.cuts);
    let few = Limits { max_text_chars: 300, ..Limits::default() };
    let file = read(&Input { name: "a.xlsx", media_type: None, bytes: &bytes }, &few).swap_remove(0);
    assert!(text_of(&file).contains("[cut: rows "), "{}", text_of(&file));
    assert_eq!(file.sheets[0].cells.len(), 180);
}

#[test]
fn a_far_corner_costs_no_space() {
    let rows = r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>"#;
    let file = read_one("a.xlsx", &xlsx(&[("S", "", rows)]));
    assert_eq!(file.sheets[0].cells.len(), 2);
    assert!(file.segments[2].text.contains("XFD1048576: 2"));
}

#[test]
fn one_long_text_in_many_cells_does_not_take_all_memory() {
    let cells: String = (1..=5_000).map(|r| format!(r#"<row r="{r}"><c r="A{r}" t="s"><v>0</v></c></row>"#)).collect();
    let text = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(100_000));
    let sheet = format!("<worksheet><sheetData>{cells}</sheetData></worksheet>");
    let bytes = zip(&[
        ("xl/workbook.xml", br#"<workbook><sheets><sheet name="S" r:id="a"/></sheets></workbook>"#),
        ("xl/_rels/workbook.xml.rels", br#"<Relationships><Relationship Id="a" Type="x/worksheet" Target="s.xml"/><Relationship Id="b" Type="x/sharedStrings" Target="t.xml"/></Relationships>"#),
        ("xl/s.xml", sheet.as_bytes()),
        ("xl/t.xml", text.as_bytes()),
    ]);
    let file = read_one("a.xlsx", &bytes);
    assert_eq!(file.outcome, Outcome::Partial);
    assert!(file.sheets[0].cells.len() < 200 && file.cuts[0].why.contains("limit"), "{:?}", file.cuts);
}

#[test]
fn a_workbook_cut_off_in_the_middle_says_so() {
    let whole = xlsx(&[("S", "", r#"<row r="1"><c r="A1"><v>1</v></c></row>"#)]);
    assert!(reason(&read_one("a.xlsx", &whole[..whole.len() / 2])).contains("again"));
    let file = read_one("a.xlsx", &xlsx(&[("S", "", r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c "#)]));
    assert_eq!(file.outcome, Outcome::Partial);
}
