//! The two packings of mail parts (RFC 2045), read leniently: for parts whose sender or carrier broke them, where
//! the strict reader gives nothing.

/// What is not a valid escape stands for itself.
pub(super) fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        at += 1;
        if *byte != b'=' {
            plain.push(*byte);
            continue;
        }
        let rest = raw.get(at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        if rest.get(blanks) == Some(&b'\n') {
            at += blanks + 1;
            continue;
        }
        let pair = rest
            .get(..2)
            .and_then(|p| std::str::from_utf8(p).ok())
            .filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
        match pair.and_then(|p| u8::from_str_radix(p, 16).ok()) {
            Some(value) => {
                plain.push(value);
                at += 2;
            }
            None => plain.push(b'='),
        }
    }
    plain
}

/// Signs outside the alphabet are skipped; an end that is missing is not invented.
pub(super) fn base64(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in raw {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            plain.push((held >> bits & 0xff) as u8);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_packings_are_read_as_far_as_they_go() {
        assert_eq!(quoted_printable(b"a=3D b= c=\r\nd=ZZ=F"), b"a= b= cd=ZZ=F");
        assert_eq!(base64(b"aGVs\r\n!bG8"), b"hello");
        assert_eq!(base64(b"aGVsb"), b"hel");
    }
}
