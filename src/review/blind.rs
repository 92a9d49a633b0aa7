//! What a first reviewer may know. Neither an address, a file's name nor its metadata tells who made the work; what
//! judges and other reviewers said comes after one's own answer.

use crate::document::mentions;
use crate::domain::{Author, Review, ReviewState, SystemName, Timestamp};

/// Whether this person may still be asked, and so must not know what others said.
#[must_use]
pub fn is_blind(review: &Review, person: &Author, now: Timestamp) -> bool {
    let over = matches!(review.state(now), ReviewState::Conflict) || !review.is_pending();
    !over && !review.has_answered(person)
}

/// Whether the bytes of a file name its maker: in its properties, comments or tracked changes, where a reviewer who
/// reads the text does not look. Such a file is read as text until the answer is in.
#[must_use]
pub fn tells_maker(bytes: &[u8], system: &SystemName) -> bool {
    // A short name is a word of any language; it would withhold every file.
    let name = system.as_str();
    name.chars().count() >= 4 && mentions(bytes, name)
}

/// A file's name, unless it gives the system away.
#[must_use]
pub fn file_name(name: &str, index: usize, system: &SystemName) -> String {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let (secret, shown) = (plain(system.as_str()), plain(name));
    let words = system.as_str().split(|c: char| !c.is_alphanumeric()).map(plain);
    let told = secret.chars().count() >= 2 && shown.contains(&secret)
        // `gpt-5 (high)` is given away by `gpt5_out.xlsx` and by `gpt.xlsx`.
        || words.filter(|word| word.chars().count() >= 3 && word.chars().any(char::is_alphabetic)).any(|word| shown.contains(&word));
    if !told {
        return name.to_owned();
    }
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some(extension)
            if extension.len() <= 5 && !plain(extension).is_empty() && extension.chars().all(char::is_alphanumeric) =>
        {
            format!("file {}.{extension}", index + 1)
        }
        _ => format!("file {}", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_that_gives_the_system_away_is_not_shown() {
        let blind = |name: &str, of: &str| file_name(name, 1, &SystemName::parse(of).unwrap());
        assert_eq!(blind("GPT-5_output.xlsx", "gpt-5"), "file 2.xlsx");
        assert_eq!(blind("claude.docx", "claude-opus (high)"), "file 2.docx");
        assert_eq!(blind("out/opus-final.docx", "claude-opus (high)"), "file 2.docx");
        assert_eq!(blind("variance memo.docx", "claude-opus (high)"), "variance memo.docx");
        assert_eq!(blind("system-x", "system-x"), "file 2");
    }
}
