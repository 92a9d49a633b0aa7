use super::*;
use crate::document::draft::{cell, parse_cell_reference};

fn cells(of: &[(&str, &str)]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = of
        .iter()
        .map(|(at, text)| {
            let (row, column) = parse_cell_reference(at).unwrap();
            match (text.strip_prefix('='), text.parse::<f64>()) {
                (Some(formula), _) => cell(row, column, CellContent::NotCalculated, Some(formula.to_owned())),
                (None, Ok(number)) => cell(row, column, CellContent::Number(number), None),
                (None, Err(_)) => cell(row, column, CellContent::Text((*text).to_owned()), None),
            }
        })
        .collect();
    cells.sort_by_key(|c| (c.row, c.column));
    cells
}

fn values(sheets: &[(&str, &[Cell])], names: &[Name], tables: &[Table]) -> Vec<Result<Value, String>> {
    let sheets = sheets.iter().map(|(name, cells)| Sheet { name, cells, ..Sheet::default() }).collect();
    calculate(&Book { sheets, names, tables, from_1904: false }).into_iter().map(|o| o.value).collect()
}

/// The value of one formula over a small ledger.
fn value(formula: &str) -> Result<Value, String> {
    let ledger = cells(&[
        ("A1", "item"),
        ("B1", "amount"),
        ("C1", "day"),
        ("A2", "rent"),
        ("B2", "1200.5"),
        ("C2", "45292"),
        ("A3", "food"),
        ("B3", "300"),
        ("C3", "45323"),
        ("A4", "rent"),
        ("B4", "99.5"),
        ("C4", "45351"),
    ]);
    let out = cells(&[("B9", formula)]);
    let names = [
        Name { name: "Rate".into(), scope: None, formula: "0.2".into() },
        Name { name: "Amounts".into(), scope: None, formula: "Ledger!$B$2:$B$4".into() },
        Name { name: "Loose".into(), scope: None, formula: "Ledger!B2".into() },
    ];
    let area = Area { sheet: 0, top: 1, left: 1, bottom: 4, right: 3 };
    let columns = vec!["item".into(), "amount".into(), "day".into()];
    let tables = [Table { name: "Costs".into(), sheet: 0, area, header_rows: 1, totals_rows: 0, columns }];
    values(&[("Ledger", &ledger), ("My Sheet", &out)], &names, &tables).swap_remove(0)
}

#[test]
fn formulas_of_ordinary_workbooks_have_the_values_that_excel_gives() {
    let number = |n: f64| Ok(Value::Number(n));
    let text = |t: &str| Ok(Value::Text(t.to_owned()));
    for (formula, expected) in [
        ("=SUM(Ledger!B2:B4)", number(1600.0)),
        ("=SUM(Ledger!B:B)", number(1600.0)),
        ("=SUMPRODUCT((Ledger!A:A=\"rent\")*1)", number(2.0)),
        ("=SUMIFS(Ledger!B:B,Ledger!A:A,\"rent\",Ledger!B:B,\">100\")", number(1200.5)),
        ("=COUNTIF(Ledger!A2:A4,\"r*\")", number(2.0)),
        ("=VLOOKUP(\"food\",Ledger!A2:C4,2,FALSE)", number(300.0)),
        ("=_xlfn.XLOOKUP(\"food\",Ledger!A2:A4,Ledger!B2:B4)", number(300.0)),
        ("=INDEX(Ledger!B2:B4,MATCH(\"food\",Ledger!A2:A4,0))", number(300.0)),
        ("=IF(Ledger!B2>1000,\"high\",\"low\")", text("high")),
        ("=ROUND(Ledger!B2/7,2)", number(171.5)),
        ("=TEXT(Ledger!B2,\"#,##0.00\")", text("1,200.50")),
        ("=TEXT(Ledger!C2,\"yyyy-mm-dd\")", text("2024-01-01")),
        ("=DATE(2024,2,29)", number(45351.0)),
        ("=EOMONTH(Ledger!C2,0)", number(45322.0)),
        ("=YEAR(Ledger!C3)&\"-\"&MONTH(Ledger!C3)", text("2024-2")),
        ("=DATEDIF(Ledger!C2,Ledger!C4,\"d\")", number(59.0)),
        ("=SUM(Amounts)*Rate", number(320.0)),
        ("=SUM(Costs[amount])", number(1600.0)),
        ("=IFERROR(VLOOKUP(\"none\",Ledger!A2:C4,2,FALSE),\"missing\")", text("missing")),
        ("=VLOOKUP(\"none\",Ledger!A2:C4,2,FALSE)", Ok(Value::Error("#N/A"))),
        ("=1/0", Ok(Value::Error("#DIV/0!"))),
        ("=SUMPRODUCT((Ledger!A2:A4=\"rent\")*Ledger!B2:B4)", number(1300.0)),
        ("=AND(Ledger!B2>1,Ledger!B3>1)", Ok(Value::Bool(true))),
        ("=-2^2", number(4.0)),
        ("=50%", number(0.5)),
        ("=MEDIAN(Ledger!B2:B4)", number(300.0)),
        ("=PMT(0.05/12,12,-1000)", number(85.607_481_788_467_19)),
        ("=Ledger!B7", number(0.0)),
        ("=AVERAGE(Ledger!B2:B4)", number(1600.0 / 3.0)),
        ("=LEFT(Ledger!A2,2)&RIGHT(\"it''s\",1)", text("res")),
        ("=RANK(300,Ledger!B2:B4)", number(2.0)),
    ] {
        match (value(formula), &expected) {
            (Ok(Value::Number(a)), Ok(Value::Number(b))) => assert!((a - b).abs() < 1e-9, "{formula}: {a} {b}"),
            (found, expected) => assert_eq!(&found, expected, "{formula}"),
        }
    }
}

