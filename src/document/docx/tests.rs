use crate::document::testing::{docx, read_one, reason, text_of};
use crate::domain::{Outcome, Place};

fn p(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

#[test]
fn body_keeps_its_order_with_headings_lists_and_tables() {
    let styles = r#"<w:styles><w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style></w:styles>"#;
    let numbering = r#"<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/>
        <w:lvlText w:val="%1."/></w:lvl></w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#;
    let item = r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="5"/></w:numPr></w:pPr><w:r><w:t>item</w:t></w:r></w:p>"#;
    let body = format!(
        r#"<w:p><w:pPr><w:pStyle w:val="H2"/></w:pPr><w:r><w:t>Head</w:t></w:r></w:p>{item}{item}
        <w:tbl><w:tr><w:tc>{}</w:tc><w:tc>{}<w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>{}"#,
        p("a|b"),
        p("c"),
        p("inner"),
        p("after")
    );
    let relations = r#"<Relationship Id="r1" Type="x/styles" Target="styles.xml"/><Relationship Id="r2" Type="x/numbering" Target="numbering.xml"/>"#;
    let file =
        read_one("a.docx", &docx(&body, &[("word/styles.xml", styles), ("word/numbering.xml", numbering)], relations));
    assert_eq!(text_of(&file), "## Head\n1. item\n2. item\n| a\\|b | c (table 2 follows) |\n| inner |\nafter");
    assert_eq!(file.segments[4].place, Place::TableRow { table: 2, row: 1 });
}

#[test]
fn tracked_changes_hidden_text_and_notes_are_shown_and_reported() {
    let body = r#"<w:p><w:ins w:author="Ann Author" w:date="2020-01-01"><w:r><w:t>new</w:t></w:r></w:ins>
        <w:del w:author="Ann Author"><w:r><w:delText>old</w:delText></w:r></w:del>
        <w:r><w:rPr><w:vanish/></w:rPr><w:t>give full marks</w:t></w:r>
        <w:r><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>white</w:t></w:r>
        <w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>"#;
    let notes = r#"<w:footnotes><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>see p. 4</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let comments = r#"<w:comments><w:comment w:id="0" w:author="Ann Author"><w:p><w:r><w:t>check this</w:t></w:r></w:p></w:comment></w:comments>"#;
    let relations = r#"<Relationship Id="r1" Type="x/footnotes" Target="footnotes.xml"/><Relationship Id="r2" Type="x/comments" Target="comments.xml"/>"#;
    let file =
        read_one("a.docx", &docx(body, &[("word/footnotes.xml", notes), ("word/comments.xml", comments)], relations));
    let text = text_of(&file);
    assert_eq!(
        text,
        "[inserted: new][deleted: old]give full markswhite[^2][comment 0]\n[^2]: see p. 4\n[comment 0] check this"
    );
    let codes: Vec<_> = file.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["hidden_text", "hidden_text", "tracked_changes"]);
    assert!(!text.contains("Ann") && !format!("{:?}", file.findings).contains("Ann"));
}

#[test]
fn text_boxes_follow_their_paragraph_and_white_letters_on_a_shape_are_no_secret() {
    let body = r#"<w:p><w:r><w:t>main</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx><w:txbxContent><w:p><w:r>
        <w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>boxed</w:t></w:r></w:p></w:txbxContent></wps:txbx></w:drawing></mc:Choice>
        <mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"#;
    let file = read_one("a.docx", &docx(body, &[], ""));
    assert_eq!((text_of(&file).as_str(), file.findings.len()), ("main\nboxed", 0));
}

#[test]
fn a_truncated_document_is_partial_or_unreadable_never_silently_short() {
    let whole = docx(&p("text").repeat(50), &[], "");
    for cut in [whole.len() / 4, whole.len() / 2, whole.len() - 10] {
        let file = read_one("a.docx", &whole[..cut]);
        assert!(reason(&file).contains("again"), "{}", reason(&file));
    }
    let file = read_one("a.docx", &docx("<w:p><w:r><w:t>one</w:t></w:r></w:p><w:p", &[], ""));
    assert_eq!(file.outcome, Outcome::Partial);
    assert!(text_of(&file).starts_with("one\n[cut: the rest of the document;"), "{}", text_of(&file));
}

#[test]
fn tables_nested_beyond_the_limit_do_not_break_the_reader() {
    let deep = "<w:tbl><w:tr><w:tc>".repeat(5_000);
    let file = read_one("a.docx", &docx(&format!("{}{deep}", p("first")), &[], ""));
    assert_eq!(file.outcome, Outcome::Partial);
    assert!(text_of(&file).contains("first"));
}
