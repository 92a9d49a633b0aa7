//! Pages as pictures.

use std::io::Cursor;

use super::{Bench, Told, app, form, get, send};

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::DynamicImage::new_luma8(width, height).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Two empty pages of 200 x 100 points. The table of objects is left out: readers repair that.
const PDF: &[u8] = b"%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 200 100] >> endobj
3 0 obj << /Type /Page /Parent 2 0 R >> endobj
4 0 obj << /Type /Page /Parent 2 0 R >> endobj
trailer << /Size 5 /Root 1 0 R >>
%%EOF
";

macro_rules! submit {
    ($app:expr, $($name:literal => $bytes:expr),+) => {{
        let parts = [("submission", None, br#"{"system":"a"}"#.as_slice()), $(("file", Some($name), $bytes)),+];
        let told = send(&$app, form("/v1/submissions", &parts)).await;
        assert_eq!(told.status, 201, "{}", told.text);
        format!("/v1/submissions/{}/pages", told.json()["id"].as_str().unwrap())
    }};
}

#[track_caller]
fn is_png(told: &Told) {
    assert_eq!(told.status, 200, "{}", told.text);
    let header = |name: &str| told.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("x-content-type-options")), ("image/png".into(), "nosniff".into()));
    assert!(header("cache-control").contains("immutable") && header("cache-control").contains("private"));
    assert!(header("content-security-policy").contains("sandbox"));
    assert!(told.text.contains("IHDR"));
}

#[actix_web::test]
async fn the_pages_of_the_first_file_that_has_some_are_pictures_and_the_last_one_is_named() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let pages = submit!(app, "notes.txt" => b"words", "report.pdf" => PDF);
    let first = send(&app, get(&format!("{pages}/1.png"))).await;
    is_png(&first);
    is_png(&send(&app, get(&format!("{pages}/2.png?file=1&max_px=64"))).await);
    for none in ["3", "0", "4294967295"] {
        let detail = send(&app, get(&format!("{pages}/{none}.png"))).await.problem(404, "not_found");
        assert!(detail.contains("it has 2 pages"), "{detail}");
    }
    // What a browser has it need not be sent again.
    let tag = first.headers.get("etag").unwrap().clone();
    let again = send(&app, get(&format!("{pages}/1.png")).insert_header(("if-none-match", tag.clone()))).await;
    assert_eq!((again.status, again.text.as_str(), again.headers.get("etag")), (304, "", Some(&tag)));
}

#[actix_web::test]
async fn a_picture_is_page_one_of_itself_and_never_enlarged() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let picture = png(100, 4);
    let pages = submit!(app, "chart.png" => picture.as_slice());
    // Width and height follow the name of a png's header: `d` is 100, `@` is 64.
    for (query, header) in [("", "IHDR\0\0\0d\0\0\0\x04"), ("?max_px=64", "IHDR\0\0\0@\0\0\0\x03")] {
        let told = send(&app, get(&format!("{pages}/1.png{query}"))).await;
        is_png(&told);
        assert!(told.text.contains(header), "{query}");
    }
    send(&app, get(&format!("{pages}/2.png"))).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_page_that_cannot_be_drawn_has_the_reason() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let pages = submit!(app, "memo.rtf" => b"{\\rtf1 Net income is 12.}", "broken.pdf" => b"%PDF-1.7 nothing");
    let office = send(&app, get(&format!("{pages}/1.png"))).await.problem(422, "not_drawn");
    assert!(office.contains("memo.rtf") && office.contains("shown as text only"), "{office}");
    let broken = send(&app, get(&format!("{pages}/1.png?file=1"))).await.problem(422, "not_drawn");
    assert!(broken.contains("damaged"), "{broken}");
    let text = submit!(app, "notes.txt" => b"words");
    send(&app, get(&format!("{text}/1.png"))).await.problem(404, "not_found");
    send(&app, get(&format!("{text}/1.png?file=0"))).await.problem(422, "not_drawn");
}

#[actix_web::test]
async fn what_is_asked_wrongly_is_refused() {
    let bench = Bench::new().await;
    let app = app!(bench);
    let pages = submit!(app, "report.pdf" => PDF);
    for query in ["max_px=63", "max_px=100000", "max_px=-1", "scale=2"] {
        send(&app, get(&format!("{pages}/1.png?{query}"))).await.problem(400, "invalid_query");
    }
    send(&app, get(&format!("{pages}/1.png?file=1"))).await.problem(404, "not_found");
    assert_eq!(send(&app, get(&format!("{pages}/one.png"))).await.status / 100, 4);
    let nobody = "/v1/submissions/01900000-0000-7000-8000-000000000000/pages/1.png";
    send(&app, get(nobody)).await.problem(404, "not_found");
}