#[test]
fn what_would_be_a_guess_stays_unknown_with_its_reason() {
    for (formula, reason) in [
        ("=TODAY()-Ledger!C2", "the clock"),
        ("=RAND()", "chance"),
        ("=INDIRECT(\"B2\")", "INDIRECT"),
        ("=OFFSET(B2,1,1)", "OFFSET"),
        ("=MYMACRO(1)", "MYMACRO"),
        ("=[1]Other!A1", "another workbook"),
        ("='[Other.xlsx]S'!A1", "another workbook"),
        ("=Nowhere!A1", "no sheet"),
        ("=SUM(Ledger!B2:B4,Undefined)", "Undefined"),
        ("=Loose", "moves"),
        ("=B9+1", "circular"),
        ("=#REF!+1", "deleted"),
        ("=\"a\"+1", "#VALUE!"),
        ("=ROWS(A:A)", "whole columns"),
        ("=SUM(Ledger:Data!A1)", ""),
        ("=SUM(\"open", "not closed"),
    ] {
        let found = value(formula);
        assert!(found.as_ref().is_err_and(|why| why.contains(reason)), "{formula}: {found:?}");
    }
}

#[test]
fn what_reads_something_unknown_is_unknown_and_the_rest_is_not() {
    let sheet = cells(&[
        ("A1", "=TODAY()"),
        ("A2", "=IFERROR(A1,0)"),
        ("A3", "=COUNT(A1:A2)"),
        ("A4", "=2*3"),
        ("A5", "=A4+1"),
    ]);
    let found = values(&[("S", &sheet)], &[], &[]);
    assert!(found[0].is_err() && found[1].as_ref().is_err_and(|w| w.contains("A1")) && found[2].is_err());
    assert_eq!(&found[3..], [Ok(Value::Number(6.0)), Ok(Value::Number(7.0))]);
}

#[test]
fn circles_are_named_and_what_is_outside_is_computed() {
    let sheet = cells(&[("A1", "=B1"), ("B1", "=C1"), ("C1", "=A1+1"), ("D1", "=SUM(A1:C1)"), ("E1", "=1+1")]);
    let found = values(&[("S", &sheet)], &[], &[]);
    assert!(found[..4].iter().all(|v| v.as_ref().is_err_and(|w| w.contains("circular"))));
    assert_eq!(found[4], Ok(Value::Number(2.0)));
}

#[test]
fn a_long_chain_and_deep_nesting_end() {
    let mut chain = vec![("A1".to_owned(), "1".to_owned())];
    chain.extend((2..=20_000).map(|r| (format!("A{r}"), format!("=A{}+1", r - 1))));
    let chain: Vec<(&str, &str)> = chain.iter().map(|(a, f)| (a.as_str(), f.as_str())).collect();
    let found = values(&[("S", &cells(&chain))], &[], &[]);
    assert_eq!(found.last(), Some(&Ok(Value::Number(20_000.0))));
    let deep = format!("={}1{}", "(".repeat(4_000), ")".repeat(4_000));
    let signs = format!("={}1", "-".repeat(8_000));
    let ifs = format!("={}1{}", "IF(TRUE,".repeat(63), ")".repeat(63));
    let long = format!("=1{}", "+1".repeat(399));
    // What nests as deep as it may is for the stack that readers have; a test's is smaller.
    let nested =
        move || values(&[("S", &cells(&[("A1", &deep), ("A2", &signs), ("A3", &ifs), ("A4", &long)]))], &[], &[]);
    let reader = std::thread::Builder::new().stack_size(crate::document::STACK_BYTES).spawn(nested).unwrap();
    let found = reader.join().unwrap();
    assert!(found[0].is_err() && found[1].is_err());
    assert_eq!(found[2..], [Ok(Value::Number(1.0)), Ok(Value::Number(400.0))]);
}

