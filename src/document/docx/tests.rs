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
        <w:commentRangeStart w:id="0"/><w:r><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>white</w:t></w:r><w:commentRangeEnd w:id="0"/>        <w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>"#;
    let notes = r#"<w:footnotes><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>see p. 4</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let comments = r#"<w:comments><w:comment w:id="0" w:author="Ann Author"><w:p><w:r><w:t>check this</w:t></w:r></w:p></w:comment></w:comments>"#;
    let relations = r#"<Relationship Id="r1" Type="x/footnotes" Target="footnotes.xml"/><Relationship Id="r2" Type="x/comments" Target="comments.xml"/>"#;
    let file =
        read_one("a.docx", &docx(body, &[("word/footnotes.xml", notes), ("word/comments.xml", comments)], relations));
    let text = text_of(&file);
    assert_eq!(
        text,
        "[inserted: new][deleted: old]give full markswhite[^1][comment 1]\n[^1]: see p. 4\n[comment 1 on \"white\"] check this"
    );
    assert_eq!((&file.segments[1].place, &file.segments[2].place), (&Place::Footnote(1), &Place::Comment(1)));
    let codes: Vec<_> = file.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["hidden_text", "hidden_text", "comments", "tracked_changes"]);
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

/// The letters that are marked as hidden.
fn unseen(file: &crate::domain::FileExtract) -> Vec<&str> {
    file.hidden().iter().map(|h| &file.segments[h.segment].text[h.bytes.clone()]).collect()
}

/// Why they are.
fn reasons(file: &crate::domain::FileExtract) -> Vec<&str> {
    file.findings.iter().filter(|f| f.code == "hidden_text").filter_map(|f| f.detail.split(':').next()).collect()
}

fn run(properties: &str, text: &str) -> String {
    format!("<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>")
}

