//! The demo's panel: three judges whose replies were written by hand (by script, from the planted verdicts) and are
//! labelled so. They show what a panel does; they are no vendor's model and no measurement.

use crate::app::panel_of;
use crate::domain::{InvalidName, JudgeName, JudgeSpec, Panel, PanelName};
use crate::judge::JudgeConfig;

pub const PANEL: &str = "scripted";
pub const JUDGES: [&str; 3] = ["scripted-a", "scripted-b", "scripted-c"];

/// # Errors
/// Never in practice: the names are valid.
pub fn judges(recorded: &'static str) -> Result<Vec<JudgeConfig>, InvalidName> {
    JUDGES
        .iter()
        .map(|name| {
            let mut config = JudgeConfig::new(JudgeSpec {
                name: JudgeName::parse(*name)?,
                provider: "recorded".to_owned(),
                model: "scripted".to_owned(),
                // Part of the judge's identity; replies are found by judge and prompt.
                settings: serde_json::json!({ "script": name }),
                vision: false,
                max_input_chars: 400_000,
                price: None,
            });
            config.recording = Some(of_judge(recorded, name).into());
            Ok(config)
        })
        .collect()
}

/// The lines of one judge: three judges answer the same prompt differently.
fn of_judge(recorded: &str, judge: &str) -> String {
    let marker = format!("\"judge\":\"{judge}\"");
    recorded.lines().filter(|line| line.contains(&marker)).flat_map(|line| [line, "\n"]).collect()
}

/// # Errors
/// Never in practice: the names are valid.
pub fn panel(judges: &[JudgeConfig]) -> Result<Panel, InvalidName> {
    Ok(panel_of(PanelName::parse(PANEL)?, judges.iter().map(|judge| judge.spec.clone()).collect()))
}
