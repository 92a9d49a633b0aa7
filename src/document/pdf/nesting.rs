//! Whether a pdf's objects nest so that looking for them takes for ever. Where the table of objects is damaged, the parser
//! tries an object at every `obj`, and an object that is never closed goes on through those that follow: a file of
//! unclosed objects takes its length times the depth. An honest file is about ten deep.

/// Steps of the parser, about a hundredth of a second for each million.
const MOST_WORK: u64 = 50_000_000;
/// The parser goes no deeper.
const DEEPEST: u64 = 512;

/// An estimate from above of the steps that the parser takes in the worst case, or `None` if they are too many.
pub(super) fn affordable(bytes: &[u8]) -> Option<u64> {
    let (mut work, mut dictionaries, mut arrays) = (0_u64, 0_u64, 0_u64);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let twice = bytes.get(at + 1) == Some(&byte);
        match byte {
            b'<' if twice => {
                dictionaries += 1;
                work += (dictionaries + arrays).min(DEEPEST);
                at += 1;
            }
            b'>' if twice => {
                dictionaries = dictionaries.saturating_sub(1);
                at += 1;
            }
            b'[' => {
                arrays += 1;
                work += (dictionaries + arrays).min(DEEPEST);
            }
            b']' => arrays = arrays.saturating_sub(1),
            // No object goes on behind these.
            b'e' if bytes[at..].starts_with(b"endobj") || bytes[at..].starts_with(b"endstream") => {
                (dictionaries, arrays) = (0, 0);
            }
            // Packed bytes, in which brackets stand by chance.
            0x80.. => arrays = 0,
            _ => {}
        }
        if work > MOST_WORK {
            return None;
        }
        at += 1;
    }
    Some(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_that_are_never_closed_are_too_much_and_packed_bytes_are_not() {
        for piece in ["7 0 obj\n<<\n/j\n", "7 0 obj [ "] {
            assert_eq!(affordable(piece.repeat(600_000).as_bytes()), None, "{piece}");
            assert!(affordable(format!("{piece} endobj\n").repeat(600_000).as_bytes()).is_some(), "{piece}");
        }
        let mut state = 1_u64;
        let packed = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        });
        let packed: Vec<u8> = packed.take(20_000_000).collect();
        assert!(affordable(&packed).is_some_and(|work| work < 2_000_000), "{:?}", affordable(&packed));
    }
}
