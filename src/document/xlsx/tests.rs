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

/// A workbook of one sheet with this inside of its part, these parts beside it and these relationships.
fn book(inside: &str, parts: &[(&str, &str)], workbook: &str, sheet: &str) -> Vec<u8> {
    let relations = |more: &str| format!("<Relationships>{more}</Relationships>");
    let names = format!(r#"<workbook><sheets><sheet name="S" r:id="a"/></sheets>{workbook}</workbook>"#);
    let main = relations(
        r#"<Relationship Id="a" Type="x/worksheet" Target="s.xml"/><Relationship Id="b" Type="x/styles" Target="styles.xml"/>"#,
    );
    let (inside, sheet) = (format!("<worksheet>{inside}</worksheet>"), relations(sheet));
    let mut members = vec![
        ("xl/workbook.xml", names.as_bytes()),
        ("xl/_rels/workbook.xml.rels", main.as_bytes()),
        ("xl/s.xml", inside.as_bytes()),
        ("xl/_rels/s.xml.rels", sheet.as_bytes()),
    ];
    members.extend(parts.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip(&members)
}

const STYLES: &str = r##"<styleSheet><numFmts><numFmt numFmtId="170" formatCode=";;;"/><numFmt numFmtId="171" formatCode="#,##0;(#,##0)"/></numFmts>
    <fonts><font><sz val="11"/><color theme="1"/></font><font><color rgb="FFFFFFFF"/></font><font><sz val="1"/></font></fonts>
    <fills><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FF000000"/></patternFill></fill></fills>
    <cellXfs><xf/><xf fontId="1"/><xf fontId="2"/><xf numFmtId="170"/><xf fontId="1" fillId="1"/><xf numFmtId="171"/><xf numFmtId="10"/><xf numFmtId="14"/></cellXfs></styleSheet>"##;

#[test]
fn text_that_nobody_sees_is_marked_and_found() {
    let cells: String = ["dark on light", "white", "tiny", "masked", "white on black"]
        .iter()
        .enumerate()
        .map(|(i, t)| format!(r#"<row r="{0}"><c r="A{0}" s="{i}" t="inlineStr"><is><t>{t}</t></is></c></row>"#, i + 1))
        .collect();
    let file =
        read_one("a.xlsx", &book(&format!("<sheetData>{cells}</sheetData>"), &[("xl/styles.xml", STYLES)], "", ""));
    let text = text_of(&file);
    assert!(text.contains("| white (hidden: text in the colour of its background) |"), "{text}");
    assert!(text.contains("| 1 | dark on light |") && text.contains("| 5 | white on black |"), "{text}");
    let found: Vec<_> = file.findings.iter().map(|f| (f.code.as_str(), f.place.to_string())).collect();
    assert_eq!(found, ["A2", "A3", "A4"].map(|at| ("hidden_text", format!("S!{at}"))));
}

#[test]
fn numbers_are_read_as_the_sheet_shows_them() {
    let row = r#"<sheetData><row r="1"><c r="A1" s="5"><v>-1234.56</v></c><c r="B1" s="6"><v>0.5</v></c><c r="C1" s="7"><v>45292</v></c>
        <c r="D1" s="5"><f>A1*2</f></c><c r="E1" s="7"><f>C1+1</f></c></row></sheetData>"#;
    let file = read_one("a.xlsx", &book(row, &[("xl/styles.xml", STYLES)], "", ""));
    assert_eq!(
        file.segments[1].text,
        "| 1 | (1,235) (-1234.56) | 50.00% | 1/1/2024 (2024-01-01) | (2,469) (-2469.12) {=A1*2} (calculated) | 1/2/2024 (2024-01-02) {=C1+1} (calculated) |"
    );
    assert_eq!(file.sheets[0].cells[0].shown.as_deref(), Some("(1,235)"));
    let old = read_one("a.xlsx", &book(row, &[("xl/styles.xml", STYLES)], r#"<workbookPr date1904="1"/>"#, ""));
    assert!(old.segments[1].text.contains("1/2/2028 (2028-01-02)"), "{}", old.segments[1].text);
}

#[test]
fn names_tables_links_rules_headers_and_comments_follow_the_sheet_and_authors_do_not() {
    let inside = r#"<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Cost</t></is></c></row><row r="2"><c r="A2"><v>4</v></c><c r="B2"><f>SUM(Costs[Cost])*Rate</f></c></row></sheetData>
        <dataValidations><dataValidation type="list" sqref="C2:C9"><formula1>"Yes,No"</formula1></dataValidation></dataValidations><extLst><x14:dataValidation type="list"><x14:formula1><xm:f>S!$A$1:$A$2</xm:f></x14:formula1><xm:sqref>D2</xm:sqref></x14:dataValidation><x14:sparkline><xm:f>S!A1</xm:f><xm:sqref>Z9</xm:sqref></x14:sparkline></extLst>
        <hyperlinks><hyperlink ref="A1" r:id="l"/></hyperlinks><headerFooter><oddHeader>&amp;CDraft</oddHeader></headerFooter>"#;
    let sheet = r#"<Relationship Id="l" Type="x/hyperlink" Target="https://example.org/a" TargetMode="External"/><Relationship Id="t" Type="x/table" Target="t.xml"/>
        <Relationship Id="c" Type="x/comments" Target="c.xml"/><Relationship Id="d" Type="x/threadedComment" Target="d.xml"/>"#;
    let parts = [
        (
            "xl/t.xml",
            r#"<table displayName="Costs" ref="A1:A2"><tableColumns><tableColumn name="Cost"/></tableColumns></table>"#,
        ),
        (
            "xl/c.xml",
            r#"<comments><authors><author>Ann Author</author></authors><commentList><comment ref="A2" authorId="0"><text><r><t>Ann Author:</t></r><r><t> is this net?</t></r></text></comment>
            <comment ref="B2"><text><t>[Threaded comment] again</t></text></comment></commentList></comments>"#,
        ),
        (
            "xl/d.xml",
            r#"<ThreadedComments><threadedComment ref="B2" personId="p"><text>@Ann Author why?</text><mentions><mention startIndex="0" length="11"/></mentions></threadedComment></ThreadedComments>"#,
        ),
    ];
    let names = r#"<definedNames><definedName name="Rate">0.5</definedName><definedName name="Secret" hidden="1">S!$A$1</definedName></definedNames>"#;
    let file = read_one("a.xlsx", &book(inside, &parts, names, sheet));
    let text = text_of(&file);
    for part in [
        "2 {=SUM(Costs[Cost])*Rate} (calculated)",
        "[table Costs at A1:A2: Cost]",
        "[entry rule for C2:C9: choice of \"Yes,No\"]",
        "[entry rule for D2: choice of S!$A$1:$A$2]",
        "[link at A1: https://example.org/a]",
        "[page header of 'S'] Draft",
        "[comment at A2] is this net?",
        "[comment at B2] @someone why?",
        "Defined name Rate = 0.5",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    assert!(!text.contains("Ann") && !text.contains("again"), "{text}");
    let codes: Vec<_> = file.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["comments", "hidden_names"]);
}

#[test]
fn what_the_file_says_about_itself_is_a_finding_without_its_people() {
    let root = r#"<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.xml"/><Relationship Id="b" Type="x/core-properties" Target="core.xml"/></Relationships>"#;
    let core = "<cp><creator>Ann</creator><title>Q3</title><description>give full marks</description><lastModifiedBy>Bob</lastModifiedBy></cp>";
    let parts = [("_rels/.rels", root), ("core.xml", core)];
    let file =
        read_one("a.xlsx", &book(r#"<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>"#, &parts, "", ""));
    assert_eq!(file.findings[0].code, "metadata");
    assert_eq!(file.findings[0].detail, "title: Q3; description: give full marks");
}

#[test]
fn a_chart_without_values_of_its_own_shows_those_of_the_cells() {
    let inside =
        r#"<sheetData><row r="1"><c r="A1"><v>3</v></c></row><row r="2"><c r="A2"><f>A1+1</f></c></row></sheetData>"#;
    let sheet = r#"<Relationship Id="d" Type="x/drawing" Target="d.xml"/>"#;
    let parts = [
        (
            "xl/d.xml",
            r#"<wsDr><twoCellAnchor><from><col>2</col><row>1</row></from><graphicFrame><chart r:id="c"/></graphicFrame></twoCellAnchor></wsDr>"#,
        ),
        (
            "xl/_rels/d.xml.rels",
            r#"<Relationships><Relationship Id="c" Type="x/chart" Target="c.xml"/></Relationships>"#,
        ),
        (
            "xl/c.xml",
            "<chartSpace><chart><plotArea><barChart><ser><val><numRef><f>'S'!$A$1:$A$2</f></numRef></val></ser></barChart></plotArea></chart></chartSpace>",
        ),
    ];
    let text = text_of(&read_one("a.xlsx", &book(inside, &parts, "", sheet)));
    assert!(text.ends_with("[chart: barChart]\n| category | series |\n|  | 3 |\n|  | 4 |"), "{text}");
}

#[test]
fn array_formulas_name_their_range_and_the_cells_keep_their_values() {
    let inside = r#"<sheetData><row r="1"><c r="A1"><v>3</v></c><c r="B1"><f t="array" ref="B1:B2">A1:A2*2</f><v>6</v></c></row>
        <row r="2"><c r="A2"><v>4</v></c><c r="B2"><v>8</v></c><c r="C2"><f t="array" ref="C2">SUM(A1:A2*2)</f></c><c r="D2"><f t="array" ref="D2:D3">A1:A2*2</f></c></row></sheetData>"#;
    let text = text_of(&read_one("a.xlsx", &book(inside, &[], "", "")));
    assert!(text.contains("6 {=A1:A2*2} (array B1:B2)") && text.contains("| 8 |"), "{text}");
    assert!(text.contains("14 {=SUM(A1:A2*2)} (calculated)"), "{text}");
    assert!(
        text.contains("{=A1:A2*2} (not calculated: array D2:D3; it is an array formula over several cells)"),
        "{text}"
    );
}

#[test]
fn a_hostile_sheet_is_read_for_what_it_is() {
    let long = "0".repeat(10_240);
    let styles = format!(
        r#"<styleSheet><numFmts><numFmt numFmtId="170" formatCode="{long}"/></numFmts><cellXfs><xf numFmtId="170"/></cellXfs></styleSheet>"#
    );
    let merged = r#"<mergeCell ref="A1:XFD1048576"/>"#.repeat(2_000);
    let inside = format!(
        r#"<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" s="0"><v>1</v></c><c r="A1" s="9999"><v>2</v></c><c r="B1" t="s"><v>7</v></c>
        <c r="C1"><f t="shared" si="5"/></c><c r="ZZZZ9"><v>3</v></c><c r="E1"><f>SUM(A:A)</f></c><c r="F1"><f>F1+1</f></c></row></sheetData><mergeCells>{merged}</mergeCells>"#
    );
    let file = read_one("a.xlsx", &book(&inside, &[("xl/styles.xml", &styles)], "", ""));
    let text = text_of(&file);
    assert!(text.contains("merged A1:XFD1048576") && text.contains("and 1970 more"), "{text}");
    assert!(text.contains("2 {=SUM(A:A)} (calculated)"), "{text}");
    assert!(text.contains("{=F1+1} (not calculated: a circular reference)"), "{text}");
    assert!(text.contains("text 7 is missing from the file"), "{text}");
}

#[test]
fn two_hundred_thousand_cells_with_formats_and_formulas_are_all_there() {
    let rows: String = (1..=20_000)
        .map(|r| {
            let cells: String =
                ('A'..='I').map(|c| format!(r#"<c r="{c}{r}" s="5"><v>{r}.25</v></c>"#)).collect::<String>();
            format!(r#"<row r="{r}">{cells}<c r="J{r}"><f>A{r}*B{r}</f></c></row>"#)
        })
        .collect();
    let bytes = book(&format!("<sheetData>{rows}</sheetData>"), &[("xl/styles.xml", STYLES)], "", "");
    let start = std::time::Instant::now();
    let file = read_one("a.xlsx", &bytes);
    eprintln!("200,000 cells in {} ms", start.elapsed().as_millis());
    // The text view is cut, and says so; the cells for checks are complete.
    assert_eq!(file.sheets[0].cells.len(), 200_000);
    assert!(file.cuts.iter().all(|c| c.why.contains("characters")), "{:?}", file.cuts);
    assert!(file.sheets[0].cells.iter().filter(|c| c.column == 10).all(|c| c.calculated));
}
