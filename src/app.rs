//! The one place where adapters are chosen and joined: which store, which judges, which clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Isolation, JudgeSection, LibreOffice, NetworkSection, PanelSection, ReadingSection};
use crate::document;
use crate::domain::{
    Aggregation, Clock, IdSource, JudgeName, JudgeSpec, Panel, PanelName, ReplicaId, ReviewPolicy, SystemClock,
};
use crate::guard::{Forbidden, Guard};
use crate::identity;
use crate::judge::{self, BatchTimes, Jitter, Judge, JudgeConfig, JudgeError, Seams, Secret, SystemTimer, Timer};
use crate::prompt::{self, Templates};
use crate::reading::{Cache, Office, OfficeLimits, OfficeProgram, Reading, WorkerLimits};
use crate::services::hooks::Hooks;
use crate::services::purse::Purses;
use crate::services::replicas::Replicas;
use crate::services::upkeep::{Backups, Sweeps, Upkeep};
use crate::services::views::Views;
use crate::services::{IntakeLimits, Running, Services};
use crate::store::{Blobs, BucketOptions, Credentials, PostgresOptions, Store, StoreError, StoreOptions};

/// Why the service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error("{0}")]
    Setup(String),
}

/// The panel that needs no network and no key.
pub const OFFLINE_PANEL: &str = "offline";

/// What tests and the command line may choose besides the configuration.
pub struct Choices {
    pub clock: Arc<dyn Clock>,
    pub timer: Arc<dyn Timer>,
    /// Of ids and jitter.
    pub seed: [u8; 32],
    /// Judges and panels besides the configured ones (the demo's scripted panel).
    pub judges: Vec<JudgeConfig>,
    pub panels: Vec<Panel>,
    /// A panel that is meant where none is named.
    pub default_panel: Option<PanelName>,
}

impl Choices {
    /// The system's clock and a seed of the system's.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn system() -> Result<Self, AppError> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed)
            .map_err(|e| AppError::Setup(format!("the operating system gives no random bytes: {e}")))?;
        Ok(Self {
            clock: Arc::new(SystemClock),
            timer: Arc::new(SystemTimer::default()),
            seed,
            judges: vec![],
            panels: vec![],
            default_panel: None,
        })
    }
}

/// Opens what the configuration names and joins it.
///
/// # Errors
/// If the store cannot be opened, or a judge lacks what it needs.
pub async fn build(config: &Config, choices: Choices) -> Result<Arc<Services>, AppError> {
    let (judges, panels) = bench(config, &choices)?;
    if config.budget.project_month_usd.is_some()
        && let Some(judge) = panels.values().flat_map(|panel| &panel.judges).find(|judge| judge.price.is_none())
    {
        let message = format!("[budget] project_month_usd cannot be kept: judge `{}` has no `price`", judge.name);
        return Err(AppError::Setup(message));
    }
    let store = Store::open(&config.store.url, store_options(config)?).await?;
    store.prepare().await?;
    let blobs = blobs(config).await?;
    let default = PanelName::parse("default").ok().filter(|name| panels.contains_key(name));
    let offline = PanelName::parse(OFFLINE_PANEL).ok().filter(|_| config.panels.is_empty());
    let limits = &config.limits;
    let ids = IdSource::new(choices.clock.clone(), choices.seed);
    let replicas = replicas(config, &store, ids.next());
    Ok(Arc::new(Services {
        store,
        blobs,
        judges,
        panels,
        default_panel: choices.default_panel.or(default).or(offline),
        templates: templates(config)?,
        reading: reading(config)?,
        keep_pictures: config.files.keep_pictures,
        intake: IntakeLimits {
            max_file_bytes: limits.max_file_bytes,
            max_files: limits.max_files,
            max_upload_bytes: limits.max_upload_bytes,
            max_json_bytes: limits.max_json_bytes,
            max_battles: limits.max_battles,
        },
        ids,
        clock: choices.clock,
        lease: Duration::from_secs(config.grading.lease_s),
        max_running: config.grading.max_running,
        grading_usd: config.budget.grading_usd,
        purses: Purses::new(config.budget.project_month_usd),
        hooks: hooks(config),
        views: Views::new(Duration::from_millis(config.server.page_patience_ms)),
        replicas,
        running: Running::default(),
        bell: tokio::sync::Notify::new(),
        rubric_identity: Arc::new(tokio::sync::Mutex::new(())),
    }))
}

