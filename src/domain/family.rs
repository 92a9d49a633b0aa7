//! Who makes a model, as far as its name tells. Judges are kinder to works of their own family (`stats::accuracy::
//! self_preference` measures it): which ones they are is said with every grading, and a panel may do without them.

use serde::{Deserialize, Serialize};

use super::{JudgeName, JudgeSpec, Panel, SystemName};

/// Who makes a model, as far as its name tells: `openai`, `anthropic`, `google` ... `None`: it does not tell.
#[must_use]
pub fn family(name: &str) -> Option<&'static str> {
    const FAMILIES: &[(&str, &[&str])] = &[
        ("openai", &["gpt", "openai", "chatgpt", "o1", "o3", "o4", "codex"]),
        ("anthropic", &["claude", "anthropic", "opus", "sonnet", "haiku"]),
        ("google", &["gemini", "gemma", "google", "palm"]),
        ("xai", &["grok", "xai"]),
        ("meta", &["llama", "meta"]),
        ("mistral", &["mistral", "mixtral", "magistral", "ministral", "codestral"]),
        ("deepseek", &["deepseek"]),
        ("alibaba", &["qwen", "qwq"]),
        ("moonshot", &["kimi", "moonshot"]),
        ("zhipu", &["glm", "chatglm"]),
        ("cohere", &["command", "cohere"]),
        ("microsoft", &["phi"]),
        ("nvidia", &["nemotron"]),
    ];
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `gpt5`, `gpt4o` and `llama3` are said too: digits and what follows them are versions.
    let stem =
        |word: &str| word.find(|c: char| c.is_ascii_digit()).filter(|at| *at > 1).map(|at| word[..at].to_owned());
    FAMILIES.iter().find_map(|(family, known)| {
        let of = |word: &&str| known.contains(word) || stem(word).is_some_and(|stem| known.contains(&stem.as_str()));
        words.iter().any(of).then_some(*family)
    })
}

/// What a panel does with judges of the family of the system that they judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnFamily {
    /// They judge, and it is said.
    #[default]
    Mark,
    /// They are left out, and it is said; where too few are left nothing is judged.
    Refuse,
}

impl OwnFamily {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
    pub(super) fn is_mark(&self) -> bool {
        *self == Self::Mark
    }
}

/// A judge that a panel does without, because it is of the family of a system that it would judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub judge: JudgeName,
    pub family: String,
}

impl JudgeSpec {
    /// Of its model, or of who runs it at its own address. A server that only speaks a provider's language says nothing.
    #[must_use]
    pub fn family(&self) -> Option<&'static str> {
        const OWN: [&str; 3] = ["api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com"];
        let address = self.settings.get("base_url").and_then(serde_json::Value::as_str);
        let own_address = address.is_none_or(|address| OWN.iter().any(|own| address.contains(own)));
        family(&self.model).or_else(|| own_address.then(|| family(&self.provider)).flatten())
    }

    /// Whether it is of the family of one of these systems; `None` where its name or theirs do not tell.
    #[must_use]
    pub fn is_kin(&self, systems: &[&SystemName]) -> Option<bool> {
        let own = self.family()?;
        let known: Vec<_> = systems.iter().filter_map(|system| family(system.as_str())).collect();
        if known.contains(&own) {
            return Some(true);
        }
        // A human is of no family, and that is known.
        let told = systems.iter().all(|system| system.is_human() || family(system.as_str()).is_some());
        told.then_some(false)
    }
}

