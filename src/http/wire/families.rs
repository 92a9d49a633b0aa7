//! Which judges are of the family of what they judge.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{JudgeSpec, Panel, SystemName, family};

/// Judges are kinder to works of their own family: which ones are of it, as far as names tell.
#[derive(Debug, Serialize, ToSchema)]
pub struct FamiliesBody {
    /// Of each system that is judged; null where its name does not tell.
    pub systems: Vec<Option<&'static str>>,
    /// Judges of the family of a system that they judge.
    pub own: Vec<String>,
    /// Judges that were not asked for that reason (the panel's `own_family = "refuse"`).
    pub left_out: Vec<String>,
    /// Judges of which it is not known: their names or the systems' do not tell. They judge.
    pub unknown: Vec<String>,
}

impl FamiliesBody {
    #[must_use]
    pub fn of(panel: &Panel, systems: &[&SystemName]) -> Self {
        let named = |wanted: Option<bool>| {
            let of = |judge: &&JudgeSpec| judge.is_kin(systems) == wanted;
            panel.judges.iter().filter(of).map(|judge| judge.name.to_string()).collect()
        };
        Self {
            systems: systems.iter().map(|system| family(system.as_str())).collect(),
            own: named(Some(true)),
            left_out: panel.left_out.iter().map(|left_out| left_out.judge.to_string()).collect(),
            unknown: named(None),
        }
    }
}
