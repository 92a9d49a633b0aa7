//! Texts, pages and data: entities, depth, width, encodings, and pages that act.

use super::build::{laughs, nested, outside};
use super::{Case, cut, found, harmless, refused};

pub const CASES: &[Case] = &[
    found("billion-laughs.xml", &["xml_entities"], || format!("<?xml version=\"1.0\"?>{}<l>&l9;</l>", laughs()).into_bytes()),
    found("external-entity.xml", &["xml_external"], || format!("<?xml version=\"1.0\"?>{}<l>&x;</l>", outside()).into_bytes()),
    found("one-entity-of-megabytes.xml", &["xml_entities"], || {
        format!("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"{}\">]><l>{}</l>", "a".repeat(100_000), "&a;".repeat(100_000)).into_bytes()
    }),
    found("deep.xml", &["invalid_xml"], || nested("<a>", "", "</a>", 200_000).into_bytes()),
    harmless("a-million-attributes.xml", || {
        format!("<a {}/>", (0..500_000).map(|n| format!("a{n}=\"\" ")).collect::<String>()).into_bytes()
    }),
    cut("one-long-attribute.xml", "over the limit of 2000000 characters", || format!("<a b=\"{}\"/>", "x".repeat(20_000_000)).into_bytes()).within(512),
    harmless("undeclared-names.xml", || b"<a:b c:d=\"e\"><f:g/></a:b>".to_vec()),
    cut("a-million-elements.xml", "over the limit of 200000 pieces", || {
        format!("<l>{}</l>", (0..500_000).map(|n| format!("<a{n}/>")).collect::<String>()).into_bytes()
    })
    .within(512),
    harmless("document-type-without-end.xml", || [b"<?xml version=\"1.0\"?><!DOCTYPE l [".as_slice(), &b"<!ENTITY % a \"%a;\">".repeat(100_000)].concat()),
    harmless("remark-without-end.xml", || [b"<a/><!--".as_slice(), &b"- ".repeat(1_000_000)].concat()),
    found("script.svg", &["active_content"], || b"<svg xmlns=\"http://www.w3.org/2000/svg\"><text>words</text><script>alert(1)</script></svg>".to_vec()),
    found("script-by-event.svg", &["active_content"], || b"<svg onload=\"alert(1)\"><text>words</text></svg>".to_vec()),
    found("page-in-a-drawing.svg", &["active_content"], || b"<svg><foreignObject><iframe src=\"http://evil.example/\"/></foreignObject><text>words</text></svg>".to_vec()),
    found("parts-from-elsewhere.svg", &["external_links"], || b"<svg><image href=\"http://evil.example/i.png\"/><use xlink:href=\"file:///etc/passwd\"/><text>words</text></svg>".to_vec()),
    found("billion-laughs.svg", &["xml_entities"], || format!("<?xml version=\"1.0\"?>{}<svg><text>&l9;</text></svg>", laughs()).into_bytes()),
    harmless("uses-in-a-circle.svg", || b"<svg><g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"><use href=\"#a\"/></g><text>words</text></svg>".to_vec()),
    refused("deep.html", "nested", || format!("<html>{}", "<div>".repeat(200_000)).into_bytes()),
    harmless("deep-of-free-ones.html", || format!("<html>{}", "<p><li><td>".repeat(30_000)).into_bytes()).within(512),
    harmless("deep-of-letters.html", || format!("<html>{}text", "<b><i><font>".repeat(300)).into_bytes()).within(512),
    harmless("a-million-attributes.html", || format!("<html><p {}>text", (0..100_000).map(|n| format!("a{n} ")).collect::<String>()).into_bytes()).long(),
    harmless("cells-without-end.html", || b"<html><table><tr><td colspan=4294967295 rowspan=4294967295>a<td colspan=1000>b</table>".to_vec()),
    harmless("items-without-end.html", || format!("<html><ol start=-9223372036854775808>{}", "<li value=9223372036854775807>a".repeat(50_000)).into_bytes()).within(512),
    harmless("rules-by-elements.html", || {
        let rules: String = (0..20_000).map(|n| format!(".c{n}{{display:none}}")).collect();
        let elements: String = (0..20_000).map(|n| format!("<p class='c{n} d e f g'>a")).collect();
        format!("<html><style>{rules}</style>{elements}").into_bytes()
    })
    .within(512),
    found("script.html", &["active_content"], || b"<html><p>words<script>alert(1)</script>".to_vec()),
    found("script-by-event.html", &["active_content"], || b"<html><p onclick=\"alert(1)\">words<a href=\" javascript:alert(1)\">a</a>".to_vec()),
    found("frames.html", &["external_links"], || b"<html><p>words<iframe src=\"file:///etc/passwd\"></iframe>".to_vec()),
    harmless("picture-in-the-page.html", || format!("<html><p>a<img src=\"data:image/png;base64,{}\">", "A".repeat(20_000_000)).into_bytes()).within(512),
    harmless("remarks.html", || [b"<html>a".as_slice(), &b"<!--a-->".repeat(300_000)].concat()).within(512),
    found("deep.json", &["invalid_json"], || "[".repeat(1_000_000).into_bytes()),
    harmless("deep-and-closed.json", || nested("[", "", "]", 100_000).into_bytes()),
    harmless("deep-objects.json", || nested("{\"a\":", "1", "}", 100).into_bytes()),
    cut("a-million-names.json", "over the limit of", || {
        format!("{{{}}}", (0..300_000).map(|n| format!("\"name-{n}\":\"some value of some length\"")).collect::<Vec<_>>().join(",")).into_bytes()
    })
    .within(512),
    found("one-name-always.json", &["json_duplicate_name"], || format!("{{{}}}", vec!["\"a\":1"; 1_000].join(",")).into_bytes()),
    harmless("a-number-of-megabytes.json", || "9".repeat(5_000_000).into_bytes()).within(512),
    cut("a-million-lines.jsonl", "over the limit of", || b"{\"a\":1}\n".repeat(1_000_000)).within(512),
    harmless("notebook-of-outputs.ipynb", || {
        let output = "{\"output_type\":\"display_data\",\"data\":{\"text/html\":\"<script>alert(1)</script>\",\"image/png\":\"AAAA\"}}";
        format!("{{\"nbformat\":4,\"cells\":[{{\"cell_type\":\"code\",\"source\":\"a\",\"outputs\":[{}]}}]}}", vec![output; 20_000].join(",")).into_bytes()
    })
    .within(512),
    harmless("aliases.yaml", || {
        let mut text = "a0: &a0 [ha]\n".to_owned();
        for n in 1..30 {
            text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(",")));
        }
        text.into_bytes()
    }),
    cut("one-line-of-everything.txt", "over the limit of 2000000 characters", || "word ".repeat(4_000_000).into_bytes()).within(512),
    cut("nothing-but-lines.txt", "over the limit of 200000 pieces", || b"a\n".repeat(2_000_000)).within(512),
    harmless("marks-on-one-letter.txt", || format!("a{}", "\u{301}".repeat(1_000_000)).into_bytes()),
    found("backwards.txt", &["invisible_characters"], || "pay \u{202e}000,1\u{202c} to \u{e0041}\u{e0042}\u{200b}Ann".as_bytes().to_vec()),
    harmless("control-characters.txt", || "\u{1b}]0;title\u{7}\u{1b}[2J text".as_bytes().to_vec()),
    found("no-utf-8.txt", &["encoding_guessed"], || [b"caf".as_slice(), &[0xe9; 500], b" text"].concat()),
    found("half-a-character.txt", &["encoding_lossy"], || [&[0xff, 0xfe][..], &[0x41, 0, 0x00, 0xd8].repeat(5_000), &[0x41]].concat()),
    found("no-mark.txt", &["encoding_guessed"], || "text ".repeat(500).encode_utf16().flat_map(u16::to_le_bytes).collect()),
    harmless("nothing-but-zeros.txt", || vec![0; 5_000_000]),
    refused("nothing-but-blanks.txt", "blank", || b" \n".repeat(500_000)),
    harmless("deep.rtf", || [b"{\\rtf1 ".as_slice(), &b"{".repeat(3_000_000), b"text"].concat()).within(512),
    harmless("bytes-that-are-not-there.rtf", || b"{\\rtf1 {\\pict\\pngblip\\bin2147483647 x}text\\bin-1 y}".to_vec()),
    harmless("fonts-without-end.rtf", || {
        let fonts: String = (0..300_000).map(|n| format!("{{\\f{n}\\fcharset{};}}", n % 300)).collect();
        format!("{{\\rtf1{{\\fonttbl{fonts}}}{{\\colortbl{}}}text}}", "\\red999999999;".repeat(300_000)).into_bytes()
    })
    .within(512),
    harmless("cells-without-end.rtf", || [b"{\\rtf1 ".as_slice(), &b"\\trowd\\intbl a\\cell".repeat(300_000), b"\\row}"].concat()).within(512),
    harmless("picture-of-digits.rtf", || [b"{\\rtf1 {\\pict\\pngblip ".as_slice(), &b"89504e47".repeat(2_500_000), b"}text}"].concat()).within(512),
    found("objects.rtf", &["embedded_object"], || b"{\\rtf1 text{\\object\\objemb{\\*\\objclass Package}{\\*\\objdata 0105000002}}}".to_vec()),
    found("fetches.rtf", &["external_links"], || b"{\\rtf1 {\\*\\template http://evil.example/t}{\\object\\objautlink\\objupdate}text}".to_vec()),
];
