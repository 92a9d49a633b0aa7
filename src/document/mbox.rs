//! Mailboxes (.mbox, RFC 4155): every mail is a member, numbered in its order. Lines that begin with `From `
//! part the mails; `>From ` within one is given back as it was.

use crate::domain::Place;

use super::draft::Draft;
use super::email::telling_headers;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "mbox/1", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    if !sample.bytes.starts_with(b"From ") || !(sample.extension.is_empty() || sample.has_extension(&["mbox", "mbx"])) {
        return None;
    }
    let after = sample.bytes.iter().position(|b| *b == b'\n')?;
    (telling_headers(sample.bytes.get(after + 1..)?) >= 2).then_some("application/mbox")
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    draft.may_open()?;
    let mails = mail_parser::mailbox::mbox::MessageIterator::new(sample.bytes);
    let mut lost = 0u64;
    for (index, mail) in mails.enumerate() {
        let mail = mail.map_err(|_| "the mailbox is damaged; save it again")?;
        let name = format!("{:04}.eml", index + 1);
        if draft.member_within(sample.name, &name, mail.contents()) {
            draft.push(Place::Whole, format!("- {name} ({} bytes)", mail.contents().len()));
        } else {
            lost += 1;
        }
    }
    if lost > 0 {
        let why = format!("over the limit of {} files in one", draft.limits.archive.max_entries);
        draft.cut(Place::Whole, format!("the last {lost} mails"), why, None);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_files, text_of};

    #[test]
    fn every_mail_is_a_member_and_quoted_lines_are_given_back() {
        let mbox = b"From a@x Thu Jan  1 00:00:00 2026\nFrom: a@x\nSubject: One\n\n>From here on\n\nFrom b@x Thu Jan  1 00:00:01 2026\nFrom: b@x\nSubject: Two\n\nsecond\n";
        let files = read_files("box.mbox", mbox);
        let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["box.mbox", "box.mbox/0001.eml", "box.mbox/0002.eml"]);
        assert_eq!(text_of(&files[1]), "Subject: One\nFrom: a@x\nFrom here on");
    }
}
