//! Workbooks and tables: far cells, endless rows, texts that many cells share, formulas that compute for ever, and what
//! they would fetch or run.

use std::io::{Cursor, Write};

use super::build::{laughs, nested, odf, outside, rows, xlsx, xlsx_of};
use super::{Case, cut, found, harmless, refused};

pub const CASES: &[Case] = &[
    harmless("far-cell.xlsx", || xlsx(&rows(r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>"#), &[], "")),
    harmless("beyond-the-sheet.xlsx", || xlsx(&rows(r#"<row r="4294967295"><c r="ZZZZ9999999999"><v>1</v></c><c><v>2</v></c></row>"#), &[], "")),
    cut("a-million-cells.xlsx", "over the limit of 500000 cells", || {
        let all: String = (0..1_000_000u64).map(|n| format!("<c><v>{}</v></c>", n.wrapping_mul(2_654_435_761) % 99_991)).collect();
        xlsx(&rows(&format!("<row>{}</row>", all.replace("</c><c><v>7", "</c></row><row><c><v>7"))), &[], "")
    })
    .within(768),
    cut("one-text-in-all-cells.xlsx", "bytes of text in cells", || {
        let text: String = (0..20_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let strings = format!("<sst><si><t>{text}</t></si></sst>");
        let cells: String = (0..20_000).map(|n| format!(r#"<row r="{}"><c t="s"><v>0</v></c></row>"#, n + 1)).collect();
        xlsx(&rows(&cells), &[("xl/sharedStrings.xml", &strings)], r#"<Relationship Id="t" Type="x/sharedStrings" Target="sharedStrings.xml"/>"#)
    }),
    refused("texts-of-zeros.xlsx", "as in a zip bomb", || {
        xlsx(
            &rows(r#"<row><c t="s"><v>0</v></c></row>"#),
            &[("xl/sharedStrings.xml", &format!("<sst><si><t>{}</t></si></sst>", "a".repeat(64 << 20)))],
            r#"<Relationship Id="t" Type="x/sharedStrings" Target="sharedStrings.xml"/>"#,
        )
    }),
    harmless("texts-that-are-not-there.xlsx", || xlsx(&rows(r#"<row><c t="s"><v>99999999999</v></c><c t="s"><v>-1</v></c></row>"#), &[], "")),
    harmless("a-million-merged-cells.xlsx", || {
        let merged: String = (0..300_000u32).map(|n| format!(r#"<mergeCell ref="A{0}:XFD{0}"/>"#, n * 7 % 1_000_003 + 1)).collect();
        xlsx(&format!("{}<mergeCells>{merged}</mergeCells>", rows(r#"<row><c r="A1"><v>1</v></c></row>"#)), &[], "")
    }),
    harmless("hidden-columns-without-end.xlsx", || {
        let columns = r#"<col min="1" max="4294967295" hidden="1"/>"#.repeat(100_000);
        xlsx(&format!("<cols>{columns}</cols>{}", rows(r#"<row hidden="1"><c><v>1</v></c></row>"#)), &[], "")
    }),
    harmless("formula-that-is-itself.xlsx", || xlsx(&rows(r#"<row r="1"><c r="A1"><f>A1</f></c><c r="B1"><f>C1</f></c><c r="C1"><f>B1+1</f></c></row>"#), &[], "")),
    harmless("formulas-in-a-long-chain.xlsx", || {
        let all: String = (1..=100_000).map(|n| format!(r#"<row r="{n}"><c r="A{n}"><f>A{}+1</f></c></row>"#, n + 1)).collect();
        xlsx(&rows(&all), &[], "")
    })
    .within(1_024),
    harmless("formulas-that-all-read-all.xlsx", || {
        let all: String = (1..=3_000).map(|n| format!(r#"<row r="{n}"><c r="A{n}"><f>SUM(B1:XFD1048576)</f></c><c r="B{n}"><v>1</v></c></row>"#)).collect();
        xlsx(&rows(&all), &[], "")
    }),
    harmless("formula-of-parentheses.xlsx", || xlsx(&rows(&format!("<row><c><f>{}</f></c></row>", nested("(", "1", ")", 50_000))), &[], "")),
    harmless("formula-of-operators.xlsx", || xlsx(&rows(&format!("<row><c><f>1{}</f></c></row>", "+1".repeat(100_000))), &[], "")),
    harmless("formula-that-grows-a-text.xlsx", || {
        let cell = |n: u32| format!(r#"<row r="{n}"><c r="A{n}"><f>A{0}&amp;A{0}&amp;REPT(A{0},9)</f></c></row>"#, n + 1);
        let all: String = (1..=60).map(cell).collect();
        xlsx(&rows(&format!(r#"{all}<row r="61"><c r="A61" t="inlineStr"><is><t>ha</t></is></c></row>"#)), &[], "")
    }),
    harmless("shared-formula-of-a-page.xlsx", || {
        let long = format!("SUM({})", (1..900).map(|n| format!("A{n}")).collect::<Vec<_>>().join(","));
        let first = format!(r#"<row r="1"><c r="B1"><f t="shared" si="0">{long}</f><v>1</v></c></row>"#);
        let all: String = (2..=20_000).map(|n| format!(r#"<row r="{n}"><c r="B{n}"><f t="shared" si="0"/><v>1</v></c></row>"#)).collect();
        xlsx(&rows(&(first + &all)), &[], "")
    }),
    harmless("names-in-a-circle.xlsx", || {
        let names: String = (0..2_000).map(|n| format!(r#"<definedName name="n{n}">n{}+n{}</definedName>"#, (n + 1) % 2_000, (n + 2) % 2_000)).collect();
        let book = format!(r#"<workbook><sheets><sheet name="S" r:id="s"/></sheets><definedNames>{names}</definedNames></workbook>"#);
        xlsx(&rows("<row><c><f>n0+n1</f></c></row>"), &[("xl/workbook.xml", &book)], "")
    }),
    harmless("names-that-double.xlsx", || {
        let names: String = (0..60).map(|n| format!(r#"<definedName name="n{n}">n{0}+n{0}</definedName>"#, n + 1)).collect();
        let book = format!(r#"<workbook><sheets><sheet name="S" r:id="s"/></sheets><definedNames>{names}<definedName name="n60">1</definedName></definedNames></workbook>"#);
        xlsx(&rows("<row><c><f>n0</f></c></row>"), &[("xl/workbook.xml", &book)], "")
    }),
    cut("five-thousand-sheets.xlsx", "over the limit of 256 sheets", || {
        let sheets: String = (0..5_000).map(|n| format!(r#"<sheet name="S{n}" r:id="s"/>"#)).collect();
        xlsx_of(&sheets, &rows("<row><c><v>1</v></c></row>"), &[], "")
    }),
    cut("deep.xlsx", "nested deeper", || xlsx(&rows(&nested("<row><c>", "", "</c></row>", 100_000)), &[], "")),
    harmless("billion-laughs.xlsx", || {
        let strings = format!("{}<sst><si><t>&l9;</t></si></sst>", laughs());
        xlsx(&rows(r#"<row><c t="s"><v>0</v></c></row>"#), &[("xl/sharedStrings.xml", &strings)], r#"<Relationship Id="t" Type="x/sharedStrings" Target="sharedStrings.xml"/>"#)
    }),
    harmless("external-entity.xlsx", || {
        let strings = format!("{}<sst><si><t>&x;</t></si></sst>", outside());
        xlsx(&rows(r#"<row><c t="s"><v>0</v></c></row>"#), &[("xl/sharedStrings.xml", &strings)], r#"<Relationship Id="t" Type="x/sharedStrings" Target="sharedStrings.xml"/>"#)
    }),
    harmless("endless-number-format.xlsx", || {
        let styles = format!(r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="{}"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs></styleSheet>"#, "0.0_,[Red]".repeat(50_000));
        xlsx(&rows(&r#"<row><c s="0"><v>1.5</v></c></row>"#.repeat(500)), &[("xl/styles.xml", &styles)], r#"<Relationship Id="y" Type="x/styles" Target="styles.xml"/>"#)
    }),
    harmless("drawing-that-is-its-sheet.xlsx", || {
        let own = r#"<Relationships><Relationship Id="d" Type="x/drawing" Target="s.xml"/><Relationship Id="c" Type="x/chart" Target="s.xml"/></Relationships>"#;
        xlsx(&rows(r#"<row><c><v>1</v></c></row><drawing r:id="d"/>"#), &[("xl/worksheets/_rels/s.xml.rels", own)], "")
    }),
    found("macros.xlsm", &["macro"], || xlsx(&rows("<row><c><v>1</v></c></row>"), &[("xl/vbaProject.bin", "Attribute")], r#"<Relationship Id="v" Type="x/vbaProject" Target="vbaProject.bin"/>"#)),
    found("macro-sheet.xlsm", &["macro"], || xlsx(&rows("<row><c><v>1</v></c></row>"), &[("xl/macrosheets/sheet1.xml", "<xm:macrosheet/>")], "")),
    found("other-workbooks.xlsx", &["external_links"], || {
        let to = r#"<Relationships><Relationship Id="p" Type="x/externalLinkPath" TargetMode="External" Target="file:///\\evil.example\share\b.xlsx"/></Relationships>"#;
        xlsx(
            &rows("<row><c><f>[1]S!A1</f><v>1</v></c></row>"),
            &[("xl/externalLinks/externalLink1.xml", "<externalLink><externalBook r:id=\"p\"/></externalLink>"), ("xl/externalLinks/_rels/externalLink1.xml.rels", to)],
            r#"<Relationship Id="l" Type="x/externalLink" Target="externalLinks/externalLink1.xml"/>"#,
        )
    }),
    found("asks-another-program.xlsx", &["dde_link"], || {
        xlsx(
            &rows("<row><c><f>[1]!A0</f><v>1</v></c></row>"),
            &[("xl/externalLinks/externalLink1.xml", r#"<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>"#)],
            r#"<Relationship Id="l" Type="x/externalLink" Target="externalLinks/externalLink1.xml"/>"#,
        )
    }),
    found("asks-a-database.xlsx", &["connections"], || {
        xlsx(&rows("<row><c><v>1</v></c></row>"), &[("xl/connections.xml", "<connections/>")], r#"<Relationship Id="q" Type="x/connections" Target="connections.xml"/>"#)
    }),
    cut("rows-without-end.ods", "over the limit of", || {
        sheet(r#"<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/></table:table-row>"#)
    })
    .within(768),
    harmless("blank-rows-without-end.ods", || {
        sheet(&r#"<table:table-row table:number-rows-repeated="4294967295"><table:table-cell table:number-columns-repeated="4294967295" table:number-columns-spanned="4294967295"/></table:table-row>"#.repeat(5_000))
    }),
    harmless("formula-that-is-itself.ods", || {
        sheet(r#"<table:table-row><table:table-cell table:formula="of:=[.A1]+1"/><table:table-cell table:formula="of:=[.A1]"/></table:table-row>"#)
    }),
    cut("deep.ods", "nested deeper", || sheet(&nested("<table:table-row-group>", "", "</table:table-row-group>", 50_000))),
    refused("far-cells.xls", "span", || xls(&[(0, 0), (65_535, 255)])),
    harmless("near-cells.xls", || xls(&[(0, 0), (9, 3)])),
    harmless("streams-in-a-circle.xls", || circular(xls(&[(0, 0)]))),
    harmless("sectors-of-nothing.xls", || {
        let mut bytes = xls(&[(0, 0)]);
        bytes[0x4c..0x200].fill(0xfe);
        bytes
    }),
    cut("a-million-columns.csv", "columns 16385", || b"x,".repeat(1_000_000)),
    cut("a-million-rows.csv", "over the limit of", || (0..700_000).map(|n| format!("{n},a\n")).collect::<String>().into_bytes()).within(768),
    harmless("one-cell-of-everything.csv", || [b"a,b\n1,\"".as_slice(), &b"text, and\n".repeat(500_000)].concat()).within(512),
    found("formulas.csv", &["csv_formula"], || b"name,n\n\"=cmd|'/C calc'!A0\",1\n@SUM(1+1)*cmd|' /C calc'!A0,2\n".to_vec()),
    harmless("quotes.csv", || b"\"".repeat(3_000_000)),
    harmless("nothing-but-commas.csv", || format!("{}\n", ",".repeat(5_000)).repeat(400).into_bytes()),
];

fn sheet(rows: &str) -> Vec<u8> {
    let body = format!(r#"<office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet>"#);
    odf("", &body, &[("mimetype", "application/vnd.oasis.opendocument.spreadsheet")])
}

/// An old workbook of one sheet with a number in each of these cells (row and column from 0), record by record.
fn xls(cells: &[(u16, u16)]) -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| {
        [&kind.to_le_bytes()[..], &u16::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
    };
    let begin = |kind: u8| record(0x0809, &[0, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let end = record(0x000a, &[]);
    let globals = begin(5);
    // The list of sheets names where the sheet begins: behind the globals and their end.
    let listed = 4 + 4 + 2 + 2 + 1;
    let at = u32::try_from(globals.len() + listed + end.len()).unwrap();
    let list = record(0x0085, &[&at.to_le_bytes()[..], &[0, 0, 1, 0, b'S']].concat());
    let mut stream = [globals, list, end.clone(), begin(0x10)].concat();
    for (row, column) in cells {
        let number = [&row.to_le_bytes()[..], &column.to_le_bytes(), &[0, 0], &1.5f64.to_le_bytes()].concat();
        stream.extend(record(0x0203, &number));
    }
    stream.extend(end);
    // Small streams stand elsewhere.
    stream.resize(stream.len().max(5_000), 0);
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new())).unwrap();
    file.create_stream("/Workbook").unwrap().write_all(&stream).unwrap();
    file.into_inner().into_inner()
}

/// A compound file in whose table every sector is followed by itself.
pub fn circular(mut bytes: Vec<u8>) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let table = (number(0x4c) + 1) * 512;
    for sector in 1..100u32 {
        let at = table + sector as usize * 4;
        if at + 4 <= bytes.len() {
            bytes[at..at + 4].copy_from_slice(&sector.to_le_bytes());
        }
    }
    bytes
}
