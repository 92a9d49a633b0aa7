//! What a question to a human is about, as one person may see it: the API and the pages show the same.

use super::problem::{Code, Problem};
use super::wire::FileInfo;
use super::wire::review::files_of;
use crate::domain::{
    About, Author, FileName, Grading, Review, RubricVersion, StoredFile, Submission, SubmissionId, SystemName, Task,
};
use crate::refusal::Refusal;
use crate::review::answer::is_turned;
use crate::review::blind;
use crate::services::Services;
use crate::store::{ProjectStore, part, rubric_key};

/// What is missing is told as missing: a question can be listed whatever happened.
pub struct Matter {
    pub review: Review,
    /// Whether the person must not know who made the work.
    pub blind: bool,
    pub grading: Option<Grading>,
    pub rubric: Option<RubricVersion>,
    pub task: Option<Task>,
    /// One; for a preference two: in an order that is this person's while they are blind, then `a` before `b`.
    pub submissions: Vec<Submission>,
}

/// A file that a person may be shown.
pub struct Shown<'a> {
    pub file: StoredFile,
    pub system: &'a SystemName,
}

impl Matter {
    /// # Errors
    /// If the store cannot.
    pub async fn load(
        services: &Services,
        project: &ProjectStore,
        review: Review,
        person: &Author,
    ) -> Result<Self, Problem> {
        let grading = match review.about.grading_id() {
            Some(id) => match project.get::<Grading>(&id.to_string()).await? {
                Some(kept) => Some(kept.record),
                None => return Err(Problem::not_found("grading", id)),
            },
            None => None,
        };
        let rubric = match &grading {
            Some(grading) => {
                let key = rubric_key(grading.rubric.id, grading.rubric.version);
                project.get::<RubricVersion>(&key).await?.map(|kept| kept.record)
            }
            None => None,
        };
        let task = match &review.task_id {
            Some(id) => project.get::<Task>(&part(id.as_str())).await?.map(|kept| kept.record),
            None => None,
        };
        let blind = blind::is_blind(&review, person, services.now());
        let ids: Vec<SubmissionId> = match (&review.about, &grading) {
            (About::Preference { a, b, .. }, _) if blind && is_turned(review.id, person) => vec![*b, *a],
            (About::Preference { a, b, .. }, _) => vec![*a, *b],
            (_, Some(grading)) => vec![grading.submission_id],
            (_, None) => vec![],
        };
        let mut submissions = Vec::with_capacity(ids.len());
        for id in ids {
            submissions.extend(project.get::<Submission>(&id.to_string()).await?.map(|kept| kept.record));
        }
        Ok(Self { review, blind, grading, rubric, task, submissions })
    }

    /// What was asked for.
    #[must_use]
    pub fn prompt(&self) -> Option<&str> {
        let own = self.grading.as_ref().and_then(|grading| grading.prompt.as_deref());
        own.or(self.task.as_ref().map(|task| task.prompt.as_str()))
    }

    /// The files of one of the submissions.
    #[must_use]
    pub fn files_of(&self, submission: &Submission) -> Vec<FileInfo> {
        files_of(&submission.files, Some(&submission.system).filter(|_| self.blind))
    }

    /// The `n`-th file of all of them, from 0, under the name that this person is shown.
    ///
    /// # Errors
    /// 404 if there are not so many.
    pub fn file(&self, n: usize) -> Result<Shown<'_>, Problem> {
        let mut all =
            self.submissions.iter().flat_map(|one| one.files.iter().zip(self.files_of(one)).map(move |f| (one, f)));
        let count = self.submissions.iter().map(|one| one.files.len()).sum::<usize>();
        let Some((submission, (file, told))) = all.nth(n) else {
            return Err(Problem::new(Code::NotFound, format!("there is no file {n}; there are {count} files, from 0")));
        };
        let name = FileName::parse(told.name).unwrap_or_else(|_| file.name.clone());
        Ok(Shown { file: StoredFile { name, ..file.clone() }, system: &submission.system })
    }

    /// Refuses bytes that would tell a blind reviewer who made the work.
    ///
    /// # Errors
    /// 409 with the way round; as the file store.
    pub async fn may_have(&self, services: &Services, shown: &Shown<'_>) -> Result<(), Problem> {
        if self.blind { may_have(services, &shown.file, shown.system).await } else { Ok(()) }
    }
}

/// Refuses bytes that would tell who made the work.
///
/// # Errors
/// 409 with the way round; as the file store.
pub async fn may_have(services: &Services, file: &StoredFile, secret: &SystemName) -> Result<(), Problem> {
    let bytes = services.blobs.get(&file.sha256).await?;
    let system = secret.clone();
    let tells = tokio::task::spawn_blocking(move || blind::tells_maker(&bytes, &system)).await;
    match tells {
        Ok(false) => Ok(()),
        Ok(true) => {
            let detail = "the file names its maker in its properties, comments or text; read it as text on the page of the review, or answer first";
            Err(Refusal::Conflict { code: "not_blind", detail: detail.to_owned() }.into())
        }
        Err(error) => Err(Problem::internal(format!("a worker thread ended early: {error}"))),
    }
}