/// This process alone, or among its equals, as the store allows and the configuration says.
fn replicas(config: &Config, store: &Store, me: ReplicaId) -> Replicas {
    let section = &config.replicas;
    if !section.shared.unwrap_or_else(|| store.is_shared()) {
        return Replicas::alone(me);
    }
    let name = section.name.clone().unwrap_or_else(|| format!("process {}", std::process::id()));
    Replicas::among(me, name, Duration::from_secs(section.lease_s), Duration::from_secs(section.beat_s))
}

/// How the configured store is opened.
///
/// # Errors
/// If the password is not where the configuration says.
pub fn store_options(config: &Config) -> Result<StoreOptions, AppError> {
    let section = &config.store;
    let password = secret(section.password_env.as_deref(), section.password_file.as_deref(), "password")
        .map_err(|message| AppError::Setup(format!("[store]: {message}")))?;
    let postgres = PostgresOptions {
        password,
        max_connections: section.max_connections,
        connect_timeout: Duration::from_secs(section.connect_timeout_s),
        statement_timeout: Duration::from_secs(section.statement_timeout_s),
        patience: Duration::from_secs(section.patience_s),
    };
    Ok(StoreOptions { postgres, ..StoreOptions::default() })
}

/// What the service does by the clock.
#[must_use]
pub fn upkeep(config: &Config) -> Upkeep {
    let (files, section) = (&config.files, &config.backup);
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let sweeps = Sweeps { every: hours(files.sweep_every_h), grace: hours(files.sweep_grace_h) };
    let beside = config.source.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let backups = section.folder.as_ref().map(|folder| Backups {
        folder: beside.join(folder),
        every: Duration::from_secs_f64(section.every_h * 3_600.0),
        keep: section.keep,
        files: section.files,
    });
    // A store that forgets does not know what others keep in a place that does not.
    let sweeps = (files.sweep_every_h > 0 && !config.store.url.starts_with("memory:")).then_some(sweeps);
    Upkeep { sweeps, backups }
}

/// Opens the place of files that the configuration names.
///
/// # Errors
/// If the place cannot be used, or the credentials are not where the configuration says.
pub async fn blobs(config: &Config) -> Result<Blobs, AppError> {
    let section = &config.files;
    let setup = |message| AppError::Setup(format!("[files]: {message}"));
    let secret = |env: &Option<String>, file: Option<&Path>, what| secret(env.as_deref(), file, what).map_err(setup);
    let id = secret(&section.access_key_id_env, section.access_key_id_file.as_deref(), "access_key_id")?;
    let key = secret(&section.secret_access_key_env, section.secret_access_key_file.as_deref(), "secret_access_key")?;
    let session_token = secret(&section.session_token_env, None, "session_token")?;
    let credentials = match (id, key) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Some(Credentials { access_key_id, secret_access_key, session_token })
        }
        _ => None,
    };
    let options = BucketOptions {
        path_style: section.path_style.unwrap_or(section.endpoint.is_some()),
        endpoint: section.endpoint.clone(),
        region: section.region.clone(),
        credentials,
        connect_timeout: Duration::from_secs(section.connect_timeout_s),
        read_timeout: Duration::from_secs(section.read_timeout_s),
        patience: Duration::from_secs(section.patience_s),
    };
    Ok(Blobs::open_with(&section.url, options).await?)
}

/// How events are told to those who asked for it.
fn hooks(config: &Config) -> Hooks {
    let section = &config.webhooks;
    Hooks {
        timeout: Duration::from_secs(section.timeout_s),
        at_once: section.max_concurrency,
        at_once_each: section.max_concurrency_each,
        retries: section.retries(),
        overlap: Duration::from_secs(section.rotation_overlap_s),
        keep: Duration::from_secs(section.keep_days * 24 * 3_600),
        most: section.max_per_project,
        guard: Guard { allow_private: section.allow_private, allow: section.allowed() },
        allow_http: section.allow_http,
        bell: tokio::sync::Notify::new(),
    }
}

