//! A1 notation of cells: columns as letters, rows and columns counted from 1.

/// The letters of a column from 1: 1 is `A`, 28 is `AB`; 0 has none.
#[must_use]
pub fn column(mut column: u32) -> String {
    let mut letters = Vec::new();
    while column > 0 {
        column -= 1;
        letters.push(char::from(b'A' + (column % 26) as u8));
        column /= 26;
    }
    letters.iter().rev().collect()
}

/// `B7` of row 7 and column 2.
#[must_use]
pub fn cell(row: u32, of_column: u32) -> String {
    format!("{}{row}", column(of_column))
}

/// A1 notation, `$` allowed, to row and column; the largest sheet ends at XFD1048576.
#[must_use]
pub fn parse(text: &str) -> Option<(u32, u32)> {
    let text = text.trim().replace('$', "").to_ascii_uppercase();
    let letters = text.find(|c: char| !c.is_ascii_uppercase())?;
    let (letters, digits) = text.split_at(letters);
    if letters.is_empty() || letters.len() > 3 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let column = letters.bytes().fold(0_u32, |sum, letter| sum * 26 + u32::from(letter - b'A') + 1);
    let row: u32 = digits.parse().ok()?;
    ((1..=1_048_576).contains(&row) && (1..=16_384).contains(&column)).then_some((row, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_notation_is_read_and_written() {
        for (text, row, column) in [("A1", 1, 1), ("Z9", 9, 26), ("AA10", 10, 27), ("XFD1048576", 1_048_576, 16_384)] {
            assert_eq!(parse(text), Some((row, column)));
            assert_eq!(cell(row, column), text);
        }
        for bad in ["", "A", "1", "A0", "XFE1", "A1048577", "A1:B2", "Ä1", "AAAAAAAAAAA1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(column(0), "");
    }
}
