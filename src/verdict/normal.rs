//! Text as it is compared: readers, fonts and judges differ in whitespace, dashes, quotation marks, ligatures,
//! case and Markdown, and none of these makes a quotation wrong.

use unicode_normalization::UnicodeNormalization;

/// Appends the normal form of `text`: NFKC, lower case, one space for every run of whitespace or table pipes,
/// plain dashes and quotes, without invisible characters and Markdown's marks. No space at either end.
pub fn append(text: &str, out: &mut String) {
    let start = out.len();
    let mut space = false;
    let mut push = |c: char| match plain(c) {
        Plain::Space => space = true,
        Plain::Nothing => {}
        Plain::Char(c) => {
            if space && out.len() > start {
                out.push(' ');
            }
            space = false;
            out.push(c);
        }
    };
    if text.is_ascii() {
        text.bytes().for_each(|b| push(char::from(b.to_ascii_lowercase())));
    } else {
        text.nfkc().flat_map(char::to_lowercase).for_each(&mut push);
    }
}

pub fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    append(text, &mut out);
    out
}

enum Plain {
    Char(char),
    Space,
    Nothing,
}

fn plain(c: char) -> Plain {
    match c {
        '|' => Plain::Space,
        c if c.is_whitespace() => Plain::Space,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Plain::Char('-'),
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '`' | '\u{b4}' | '\u{2039}' | '\u{203a}' => Plain::Char('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => Plain::Char('"'),
        '*' | '\\' | '#' => Plain::Nothing,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            Plain::Nothing
        }
        c => Plain::Char(c),
    }
}
