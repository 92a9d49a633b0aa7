//! Sound and moving pictures: recognised by content and kept as they are for judges that take them. There is no
//! text view, and none is invented. What the header says of length and format is told as the header's word.
//!
//! Lengths: WAVE (RIFF), FLAC (STREAMINFO), MP4 and QuickTime (`mvhd`), AVI (`avih`); others say none, because
//! it takes decoding to know. ISO/IEC 14496-12 (boxes), RFC 9639 (FLAC).

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "media/1", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let bytes = sample.bytes;
    let kind = infer::get(bytes).map(|k| k.mime_type());
    Some(match kind {
        // Text may begin with these letters, and other binaries as a sound frame does.
        Some("audio/mpeg") if bytes.starts_with(b"ID3") && bytes.get(3).is_some_and(|version| *version >= 0x10) => {
            return None;
        }
        Some("audio/mpeg") if !bytes.starts_with(b"ID3") && !sample.has_extension(&["mp3", "mpga"]) => return None,
        Some("audio/x-wav") => "audio/wav",
        Some("audio/x-flac") => "audio/flac",
        Some("audio/m4a") => "audio/mp4",
        Some("video/x-m4v") => "video/mp4",
        Some("application/ogg") => "audio/ogg",
        Some(kind) if kind.starts_with("audio/") || kind.starts_with("video/") => kind,
        _ if bytes.get(4..8) == Some(b"ftyp") => match bytes.get(8..12) {
            Some(b"M4A " | b"M4B ") => "audio/mp4",
            Some(b"qt  ") => "video/quicktime",
            Some(b"heic" | b"heix" | b"mif1" | b"msf1" | b"avif" | b"avis" | b"hevc" | b"crx ") => return None,
            _ if kind.is_some() => return None,
            _ => "video/mp4",
        },
        _ => return None,
    })
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let media_type = recognise(sample).ok_or("neither sound nor video")?;
    let (code, what, sense) = if media_type.starts_with("audio/") {
        ("audio", "a sound file", "hear")
    } else {
        ("video", "a video file", "take video")
    };
    let facts = facts(media_type, sample.bytes);
    if facts.empty {
        return Err(format!("{what} ({media_type}) that holds nothing after its header; send it again"));
    }
    let mut said = vec![media_type.to_owned()];
    said.extend(facts.format);
    said.extend(facts.seconds.map(|s| format!("{s:.1} s by its header")));
    let detail =
        format!("{what} ({}): it has no text view, and judges that do not {sense} cannot assess it", said.join(", "));
    draft.finding(code, Place::Whole, detail);
    if facts.cut_off {
        draft.cut(
            Place::Whole,
            "the end of the recording",
            "the file is shorter than its header says; send it again",
            None,
        );
    }
    draft.media(media_type, sample.bytes);
    Ok(())
}

#[derive(Default)]
struct Facts {
    format: Option<String>,
    seconds: Option<f64>,
    cut_off: bool,
    empty: bool,
}