/// The wording of questions: built in, or replaced by what is in a folder.
///
/// # Errors
/// If the folder cannot be read, or a template in it cannot be used.
pub fn templates(config: &Config) -> Result<Templates, AppError> {
    let Some(folder) = &config.prompts.folder else { return Ok(Templates::builtin()) };
    let beside = config.source.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let folder = beside.join(folder);
    let wrong =
        |what: &dyn std::fmt::Display| AppError::Setup(format!("[prompts] folder {}: {what}", folder.display()));
    let mut own = BTreeMap::new();
    let inside = folder.canonicalize().map_err(|e| wrong(&e))?;
    for entry in std::fs::read_dir(&folder).map_err(|e| wrong(&e))? {
        let path = entry.map_err(|e| wrong(&e))?.path();
        if let (Some("j2"), Some(name)) = (path.extension().and_then(|e| e.to_str()), path.file_stem()) {
            let at = |what: &dyn std::fmt::Display| wrong(&format!("{}: {what}", path.display()));
            // A link may lead to another file of the folder (volumes of Kubernetes are so), and nowhere else.
            if !path.canonicalize().map_err(|e| at(&e))?.starts_with(&inside) {
                return Err(at(&"it leads out of the folder; put the template itself there"));
            }
            let about = std::fs::metadata(&path).map_err(|e| at(&e))?;
            if !about.is_file() || about.len() > prompt::MAX_SOURCE as u64 {
                let most = prompt::MAX_SOURCE;
                return Err(at(&format!("{} bytes; a template is a file of at most {most}", about.len())));
            }
            let source = std::fs::read_to_string(&path).map_err(|e| at(&e))?;
            own.insert(name.to_string_lossy().into_owned(), source);
        }
    }
    Templates::with(&own).map_err(|e| wrong(&e))
}

/// What reads files, and where: the same for the service and for whoever only wants to see what it reads.
///
/// # Errors
/// If readers cannot run where the configuration says, or its cache cannot be used.
pub fn reading(config: &Config) -> Result<Reading, AppError> {
    let section = &config.reading;
    let limits = document::Limits { max_file_bytes: config.limits.max_file_bytes, ..document::Limits::default() };
    let reading = match section.isolation {
        Isolation::Thread => Reading::in_process(limits),
        Isolation::Process => {
            let program = std::env::current_exe().map_err(|error| {
                let way_out = "set [reading] isolation = \"thread\"";
                AppError::Setup(format!("readers cannot run in processes of their own: {error}; {way_out}"))
            })?;
            let all = WorkerLimits::default();
            let workers = if section.workers == 0 { all.workers } else { section.workers };
            let (time, memory) = (Duration::from_secs(section.timeout_s), section.memory_mb << 20);
            Reading::isolated(limits, program, WorkerLimits { workers, time, memory })
        }
    };
    let reading = reading.with_office(office(section));
    let beside = || Some(PathBuf::from(config.files.url.strip_prefix("file:")?).parent()?.join("cache"));
    match section.cache.clone().or_else(beside).filter(|folder| !folder.as_os_str().is_empty()) {
        None => Ok(reading),
        Some(folder) => {
            let shown = folder.display().to_string();
            let cache = Cache::open(folder, section.cache_mb << 20).map_err(|error| {
                AppError::Setup(format!(
                    "the folder {shown} for what was read cannot be used: {error}; see [reading] cache"
                ))
            })?;
            Ok(reading.with_cache(cache))
        }
    }
}

/// What draws the pages of Office files.
fn office(section: &ReadingSection) -> Office {
    let program = match section.libreoffice() {
        LibreOffice::Auto => OfficeProgram::Auto,
        LibreOffice::Off => OfficeProgram::Off,
        LibreOffice::At(path) => OfficeProgram::At(path),
    };
    let limits = OfficeLimits {
        time: Duration::from_secs(section.libreoffice_timeout_s),
        memory: section.libreoffice_memory_bytes,
        at_once: section.libreoffice_at_once,
        ..OfficeLimits::default()
    };
    Office::new(program, limits)
}

type Bench = (BTreeMap<JudgeName, Arc<Judge>>, BTreeMap<PanelName, Panel>);

