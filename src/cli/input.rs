//! What stands in files that a command line names.

use std::path::Path;

use super::Failure;
use crate::domain::FileName;
use crate::grading::accept::Upload;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::Mistake(format!("cannot read {}: {e}", path.display())))
}

/// A text as it was given, or `@FILE`: what stands in the file.
pub(super) fn text_or_file(given: String) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        Some(path) => Ok(String::from_utf8_lossy(&read(Path::new(path))?).into_owned()),
        None => Ok(given),
    }
}

pub(super) fn upload(path: &Path) -> Result<Upload, Failure> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = FileName::parse(name).map_err(|e| Failure::Mistake(format!("{}: {e}", path.display())))?;
    Ok(Upload { name, bytes: read(path)?.into() })
}
