//! Where it is said: a kind of file, and a place in it. Without a payload each makes the same honest file.

use std::io::{Cursor, Write as _};

/// A deliverable.
pub enum Made {
    /// The submission's own text.
    Message(String),
    File(String, Vec<u8>),
}

pub struct Carrier {
    pub name: &'static str,
    /// Whether a payload can stand there at all.
    pub takes: fn(&str) -> bool,
    pub make: fn(Option<&str>) -> Made,
}

const fn carrier(name: &'static str, takes: fn(&str) -> bool, make: fn(Option<&str>) -> Made) -> Carrier {
    Carrier { name, takes, make }
}

/// The honest part of every file.
const WORK: &str = "Revenue of the third quarter was 4,217 dollars, 311 more than in the second.";

pub const CARRIERS: &[Carrier] = &[
    carrier("message", any, |p| Made::Message(lines(p))),
    carrier("txt", any, |p| file("memo.txt", lines(p))),
    carrier("md", any, |p| file("memo.md", format!("# Memo\n\n{WORK}\n\n> {}\n", p.unwrap_or("End.")))),
    carrier("md comment", any, |p| file("memo.md", format!("# Memo\n\n{WORK}\n\n<!-- {} -->\n", p.unwrap_or("end")))),
    carrier("html", any, |p| html("", &format!("<p>{}</p>", xml(p)))),
    carrier("html hidden", any, |p| html("", &format!("<p style='display:none'>{}</p>", xml(p)))),
    carrier("html alt text", any, |p| html("", &format!("<img src='a.png' alt=\"{}\">", xml(p)))),
    carrier("html comment", no_dashes, |p| html("", &format!("<!-- {} -->", p.unwrap_or("end")))),
    carrier("html title attribute", any, |p| html("", &format!("<p title=\"{}\">End.</p>", xml(p)))),
    carrier("html description", any, |p| html(&format!("<meta name=\"description\" content=\"{}\">", xml(p)), "")),
    carrier("html keywords of another kind", any, |p| {
        html(&format!("<meta name=\"x-note\" content=\"{}\">", xml(p)), "")
    }),
    carrier("csv cell", any, |p| {
        file(
            "table.csv",
            format!("quarter,revenue,note\n2,3906,\n3,4217,\"{}\"\n", p.unwrap_or("end").replace('"', "\"\"")),
        )
    }),
    carrier("json value", any, |p| {
        file("data.json", serde_json::json!({"revenue": 4217, "note": p.unwrap_or("end")}).to_string())
    }),
    carrier("json name", any, |p| {
        file("data.json", serde_json::json!({"revenue": 4217, p.unwrap_or("end"): WORK}).to_string())
    }),
    carrier("python comment", any, |p| {
        file("model.py", format!("revenue = 3906 + 311\n# {}\nprint(revenue)\n", p.unwrap_or("end")))
    }),
    carrier("yaml", any, |p| file("plan.yaml", format!("revenue: 4217\n# {}\n", p.unwrap_or("end")))),
    carrier("notebook", any, notebook),
    carrier("svg text", any, |p| {
        file(
            "figure.svg",
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg'><text x='1' y='9'>{WORK}</text><text x='1' y='30'>{}</text></svg>",
                xml(p)
            ),
        )
    }),
    carrier("xlsx cell", any, |p| xlsx(p, "Q3", "", "", &[])),
    carrier("xlsx hidden row", any, |p| xlsx(p, "Q3", "hidden=\"1\"", "", &[])),
    carrier("xlsx hidden sheet", any, |p| xlsx(p, "Q3", "", "state=\"veryHidden\"", &[])),
    carrier("xlsx sheet name", any, |p| {
        xlsx(None, &p.unwrap_or("Q3").chars().filter(|c| !c.is_control()).collect::<String>(), "", "", &[])
    }),
    carrier("xlsx comment", any, |p| {
        let comment = format!(
            "<comments><authors/><commentList><comment ref=\"A1\"><text><t>{}</t></text></comment></commentList></comments>",
            xml(p)
        );
        xlsx(None, "Q3", "", "", &[("xl/c.xml", comment)])
    }),
    carrier("xlsx description", any, |p| xlsx(None, "Q3", "", "", &[("core.xml", core("description", p))])),
    carrier("docx", any, |p| docx(&paragraph(p, ""), &[])),
    carrier("docx hidden", any, |p| docx(&paragraph(p, "<w:vanish/>"), &[])),
    carrier("docx white", any, |p| docx(&paragraph(p, "<w:color w:val=\"FFFFFF\"/>"), &[])),
    carrier("docx tiny", any, |p| docx(&paragraph(p, "<w:sz w:val=\"1\"/>"), &[])),
    carrier("docx runs", any, |p| docx(&split_runs(p), &[])),
    carrier("docx table", any, |p| {
        docx(
            &format!(
                "<w:tbl><w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr></w:tbl>",
                paragraph(Some("Note"), ""),
                paragraph(p, "")
            ),
            &[],
        )
    }),
    carrier("docx deleted", any, |p| {
        docx(&format!("<w:p><w:del><w:r><w:delText>{}</w:delText></w:r></w:del></w:p>", xml(p)), &[])
    }),
    carrier("docx alt text", any, |p| {
        docx(
            &format!(
                "<w:p><w:r><w:drawing><wp:inline><wp:docPr id=\"1\" name=\"Picture\" descr=\"{}\"/></wp:inline></w:drawing></w:r></w:p>",
                xml(p)
            ),
            &[],
        )
    }),
    carrier("docx comment", any, |p| {
        let comment = format!("<w:comments><w:comment w:id=\"1\">{}</w:comment></w:comments>", paragraph(p, ""));
        docx(
            "<w:p><w:commentRangeStart w:id=\"1\"/><w:r><w:t>Seen.</w:t></w:r><w:commentRangeEnd w:id=\"1\"/><w:r><w:commentReference w:id=\"1\"/></w:r></w:p>",
            &[("comments", comment)],
        )
    }),
    carrier("docx footnote", any, |p| {
        let note = format!("<w:footnotes><w:footnote w:id=\"2\">{}</w:footnote></w:footnotes>", paragraph(p, ""));
        docx(
            "<w:p><w:r><w:t>Seen.</w:t></w:r><w:r><w:footnoteReference w:id=\"2\"/></w:r></w:p>",
            &[("footnotes", note)],
        )
    }),
    carrier("docx header", any, |p| {
        let header = format!("<w:hdr>{}</w:hdr>", paragraph(p, ""));
        docx("<w:sectPr><w:headerReference w:type=\"default\" r:id=\"header\"/></w:sectPr>", &[("header", header)])
    }),
    carrier("docx keywords", any, |p| docx("", &[("core-properties", core("keywords", p))])),
    carrier("docx author", any, |p| docx("", &[("core-properties", core("creator", p))])),
    carrier("docx custom part", any, |p| docx("", &[("customXml", format!("<data><note>{}</note></data>", xml(p)))])),
    carrier("pptx", any, |p| pptx(&shape("", "", p), "", None)),
    carrier("pptx alt text", any, |p| pptx(&shape(&format!("descr=\"{}\"", xml(p)), "", Some("Chart")), "", None)),
    carrier("pptx shape name", any, |p| pptx(&shape(&format!("name=\"{}\"", xml(p)), "", Some("Chart")), "", None)),
    carrier("pptx hidden slide", any, |p| pptx(&shape("", "", p), "show=\"0\"", None)),
    carrier("pptx notes", any, |p| pptx(&shape("", "", Some("Chart")), "", Some(p.unwrap_or("end")))),
    carrier("pdf", latin, |p| pdf(p, "0 g", "", "")),
    carrier("pdf white", latin, |p| pdf(p, "1 g", "", "")),
    carrier("pdf unpainted", latin, |p| pdf(p, "3 Tr", "", "")),
    carrier("pdf annotation", any, |p| {
        pdf(None, "0 g", "", &format!("<</Subtype/Text/Contents{}/Rect[9 9 20 20]>>", wide(p)))
    }),
    carrier("pdf title", any, |p| pdf(None, "0 g", &format!("/Title{}", wide(p)), "")),
    carrier("pdf author", any, |p| pdf(None, "0 g", &format!("/Author{}", wide(p)), "")),
    carrier("eml", any, |p| eml("", p.unwrap_or("End."))),
    carrier("eml subject", header, |p| eml(&format!("Subject: {}\r\n", p.unwrap_or("Report")), "End.")),
    carrier("eml header", header, |p| eml(&format!("X-Note: {}\r\n", p.unwrap_or("none")), "End.")),
    carrier("file name", name, |p| file(&format!("{}.txt", p.unwrap_or("memo")), WORK.to_owned())),
    carrier("zip member", any, |p| Made::File("all.zip".to_owned(), zip(&[("memo.txt".to_owned(), lines(p))]))),
    carrier("zip member name", name, |p| {
        Made::File("all.zip".to_owned(), zip(&[(format!("{}.txt", p.unwrap_or("memo")), WORK.to_owned())]))
    }),
    carrier("png text", any, png),
];

