//! A grading as Server-Sent Events: the present state first, then what happens, then `completed` and the end.

use std::collections::HashSet;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::waiting::{find, tell};
use crate::domain::{Grading, GradingId, Id, Subject, Vote, VoteId};
use crate::grading::call::subject_prefix;
use crate::http::Door;
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::http::wire::grading::ProgressBody;
use crate::http::wire::vote::VoteBody;
use crate::services::{Event, Services};
use crate::store::{ProjectStore, Query};

/// A comment this often keeps proxies from closing the stream and tells us when nobody listens any more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that a slow reader may be behind.
const BEHIND: usize = 64;
/// How often the store is asked about work that another replica does.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The last words of a service that stops: browsers connect again after so many milliseconds, to this one's next life or
/// to another replica, and are told the present state first.
const RECONNECT: &str = "retry: 1000\n: the service stops here; connect again\n\n";

/// What stops a stream before its end.
enum Stop {
    /// Nobody listens, or the service stops.
    Gone,
    Failed(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// Follow a grading: `progress` (calls planned, done, failed), `vote` (a vote without its raw reply), `completed` (the
/// whole grading; the last event). The present progress comes first.
#[utoipa::path(get, path = "/v1/gradings/{id}/events", tag = "gradings",
    responses((status = 200, description = "A stream of `progress`, `vote` and `completed`", content_type = "text/event-stream", body = String)))]
pub async fn events(
    caller: Submitter,
    services: web::Data<Services>,
    door: web::Data<Door>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let id = GradingId::from_uuid(*id);
    find(&caller.project, id).await?;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Problem>>(BEHIND);
    let project = caller.0.project;
    actix_web::rt::spawn(async move {
        let follow = follow(&services, &project, id, &sender);
        let stopped = tokio::select! {
            stopped = follow => stopped,
            () = door.stopping.cancelled() => {
                // A reader that is behind finds out by itself.
                let _ = sender.try_send(Ok(RECONNECT.into()));
                Err(Stop::Gone)
            }
            () = sender.closed() => Err(Stop::Gone),
        };
        if let Err(Stop::Failed(problem)) = stopped {
            tracing::warn!(grading = %id, %problem, "a stream of events ended early");
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Compression would hold events back; so would a proxy's buffer.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(ReceiverStream::new(receiver)))
}

type Sender = mpsc::Sender<Result<Bytes, Problem>>;

async fn follow(services: &Services, project: &ProjectStore, id: GradingId, sender: &Sender) -> Result<(), Stop> {
    let subject = Subject::Grading(id);
    // Votes of before are not news.
    let mut seen: Option<HashSet<VoteId>> = None;
    let mut quiet = Duration::ZERO;
    loop {
        // Before the state is read: what happens in between is not missed.
        let mut events = services.running.watch(subject);
        let grading = find(project, id).await?;
        let body = tell(services, project, &grading).await?;
        send(sender, "progress", &body.progress).await?;
        if is_over(&grading) {
            return send(sender, "completed", &body).await;
        }
        loop {
            // Another replica may do the work: then the store tells how far it is.
            let elsewhere = !services.replicas.is_alone() && !services.running.is_running(subject);
            match tokio::time::timeout(if elsewhere { LOOK_AGAIN } else { KEEP_ALIVE }, events.recv()).await {
                Ok(Ok(Event::Progress(progress))) => send(sender, "progress", &ProgressBody::from(progress)).await?,
                Ok(Ok(Event::Vote(vote))) => send(sender, "vote", &VoteBody::new(&vote, None)).await?,
                // It ended, or events were missed: the state is read again.
                Ok(Ok(Event::Ended) | Err(_)) => break,
                Err(_) if elsewhere => {
                    if !told_from_store(services, project, id, &mut seen, sender).await? {
                        quiet += LOOK_AGAIN;
                        if quiet >= KEEP_ALIVE {
                            quiet = Duration::ZERO;
                            write(sender, ": still here\n\n".to_owned()).await?;
                        }
                    }
                    if is_over(&find(project, id).await?) {
                        break;
                    }
                }
                Err(_) => {
                    write(sender, ": still here\n\n".to_owned()).await?;
                    // Another process may have done the work.
                    if is_over(&find(project, id).await?) {
                        break;
                    }
                }
            }
        }
    }
}

/// Sends what other replicas have kept since the last look; whether there was anything.
async fn told_from_store(
    services: &Services,
    project: &ProjectStore,
    id: GradingId,
    seen: &mut Option<HashSet<VoteId>>,
    sender: &Sender,
) -> Result<bool, Stop> {
    let votes =
        project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await.map_err(Problem::from)?;
    let all: HashSet<VoteId> = votes.iter().map(|vote| vote.id).collect();
    let Some(before) = seen.replace(all) else { return Ok(false) };
    let mut told = false;
    for vote in votes.iter().filter(|vote| !before.contains(&vote.id)) {
        send(sender, "vote", &VoteBody::new(vote, None)).await?;
        told = true;
    }
    if told {
        let grading = find(project, id).await?;
        send(sender, "progress", &tell(services, project, &grading).await?.progress).await?;
    }
    Ok(told)
}

fn is_over(grading: &Grading) -> bool {
    grading.status().is_settled()
}

async fn send(sender: &Sender, event: &str, data: &impl Serialize) -> Result<(), Stop> {
    // JSON of one line: a line break inside is escaped.
    let data = serde_json::to_string(data).map_err(|e| Problem::internal(e.to_string()))?;
    write(sender, format!("event: {event}\ndata: {data}\n\n")).await
}

async fn write(sender: &Sender, text: String) -> Result<(), Stop> {
    sender.send(Ok(text.into())).await.map_err(|_| Stop::Gone)
}