fn facts(media_type: &str, bytes: &[u8]) -> Facts {
    match media_type {
        "audio/wav" => wav(bytes),
        "audio/flac" => flac(bytes),
        "audio/mpeg" => Facts { empty: mp3_is_empty(bytes), ..Facts::default() },
        "video/x-msvideo" => avi(bytes),
        _ if bytes.get(4..8) == Some(b"ftyp") => mp4(bytes),
        _ => Facts::default(),
    }
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn seconds(units: f64, per_second: f64) -> Option<f64> {
    let value = units / per_second;
    (per_second > 0.0 && value.is_finite()).then_some(value)
}

fn wav(bytes: &[u8]) -> Facts {
    let mut facts = Facts { empty: true, ..Facts::default() };
    let (mut at, mut byte_rate) = (12usize, 0u32);
    while let (Some(name), Some(size)) = (bytes.get(at..at.saturating_add(4)), u32_le(bytes, at.saturating_add(4))) {
        let body = at + 8;
        let end = body.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        if name == b"fmt " {
            byte_rate = u32_le(bytes, body + 8).unwrap_or(0);
            let channels = bytes.get(body + 2).copied().unwrap_or(0);
            facts.format = u32_le(bytes, body + 4).map(|rate| format!("{rate} Hz, {channels} channels"));
        }
        if name == b"data" {
            let present = bytes.len().saturating_sub(body);
            // Recorders that stream leave the size open.
            let open = size == u32::MAX || size == 0;
            let claimed = if open { present } else { usize::try_from(size).unwrap_or(usize::MAX) };
            facts.empty = present == 0;
            facts.cut_off = claimed > present;
            facts.seconds = seconds(claimed as f64, f64::from(byte_rate));
            break;
        }
        at = end.saturating_add(end & 1);
    }
    facts
}

fn flac(bytes: &[u8]) -> Facts {
    // STREAMINFO is always the first block: 20 bits of rate, 3 of channels, 5 of depth, 36 of samples.
    let Some(packed) = bytes.get(18..26).and_then(|b| <[u8; 8]>::try_from(b).ok()).map(u64::from_be_bytes) else {
        return Facts { empty: true, ..Facts::default() };
    };
    let (rate, channels, samples) = (packed >> 44, (packed >> 41 & 7) + 1, packed & 0xf_ffff_ffff);
    Facts {
        format: Some(format!("{rate} Hz, {channels} channels")),
        seconds: if samples == 0 { None } else { seconds(samples as f64, rate as f64) },
        ..Facts::default()
    }
}

/// Whether nothing follows the tag at the beginning.
fn mp3_is_empty(bytes: &[u8]) -> bool {
    let tag = match bytes.get(..10) {
        Some(head) if head.starts_with(b"ID3") => {
            10 + head[6..].iter().fold(0usize, |sum, b| sum << 7 | usize::from(b & 0x7f))
        }
        Some(_) => 0,
        None => return true,
    };
    bytes.len() <= tag.saturating_add(4)
}

fn avi(bytes: &[u8]) -> Facts {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or(bytes);
    let Some(at) = head.windows(4).position(|w| w == b"avih") else { return Facts::default() };
    let (micros, frames) = (u32_le(bytes, at + 8), u32_le(bytes, at + 24));
    let size = u32_le(bytes, at + 40).zip(u32_le(bytes, at + 44)).map(|(w, h)| format!("{w} × {h} pixels"));
    let seconds = micros.zip(frames).map(|(m, f)| f64::from(m) * f64::from(f) / 1e6).filter(|s| *s > 0.0);
    Facts { format: size, seconds, ..Facts::default() }
}

fn mp4(bytes: &[u8]) -> Facts {
    let mut facts = Facts { empty: true, ..Facts::default() };
    for (name, body, whole) in boxes(bytes) {
        facts.cut_off |= !whole;
        match name {
            b"moov" => {
                for (inner, body, _) in boxes(body) {
                    if inner == b"mvhd" {
                        // Version 1 has times of 64 bits.
                        let long = body.first() == Some(&1);
                        let scale = u32_be(body, if long { 20 } else { 12 });
                        let units = if long {
                            u32_be(body, 24)
                                .zip(u32_be(body, 28))
                                .map(|(h, l)| f64::from(h) * 4_294_967_296.0 + f64::from(l))
                        } else {
                            u32_be(body, 16).map(f64::from)
                        };
                        facts.seconds = units.zip(scale).and_then(|(u, s)| seconds(u, f64::from(s)));
                    }
                }
            }
            b"mdat" | b"moof" => facts.empty &= body.is_empty(),
            _ => {}
        }
    }
    facts
}

/// Name and content of each box, and whether all of it is there.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
    let mut at = 0usize;
    std::iter::from_fn(move || {
        let name = bytes.get(at.checked_add(4)?..at.checked_add(8)?)?;
        let (size, head) = match u32_be(bytes, at)? {
            0 => (bytes.len() - at, 8),
            1 => {
                let wide = u64::from(u32_be(bytes, at + 8)?) << 32 | u64::from(u32_be(bytes, at + 12)?);
                (usize::try_from(wide).unwrap_or(usize::MAX), 16)
            }
            size => (usize::try_from(size).unwrap_or(usize::MAX), 8),
        };
        let end = at.saturating_add(size.max(head));
        let body = bytes.get(at + head..end.min(bytes.len())).unwrap_or_default();
        at = end;
        Some((name, body, end <= bytes.len()))
    })
    .take(10_000)
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, reason};
    use crate::domain::{Extract, Outcome, Representation};

    fn wav(data: u32, present: usize) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
        bytes.extend(44_100u32.to_le_bytes());
        bytes.extend(176_400u32.to_le_bytes());
        bytes.extend(b"\x04\0\x10\0data");
        bytes.extend(data.to_le_bytes());
        bytes.resize(bytes.len() + present, 0);
        bytes
    }

    #[test]
    fn sound_is_handed_on_as_it_is_with_the_length_of_its_header() {
        let bytes = wav(352_800, 352_800);
        let file = read_one("a.bin", &bytes);
        assert_eq!((file.media_type.as_str(), &file.outcome), ("audio/wav", &Outcome::Read));
        let media = file.media.clone().unwrap();
        assert_eq!((media.media_type.as_str(), media.bytes.len()), ("audio/wav", bytes.len()));
        assert!(file.segments.is_empty());
        assert_eq!(file.findings.len(), 1);
        assert!(file.findings[0].detail.contains("44100 Hz, 2 channels, 2.0 s"), "{:?}", file.findings);
        assert_eq!(file.seen().representation, Representation::Media);
        assert!(Extract { files: vec![file] }.has_content());
    }

    #[test]
    fn a_recording_cut_off_is_partial_and_an_empty_one_unreadable() {
        assert_eq!(read_one("a.wav", &wav(352_800, 1_000)).outcome, Outcome::Partial);
        assert!(reason(&read_one("a.wav", &wav(0, 0))).contains("nothing after its header"));
        assert!(reason(&read_one("a.mp3", b"ID3\x04\0\0\0\0\0\0")).contains("nothing after its header"));
    }

    #[test]
    fn words_that_begin_like_sound_are_words() {
        assert_eq!(read_one("a.txt", b"ID3 tags hold the title of a song.").media_type, "text/plain");
        assert_eq!(read_one("a.txt", b"BM is a town of 12,000 in the north.").media_type, "text/plain");
    }

    #[test]
    fn a_film_has_its_length_and_endless_boxes_end() {
        let mut bytes = b"\0\0\0\x10ftypisom\0\0\0\0".to_vec();
        let mut mvhd = vec![0u8; 100];
        mvhd[12..16].copy_from_slice(&600u32.to_be_bytes());
        mvhd[16..20].copy_from_slice(&4_500u32.to_be_bytes());
        bytes.extend(116u32.to_be_bytes());
        bytes.extend(b"moov");
        bytes.extend(108u32.to_be_bytes());
        bytes.extend(b"mvhd");
        bytes.extend(mvhd);
        bytes.extend(b"\0\0\0\x0cmdatxxxx");
        let file = read_one("a.mp4", &bytes);
        assert_eq!(file.media_type, "video/mp4");
        assert!(file.findings[0].detail.contains("7.5 s"), "{:?}", file.findings);
        bytes.extend(b"\0\0\0\x01free\xff\xff\xff\xff\xff\xff\xff\xff");
        assert_eq!(read_one("a.mp4", &bytes).outcome, Outcome::Partial);
    }
}