impl Panel {
    /// The panel for these systems: where it does without judges of their families, without those. A judge or a system
    /// whose family is not known stays.
    ///
    /// # Errors
    /// In words, if too few judges are left.
    pub fn for_systems(mut self, systems: &[&SystemName]) -> Result<Self, String> {
        if self.own_family == OwnFamily::Mark {
            return Ok(self);
        }
        let (kin, others): (Vec<_>, Vec<_>) =
            self.judges.into_iter().partition(|judge| judge.is_kin(systems) == Some(true));
        self.judges = others;
        self.left_out = kin
            .iter()
            .map(|judge| LeftOut { judge: judge.name.clone(), family: judge.family().unwrap_or_default().to_owned() })
            .collect();
        let left = u32::try_from(self.judges.len()).unwrap_or(u32::MAX);
        if self.left_out.is_empty() || left >= self.quorum.max(1) {
            return Ok(self);
        }
        let named: Vec<String> = self
            .left_out
            .iter()
            .map(|LeftOut { judge, family: own }| {
                let system = systems.iter().find(|system| family(system.as_str()) == Some(own.as_str()));
                let system = system.map_or_else(String::new, |system| format!(", as is system `{system}`"));
                format!("judge `{judge}` is of the family {own}{system}")
            })
            .collect();
        Err(format!(
            "panel `{}` does without judges of the family of the system that they judge (own_family = \"refuse\"): {}. \
             {left} judges are left and its quorum is {}; name a panel with judges of other families, or set \
             own_family = \"mark\" for this one",
            self.name,
            named.join("; "),
            self.quorum
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_told_from_a_name_as_people_write_it_and_nobody_is_put_into_one_by_chance() {
        for (name, wanted) in [
            ("gpt-5 + tools", Some("openai")),
            ("GPT4o", Some("openai")),
            ("o3-pro", Some("openai")),
            ("claude-opus-4.1", Some("anthropic")),
            ("models/gemini-2.5-pro", Some("google")),
            ("Gemini 2.5 Pro", Some("google")),
            ("Llama3-70b", Some("meta")),
            ("meta/llama3.1-70b", Some("meta")),
            ("qwen2", Some("alibaba")),
            ("human", None),
            ("egypt-travel", None),
            ("intern", None),
            ("o-ring", None),
            ("atlas-2", None),
        ] {
            assert_eq!(family(name), wanted, "{name}");
        }
    }

    fn panel(models: &[&str], own_family: OwnFamily) -> Panel {
        let judge = |model: &&str| {
            serde_json::json!({
                "name": model, "provider": "openai", "model": model, "settings": {"base_url": "http://127.0.0.1:8000/v1"},
                "vision": false, "max_input_chars": 1, "price": null,
            })
        };
        let judges: Vec<_> = models.iter().map(judge).collect();
        let panel = serde_json::json!({
            "name": "p", "judges": judges, "repeats": 1, "quorum": 2, "aggregation": "majority", "min_coverage": 0.5,
            "review": {}, "own_family": own_family,
        });
        serde_json::from_value(panel).unwrap()
    }

    fn names(panel: &Panel) -> Vec<&str> {
        panel.judges.iter().map(|judge| judge.name.as_str()).collect()
    }

    #[test]
    fn judges_of_the_systems_family_are_left_out_only_where_the_panel_says_so() {
        let system = SystemName::parse("gpt-5 + tools").unwrap();
        let models = ["gpt-5-mini", "claude-opus-4", "local-7b"];
        let marked = panel(&models, OwnFamily::Mark).for_systems(&[&system]).unwrap();
        assert_eq!((marked.judges.len(), marked.left_out.len()), (3, 0));
        assert_eq!(
            marked.judges.iter().map(|j| j.is_kin(&[&system])).collect::<Vec<_>>(),
            [Some(true), Some(false), None]
        );
        let refused = panel(&models, OwnFamily::Refuse).for_systems(&[&system]).unwrap();
        assert_eq!(names(&refused), ["claude-opus-4", "local-7b"], "who is of no known family stays");
        assert_eq!((refused.left_out[0].judge.as_str(), refused.left_out[0].family.as_str()), ("gpt-5-mini", "openai"));
        let human = SystemName::parse("human").unwrap();
        let of_human = panel(&models, OwnFamily::Refuse).for_systems(&[&human]).unwrap();
        assert_eq!(of_human.judges.len(), 3);
    }

    #[test]
    fn a_panel_that_would_fall_below_its_quorum_says_who_why_and_what_to_do() {
        let system = SystemName::parse("gpt-5").unwrap();
        let why = panel(&["gpt-5-mini", "claude-opus-4"], OwnFamily::Refuse).for_systems(&[&system]).unwrap_err();
        for words in
            ["panel `p`", "judge `gpt-5-mini`", "system `gpt-5`", "openai", "quorum is 2", "own_family = \"mark\""]
        {
            assert!(why.contains(words), "{words}: {why}");
        }
    }
}
