//! Listens, answers, and stops without dropping what it is answering.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};

use super::{Access, Door, auth, configure, harden, log, metrics, pace, tls};
use crate::identity;
use crate::judge::CancellationToken;
use crate::services::Services;
use crate::store::StoreError;

/// How the service listens.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Port 0 takes a free one.
    pub bind: SocketAddr,
    /// Threads that serve requests; 0 = one per core.
    pub workers: usize,
    /// How long a stopping service waits for requests that are being answered.
    pub drain: Duration,
    /// How long of that it still takes requests while `/readyz` says that it stops, so that whoever sends it requests has
    /// heard of it before a connection is refused.
    pub notice: Duration,
    pub access: Access,
    /// By which people log in to the pages.
    pub identity: Option<identity::Settings>,
    /// Connections at the same time; further ones wait.
    pub max_connections: usize,
    /// Certificate chain and private key, PEM files, for https.
    pub tls: Option<(PathBuf, PathBuf)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "{bind} can be reached by others and there is no API key; make one with `empanel keys create --role admin --project default`, or listen on 127.0.0.1"
    )]
    NoKey { bind: SocketAddr },
    #[error("cannot listen on {bind}: {source}; free the port or choose another with --bind")]
    Bind { bind: SocketAddr, source: std::io::Error },
    #[error("whether there is an API key cannot be read: {0}")]
    Store(#[from] StoreError),
    #[error("[server] tls_cert, tls_key: {path}: {why}")]
    Tls { path: PathBuf, why: String },
    #[error(transparent)]
    Identity(#[from] identity::IdentityError),
    #[error("the service ended: {0}")]
    Ended(std::io::Error),
}

/// From the first byte of a request to the end of its headers. Bodies have a limit of their own between pieces.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Connections that nobody has taken up yet.
const BACKLOG: u32 = 4_096;
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection may take to close.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
const UPKEEP: Duration = Duration::from_secs(10);

/// Serves until `stop`, then answers what it has begun to answer. `on_ready` is told the address.
///
/// # Errors
/// If it may not or cannot listen.
pub async fn serve(
    services: Arc<Services>,
    options: ServeOptions,
    on_ready: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let ServeOptions { bind, workers, drain, notice, access, identity, max_connections, tls } = options;
    let identity = identity.map(identity::Provider::new).transpose()?;
    if !bind.ip().to_canonical().is_loopback() && identity.is_none() && !auth::any_key(&services).await? {
        return Err(ServeError::NoKey { bind });
    }
    let cannot = |source| ServeError::Bind { bind, source };
    let tls = tls.map(|(cert, key)| tls::config(&cert, &key)).transpose()?;
    let listener = TcpListener::bind(bind).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    pace::give_up_unread(&listener).map_err(cannot)?;
    let recorder = metrics::recorder();
    metrics::describe(&services);
    let door = Arc::new(Door::new(recorder.clone(), access, identity));
    let data = web::Data::from(services);
    let joined = door.clone();
    let over_tls = tls.is_some();
    let threads = if workers == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { workers };
    let mut server = HttpServer::new(move || {
        App::new()
            .wrap(Compress::default())
            .wrap(from_fn(harden::harden))
            .wrap(from_fn(log::log))
            .app_data(harden::OverTls(over_tls))
            .configure(configure(data.clone(), joined.clone()))
    })
    .client_request_timeout(HEADERS_WITHIN)
    .keep_alive(KEEP_ALIVE)
    .client_disconnect_timeout(CLOSE_WITHIN)
    .max_connections(max_connections.div_ceil(threads))
    .backlog(BACKLOG)
    .shutdown_timeout(drain.saturating_sub(notice).as_secs())
    .disable_signals();
    if workers > 0 {
        server = server.workers(workers);
    }
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls),
        None => server.listen(listener),
    };
    let server = server.map_err(cannot)?.run();
    let handle = server.handle();
    on_ready(address);
    let mut server = std::pin::pin!(server);
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            ended = &mut server => return ended.map_err(ServeError::Ended),
            () = stop.cancelled() => break,
            // What was measured is folded together even where nobody asks for it.
            _ = upkeep.tick() => if let Some(recorder) = &recorder { recorder.run_upkeep() },
        }
    }
    door.leaving.cancel();
    if !notice.is_zero() {
        tokio::select! {
            ended = &mut server => return ended.map_err(ServeError::Ended),
            () = tokio::time::sleep(notice) => {}
        }
    }
    // Streams and waiting requests would hold it open: they end now, and can be asked for again.
    door.stopping.cancel();
    let (ended, ()) = tokio::join!(server, handle.stop(true));
    ended.map_err(ServeError::Ended)
}
