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