/// Judges and panels alone: what `config check` looks at.
///
/// # Errors
/// If a judge lacks what it needs.
pub fn bench(config: &Config, choices: &Choices) -> Result<Bench, AppError> {
    let seams = Seams {
        clock: choices.clock.clone(),
        timer: choices.timer.clone(),
        jitter: Arc::new(Jitter::seeded(choices.seed)),
        http: judge::guarded_client(true, config.network.guard())?,
    };
    let beside = config.source.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let mut judges: BTreeMap<JudgeName, Arc<Judge>> = BTreeMap::new();
    let configured = config
        .judges
        .iter()
        .map(|section| judge_config(section, &beside, &config.network))
        .collect::<Result<Vec<_>, _>>()?;
    // A configured judge may take the name of a built-in one; it then takes its place.
    for judge in judge::offline_judges().into_iter().chain(choices.judges.iter().cloned()).chain(configured) {
        judges.insert(judge.spec.name.clone(), Arc::new(Judge::new(judge, &seams)?));
    }
    let mut panels: BTreeMap<PanelName, Panel> = BTreeMap::new();
    // A judge's own view of itself: making it may have completed its settings.
    let as_made = |names: Vec<JudgeName>| -> Vec<JudgeSpec> {
        names.iter().filter_map(|name| judges.get(name)).map(|judge| judge.spec().clone()).collect()
    };
    let offline = as_made(judge::offline_judges().into_iter().map(|judge| judge.spec.name).collect());
    let name = PanelName::parse(OFFLINE_PANEL).map_err(|e| AppError::Setup(e.to_string()))?;
    panels.insert(name.clone(), panel_of(name, offline));
    for panel in &choices.panels {
        let judges = as_made(panel.judges.iter().map(|judge| judge.name.clone()).collect());
        panels.insert(panel.name.clone(), Panel { judges, ..panel.clone() });
    }
    for section in &config.panels {
        panels.insert(section.name.clone(), panel(section, &judges)?);
    }
    Ok((judges, panels))
}

/// A panel with the default rules.
#[must_use]
pub fn panel_of(name: PanelName, judges: Vec<JudgeSpec>) -> Panel {
    Panel {
        name,
        quorum: crate::config::default_quorum(judges.len()),
        judges,
        repeats: 1,
        aggregation: Aggregation::Majority,
        min_coverage: 0.5,
        review: ReviewPolicy::default(),
        cache: crate::domain::CachePolicy::default(),
        mode: crate::domain::Mode::default(),
        sequential: None,
        provider_batch: false,
        own_family: crate::domain::OwnFamily::Mark,
        left_out: vec![],
    }
}

fn panel(section: &PanelSection, judges: &BTreeMap<JudgeName, Arc<Judge>>) -> Result<Panel, AppError> {
    let specs = section.judges.iter().map(|name| match judges.get(name) {
        Some(judge) => Ok(judge.spec().clone()),
        None => Err(AppError::Setup(format!("panel `{}` names judge `{name}`, which is not there", section.name))),
    });
    Ok(Panel {
        name: section.name.clone(),
        judges: specs.collect::<Result<_, _>>()?,
        repeats: section.repeats,
        quorum: section.quorum(),
        aggregation: section.aggregation().unwrap_or_default(),
        min_coverage: section.min_coverage,
        review: section.review,
        cache: section.cache,
        mode: section.mode(),
        sequential: section.sequential,
        provider_batch: section.provider_batch,
        own_family: section.own_family,
        left_out: vec![],
    })
}

/// Whether an address that stands in a judge's `base_url` is none that anybody runs a judge at: a cloud's metadata, a
/// multicast address. Loopback and private ones are those of judges in one's own house.
fn forbidden(url: &str, network: &NetworkSection) -> Option<Forbidden> {
    Guard { allow_private: true, ..network.guard() }.check_url(url).err()
}

