//! Frames to bytes and back. It knows no store.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{BackupError, Header, Summary};

const FIRST_LINE: &str = "empanel-backup ";
const FORMAT: u32 = 1;
const HASH: usize = 32;
const BUFFER: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Header(Header),
    Entry { key: String, value: Bytes },
    Changes,
    Gone { key: String },
    File { sha256: String, bytes: Bytes },
    End(Summary),
}

/// Writes frames, and their hash behind them.
pub(super) struct Writer {
    out: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Writer {
    pub fn new(file: File) -> io::Result<Self> {
        let mut writer = Self { out: BufWriter::with_capacity(BUFFER, file), hasher: blake3::Hasher::new() };
        writer.raw(format!("{FIRST_LINE}{FORMAT}\n").as_bytes())?;
        Ok(writer)
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    pub fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        let mut parts: [&[u8]; 3] = [b"", b"", b""];
        let (length, json, raw);
        let letter = match frame {
            Frame::Header(header) => {
                json = serde_json::to_vec(header)?;
                parts[0] = &json;
                b'H'
            }
            Frame::Entry { key, value } => {
                length = u32::try_from(key.len()).map_err(io::Error::other)?.to_be_bytes();
                parts = [&length, key.as_bytes(), value];
                b'E'
            }
            Frame::Changes => b'C',
            Frame::Gone { key } => {
                parts[0] = key.as_bytes();
                b'D'
            }
            Frame::File { sha256, bytes } => {
                raw = hex::decode(sha256).map_err(io::Error::other)?;
                parts = [&raw, bytes, b""];
                b'F'
            }
            Frame::End(summary) => {
                json = serde_json::to_vec(summary)?;
                parts[0] = &json;
                b'Z'
            }
        };
        let total: u64 = parts.iter().map(|part| part.len() as u64).sum();
        self.raw(&[letter])?;
        self.raw(&total.to_be_bytes())?;
        parts.iter().try_for_each(|part| self.raw(part))
    }

    /// Everything is on the disk when this returns.
    pub fn finish(mut self) -> io::Result<()> {
        let hash = self.hasher.finalize();
        self.out.write_all(hash.as_bytes())?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }
}

/// Reads frames; after the last one it has compared the hash.
pub(super) struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    hasher: blake3::Hasher,
    length: u64,
    at: u64,
    peeked: Option<Frame>,
    id: String,
}

impl Reader {
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let io = |error: io::Error| BackupError::Io { path: path.to_owned(), detail: error.to_string() };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let input = BufReader::with_capacity(BUFFER, file);
        let mut reader = Self {
            path: path.to_owned(),
            input,
            hasher: blake3::Hasher::new(),
            length,
            at: 0,
            peeked: None,
            id: String::new(),
        };
        reader.first_line()?;
        Ok(reader)
    }

    fn first_line(&mut self) -> Result<(), BackupError> {
        let none = |detail: &str| BackupError::NoBackup { path: self.path.clone(), detail: detail.to_owned() };
        let not_ours = none("it does not begin like one");
        let odd = none("its first line names no format");
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if line.len() > FIRST_LINE.len() + 10 {
                return Err(not_ours);
            }
            let Ok(byte) = self.bytes(1) else { return Err(not_ours) };
            line.extend(byte);
            let begins = FIRST_LINE.as_bytes();
            if line.len() <= begins.len() && !begins.starts_with(&line) {
                return Err(not_ours);
            }
        }
        let number = String::from_utf8_lossy(&line[FIRST_LINE.len()..]);
        match number.trim_end().parse::<u32>() {
            Ok(FORMAT) => Ok(()),
            Ok(found) if found > FORMAT => Err(BackupError::Newer { path: self.path.clone(), found, known: FORMAT }),
            _ => Err(odd),
        }
    }

    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, BackupError> {
        // A length that is damaged asks for no more than there is.
        if count > self.length - self.at {
            return Err(BackupError::CutOff { path: self.path.clone(), bytes: self.length });
        }
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        if let Err(error) = self.input.read_exact(&mut bytes) {
            let path = self.path.clone();
            return Err(match error.kind() {
                ErrorKind::UnexpectedEof => BackupError::CutOff { path, bytes: self.at },
                _ => BackupError::Io { path, detail: error.to_string() },
            });
        }
        self.at += count;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// How far it is, in bytes.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// What tells this backup from others; known after the last frame.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// The next frame, without going past it.
    pub fn peek(&mut self) -> Result<Option<&Frame>, BackupError> {
        if self.peeked.is_none() {
            self.peeked = self.next()?;
        }
        Ok(self.peeked.as_ref())
    }

    /// The next frame; `None` after the last one, when the whole is known to be as it was written.
    pub fn next(&mut self) -> Result<Option<Frame>, BackupError> {
        if let Some(frame) = self.peeked.take() {
            return Ok(Some(frame));
        }
        if !self.id.is_empty() {
            return Ok(None);
        }
        let begin = self.at;
        let head = self.bytes(9)?;
        let length = u64::from_be_bytes(head[1..].try_into().map_err(|_| self.damaged(begin, "a length"))?);
        let mut body = self.bytes(length)?;
        let frame = match head[0] {
            b'H' => Frame::Header(serde_json::from_slice(&body).map_err(|e| self.damaged(begin, &e.to_string()))?),
            b'E' => {
                if body.len() < 4 {
                    return Err(self.damaged(begin, "an entry without a key"));
                }
                let mut rest = body.split_off(4);
                let key = u32::from_be_bytes(body.try_into().map_err(|_| self.damaged(begin, "a length"))?) as usize;
                if key > rest.len() {
                    return Err(self.damaged(begin, "a key that is longer than its entry"));
                }
                let value = rest.split_off(key);
                Frame::Entry { key: self.text(begin, rest)?, value: value.into() }
            }
            b'C' => Frame::Changes,
            b'D' => Frame::Gone { key: self.text(begin, body)? },
            b'F' if body.len() >= HASH => {
                let bytes = body.split_off(HASH);
                Frame::File { sha256: hex::encode(body), bytes: bytes.into() }
            }
            b'Z' => {
                let summary = serde_json::from_slice(&body).map_err(|e| self.damaged(begin, &e.to_string()))?;
                self.end()?;
                Frame::End(summary)
            }
            other => return Err(self.damaged(begin, &format!("a frame `{}`", char::from(other).escape_default()))),
        };
        Ok(Some(frame))
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let found = self.hasher.finalize();
        let at = self.at;
        let kept = self.bytes(HASH as u64)?;
        if kept != found.as_bytes() {
            return Err(self.damaged(at, "its hash is not that of its bytes"));
        }
        if self.at != self.length {
            return Err(self.damaged(self.at, "something follows its end"));
        }
        self.id = found.to_hex()[..16].to_owned();
        Ok(())
    }

    fn text(&self, at: u64, bytes: Vec<u8>) -> Result<String, BackupError> {
        String::from_utf8(bytes).map_err(|_| self.damaged(at, "a key that is no text"))
    }

    fn damaged(&self, at: u64, what: &str) -> BackupError {
        BackupError::Damaged { path: self.path.clone(), detail: format!("{what}, at byte {at}") }
    }
}
