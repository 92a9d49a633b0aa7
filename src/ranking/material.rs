//! What leaderboards are made of, read once: the results of gradings and comparisons and the battles that were
//! brought in. Never their votes: a result is computed when the last vote comes in and kept, so that a new verdict
//! changes one record and a leaderboard is a sum over records. Votes are read on request only: when a judge is left out of
//! gradings (see [`variation`](super::variation)), and when judges are told apart (see [`evidence`](super::evidence)).

use std::collections::{BTreeMap, HashMap};

use super::evidence::{self, Length, Said};
use crate::domain::{
    Battle, Comparison, ComparisonId, Grading, GradingId, PanelName, RubricId, RubricVersion, Status, SubmissionId,
    Task, TaskId,
};
use crate::refusal::Refusal;
use crate::store::{ProjectStore, Query, rubric_key};

/// Which records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    pub battles: bool,
    pub gradings: bool,
    pub rubrics: bool,
    /// Single judges' answers of comparisons.
    pub answers: bool,
    /// How long submissions are.
    pub lengths: bool,
}

/// A project's material. What was not needed is empty.
#[derive(Debug, Clone, Default)]
pub struct Material {
    pub tasks: HashMap<TaskId, Task>,
    pub comparisons: Vec<Comparison>,
    pub battles: Vec<Battle>,
    /// The newest settled one of each submission, panel and rubric.
    pub gradings: Vec<Grading>,
    /// Gradings that are still running.
    pub unsettled: Vec<(PanelName, RubricId)>,
    pub rubrics: HashMap<(RubricId, u32), RubricVersion>,
    /// Scores that stand in for those of the gradings, where judges are left out; `None`: no score.
    pub rescored: Option<HashMap<GradingId, Option<f64>>>,
    /// What single judges answered in comparisons.
    pub answers: HashMap<ComparisonId, Vec<Said>>,
    pub lengths: HashMap<SubmissionId, Length>,
}

impl Material {
    /// # Errors
    /// If the store cannot.
    pub async fn read(project: &ProjectStore, needs: Needs) -> Result<Self, Refusal> {
        let tasks = project.all::<Task>(Query::default()).await?;
        let mut material =
            Self { tasks: tasks.into_iter().map(|task| (task.id.clone(), task)).collect(), ..Self::default() };
        if needs.battles {
            material.comparisons = project.all::<Comparison>(Query::default()).await?;
            material.battles = project.all::<Battle>(Query::default()).await?;
        }
        if needs.answers {
            material.answers = evidence::answers(project, &material.comparisons).await?;
        }
        if needs.lengths {
            material.lengths = evidence::lengths(project).await?;
        }
        if needs.gradings {
            material.take(project.all::<Grading>(Query::default()).await?);
        }
        if needs.rubrics {
            for grading in &material.gradings {
                let key = (grading.rubric.id, grading.rubric.version);
                if material.rubrics.contains_key(&key) {
                    continue;
                }
                if let Some(kept) = project.get::<RubricVersion>(&rubric_key(key.0, key.1)).await? {
                    material.rubrics.insert(key, kept.record);
                }
            }
        }
        Ok(material)
    }

    /// The newest grading of a submission by a panel and a rubric stands for it.
    pub(super) fn take(&mut self, gradings: Vec<Grading>) {
        let mut newest: BTreeMap<(SubmissionId, PanelName, RubricId), Grading> = BTreeMap::new();
        for grading in gradings {
            if !matches!(grading.status(), Status::Completed | Status::AwaitingReview | Status::Partial) {
                if !grading.status().is_settled() {
                    self.unsettled.push((grading.panel.name.clone(), grading.rubric.id));
                }
                continue;
            }
            let key = (grading.submission_id, grading.panel.name.clone(), grading.rubric.id);
            match newest.get(&key) {
                Some(known) if known.id > grading.id => {}
                _ => {
                    newest.insert(key, grading);
                }
            }
        }
        self.gradings = newest.into_values().collect();
    }

    /// The score that counts for a grading.
    #[must_use]
    pub fn score(&self, grading: &Grading, with_overrides: bool) -> Option<f64> {
        if let Some(rescored) = &self.rescored {
            return rescored.get(&grading.id).copied().flatten();
        }
        let result = grading.result()?;
        if with_overrides { result.score.value } else { result.score_without_overrides }
    }

    #[must_use]
    pub fn rubric(&self, grading: &Grading) -> Option<&RubricVersion> {
        self.rubrics.get(&(grading.rubric.id, grading.rubric.version))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::domain::{Preference, ProjectId};
    use crate::ranking::board::{Method, Rules};
    use crate::ranking::leaderboard::{Wanted, leaderboard};
    use crate::ranking::testing::{compared, graded};
    use crate::store::{Store, StoreOptions};

    /// What `GET /v1/leaderboard` does, from a store on disk. It says how long that took; it promises no time.
    #[tokio::test]
    #[ignore = "measures: `cargo test --lib measure_leaderboards -- --ignored --nocapture`"]
    async fn measure_leaderboards_of_ten_thousand_comparisons_and_five_hundred_gradings() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sled:{}", folder.path().join("data").display());
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        let project = store.project(&ProjectId::parse("p").unwrap());
        // 5 systems, 10 pairs, 1,000 tasks; the winner turns with the task.
        for task in 0..1_000_usize {
            let name = format!("t{task}");
            let mut batch = project.batch();
            for a in 0..5 {
                for b in a + 1..5 {
                    let said = |judge: usize| {
                        if (task * 7 + a * 3 + b + judge).is_multiple_of(3) { Preference::B } else { Preference::A }
                    };
                    let judges = [("j0", Some(said(0))), ("j1", Some(said(0))), ("j2", Some(said(1)))];
                    batch = batch.insert(&compared(&format!("s{a}"), &format!("s{b}"), &name, &judges));
                }
                if task < 100 {
                    let score = ((task * 13 + a * 29) % 100) as f64 / 100.0;
                    batch = batch.insert(&graded(&format!("s{a}"), &name, score));
                }
            }
            project.commit(batch).await.unwrap();
        }
        for (what, method) in [("10,000 comparisons", Method::BradleyTerry), ("500 gradings", Method::Score)] {
            let wanted = Wanted { rules: Rules { method, ..Rules::default() }, ..Wanted::default() };
            let start = Instant::now();
            let found = leaderboard(&project, &wanted).await.unwrap();
            eprintln!("{what}: {:?}", start.elapsed());
            assert_eq!(found.boards[0].rows.len(), 5);
        }
    }
}
