//! The files that lie on somebody's desk: a deliverable's, its message, the task's references; under the names that
//! this person may see.

use crate::domain::{Extract, FileName, StoredFile, Submission, SystemName, Task};
use crate::grading::plan::read_files;
use crate::http::matter::Matter;
use crate::http::problem::{Code, Problem};
use crate::review::blind;
use crate::services::Services;

/// Files, and the address under which they are looked at.
pub struct Desk {
    pub base: String,
    pub files: Vec<OnDesk>,
}

/// One file, or a message.
pub struct OnDesk {
    /// Unique on this desk: `0`, `message`, `r0`.
    pub key: String,
    /// What it belongs to: `Deliverable`, `First`, `References`.
    pub group: String,
    /// As it may be shown.
    pub name: String,
    pub what: What,
    /// Whose name must not be told.
    pub secret: Option<SystemName>,
}

pub enum What {
    Stored(StoredFile),
    Message(String),
}

impl OnDesk {
    #[must_use]
    pub fn stored(&self) -> Option<&StoredFile> {
        match &self.what {
            What::Stored(file) => Some(file),
            What::Message(_) => None,
        }
    }

    /// # Errors
    /// If its bytes are not there.
    pub async fn extract(&self, services: &Services) -> Result<Extract, Problem> {
        Ok(match &self.what {
            What::Stored(file) => read_files(services, std::slice::from_ref(file), None).await?,
            What::Message(text) => read_files(services, &[], Some(text.clone())).await?,
        })
    }
}

/// What a message's tab is called.
const MESSAGE: &str = "final message";

impl Desk {
    /// Of somebody who may know whose it is.
    #[must_use]
    pub fn of_submission(base: String, submission: &Submission, task: Option<&Task>) -> Self {
        let mut files: Vec<OnDesk> = stored(&submission.files, "", "Deliverable");
        files.extend(message(submission, "message", "Deliverable", None));
        files.extend(references(task));
        Self { base, files }
    }

    /// Of somebody who is asked, and may have to stay blind.
    #[must_use]
    pub fn of_matter(base: String, matter: &Matter) -> Self {
        let two = matter.submissions.len() > 1;
        let mut files: Vec<OnDesk> = Vec::new();
        let mut number = 0;
        for (at, submission) in matter.submissions.iter().enumerate() {
            let group = side(two, matter.blind, at);
            let secret = matter.blind.then(|| submission.system.clone());
            for (file, told) in submission.files.iter().zip(matter.files_of(submission)) {
                // Nothing that is told of a file, not even why it cannot be drawn, calls it by another name.
                let name = FileName::parse(told.name.clone()).unwrap_or_else(|_| file.name.clone());
                let what = What::Stored(StoredFile { name, ..file.clone() });
                let secret = secret.clone();
                files.push(OnDesk { key: number.to_string(), group: group.to_owned(), name: told.name, what, secret });
                number += 1;
            }
            let key = if at == 0 { "message" } else { "message2" };
            files.extend(message(submission, key, group, secret));
        }
        files.extend(references(matter.task.as_ref()));
        Self { base, files }
    }

    /// The key of the first file.
    #[must_use]
    pub fn first(&self) -> &str {
        self.files.first().map_or("0", |file| file.key.as_str())
    }

    /// The key of the first file of a group.
    #[must_use]
    pub fn first_of(&self, group: &str) -> Option<&str> {
        self.files.iter().find(|file| file.group == group).map(|file| file.key.as_str())
    }

    /// # Errors
    /// 404 if nothing of that key lies here.
    pub fn find(&self, key: &str) -> Result<&OnDesk, Problem> {
        let none = || {
            let detail = format!(
                "there is no file {:?} here; there are {}",
                super::super::words::clip(key, 20),
                self.files.len()
            );
            Problem::new(Code::NotFound, detail)
        };
        self.files.iter().find(|file| file.key == key).ok_or_else(none)
    }
}

/// What the two of a preference are called, and the one of every other question.
#[must_use]
pub fn side(two: bool, blind: bool, at: usize) -> &'static str {
    match (two, blind, at) {
        (false, ..) => "The deliverable",
        (true, true, 0) => "First",
        (true, true, _) => "Second",
        (true, false, 0) => "A",
        (true, false, _) => "B",
    }
}

fn stored(files: &[StoredFile], prefix: &str, group: &str) -> Vec<OnDesk> {
    let on_desk = |(n, file): (usize, &StoredFile)| OnDesk {
        key: format!("{prefix}{n}"),
        group: group.to_owned(),
        name: file.name.to_string(),
        what: What::Stored(file.clone()),
        secret: None,
    };
    files.iter().enumerate().map(on_desk).collect()
}

fn references(task: Option<&Task>) -> Vec<OnDesk> {
    stored(task.map(|task| task.references.as_slice()).unwrap_or_default(), "r", "References")
}

fn message(submission: &Submission, key: &str, group: &str, secret: Option<SystemName>) -> Option<OnDesk> {
    let text = submission.text.clone().filter(|text| !text.trim().is_empty())?;
    let what = What::Message(text);
    Some(OnDesk { key: key.to_owned(), group: group.to_owned(), name: MESSAGE.to_owned(), what, secret })
}

/// The name of what was read of a file: its own, or that of a member of an archive.
#[must_use]
pub fn part_name(on_desk: &OnDesk, name: &str, part: usize) -> String {
    match &on_desk.secret {
        None => name.to_owned(),
        Some(_) if part == 0 => on_desk.name.clone(),
        Some(secret) => blind::file_name(name, part, secret),
    }
}
