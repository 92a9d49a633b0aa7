//! Clients that are too slow: whoever sends a byte of a body now and then would hold a connection, and what was read of the
//! body, for as long as they like; and so would who asks for much and reads nothing of it.

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;

/// For which a body may arrive as slowly as it likes.
const GRACE: Duration = Duration::from_secs(60);
/// From then on it has come at this rate since: 2 GB take 36 h at most, a small body a minute.
const BYTES_PER_S: f64 = 16_384.0;

/// For which a client may take nothing of an answer before its connection is given up.
const UNREAD: Duration = Duration::from_secs(60);

/// Connections of this listener whose other end takes nothing are closed by the system. Where it cannot (other systems than
/// Linux), they stay until the client goes, within `max_connections`.
///
/// # Errors
/// If the system refuses.
pub(super) fn give_up_unread(listener: &TcpListener) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(UNREAD.as_millis()).unwrap_or(u32::MAX);
        rustix::net::sockopt::set_tcp_user_timeout(listener, millis)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (listener, UNREAD);
    Ok(())
}

struct Paced<N> {
    inner: Payload,
    now: N,
    began: Option<Instant>,
    bytes: u64,
}

/// The same body, given up when it is too slow.
pub(super) fn paced(inner: Payload) -> Payload {
    timed(inner, Instant::now)
}

fn timed(inner: Payload, now: impl Fn() -> Instant + Unpin + 'static) -> Payload {
    Payload::Stream { payload: Box::pin(Paced { inner, now, began: None, bytes: 0 }) }
}

/// Whether a body ended because it was too slow.
pub(super) fn is_too_slow(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

impl<N: Fn() -> Instant + Unpin> Stream for Paced<N> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let now = (self.now)();
        let began = *self.began.get_or_insert(now);
        let Poll::Ready(piece) = Pin::new(&mut self.inner).poll_next(context) else { return Poll::Pending };
        if let Some(Ok(piece)) = &piece {
            self.bytes += piece.len() as u64;
            let beyond = (self.now)().duration_since(began).saturating_sub(GRACE).as_secs_f64();
            if (self.bytes as f64) < beyond * BYTES_PER_S {
                let error = io::Error::new(io::ErrorKind::TimedOut, "the body arrives too slowly");
                return Poll::Ready(Some(Err(PayloadError::Io(error))));
            }
        }
        Poll::Ready(piece)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use futures_util::{StreamExt, stream};

    /// A body of pieces of this size, one every so often by a clock that goes when it is told to; what of it was read, or
    /// when it was given up.
    async fn arrives(bytes: usize, every: Duration, pieces: usize) -> Result<usize, Duration> {
        let (began, passed) = (Instant::now(), Rc::new(Cell::new(Duration::ZERO)));
        let clock = passed.clone();
        let slow = stream::iter(0..pieces).map(move |_| {
            clock.set(clock.get() + every);
            Ok::<_, PayloadError>(Bytes::from(vec![0; bytes]))
        });
        let clock = passed.clone();
        let mut body = timed(Payload::Stream { payload: Box::pin(slow) }, move || began + clock.get());
        let mut read = 0;
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => read += piece.len(),
                Err(error) => {
                    assert!(is_too_slow(&error), "{error}");
                    return Err(passed.get());
                }
            }
        }
        Ok(read)
    }

    #[actix_web::test]
    async fn a_trickle_is_given_up_after_a_minute_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        let given_up = arrives(1, 20 * second, 100).await.unwrap_err();
        assert_eq!(given_up, 80 * second);
        assert_eq!(arrives(1, second, 59).await, Ok(59));
        assert_eq!(arrives(20_000, second, 600).await, Ok(12_000_000));
        assert!(arrives(10_000, second, 600).await.is_err());
    }

    /// The system closes it, in its own time; that it was told to, for connections too, is what can be looked at.
    #[test]
    #[cfg(target_os = "linux")]
    fn connections_of_clients_who_read_nothing_are_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        give_up_unread(&listener).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (connection, _) = listener.accept().unwrap();
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&connection).unwrap(), 60_000);
        drop(client);
    }
}
