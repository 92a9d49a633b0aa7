//! Who counts: everybody, all judges but one, one judge alone, or no judge of a family that made one of the systems.
//! Of a comparison this is decided from the judges' own outcomes, which are kept with it; of a grading from its votes,
//! which are read for this and for nothing else. The quorum comes down to the number of judges that are left.

use std::collections::HashMap;

use super::compare;
use super::material::Material;
use crate::domain::{Comparison, Grading, GradingId, JudgeName, JudgeSpec, Panel, Preference, SystemName};
use crate::grading::recorded::Recorded;
use crate::grading::result;
use crate::refusal::Refusal;
use crate::store::ProjectStore;

/// Whose answers count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Judges {
    #[default]
    All,
    Only(JudgeName),
    Without(JudgeName),
    /// None that is of the family of a system that it judges.
    OtherFamilies,
}

impl Judges {
    /// Whether this judge counts where these systems are judged.
    #[must_use]
    pub fn count(&self, judge: &JudgeSpec, systems: &[&SystemName]) -> bool {
        match self {
            Self::All => true,
            Self::Only(name) => *name == judge.name,
            Self::Without(name) => *name != judge.name,
            Self::OtherFamilies => judge.is_kin(systems) != Some(true),
        }
    }

    /// The panel without the judges that do not count; `None` if nobody is left.
    fn panel(&self, panel: &Panel, systems: &[&SystemName]) -> Option<Panel> {
        let mut left = panel.clone();
        left.judges.retain(|judge| self.count(judge, systems));
        left.quorum = left.quorum.min(u32::try_from(left.judges.len()).unwrap_or(u32::MAX));
        // Who is asked in turn was decided with everybody there.
        left.sequential = None;
        (!left.judges.is_empty()).then_some(left)
    }

    /// The outcome of a comparison by the judges that count; `None`: inconclusive.
    #[must_use]
    pub fn outcome(&self, comparison: &Comparison) -> Option<Preference> {
        let crate::domain::ComparisonState::Judged { result, .. } = &comparison.state else { return None };
        if *self == Self::All {
            return result.outcome;
        }
        let panel = self.panel(&comparison.panel, &[&comparison.system_a, &comparison.system_b])?;
        let counted = |name: &JudgeName| panel.judges.iter().any(|judge| judge.name == *name);
        let said: Vec<_> = result.judges.iter().filter(|one| counted(&one.judge)).cloned().collect();
        compare::panel_outcome(&panel, &said).0
    }

    /// In words, for a note.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Only(name) => Some(format!("only what judge `{name}` said")),
            Self::Without(name) => Some(format!("without judge `{name}`")),
            Self::OtherFamilies => Some("without judges of the family of a system that they judge".to_owned()),
        }
    }
}

/// The scores of these gradings by the judges that count, from their votes.
///
/// # Errors
/// If the store cannot.
pub async fn rescore(
    project: &ProjectStore,
    material: &Material,
    judges: &Judges,
    with_overrides: bool,
) -> Result<HashMap<GradingId, Option<f64>>, Refusal> {
    let mut scores = HashMap::with_capacity(material.gradings.len());
    for grading in &material.gradings {
        let unchanged = grading.panel.judges.iter().all(|judge| judges.count(judge, &[&grading.system]));
        let score = match (unchanged, judges.panel(&grading.panel, &[&grading.system])) {
            (true, _) => material.score(grading, with_overrides),
            (false, None) => None,
            (false, Some(panel)) => one(project, material, grading, panel, with_overrides).await?,
        };
        scores.insert(grading.id, score);
    }
    Ok(scores)
}

async fn one(
    project: &ProjectStore,
    material: &Material,
    grading: &Grading,
    panel: Panel,
    with_overrides: bool,
) -> Result<Option<f64>, Refusal> {
    let (Some(rubric), Some(before)) = (material.rubric(grading), grading.result()) else { return Ok(None) };
    let mut recorded = Recorded::of(project, grading.id).await?;
    recorded.votes.retain(|vote| panel.judges.iter().any(|judge| judge.name == vote.key.judge));
    recorded.reviews.clear();
    if !with_overrides {
        recorded.overrides.clear();
        recorded.scores.clear();
    }
    let grading = Grading { panel, ..grading.clone() };
    let computed = result::compute(result::Material {
        grading: &grading,
        rubric: &rubric.rubric,
        recorded: &recorded,
        checks: before.checks.clone(),
        views: vec![],
        // What was learned of a judge beside all the others stands for it without some of them.
        weighing: before.weighing.clone(),
    });
    Ok(computed.score.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Preference::{A, B};
    use crate::ranking::testing::compared;

    #[test]
    fn without_a_judge_the_others_decide_and_nobody_left_is_inconclusive() {
        let comparison = compared("x", "y", "t", &[("j0", Some(A)), ("j1", Some(B)), ("j2", Some(A))]);
        let judge = |name: &str| JudgeName::parse(name).unwrap();
        assert_eq!(Judges::All.outcome(&comparison), Some(A));
        assert_eq!(Judges::Without(judge("j1")).outcome(&comparison), Some(A));
        assert_eq!(Judges::Without(judge("j0")).outcome(&comparison), None, "one against one is no outcome");
        assert_eq!(Judges::Only(judge("j1")).outcome(&comparison), Some(B));
        assert_eq!(Judges::Only(judge("nobody")).outcome(&comparison), None);
    }

    #[test]
    fn a_judge_does_not_count_where_its_own_family_is_judged() {
        let mut comparison = compared("gpt-5", "human", "t", &[("j0", Some(A)), ("j1", Some(B))]);
        comparison.panel.judges[0].model = "gpt-5-mini".to_owned();
        comparison.panel.judges[1].model = "claude-sonnet-4".to_owned();
        assert_eq!(Judges::OtherFamilies.outcome(&comparison), Some(B));
        comparison.system_a = SystemName::parse("atlas").unwrap();
        assert_eq!(Judges::OtherFamilies.outcome(&comparison), None, "both count again, and differ");
    }
}