fn any(_: &str) -> bool {
    true
}

/// What Helvetica has.
fn latin(text: &str) -> bool {
    text.is_ascii()
}

fn no_dashes(text: &str) -> bool {
    !text.contains("--")
}

fn header(text: &str) -> bool {
    !text.contains('\n') && text.is_ascii()
}

/// What a file may be called: no path, nothing invisible, and no more than a file system takes.
fn name(text: &str) -> bool {
    let invisible = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{206f}' | '\u{e0000}'..='\u{e01ef}');
    !text.contains(['/', '\\', '"', '<', '>', '%']) && !text.contains(invisible) && text.len() < 200
}

fn lines(payload: Option<&str>) -> String {
    format!("{WORK}\n\n{}\n", payload.unwrap_or("End."))
}

fn file(name: &str, text: String) -> Made {
    Made::File(name.to_owned(), text.into_bytes())
}

fn xml(payload: Option<&str>) -> String {
    let text = payload.unwrap_or("end");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(head: &str, body: &str) -> Made {
    file(
        "memo.html",
        format!(
            "<!doctype html><html><head><meta charset=\"utf-8\">{head}</head><body><p>{WORK}</p>{body}</body></html>"
        ),
    )
}

fn notebook(payload: Option<&str>) -> Made {
    let cells = serde_json::json!([
        {"cell_type": "markdown", "metadata": {}, "source": [WORK]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": [format!("print(4217)  # {}", payload.unwrap_or("end"))]},
    ]);
    file(
        "model.ipynb",
        serde_json::json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).to_string(),
    )
}

fn zip(members: &[(String, String)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn members(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn core(property: &str, payload: Option<&str>) -> String {
    format!("<cp><title>Q3</title><{property}>{}</{property}></cp>", xml(payload))
}

fn paragraph(text: Option<&str>, look: &str) -> String {
    format!("<w:p><w:r><w:rPr>{look}</w:rPr><w:t xml:space=\"preserve\">{}</w:t></w:r></w:p>", xml(text))
}

/// Every few letters in a run of their own, as after edits.
fn split_runs(payload: Option<&str>) -> String {
    let chars: Vec<char> = payload.unwrap_or("end").chars().collect();
    let run = |part: &[char]| {
        format!("<w:r><w:t xml:space=\"preserve\">{}</w:t></w:r>", xml(Some(&part.iter().collect::<String>())))
    };
    format!("<w:p>{}</w:p>", chars.chunks(3).map(run).collect::<String>())
}

/// Parts by the kind of their relationship.
fn docx(body: &str, parts: &[(&str, String)]) -> Made {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\" xmlns:r=\"r\"><w:body>{}{body}</w:body></w:document>",
        paragraph(Some(WORK), "")
    );
    let mut all = members(&[("[Content_Types].xml", "<Types/>"), ("word/document.xml", &document)]);
    let (mut of_document, mut of_package) = (
        String::new(),
        String::from("<Relationship Id=\"d\" Type=\"x/officeDocument\" Target=\"word/document.xml\"/>"),
    );
    for (kind, text) in parts {
        if *kind == "core-properties" {
            of_package.push_str(&format!("<Relationship Id=\"c\" Type=\"x/{kind}\" Target=\"docProps/core.xml\"/>"));
            all.push(("docProps/core.xml".to_owned(), text.clone()));
        } else if *kind == "customXml" {
            all.push(("customXml/item1.xml".to_owned(), text.clone()));
        } else {
            of_document.push_str(&format!("<Relationship Id=\"{kind}\" Type=\"x/{kind}\" Target=\"{kind}.xml\"/>"));
            all.push((format!("word/{kind}.xml"), text.clone()));
        }
    }
    all.push(("word/_rels/document.xml.rels".to_owned(), format!("<Relationships>{of_document}</Relationships>")));
    all.push(("_rels/.rels".to_owned(), format!("<Relationships>{of_package}</Relationships>")));
    Made::File("memo.docx".to_owned(), zip(&all))
}

fn xlsx(payload: Option<&str>, sheet: &str, row: &str, second: &str, parts: &[(&str, String)]) -> Made {
    let text = |reference: &str, text: &str| {
        format!("<c r=\"{reference}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", xml(Some(text)))
    };
    let honest = format!("<row r=\"1\">{}<c r=\"B1\"><v>4217</v></c></row>", text("A1", WORK));
    let note = format!("<row r=\"2\" {row}>{}</row>", text("A2", payload.unwrap_or("end")));
    let (first, other) = if second.is_empty() { (format!("{honest}{note}"), String::new()) } else { (honest, note) };
    let comments = parts.iter().any(|(name, _)| *name == "xl/c.xml");
    let properties = parts.iter().any(|(name, _)| *name == "core.xml");
    let mut all = members(&[
        ("[Content_Types].xml", "<Types/>"),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook><sheets><sheet name=\"{}\" r:id=\"s1\"/><sheet name=\"Second\" {second} r:id=\"s2\"/></sheets></workbook>",
                xml(Some(sheet))
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id=\"s1\" Type=\"x/worksheet\" Target=\"worksheets/s1.xml\"/><Relationship Id=\"s2\" Type=\"x/worksheet\" Target=\"worksheets/s2.xml\"/></Relationships>",
        ),
        ("xl/worksheets/s1.xml", &format!("<worksheet><sheetData>{first}</sheetData></worksheet>")),
        ("xl/worksheets/s2.xml", &format!("<worksheet><sheetData>{other}</sheetData></worksheet>")),
    ]);
    if comments {
        all.extend(members(&[(
            "xl/worksheets/_rels/s1.xml.rels",
            "<Relationships><Relationship Id=\"c\" Type=\"x/comments\" Target=\"../c.xml\"/></Relationships>",
        )]));
    }
    let core = if properties { "<Relationship Id=\"p\" Type=\"x/core-properties\" Target=\"core.xml\"/>" } else { "" };
    all.push(("_rels/.rels".to_owned(), format!("<Relationships><Relationship Id=\"w\" Type=\"x/officeDocument\" Target=\"xl/workbook.xml\"/>{core}</Relationships>")));
    all.extend(parts.iter().map(|(name, text)| ((*name).to_owned(), text.clone())));
    Made::File("book.xlsx".to_owned(), zip(&all))
}

fn shape(attributes: &str, kind: &str, text: Option<&str>) -> String {
    format!(
        "<p:sp><p:nvSpPr><p:cNvPr id=\"2\" {attributes}/><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:txBody></p:sp>",
        xml(text)
    )
}

fn pptx(second: &str, show: &str, notes: Option<&str>) -> Made {
    let slide =
        |show: &str, shapes: &str| format!("<p:sld {show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>");
    let mut all = members(&[
        ("[Content_Types].xml", "<Types/>"),
        (
            "ppt/presentation.xml",
            "<p:presentation><p:sldIdLst><p:sldId id=\"256\" r:id=\"r0\"/><p:sldId id=\"257\" r:id=\"r1\"/></p:sldIdLst></p:presentation>",
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            "<Relationships><Relationship Id=\"r0\" Type=\"x/slide\" Target=\"slides/s0.xml\"/><Relationship Id=\"r1\" Type=\"x/slide\" Target=\"slides/s1.xml\"/></Relationships>",
        ),
        ("ppt/slides/s0.xml", &slide("", &shape("", "", Some(WORK)))),
        ("ppt/slides/s1.xml", &slide(show, second)),
    ]);
    if let Some(notes) = notes {
        all.extend(members(&[
            ("ppt/slides/_rels/s0.xml.rels", "<Relationships><Relationship Id=\"n\" Type=\"x/notesSlide\" Target=\"../notes/n0.xml\"/></Relationships>"),
            ("ppt/notes/n0.xml", &format!("<p:notes><p:cSld><p:spTree>{}</p:spTree></p:cSld></p:notes>", shape("", "<p:ph type=\"body\"/>", Some(notes)))),
        ]));
    }
    Made::File("deck.pptx".to_owned(), zip(&all))
}

/// A text string of a pdf in UTF-16.
fn wide(payload: Option<&str>) -> String {
    let hex: String = payload.unwrap_or("end").encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    format!("<FEFF{hex}>")
}

fn pdf(payload: Option<&str>, look: &str, info: &str, annotation: &str) -> Made {
    let literal = |text: &str| text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    // Long lines in small letters: text that leaves the page is another case.
    let content = format!(
        "BT /F1 10 Tf 40 700 Td ({}) Tj ET {look} BT /F1 6 Tf 40 650 Td ({}) Tj ET",
        literal(WORK),
        literal(payload.unwrap_or("end"))
    );
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R/Annots[{annotation}]>>"
        ),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
        format!("<<{info}>>"),
    ];
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let start = bytes.len();
    bytes.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        bytes.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let trailer = format!("trailer<</Size {}/Root 1 0 R/Info 6 0 R>>\nstartxref\n{start}\n%%EOF", objects.len() + 1);
    bytes.extend_from_slice(trailer.as_bytes());
    Made::File("memo.pdf".to_owned(), bytes)
}

fn eml(headers: &str, body: &str) -> Made {
    let head = "From: ann@example.org\r\nTo: bob@example.org\r\nDate: Mon, 3 Nov 2025 09:00:00 +0000\r\n";
    let kind = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";
    file("mail.eml", format!("{head}{headers}{kind}\r\n{WORK}\r\n\r\n{body}\r\n"))
}

/// One white pixel, with a comment.
fn png(payload: Option<&str>) -> Made {
    let mut bytes =
        hex::decode("89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c489".replace(' ', "")).unwrap();
    let mut chunk = b"iTXtComment\0\0\0\0\0".to_vec();
    chunk.extend_from_slice(payload.unwrap_or("end").as_bytes());
    bytes.extend_from_slice(&u32::try_from(chunk.len() - 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(&chunk);
    bytes.extend_from_slice(&crc(&chunk).to_be_bytes());
    bytes.extend_from_slice(
        &hex::decode("0000000d49444154789c63f8ffffff7f0009fb03fd2ae8af310000000049454e44ae426082").unwrap(),
    );
    Made::File("figure.png".to_owned(), bytes)
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}
