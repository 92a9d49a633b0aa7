//! The packed rich text of Outlook messages (MS-OXRTFCP, "LZFu"): a window of 4,096 bytes that begins with the
//! words most rich texts begin with, and runs of 2 to 17 bytes out of it.

/// What the window holds at first (MS-OXRTFCP 2.1.3.1.2).
const FIRST: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const WINDOW: usize = 4096;

/// The rich text, at most `most` bytes of it.
///
/// # Errors
/// If it is not packed rich text, or would be larger than `most`.
pub(super) fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let (Some(size), Some(kind)) = (word(4), word(8)) else { return Err("the packed rich text is cut off".to_owned()) };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > most {
        return Err(format!("the rich text is {size} bytes, over the limit of {most}"));
    }
    let rest = bytes.get(16..).unwrap_or_default();
    match kind {
        0x414c_454d => return Ok(rest.get(..size.min(rest.len())).unwrap_or_default().to_vec()),
        0x7546_5a4c => {}
        _ => return Err("the rich text is packed in an unknown way".to_owned()),
    }
    let mut window = [0u8; WINDOW];
    window[..FIRST.len()].copy_from_slice(FIRST);
    let mut at = FIRST.len();
    let mut text = Vec::new();
    let mut input = rest.iter().copied();
    while let Some(flags) = input.next() {
        for bit in 0..8 {
            if text.len() >= size {
                return Ok(text);
            }
            if flags >> bit & 1 == 0 {
                let Some(byte) = input.next() else { return Ok(text) };
                window[at] = byte;
                at = (at + 1) % WINDOW;
                text.push(byte);
                continue;
            }
            let (Some(high), Some(low)) = (input.next(), input.next()) else { return Ok(text) };
            let token = usize::from(high) << 8 | usize::from(low);
            let from = token >> 4;
            // A run out of the place that is written next is the end.
            if from == at {
                return Ok(text);
            }
            for step in 0..(token & 0xf) + 2 {
                let byte = window[(from + step) % WINDOW];
                window[at] = byte;
                at = (at + 1) % WINDOW;
                text.push(byte);
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-OXRTFCP 4.1 and 4.2.
    #[test]
    fn the_published_examples_unpack() {
        let first =
            "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0";
        assert_eq!(
            unpack(&hex::decode(first).unwrap(), 1_000).unwrap(),
            b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
        );
        let second = "1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0";
        assert_eq!(unpack(&hex::decode(second).unwrap(), 1_000).unwrap(), b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
    }

    #[test]
    fn what_is_damaged_or_too_large_ends() {
        assert!(unpack(b"LZFu", 10).is_err());
        let huge = [&[0u8; 4][..], &[0xff; 4], b"LZFu", &[0; 4], &[0xff; 64]].concat();
        assert!(unpack(&huge, 1_000).unwrap_err().contains("limit"));
        let odd = [&[0u8; 4][..], &[0x40, 0, 0, 0], b"LZFu", &[0; 4], &[0xff; 64]].concat();
        assert!(unpack(&odd, 1_000).is_ok_and(|t| t.len() < 100));
    }
}
