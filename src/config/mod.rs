//! `empanel.toml`: one section per file. Every setting can also be given as `EMPANEL_SECTION__KEY`; a secret
//! only by the name of an environment variable or a file. With no file at all there are working defaults.
//!
//! How to add a setting: a field with a default in its section's file, a line in `empanel.example.toml`.
//! Unknown names are errors, because a misspelt limit is no limit.

mod auth;
mod backup;
mod budget;
mod files;
mod grading;
mod judges;
mod limits;
mod network;
mod oidc;
mod panels;
mod prompts;
mod reading;
mod replicas;
mod server;
mod store;
mod telemetry;
mod webhooks;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use auth::AuthSection;
pub use backup::BackupSection;
pub use budget::BudgetSection;
pub use files::Files;
pub use grading::GradingSection;
pub use judges::JudgeSection;
pub use limits::LimitsSection;
pub use network::NetworkSection;
pub use oidc::{OidcGrant, OidcSection};
pub use panels::{PanelSection, default_quorum};
pub use prompts::PromptsSection;
pub use reading::{Isolation, LibreOffice, ReadingSection};
pub use replicas::ReplicasSection;
pub use server::Server;
pub use store::StoreSection;
pub use telemetry::TelemetrySection;
pub use webhooks::WebhooksSection;

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub auth: AuthSection,
    pub oidc: OidcSection,
    pub store: StoreSection,
    pub files: Files,
    pub backup: BackupSection,
    pub grading: GradingSection,
    pub limits: LimitsSection,
    pub reading: ReadingSection,
    pub budget: BudgetSection,
    pub prompts: PromptsSection,
    pub webhooks: WebhooksSection,
    pub network: NetworkSection,
    pub replicas: ReplicasSection,
    pub telemetry: TelemetrySection,
    pub judges: Vec<JudgeSection>,
    pub panels: Vec<PanelSection>,
    /// Where it came from, for messages and for paths inside it.
    #[serde(skip)]
    pub source: Option<PathBuf>,
}

/// Why a configuration is not usable: the value, the place, the way out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read configuration {path}: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("configuration {place} is not valid:\n{detail}")]
    Invalid { place: String, detail: String },
    #[error("{place}: {message}")]
    Wrong { place: String, message: String },
}

impl ConfigError {
    pub(crate) fn wrong(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Wrong { place: place.into(), message: message.into() }
    }
}

/// The file that is used when none is named.
pub const DEFAULT_FILE: &str = "empanel.toml";

impl Config {
    /// Reads `path`, or `empanel.toml` where it exists, or takes the defaults; then the environment.
    ///
    /// # Errors
    /// If a named file is missing, or anything in it or in the environment is not valid.
    pub fn load(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let path = match path {
            Some(path) => Some(path.to_owned()),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|default| default.exists()),
        };
        let text = match &path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?,
            None => String::new(),
        };
        let place = path.as_ref().map_or("from the environment".to_owned(), |p| p.display().to_string());
        let mut config = Self::parse(&text, &place, environment)?;
        config.source = path;
        Ok(config)
    }

    /// # Errors
    /// If the text or a variable is not valid; the message points at the line.
    pub fn parse(
        text: &str,
        place: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let invalid = |detail: String| ConfigError::Invalid { place: place.to_owned(), detail };
        let mut overridden = overrides(environment)?.peekable();
        // Without overrides the text itself is read, so that errors carry line and column.
        let config: Self = if overridden.peek().is_none() {
            toml::from_str(text).map_err(|e| invalid(e.to_string()))?
        } else {
            let _: Self = toml::from_str(text).map_err(|e| invalid(e.to_string()))?;
            let mut table: toml::Table = toml::from_str(text).map_err(|e| invalid(e.to_string()))?;
            for Override { variable, section, key, value } in overridden {
                let entry = table.entry(section.clone()).or_insert_with(|| toml::Table::new().into());
                let Some(section) = entry.as_table_mut() else {
                    return Err(ConfigError::wrong(variable, format!("`{section}` is a list; set it in the file")));
                };
                section.insert(key, value);
            }
            table.try_into().map_err(|e: toml::de::Error| invalid(format!("after the environment: {e}")))?
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.auth.check()?;
        self.oidc.check()?;
        self.store.check()?;
        self.files.check()?;
        self.backup.check()?;
        self.grading.check()?;
        self.reading.check()?;
        self.budget.check()?;
        self.webhooks.check()?;
        self.network.check()?;
        self.replicas.check()?;
        self.telemetry.check()?;
        judges::check(&self.judges)?;
        panels::check(&self.panels, &self.judges)
    }
}

