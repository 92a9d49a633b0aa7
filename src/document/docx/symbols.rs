//! Signs of symbol fonts, which stand in the file as letters or in the private area, as what a person sees.

/// Greek letters of the font Symbol from `A` and from `a`.
const UPPER: &str = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ";
const LOWER: &str = "αβχδεφγηιϕκλµνοπθρστυϖωξψζ";
const SYMBOL: &[(u32, char)] = &[
    (0x22, '∀'),
    (0x24, '∃'),
    (0x27, '∋'),
    (0x2d, '−'),
    (0x5c, '∴'),
    (0x5e, '⊥'),
    (0xa2, '′'),
    (0xa3, '≤'),
    (0xa5, '∞'),
    (0xa6, 'ƒ'),
    (0xab, '↔'),
    (0xac, '←'),
    (0xad, '↑'),
    (0xae, '→'),
    (0xaf, '↓'),
    (0xb0, '°'),
    (0xb1, '±'),
    (0xb2, '″'),
    (0xb3, '≥'),
    (0xb4, '×'),
    (0xb5, '∝'),
    (0xb6, '∂'),
    (0xb7, '•'),
    (0xb8, '÷'),
    (0xb9, '≠'),
    (0xba, '≡'),
    (0xbb, '≈'),
    (0xbc, '…'),
    (0xc6, '∅'),
    (0xc7, '∩'),
    (0xc8, '∪'),
    (0xcc, '⊂'),
    (0xcd, '⊆'),
    (0xce, '∈'),
    (0xcf, '∉'),
    (0xd0, '∠'),
    (0xd1, '∇'),
    (0xd2, '®'),
    (0xd3, '©'),
    (0xd4, '™'),
    (0xd5, '∏'),
    (0xd6, '√'),
    (0xd8, '¬'),
    (0xd9, '∧'),
    (0xda, '∨'),
    (0xdb, '⇔'),
    (0xde, '⇒'),
    (0xe5, '∑'),
    (0xf2, '∫'),
];
const WINGDINGS: &[(u32, char)] = &[
    (0x22, '✂'),
    (0x28, '☎'),
    (0x2a, '✉'),
    (0x46, '☞'),
    (0x4a, '☺'),
    (0x4c, '☹'),
    (0x6c, '●'),
    (0x6e, '■'),
    (0x6f, '☐'),
    (0x71, '☐'),
    (0x75, '◆'),
    (0x76, '❖'),
    (0xa7, '▪'),
    (0xa8, '☐'),
    (0xab, '★'),
    (0xd8, '➢'),
    (0xdf, '←'),
    (0xe0, '→'),
    (0xe1, '↑'),
    (0xe2, '↓'),
    (0xfb, '✗'),
    (0xfc, '✓'),
    (0xfd, '☒'),
    (0xfe, '☑'),
];
const WINGDINGS_2: &[(u32, char)] =
    &[(0x4f, '✗'), (0x50, '✓'), (0x51, '☒'), (0x52, '☑'), (0x53, '☒'), (0x54, '☒'), (0xa3, '☐')];

/// Whether letters of this font are signs.
pub(super) fn is_symbol_font(font: &str) -> bool {
    let font = font.to_ascii_lowercase();
    font == "symbol" || font.starts_with("wingdings") || font == "webdings"
}

/// The sign with this code in a symbol font. Signs that are not known are bullets.
pub(super) fn symbol(font: &str, code: u32) -> char {
    let low = if (0xf000..=0xf0ff).contains(&code) { code - 0xf000 } else { code };
    if low > 0xff || (!is_symbol_font(font) && low == code) {
        return char::from_u32(code).unwrap_or('\u{fffd}');
    }
    if low == 0x20 || low == 0xa0 {
        return ' ';
    }
    let of = |table: &[(u32, char)]| table.iter().find(|(c, _)| *c == low).map(|(_, sign)| *sign);
    let font = font.to_ascii_lowercase();
    if font == "symbol" {
        let greek = |letters: &str, from: u32| letters.chars().nth(usize::try_from(low - from).unwrap_or(usize::MAX));
        return match low {
            0x41..=0x5a => greek(UPPER, 0x41),
            0x61..=0x7a => greek(LOWER, 0x61),
            _ => of(SYMBOL).or_else(|| char::from_u32(low).filter(|c| c.is_ascii_graphic())),
        }
        .unwrap_or('•');
    }
    let other = if font == "wingdings 2" { of(WINGDINGS_2) } else { of(WINGDINGS) };
    // Writers leave the font out where they mean either of the two.
    other.or_else(|| of(WINGDINGS_2).filter(|_| font.is_empty())).unwrap_or('•')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_told_by_their_font() {
        assert_eq!((symbol("Wingdings", 0xf0fe), symbol("Symbol", 0xf0a3), symbol("Symbol", 0x62)), ('☑', '≤', 'β'));
        assert_eq!((symbol("Arial", 0x2713), symbol("", 0xf0fc), symbol("Wingdings", 0xf001)), ('✓', '✓', '•'));
        assert_eq!((UPPER.chars().count(), LOWER.chars().count()), (26, 26));
    }
}
