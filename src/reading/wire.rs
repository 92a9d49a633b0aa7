//! What the service and its worker processes say to each other, over the worker's standard input and output: frames
//! of a length (4 bytes, big-endian) and a MessagePack value with names, because extracts hold values that tell their
//! own kind.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::document::Limits;
use crate::domain::{FileExtract, Image};

/// No frame is longer. A reply may hold the pictures of a whole document.
pub(super) const MAX_FRAME: usize = 1 << 30;

/// What a worker is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Request {
    Read {
        name: String,
        media_type: String,
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
        limits: Limits,
    },
    /// Pages of a pdf as pictures, from 1, the end not included.
    Draw {
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
        first: u32,
        end: u32,
        max_px: u32,
        limits: Limits,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Read(Vec<FileExtract>),
    Drawn {
        renderer: String,
        pages: Vec<Image>,
        of: u32,
    },
    /// Why not, in words.
    Failed(String),
}

/// The value as a frame.
///
/// # Errors
/// If it cannot be put in one.
pub(super) fn frame<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    rmp_serde::encode::write_named(&mut frame, value).map_err(io::Error::other)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME {
        return Err(io::Error::other(format!("{length} bytes are more than a frame's {MAX_FRAME}")));
    }
    let length = u32::try_from(length).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// The length of a frame from its head.
///
/// # Errors
/// If it is longer than any frame.
pub(super) fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    Ok(length)
}

pub(super) fn value<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    rmp_serde::from_slice(frame).map_err(io::Error::other)
}

/// The next value; `None` when the other side has closed.
///
/// # Errors
/// If what comes is no frame.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut frame = vec![0; length(head)?];
    from.read_exact(&mut frame)?;
    value(&frame).map(Some)
}

/// # Errors
/// If the other side is gone.
pub(super) fn send<T: Serialize>(to: &mut impl Write, value: &T) -> io::Result<()> {
    to.write_all(&frame(value)?)?;
    to.flush()
}