struct Override {
    variable: String,
    section: String,
    key: String,
    value: toml::Value,
}

/// `EMPANEL_STORE__URL=…` is `[store] url = …`. A value that reads as a number or a boolean is one.
fn overrides(
    environment: impl Iterator<Item = (String, String)>,
) -> Result<impl Iterator<Item = Override>, ConfigError> {
    let mut found = Vec::new();
    for (variable, value) in environment {
        let Some((section, key)) = variable.strip_prefix("EMPANEL_").and_then(|rest| rest.split_once("__")) else {
            continue;
        };
        if section.is_empty() || key.is_empty() {
            return Err(ConfigError::wrong(variable, "has no section or key; write EMPANEL_SECTION__KEY"));
        }
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        let value = match (value.parse::<i64>(), value.parse::<f64>(), value.parse::<bool>()) {
            (Ok(integer), ..) => toml::Value::Integer(integer),
            (_, Ok(float), _) if float.is_finite() => toml::Value::Float(float),
            (.., Ok(boolean)) => toml::Value::Boolean(boolean),
            _ => toml::Value::String(value),
        };
        found.push(Override { variable, section, key, value });
    }
    found.sort_by(|a, b| a.variable.cmp(&b.variable));
    Ok(found.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::parse(text, "empanel.toml", env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn no_configuration_at_all_is_a_working_one() {
        let config = parse("", &[]).unwrap();
        assert_eq!(config.server.bind.to_string(), "127.0.0.1:8787");
        assert_eq!(config.store.url, "sled:./empanel-data");
        assert_eq!(config.files.url, "file:./empanel-data/files");
    }

    #[test]
    fn a_misspelt_setting_is_an_error_that_shows_the_line() {
        let error = parse("[server]\nbnd = \"127.0.0.1:1\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("empanel.toml") && error.contains("bnd") && error.contains("line 2"), "{error}");
        let error = parse("", &[("EMPANEL_SERVER__BND", "127.0.0.1:1")]).unwrap_err().to_string();
        assert!(error.contains("bnd"), "{error}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let env =
            [("EMPANEL_STORE__URL", "sled:/data"), ("EMPANEL_GRADING__MAX_RUNNING", "7"), ("EMPANEL_LOG", "debug")];
        let config = parse("[store]\nurl = \"sled:./here\"\n", &env).unwrap();
        assert_eq!((config.store.url.as_str(), config.grading.max_running), ("sled:/data", 7));
    }

    #[test]
    fn the_example_that_ships_is_valid() {
        let config = parse(include_str!("../../empanel.example.toml"), &[]).unwrap();
        assert!(config.judges.len() >= 2 && !config.panels.is_empty());
    }

    #[test]
    fn panels_name_judges_that_exist_and_rules_that_can_be_met() {
        let judge = "[[judges]]\nname = \"a\"\nprovider = \"openai\"\nmodel = \"m\"\n";
        let of = |panel: &str| parse(&format!("{judge}[[panels]]\nname = \"p\"\n{panel}"), &[]).map(|_| ());
        assert!(of("judges = [\"a\"]\n").is_ok());
        for (panel, says) in [
            ("judges = [\"b\"]\n", "no judge `b`"),
            ("judges = []\n", "no judges"),
            ("judges = [\"a\", \"a\"]\n", "twice"),
            ("judges = [\"a\"]\nquorum = 2\n", "quorum"),
            ("judges = [\"a\"]\nrepeats = 0\n", "repeats"),
            ("judges = [\"a\"]\nmode = \"all\"\n", "all"),
            ("judges = [\"a\"]\nbatch_size = 0\n", "batch_size"),
            ("judges = [\"a\"]\naggregation = \"by_lot\"\n", "by_lot"),
            ("judges = [\"a\"]\naggregation = \"weighted\"\nsequential = {}\n", "sequential"),
            ("judges = [\"a\"]\nreview = { reviewers = 6 }\n", "reviewers"),
            ("judges = [\"a\"]\nreview = { random_share = 1.5 }\n", "random_share"),
        ] {
            let error = of(panel).unwrap_err().to_string();
            assert!(error.contains(says), "{panel}: {error}");
        }
    }

    #[test]
    fn libreoffice_is_found_left_out_or_named_by_its_path() {
        let of = |setting: &str| {
            parse(&format!("[reading]\nlibreoffice = {setting:?}\n"), &[]).map(|c| c.reading.libreoffice())
        };
        assert_eq!(parse("", &[]).unwrap().reading.libreoffice(), LibreOffice::Auto);
        assert_eq!(of("off").unwrap(), LibreOffice::Off);
        assert_eq!(of("/opt/soffice").unwrap(), LibreOffice::At("/opt/soffice".into()));
        assert!(of("no").unwrap_err().to_string().contains("absolute path"));
        assert!(parse("[reading]\nlibreoffice_timeout_s = 0\n", &[]).is_err());
    }

    #[test]
    fn who_comes_in_is_configured_without_a_secret_in_the_file() {
        let of = |rest: &str| parse(&format!("[auth]\n{rest}\n"), &[]).map(|config| config.auth);
        assert_eq!(of("").unwrap(), AuthSection::default());
        assert_eq!(of("admin_key_env = \"KEY\"\nadmin_project = \"acme\"").unwrap().admin_project.as_str(), "acme");
        for (bad, why) in [
            ("admin_key = \"hunter2\"", "admin_key_env"),
            ("admin_key_env = \"A\"\nadmin_key_file = \"b\"", "keep one"),
            ("session_idle_s = 59", "[auth] session_idle_s: 59"),
            ("session_max_s = 9999999", "[auth] session_max_s: 9999999"),
        ] {
            let told = of(bad).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn an_identity_provider_is_named_whole_and_over_https() {
        let of = |rest: &str| parse(&format!("[oidc]\n{rest}\n"), &[]).map(|config| config.oidc);
        let grant = "[[oidc.grants]]\nvalue = \"g\"\nrole = \"reviewer\"\nproject = \"p\"\n";
        let whole = "issuer = \"https://id.example\"\nclient_id = \"e\"\nurl = \"https://e.example\"\n";
        assert_eq!(of("").unwrap(), OidcSection::default());
        assert_eq!(of(&format!("{whole}{grant}")).unwrap().grants.len(), 1);
        for (rest, why) in [
            ("client_id = \"e\"".to_owned(), "[oidc] issuer: is missing"),
            (whole.to_owned(), "[oidc] grants: has none"),
            (format!("{}{grant}", whole.replace("https://id", "http://id")), "not https"),
            (format!("{}{grant}", whole.replace("https://e.", "ftp://e.")), "[oidc] url"),
            (format!("{whole}{}", grant.replace("reviewer", "king")), "king"),
            (format!("{whole}client_secret = \"x\"\n{grant}"), "client_secret_env"),
        ] {
            let told = of(&rest).unwrap_err().to_string();
            assert!(told.contains(why), "{rest}: {told}");
        }
    }

    #[test]
    fn a_lease_outlives_three_signs_of_life() {
        let of = |rest: &str| parse(&format!("[replicas]\n{rest}\n"), &[]).map(|config| config.replicas);
        assert_eq!(of("").unwrap(), ReplicasSection::default());
        assert_eq!(of("lease_s = 9\nshared = true").unwrap().shared, Some(true));
        for (bad, why) in [
            ("lease_s = 8", "[replicas] lease_s: 8 is not between 9"),
            ("beat_s = 0", "[replicas] beat_s: 0"),
            ("lease_s = 601", "[replicas] lease_s: 601"),
        ] {
            let told = of(bad).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn webhooks_take_networks_and_times_that_are_some() {
        let of = |rest: &str| parse(&format!("[webhooks]\n{rest}\n"), &[]).map(|config| config.webhooks);
        let section = of("allow = [\"10.1.0.0/16\", \"::1\"]\nretries_s = []").unwrap();
        assert_eq!((section.allowed().len(), section.retries().len(), section.allow_private), (2, 0, false));
        let standard = crate::services::hooks::STANDARD_RETRIES;
        assert_eq!(of("").unwrap().retries_s, standard, "the default is the standard's schedule");
        for (rest, says) in [
            ("allow = [\"10.1.0.0/99\"]", "10.1.0.0/16"),
            ("timeout_s = 0", "timeout_s"),
            ("max_concurrency = 0", "max_concurrency"),
            ("keep_days = 0", "keep_days"),
            ("retries_s = [99999999]", "retries_s"),
        ] {
            let error = of(rest).unwrap_err().to_string();
            assert!(error.contains(says), "{rest}: {error}");
        }
    }

    #[test]
    fn pictures_and_sound_are_configured_only_for_judges_that_can_take_them() {
        let of = |provider: &str, rest: &str| {
            parse(&format!("[[judges]]\nname = \"a\"\nprovider = {provider:?}\nmodel = \"m\"\n{rest}\n"), &[])
        };
        let judge = of("openai", "vision = true\naudio = true\nimages = { pages = 5, max_px = 1024 }")
            .unwrap()
            .judges
            .remove(0);
        assert_eq!((judge.images.unwrap().pages, judge.audio), (Some(5), true));
        for (provider, rest, says) in [
            ("openai", "images = { pages = 5 }", "vision"),
            ("openai", "vision = true\nimages = { max_px = 20 }", "max_px"),
            ("openai", "vision = true\nimages = { page = 20 }", "page"),
            ("anthropic", "audio = true", "audio"),
            ("openai", "video = true", "video"),
        ] {
            let error = of(provider, rest).unwrap_err().to_string();
            assert!(error.contains(says), "{rest}: {error}");
        }
    }

    #[test]
    fn the_store_takes_its_password_from_elsewhere_and_shows_none() {
        let of = |rest: &str| parse(&format!("[store]\nurl = \"postgres://u:hunter2@h/db\"\n{rest}\n"), &[]);
        let config = of("password_env = \"DB\"\nmax_connections = 40").unwrap();
        assert_eq!((config.store.password_env.as_deref(), config.store.max_connections), (Some("DB"), 40));
        assert!(!format!("{config:?}").contains("hunter2"));
        for (rest, says) in [
            ("password = \"hunter3\"", "password_env"),
            ("password_env = \"A\"\npassword_file = \"b\"", "keep one"),
            ("max_connections = 1", "from 2"),
            ("patience_s = 0", "from 1"),
        ] {
            let error = of(rest).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hunter"), "{rest}: {error}");
        }
    }

    #[test]
    fn the_object_store_takes_its_credentials_from_elsewhere_and_shows_none() {
        let of = |rest: &str| parse(&format!("[files]\nurl = \"s3://b/p\"\n{rest}\n"), &[]);
        let config =
            of("access_key_id_env = \"A\"\nsecret_access_key_file = \"b\"\nendpoint = \"http://minio:9000\"").unwrap();
        assert_eq!(config.files.access_key_id_env.as_deref(), Some("A"));
        for (rest, says) in [
            ("secret_access_key = \"hunter2\"", "secret_access_key_env"),
            ("access_key_id_env = \"A\"", "belong together"),
            ("session_token_env = \"A\"", "belong together"),
            ("access_key_id_env = \"A\"\naccess_key_id_file = \"b\"\nsecret_access_key_env = \"C\"", "keep one"),
            ("endpoint = \"minio:9000\"", "https://HOST:PORT"),
            ("endpoint = \"https://me:hunter2@minio\"", "https://HOST:PORT"),
            ("patience_s = 0", "from 1"),
            ("sweep_grace_h = 0", "from 1 hour"),
        ] {
            let error = of(rest).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hunter"), "{rest}: {error}");
        }
    }

    #[test]
    fn a_key_in_the_file_is_refused_with_the_way_to_give_it() {
        let text = "[[judges]]\nname = \"a\"\nprovider = \"openai\"\nmodel = \"m\"\napi_key = \"sk-123\"\n";
        let error = parse(text, &[]).unwrap_err().to_string();
        assert!(error.contains("api_key_env") && !error.contains("sk-123"), "{error}");
    }
}
