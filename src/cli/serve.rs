//! `empanel serve`: the service. Prints one line when it is ready; a signal drains it: calls in flight come home and
//! are kept, the rest goes on at the next start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::place::Place;
use super::{Failure, descriptors, log_and_trace};
use crate::app::{self, Choices, build};
use crate::audit;
use crate::config::Config;
use crate::domain::Author;
use crate::grading::work::work;
use crate::hooks;
use crate::http::{self, Access, ServeOptions, auth};
use crate::judge::CancellationToken;
use crate::services::upkeep::upkeep;
use crate::services::{Services, gauges};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn serve(args: Args) -> Result<(), Failure> {
    let mut config = args.place.config()?;
    let tracing = log_and_trace("empanel=info,warn", &config)?;
    if let Some(bind) = args.bind {
        config.server.bind = bind;
    }
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let served = run(services, &config, |address| println!("listening on http://{address}")).await;
    tracing.end().await;
    served
}

/// For the last words with the store.
const CLOSE_WITHIN: Duration = Duration::from_secs(4);
/// For threads that still compute when everything else has ended.
pub(super) const THREADS_WITHIN: Duration = Duration::from_secs(2);

/// Serves and works until a signal comes.
pub(super) async fn run(
    services: Arc<Services>,
    config: &Config,
    on_ready: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let operator = Author::parse("operator").map_err(Failure::mistake)?;
    let now = fingerprints(&services);
    audit::configuration(&services.store.system(), services.now(), &operator, now).await.map_err(Failure::mistake)?;
    if let Some(secret) = app::admin_key(config).map_err(Failure::mistake)? {
        let kept = auth::keys::configured(&services, &secret, &config.auth.admin_project).await;
        kept.map_err(Failure::mistake)?;
    }
    descriptors::raise(config.server.max_connections);
    let stop = CancellationToken::new();
    let mut worker = tokio::spawn(work(services.clone(), stop.clone()));
    let mut postman = tokio::spawn(hooks::work(services.clone(), stop.clone()));
    let watch = tokio::spawn(gauges::watch(services.clone(), stop.clone()));
    let mut keeper = tokio::spawn(upkeep(services.clone(), app::upkeep(config), stop.clone()));
    let options = ServeOptions {
        bind: config.server.bind,
        workers: config.server.workers,
        drain: Duration::from_secs(config.server.drain_s),
        notice: config.server.notice(!services.replicas.is_alone()),
        access: Access {
            session_idle: Duration::from_secs(config.auth.session_idle_s),
            session_max: Duration::from_secs(config.auth.session_max_s),
            requests_per_minute: config.auth.requests_per_minute,
            work_per_day: config.auth.work_per_day,
            slow_wrong_keys: config.auth.slow_wrong_keys,
        },
        identity: app::identity(config).map_err(Failure::mistake)?,
        max_connections: config.server.max_connections,
        tls: config.server.tls_cert.clone().zip(config.server.tls_key.clone()),
    };
    let signalled = stop.clone();
    let signalled_at = Arc::new(OnceLock::new());
    let began = signalled_at.clone();
    let signals = tokio::spawn(async move {
        signal().await;
        began.get_or_init(Instant::now);
        tracing::info!("stopping: calls in flight are finished, the rest goes on at the next start");
        signalled.cancel();
    });
    let drain = options.drain;
    let served = http::serve(services.clone(), options, on_ready, stop.clone()).await;
    stop.cancel();
    signals.abort();
    watch.abort();
    // All of it together, from the signal on.
    let until = *signalled_at.get_or_init(Instant::now) + drain;
    let drained = tokio::time::timeout_at(until, async { tokio::join!(&mut worker, &mut postman, &mut keeper) }).await;
    if drained.is_err() {
        tracing::warn!(seconds = drain.as_secs(), "calls are still in flight; they may be asked again");
        worker.abort();
        postman.abort();
        keeper.abort();
    }
    match tokio::time::timeout(CLOSE_WITHIN, services.store.clone().close()).await {
        Ok(closed) => closed.map_err(Failure::mistake)?,
        // What was answered is durable, whoever is told good-bye.
        Err(_) => tracing::warn!(seconds = CLOSE_WITHIN.as_secs(), "the store could not be closed in time"),
    }
    served.map_err(Failure::mistake)
}

/// What judges, panels and templates are, without their secrets.
fn fingerprints(services: &Services) -> serde_json::Value {
    let judges = services.panels.values().flat_map(|panel| &panel.judges);
    let judges: BTreeMap<_, _> = judges.map(|spec| (spec.name.to_string(), spec.fingerprint())).collect();
    let panels: BTreeMap<_, _> =
        services.panels.iter().map(|(name, panel)| (name.to_string(), panel.fingerprint())).collect();
    serde_json::json!({ "judges": judges, "panels": panels, "templates": services.templates.fingerprint() })
}

async fn signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be caught");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
