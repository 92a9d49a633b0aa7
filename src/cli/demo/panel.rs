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
                settings: serde_json::json!({}),
                vision: false,
                images: None,
                audio: false,
                video: false,
                max_input_chars: 400_000,
                price: None,
            });
            config.recording = Some(recorded.into());
            Ok(config)
        })
        .collect()
}

/// # Errors
/// Never in practice: the names are valid.
pub fn panel(judges: &[JudgeConfig]) -> Result<Panel, InvalidName> {
    Ok(panel_of(PanelName::parse(PANEL)?, judges.iter().map(|judge| judge.spec.clone()).collect()))
}
