//! What only a real connection shows: bodies that break off, uploads that are too large, the end of the service.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::Bench;
use crate::domain::{ProjectId, Submission};
use crate::http::{Access, ServeError, ServeOptions, serve};
use crate::judge::CancellationToken;

fn options(bind: &str) -> ServeOptions {
    ServeOptions {
        bind: bind.parse().unwrap(),
        workers: 1,
        drain: Duration::from_secs(2),
        notice: Duration::ZERO,
        access: Access::default(),
        identity: None,
        max_connections: 1_000,
        tls: None,
    }
}

/// Sends bytes, closes the sending side, and reads to the end.
async fn talk(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    hear(&mut stream, "").await
}

/// Reads to the end, or until `enough` was said.
async fn hear(stream: &mut TcpStream, enough: &str) -> String {
    let mut answer = String::new();
    let mut piece = [0u8; 4_096];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut piece)).await.unwrap();
        // A connection that is reset has said what it had to say.
        let Ok(read @ 1..) = read else { return answer };
        answer += &String::from_utf8_lossy(&piece[..read]);
        if !enough.is_empty() && answer.contains(enough) {
            return answer;
        }
    }
}

#[actix_web::test]
async fn a_body_that_breaks_off_or_is_too_large_is_told_and_leaves_nothing_and_the_service_stops_when_asked() {
    let bench = Bench::new().await;
    let stop = CancellationToken::new();
    let (ready, address) = oneshot::channel();
    let services = bench.services.clone();
    let stopping = stop.clone();
    let served = actix_web::rt::spawn(async move {
        serve(services, options("127.0.0.1:0"), |address| ready.send(address).unwrap(), stopping).await
    });
    let address = address.await.unwrap();
    let head = |length: usize, kind: &str| {
        format!(
            "POST /v1/submissions HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let form = "multipart/form-data; boundary=B";
    let begun = "--B\r\ncontent-disposition: form-data; name=\"submission\"\r\n\r\n{\"system\":\"a\",\"text\":\"x\"}\r\n--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
    for (kind, body) in [(form, format!("{begun}half")), ("application/json", "{\"system\":\"a\",\"text".to_owned())] {
        let answer = talk(address, format!("{}{body}", head(2_000, kind)).as_bytes()).await;
        // A peer that went away for good is told nothing; one that still listens is told what broke.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{kind}: {answer}");
    }
    let chunk = "x".repeat(500);
    let mut chunked = format!(
        "POST /v1/submissions HTTP/1.1\r\nhost: {address}\r\ncontent-type: {form}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    chunked += &format!("{:x}\r\n{begun}\r\n", begun.len());
    for _ in 0..8 {
        chunked += &format!("1f4\r\n{chunk}\r\n");
    }
    // There would be more to come: the answer does not wait for it.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(chunked.as_bytes()).await.unwrap();
    let answer = hear(&mut stream, "\"too_large\"").await;
    drop(stream);
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("application/problem+json"), "{answer}");
    let project = bench.services.store.project(&ProjectId::parse("default").unwrap());
    assert_eq!(project.count::<Submission>().await.unwrap(), 0);
    let metrics =
        talk(address, format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())
            .await;
    assert!(metrics.contains("empanel_http_requests_total"), "{metrics}");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), served).await.unwrap().unwrap().unwrap();
}

#[actix_web::test]
async fn without_a_key_only_this_machine_is_served() {
    let bench = Bench::new().await;
    let refused = serve(bench.services.clone(), options("0.0.0.0:0"), |_| (), CancellationToken::new()).await;
    let Err(error @ ServeError::NoKey { .. }) = refused else { panic!("it listens: {refused:?}") };
    assert!(error.to_string().contains("keys create"));
}
