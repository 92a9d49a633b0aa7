use crate::document::testing::{pdf, pdf_of, read_one, reason, text_of};
use crate::domain::{Outcome, Place};

#[test]
fn pages_have_their_text_in_lines() {
    let file = read_one(
        "a.pdf",
        &pdf(&[
            "BT /F1 12 Tf 72 700 Td (Hello) Tj 40 0 Td (world) Tj -40 -14 Td (again) Tj ET",
            "BT /F1 12 Tf 72 700 Td (two) Tj ET",
        ]),
    );
    assert_eq!(text_of(&file), "Hello world\nagain\ntwo");
    assert_eq!((file.pages, &file.segments[1].place, &file.outcome), (Some(2), &Place::Page(2), &Outcome::Read));
}

#[test]
fn what_nobody_can_see_is_shown_and_reported() {
    let file = read_one(
        "a.pdf",
        &pdf(&["BT /F1 12 Tf 72 700 Td (seen) Tj ET BT 3 Tr /F1 12 Tf 72 600 Td (mode) Tj ET BT 0 Tr /F1 1 Tf 72 500 Td (tiny) Tj ET
            1 1 1 rg BT /F1 12 Tf 72 400 Td (white) Tj ET 0 g 70 290 100 30 re f 1 g BT /F1 12 Tf 72 300 Td (label) Tj ET
            0 g BT /F1 12 Tf 72 -300 Td (below) Tj ET"]),
    );
    let hidden: Vec<_> = file.findings.iter().map(|f| f.detail.clone()).collect();
    assert_eq!(
        hidden,
        [
            "drawn in invisible mode: mode",
            "smaller than 1.5 points: tiny",
            "the colour of its ground: white",
            "outside the page: below"
        ]
    );
    assert!(text_of(&file).contains("white"));
}

#[test]
fn what_is_painted_over_is_shown_and_reported_and_a_marker_hides_nothing() {
    let page = "BT /F1 12 Tf 72 700 Td (secret) Tj ET 0.2 g 70 690 60 30 re f 0 g BT /F1 12 Tf 72 600 Td (open) Tj ET
        1 1 0 rg /G1 gs 70 590 60 30 re f";
    let bytes = String::from_utf8(pdf(&[page])).unwrap();
    let bytes = bytes.replace("/Font<<", "/ExtGState<</G1<</BM/Multiply>>>>/Font<<");
    let file = read_one("a.pdf", bytes.as_bytes());
    let findings: Vec<_> = file.findings.iter().map(|f| f.detail.as_str()).collect();
    assert_eq!(findings, ["painted over: secret"]);
    assert_eq!(text_of(&file), "secret\nopen");
}

#[test]
fn cells_of_a_table_stand_apart_though_their_texts_touch_or_overlap() {
    // As ReportLab sets tables: one operator for each cell; the third column is set right.
    let row = |y: u32, cells: [(f64, &str); 3]| -> String {
        cells.map(|(x, text)| format!("BT /F1 10 Tf {x} {y} Td ({text}) Tj ET ")).concat()
    };
    let page = [
        row(700, [(72.0, "Model"), (120.0, "Features"), (201.7, "Cost")]),
        row(686, [(72.0, "Rockwell MatGuard"), (120.0, "IO-Link"), (200.0, "$850")]),
        row(672, [(72.0, "Cognex"), (120.0, "PoE, IP65 hous"), (186.1, "$11,500")]),
        row(658, [(72.0, "MiR100"), (120.0, "Ethernet"), (191.7, "$2,500")]),
    ]
    .concat();
    let file = read_one("a.pdf", &pdf(&[&page]));
    assert_eq!(
        text_of(&file),
        "Model   Features   Cost\nRockwell MatGuard   IO-Link   $850\nCognex   PoE, IP65 hous   $11,500\nMiR100   Ethernet   $2,500"
    );
}

#[test]
fn a_line_that_is_shown_word_by_word_stays_a_line() {
    let words =
        |y: u32| format!("BT /F1 10 Tf 72 {y} Td (The total) Tj 42 0 Td (of all) Tj 28 0 Td (rows ties.) Tj ET ");
    let page: String = [700, 686].map(words).concat();
    let file = read_one("a.pdf", &pdf(&[&page]));
    assert_eq!(text_of(&file), "The total of all rows ties.\nThe total of all rows ties.");
}

/// A page with these annotations, further entries of the catalog, and further objects from number 6 on.
fn with(catalog: &str, annotations: &str, more: &[&str]) -> Vec<u8> {
    let content = "BT /F1 12 Tf 72 700 Td (page) Tj ET";
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>"),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R/Annots[{annotations}]>>"
        ),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
    ];
    objects.extend(more.iter().map(|object| (*object).to_owned()));
    pdf_of(&objects)
}