fn judge_config(section: &JudgeSection, beside: &Path, network: &NetworkSection) -> Result<JudgeConfig, AppError> {
    let setup = |message: String| AppError::Setup(format!("judge `{}`: {message}", section.name));
    let settings = serde_json::to_value(&section.settings).map_err(|e| setup(format!("settings: {e}")))?;
    let mut config = JudgeConfig::new(JudgeSpec {
        name: section.name.clone(),
        provider: section.provider.clone(),
        model: section.model.clone(),
        settings,
        vision: section.vision,
        images: section.images,
        audio: section.audio,
        video: section.video,
        max_input_chars: section.max_input_chars,
        price: section.price,
    });
    config.api_key =
        secret(section.api_key_env.as_deref(), section.api_key_file.as_deref(), "api_key").map_err(setup)?;
    config.api_key_env.clone_from(&section.api_key_env);
    config.base_url.clone_from(&section.base_url);
    if let Some(forbidden) = section.base_url.as_deref().and_then(|url| forbidden(url, network)) {
        let way_out = "[network] allow of the configuration decides about that";
        return Err(setup(format!("base_url leads to {forbidden}; {way_out}")));
    }
    config.max_concurrency = section.max_concurrency;
    config.rpm = section.rpm;
    config.tpm = section.tpm;
    config.timeout = Duration::from_secs(section.timeout_s);
    config.read_timeout = config.read_timeout.min(config.timeout);
    config.max_attempts = section.max_attempts;
    config.max_reasks = section.max_reasks;
    config.batch_times = BatchTimes {
        collect: Duration::from_secs_f64(section.batch_collect_s),
        poll: Duration::from_secs_f64(section.batch_poll_s),
    };
    config.hedge_after = section.hedge_after_s.map(Duration::from_secs_f64);
    if let Some(replies) = &section.replies {
        let path = beside.join(replies);
        let text = std::fs::read_to_string(&path)
            .map_err(|e| setup(format!("cannot read replies {}: {e}", path.display())))?;
        config.recording = Some(text.into());
    }
    Ok(config)
}

/// The admin's key that the configuration names, if it names one.
///
/// # Errors
/// If its variable is not set, or its file cannot be read.
pub fn admin_key(config: &Config) -> Result<Option<Secret>, AppError> {
    let auth = &config.auth;
    let key = secret(auth.admin_key_env.as_deref(), auth.admin_key_file.as_deref(), "admin_key");
    key.map_err(|why| AppError::Setup(format!("[auth]: {why}")))
}

/// The identity provider that the configuration names, if it names one.
///
/// # Errors
/// If its client's secret cannot be read.
pub fn identity(config: &Config) -> Result<Option<identity::Settings>, AppError> {
    let section = &config.oidc;
    let Some(issuer) = section.issuer.clone() else { return Ok(None) };
    let secret = secret(section.client_secret_env.as_deref(), section.client_secret_file.as_deref(), "client_secret");
    let words = |given: &Option<Vec<String>>, usual: &[&str]| {
        given.clone().unwrap_or_else(|| usual.iter().map(|word| (*word).to_owned()).collect())
    };
    let grants = section.grants.iter().map(|grant| identity::Grant {
        value: grant.value.clone(),
        role: grant.role.clone(),
        project: grant.project.clone(),
    });
    Ok(Some(identity::Settings {
        issuer,
        client_id: section.client_id.clone(),
        client_secret: secret.map_err(|why| AppError::Setup(format!("[oidc]: {why}")))?,
        redirect: format!("{}/login/oidc/back", section.url.trim_end_matches('/')),
        scopes: words(&section.scopes, &["email", "profile"]),
        name_claim: section.name_claim.clone().unwrap_or_else(|| "email".to_owned()),
        claim: section.claim.clone().unwrap_or_else(|| "groups".to_owned()),
        grants: grants.collect(),
    }))
}

/// A secret from its variable or its file. A variable that is named and not set is a mistake, said before a
/// call fails for it.
fn secret(variable: Option<&str>, file: Option<&Path>, what: &str) -> Result<Option<Secret>, String> {
    if let Some(variable) = variable {
        return match std::env::var(variable) {
            Ok(value) if !value.trim().is_empty() => Ok(Some(Secret::from(value.trim().to_owned()))),
            _ => Err(format!(
                "the environment variable {variable} is not set; set it to the {what}, or remove {what}_env"
            )),
        };
    }
    if let Some(path) = file {
        let value =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read {what}_file {}: {e}", path.display()))?;
        return Ok(Some(Secret::from(value.trim().to_owned())));
    }
    Ok(None)
}