#[test]
fn work_and_texts_are_bounded_before_anything_runs() {
    let mut doubling = vec![("A1".to_owned(), "=REPT(\"x\",30000)".to_owned())];
    doubling.extend((2..=40).map(|r| (format!("A{r}"), format!("=A{0}&A{0}", r - 1))));
    let doubling: Vec<(&str, &str)> = doubling.iter().map(|(a, f)| (a.as_str(), f.as_str())).collect();
    let found = values(&[("S", &cells(&doubling))], &[], &[]);
    assert!(found[39].as_ref().is_err_and(|w| !w.is_empty()));
    let mut heavy: Vec<(String, String)> = (1..=3_000).map(|r| (format!("A{r}"), r.to_string())).collect();
    heavy.extend((1..=20_000).map(|r| (format!("B{r}"), "=SUM(A$1:A$20000)".to_owned())));
    let heavy: Vec<(&str, &str)> = heavy.iter().map(|(a, f)| (a.as_str(), f.as_str())).collect();
    let found = values(&[("S", &cells(&heavy))], &[], &[]);
    assert!(found.last().is_some_and(|v| v.as_ref().is_err_and(|w| w.contains("limit"))));
    assert!(value("=SUMPRODUCT(A1:XFD1048576*1)").is_err());
}

#[test]
fn areas_beyond_what_is_used_cost_nothing_and_change_nothing() {
    let mut all: Vec<(String, String)> = (1..=500).map(|r| (format!("B{r}"), "1".to_owned())).collect();
    all.extend((1..=500).map(|r| (format!("A{r}"), "=SUM(B1:XFD1048576)".to_owned())));
    let all: Vec<(&str, &str)> = all.iter().map(|(a, f)| (a.as_str(), f.as_str())).collect();
    let asks = [
        ("A1", "=MEDIAN(S!B2:B1048576)"),
        ("A2", "=SUMPRODUCT((S!B2:B1000000=\"x\")+0)"),
        ("A3", "=SUMPRODUCT(--(S!B:B=\"x\"))"),
        ("A4", "=SUMPRODUCT((S!B:B=0)*1)"),
    ];
    let found = values(&[("S", &cells(&all)), ("T", &cells(&asks))], &[], &[]);
    assert!(found[..500].iter().all(|sum| *sum == Ok(Value::Number(500.0))));
    let [median, counted, none, blanks] = &found[500..] else { panic!("{found:?}") };
    assert_eq!([median, counted, none], [&Ok(Value::Number(1.0)), &Ok(Value::Number(0.0)), &Ok(Value::Number(0.0))]);
    assert!(blanks.as_ref().is_err_and(|why| why.contains("whole columns")));
}

#[test]
fn a_formula_that_fills_several_cells_spoils_no_other() {
    let sheet = cells(&[("A1", "1"), ("A2", "2"), ("B1", "=A1:A2*2"), ("C1", "=B2+5"), ("D1", "=A1+1")]);
    let found = values(&[("S", &sheet)], &[], &[]);
    assert_eq!(found[0], Err("it fills more than one cell".to_owned()));
    assert_eq!(&found[1..], [Ok(Value::Number(5.0)), Ok(Value::Number(2.0))]);
}

#[test]
fn columns_of_a_table_that_read_each_other_are_no_circle() {
    let sheet = cells(&[("A1", "a"), ("B1", "b"), ("A2", "3"), ("B2", "=T[[#This Row],[a]]*2"), ("C5", "=SUM(T[b])")]);
    let area = Area { sheet: 0, top: 1, left: 1, bottom: 2, right: 2 };
    let tables = [Table {
        name: "T".into(),
        sheet: 0,
        area,
        header_rows: 1,
        totals_rows: 0,
        columns: vec!["a".into(), "b".into()],
    }];
    let found = values(&[("S", &sheet)], &[], &tables);
    assert_eq!(found, [Ok(Value::Number(6.0)), Ok(Value::Number(6.0))]);
}
