//! `file_exists` and `media_type`: decided by names and types alone, so unreadable files count like others.

use super::scope::Scope;
use super::{CheckOutcome, Looked};
use crate::domain::Place;

/// A file whose name matches is there, readable or not.
pub fn exists(scope: &Scope<'_>) -> CheckOutcome {
    match scope.files.first() {
        Some(file) => CheckOutcome::holds(Looked {
            file: file.name.clone(),
            place: Place::Whole,
            quote: file.name.clone(),
            detail: format!("{} of the files match", scope.files.len()),
        }),
        None => scope.without_hit(|_| false, scope.looked("")),
    }
}

/// A file of this media type is there. `wanted` may end in `/*`; parameters (`; charset=`) do not count.
pub fn media_type(scope: &Scope<'_>, wanted: &str) -> CheckOutcome {
    let bare = |text: &str| text.split(';').next().unwrap_or(text).trim().to_ascii_lowercase();
    let wanted = bare(wanted);
    let fits = |found: &str| match wanted.strip_suffix('*') {
        Some(kind) => bare(found).starts_with(kind),
        None => bare(found) == wanted,
    };
    match scope.files.iter().find(|f| fits(&f.media_type)) {
        Some(file) => CheckOutcome::holds(Looked {
            file: file.name.clone(),
            place: Place::Whole,
            quote: file.media_type.clone(),
            detail: format!("`{}` is {}", file.name, file.media_type),
        }),
        None => scope.without_hit(|_| false, scope.looked(format!("no file is {wanted}"))),
    }
}