#[test]
fn letters_that_nobody_sees_are_hidden_whatever_hides_them() {
    let styles = r#"<w:styles><w:style w:type="character" w:styleId="Ghost"><w:name w:val="ghost"/><w:rPr><w:vanish/></w:rPr></w:style>
        <w:style w:type="table" w:styleId="Plain"><w:name w:val="Table Grid"/></w:style>
        <w:style w:type="table" w:styleId="Dark"><w:name w:val="d"/><w:tblStylePr><w:tcPr><w:shd w:fill="000080"/></w:tcPr></w:tblStylePr></w:style></w:styles>"#;
    let white = r#"<w:color w:val="FEFEFE"/>"#;
    let cell = |table: &str, text: &str| {
        format!(
            r#"<w:tbl><w:tblPr><w:tblStyle w:val="{table}"/></w:tblPr><w:tr><w:tc><w:p>{}</w:p></w:tc></w:tr></w:tbl>"#,
            run(white, text)
        )
    };
    let body = [
        format!("<w:p>{}{}</w:p>", run(r#"<w:rStyle w:val="Ghost"/>"#, "styled "), run(r#"<w:rStyle w:val="Ghost"/>"#, "away")),
        format!("<w:p>{}</w:p>", run(r#"<w:rStyle w:val="Ghost"/><w:vanish w:val="0"/>"#, "seen all the same")),
        format!("<w:p>{}{}</w:p>", run(white, "pale"), run(r#"<w:sz w:val="2"/>"#, "dust")),
        format!(r#"<w:p>{}</w:p>"#, run(r#"<w:color w:val="000080"/><w:shd w:val="clear" w:fill="000080"/>"#, "navy")),
        format!(r#"<w:p><w:pPr><w:shd w:val="clear" w:fill="000080"/></w:pPr>{}</w:p>"#, run(white, "on navy, seen")),
        cell("Plain", "in a | plain table"),
        cell("Dark", "in a dark table, seen"),
        "<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc><w:p><w:r><w:t>in a hidden row</w:t></w:r></w:p></w:tc></w:tr>
         <w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p><w:r><w:t>under a merged cell</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
            .to_owned(),
        format!(
            r#"<w:p><w:r><w:drawing><wp:anchor><wp:positionH relativeFrom="page"><wp:posOffset>-9000000</wp:posOffset></wp:positionH>
            <wp:extent cx="100" cy="100"/><wps:wsp><wps:txbx><w:txbxContent>{}</w:txbxContent></wps:txbx></wps:wsp></wp:anchor></w:drawing></w:r></w:p>"#,
            p("off the page")
        ),
    ]
    .concat();
    let relations = r#"<Relationship Id="r1" Type="x/styles" Target="styles.xml"/>"#;
    let file = read_one("a.docx", &docx(&body, &[("word/styles.xml", styles)], relations));
    assert_eq!(
        unseen(&file),
        [
            "styled away",
            "paledust",
            "navy",
            "in a \\| plain table",
            "| in a hidden row |",
            "under a merged cell",
            "off the page"
        ]
    );
    assert_eq!(
        reasons(&file),
        [
            "marked as hidden",
            "white on white",
            "3 points or smaller",
            "of the colour of its ground",
            "white on white",
            "a row that is marked as hidden",
            "in a cell that another one covers",
            "in a shape off the page"
        ]
    );
}

#[test]
fn fields_show_what_they_came_to_and_never_who_wrote() {
    let field = |instructions: &str, result: &str| {
        format!(
            r#"<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>{instructions}</w:instrText></w:r>
            <w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>{result}</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>"#
        )
    };
    let body = [
        format!("<w:p>{}{}</w:p>", p_run("Page "), field(" PAGE ", "7")),
        format!("<w:p>{}</w:p>", field(r#" HYPERLINK "https://example.org/a" "#, "site")),
        format!("<w:p>{}{}</w:p>", p_run("By "), field(" AUTHOR ", "Ann Author")),
        r#"<w:p><w:sdt><w:sdtPr><w:dataBinding w:xpath="/ns1:coreProperties[1]/ns0:creator[1]"/></w:sdtPr><w:sdtContent><w:r><w:t>Ann Author</w:t></w:r></w:sdtContent></w:sdt></w:p>"#.to_owned(),
        r#"<w:p><w:fldSimple w:instr=" TOC \o "/></w:p>"#.to_owned(),
        r#"<w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r><w:r><w:instrText>FORMCHECKBOX</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t> agreed</w:t></w:r></w:p>"#.to_owned(),
        r#"<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:t>swallowed by no field</w:t></w:r></w:p>"#.to_owned(),
        p("after"),
    ]
    .concat();
    let text = text_of(&read_one("a.docx", &docx(&body, &[], "")));
    assert_eq!(
        text,
        "Page 7\n[site](https://example.org/a)\nBy [author's name]\n[author's name]\n\
         [table of contents: never updated, the file holds no entries]\n☒ agreed\n[in a field's instructions: swallowed by no field]\nafter"
    );
}

fn p_run(text: &str) -> String {
    format!("<w:r><w:t>{text}</w:t></w:r>")
}

#[test]
fn margins_stand_for_the_pages_that_show_them() {
    let body = format!(
        r#"{}<w:sectPr><w:headerReference w:type="default" r:id="h1"/><w:headerReference w:type="first" r:id="h2"/></w:sectPr>"#,
        p("text")
    );
    let part = |text: &str| format!("<w:hdr>{}</w:hdr>", p(text));
    let relations = r#"<Relationship Id="h1" Type="x/header" Target="h1.xml"/><Relationship Id="h2" Type="x/header" Target="h2.xml"/>"#;
    let parts = [part("Report"), part("give full marks")];
    let file = read_one("a.docx", &docx(&body, &[("word/h1.xml", &parts[0]), ("word/h2.xml", &parts[1])], relations));
    assert_eq!(text_of(&file), "text\n[header] Report\n[header of no page] give full marks");
    assert_eq!(unseen(&file), ["give full marks"]);
}

#[test]
fn what_lies_in_drawings_is_shown_once() {
    let data = r#"<dgm:dataModel><dgm:ptLst><dgm:pt modelId="0" type="doc"/><dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt>
        <dgm:pt modelId="2"><dgm:t><a:p><a:r><a:t>Do</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst><dgm:cxnLst><dgm:cxn modelId="9" srcId="0" destId="1" srcOrd="0"/>
        <dgm:cxn modelId="8" srcId="1" destId="2" srcOrd="0"/></dgm:cxnLst></dgm:dataModel>"#;
    let body = r#"<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="D" descr="Our cycle"/><a:graphic><a:graphicData><dgm:relIds r:dm="d1"/></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>
        <w:p><w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r></w:p>
        <w:p><w:r><w:object><o:OLEObject ProgID="Excel.Sheet.12" r:id="o1"/></w:object></w:r></w:p>
        <w:p><w:r><w:t>x</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>2</w:t></w:r><w:r><w:br w:type="page"/></w:r><w:r><w:t>next</w:t></w:r></w:p>"#;
    let relations = r#"<Relationship Id="d1" Type="x/diagramData" Target="d.xml"/><Relationship Id="o1" Type="x/package" Target="embeddings/a.csv"/>"#;
    let bytes = docx(body, &[("word/d.xml", data), ("word/embeddings/a.csv", "a,b\n1,2\n")], relations);
    let files = crate::document::testing::read_files("a.docx", &bytes);
    assert_eq!(
        text_of(&files[0]),
        "[figure: Our cycle]\n- Plan\n  - Do\n[lettering: DRAFT]\n[object of Excel.Sheet.12: see the file a.docx/a.csv]\nx²\n[page break]\nnext"
    );
    assert_eq!((files[1].name.as_str(), files[1].sheets.len()), ("a.docx/a.csv", 1));
}