#[test]
fn fields_of_a_form_have_their_values_and_remarks_lose_their_authors() {
    let annotations = "<</Subtype/Widget/FT/Tx/T(total)/V(42,000)/Parent 6 0 R>> \
        <</Subtype/Widget/FT/Tx/TU(Name of the site)/T(site)>> \
        <</Subtype/Widget/FT/Btn/T(agreed)/AS/Yes>> <</Subtype/Widget/FT/Btn/T(late)/AS/Off>> \
        <</Subtype/Widget/FT/Ch/T(sizes)/V[(S)(M)]>> \
        <</Subtype/Text/T(Jane Author)/Contents<FEFF00FC0062006500720020>>> <</Subtype/Popup/Contents(twice)>> \
        <</Subtype/Link/A<</S/URI/URI(https://example.org/a)>>>>"
        .replace("\\\n", "");
    let file = read_one("a.pdf", &with("", &annotations, &["<</T(form)/Parent 6 0 R>>"]));
    let text = text_of(&file);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "page");
    assert!(lines[1].ends_with("form.total: 42,000") && lines[1].len() < 400, "names of a circle end: {}", lines[1]);
    assert_eq!(
        &lines[2..],
        [
            "[field] Name of the site: (empty)",
            "[field] [x] agreed",
            "[field] [ ] late",
            "[field] sizes: S, M",
            "[note, page 1] über",
            "[link on page 1: https://example.org/a]",
        ]
    );
    assert!(file.segments.iter().any(|s| s.place == Place::Field { page: 1, name: "agreed".to_owned() }));
    assert!(file.segments.iter().any(|s| s.place == Place::Comment(1)));
}

#[test]
fn attached_files_are_members_and_what_is_switched_off_is_said() {
    let catalog = "/Names<</EmbeddedFiles<</Kids[6 0 R 7 0 R]>>>>/OCProperties<</OCGs[10 0 R]/D<</OFF[10 0 R]>>>>";
    let more = [
        "<</Names[(a)8 0 R]>>",
        // A tree that holds itself.
        "<</Kids[7 0 R]>>",
        "<</Type/Filespec/F(ledger.csv)/EF<</F 9 0 R>>>>",
        "<</Length 7>>stream\na,b\n1,2\nendstream",
        "<</Type/OCG/Name(Answers)>>",
    ];
    let files =
        crate::document::testing::read_files("a.pdf", &with(catalog, "<</Subtype/FileAttachment/FS 8 0 R>>", &more));
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.pdf", "a.pdf/ledger.csv"], "once, though it is named twice");
    assert!(text_of(&files[1]).contains('2'));
    assert_eq!(files[0].findings[0].code, "layers_off");
    assert!(files[0].findings[0].detail.contains("Answers"));
}

#[test]
fn the_recognised_words_of_a_scan_are_no_secret() {
    let image = "q 612 0 0 792 0 0 cm BI /W 20 /H 20 /CS /G /BPC 1 ID 0123456789012345678901234567890123456789012345678901234567890 EI Q";
    let words = "BT 3 Tr /F1 12 Tf 72 600 Td (recognised) Tj ET";
    let file = read_one("a.pdf", &pdf(&[&format!("{image} {words}")]));
    let findings: Vec<_> = file.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(findings, ["ocr_layer"], "{:?}", file.findings);
    assert!(text_of(&file).contains("recognised"));
}

#[test]
fn a_page_that_is_only_a_drawing_says_that_it_has_no_text() {
    let file = read_one("a.pdf", &pdf(&["10 10 100 100 re f", ""]));
    assert_eq!(text_of(&file), "[page 1 has no text layer]");
    assert_eq!(file.outcome, Outcome::Partial);
}

#[test]
fn a_pdf_cut_off_or_scrambled_never_breaks_the_reader() {
    let whole = pdf(&["BT /F1 12 Tf 72 700 Td (Hello) Tj ET"]);
    for end in (8..whole.len()).step_by(37) {
        let _ = read_one("a.pdf", &whole[..end]);
    }
    assert!(reason(&read_one("a.pdf", b"%PDF-1.7 nothing else")).contains("again"));
}

#[test]
fn drawing_without_end_is_stopped() {
    let limits = crate::document::Limits { max_glyphs: 100, ..Default::default() };
    let bytes = pdf(&[&"BT /F1 12 Tf 72 700 Td (Hello world) Tj ET ".repeat(200)]);
    let input = crate::document::Input { name: "a.pdf", media_type: None, bytes: &bytes };
    let file = crate::document::read(&input, &limits).swap_remove(0);
    assert!(file.cuts[0].why.contains("limit of 100"), "{:?}", file.cuts);
}

#[test]
fn forms_that_call_each_other_without_end_are_stopped() {
    // Ten forms, each drawing the next ten times: 10^10 drawings of nothing.
    let stream = |dictionary: &str, content: &str| {
        format!("<<{dictionary}/Length {}>>stream\n{content}\nendstream", content.len())
    };
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</XObject<</X 5 0 R>>>>/Contents 4 0 R>>".to_owned(),
        stream("", "/X Do"),
    ];
    for next in 6..16 {
        let dictionary = format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {next} 0 R>>>>");
        objects.push(stream(&dictionary, &"/X Do ".repeat(10)));
    }
    objects.push(stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "q Q"));
    let limits = crate::document::Limits { max_glyphs: 50_000, ..Default::default() };
    let bytes = pdf_of(&objects);
    let file =
        crate::document::read(&crate::document::Input { name: "a.pdf", media_type: None, bytes: &bytes }, &limits)
            .swap_remove(0);
    assert!(file.cuts.iter().any(|c| c.why.contains("limit of 50000")), "{:?}", file.cuts);
}

#[test]
fn objects_nested_without_end_do_not_overflow_the_stack() {
    for (open, close) in [("[", "]"), ("<</A ", ">>"), ("<</A[", "]>>")] {
        let deep = format!("{}{}", open.repeat(200_000), close.repeat(200_000));
        let page = |extra: &str| format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]{extra}/Contents 4 0 R>>");
        for (page, content) in [(page(&format!("/Annots {deep}")), "q Q".to_owned()), (page(""), format!("{deep} TJ"))]
        {
            let bytes = pdf_of(&[
                "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
                "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
                page,
                format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
            ]);
            let _ = read_one("a.pdf", &bytes);
        }
    }
}
