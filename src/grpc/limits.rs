//! A layer around every call that holds its limits of size and time, and names them to the caller who meets one.
//!
//! The transport enforces both by itself, but it calls a message that is too large `OUT_OF_RANGE` and a deadline that
//! has passed `CANCELLED`. Here the first is the caller's `INVALID_ARGUMENT` and the second `DEADLINE_EXCEEDED`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::status::invalid;

/// Largest request message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// When the caller stops waiting; every request carries it as an extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    near: Instant,
}

impl Deadline {
    /// Part of the time that is left for the answer's way back.
    const WAY_BACK: f64 = 0.1;

    fn within(limit: Duration) -> Self {
        Self {
            near: Instant::now() + limit.mul_f64(1.0 - Self::WAY_BACK),
        }
    }

    /// Whether work that begins now would come too late.
    pub(super) fn is_near(self) -> bool {
        Instant::now() >= self.near
    }
}

/// Makes [`Limits`] around a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitsLayer {
    /// Longest time until an answer begins, also for a caller who gives no deadline.
    pub(super) longest: Duration,
}

impl<S> Layer<S> for LimitsLayer {
    type Service = Limits<S>;

    fn layer(&self, inner: S) -> Limits<S> {
        Limits {
            inner,
            longest: self.longest,
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Limits<S> {
    inner: S,
    longest: Duration,
}

impl<S> Service<Request<Body>> for Limits<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let limit = timeout(request.headers()).map_or(self.longest, |deadline| deadline.min(self.longest));
        request.extensions_mut().insert(Deadline::within(limit));
        // The timer starts here, before the transport's own for the same deadline, and therefore rings first.
        let ring = tokio::time::sleep(limit);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = tokio::select! {
                biased;
                response = answer => response?,
                () = ring => return Ok(deadline_exceeded(limit).into_http()),
            };
            Ok(match too_large(response.headers()) {
                Some(status) => status.into_http(),
                None => response,
            })
        })
    }
}

fn deadline_exceeded(limit: Duration) -> Status {
    Status::deadline_exceeded(format!("no answer within {limit:?}"))
}

/// The status that a message over the limit deserves, if this is the transport's answer to one.
fn too_large(headers: &HeaderMap) -> Option<Status> {
    // Most answers carry their status behind the body, and are left alone after this one look-up.
    let code = headers.get(Status::GRPC_STATUS)?;
    (Code::from_bytes(code.as_bytes()) == Code::OutOfRange)
        .then(|| Status::from_header_map(headers))
        .flatten()
        .and_then(|status| clarified(&status))
}

/// The transport's refusal of a message over the limit, as the caller's invalid argument; `None` for other statuses.
pub(super) fn clarified(status: &Status) -> Option<Status> {
    let is_limit = status.code() == Code::OutOfRange && status.message().contains("message length too large");
    is_limit.then(|| {
        invalid(
            "message",
            &format!("must have at most {MAX_MESSAGE_BYTES} bytes (1 MiB)"),
        )
    })
}

/// The time that the caller waits, by the `grpc-timeout` header: up to eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_in_every_unit() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            timeout(&headers)
        };
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("99999999u"), Some(Duration::from_micros(99_999_999)));
        for none in ["", "5", "m", "+5S", "123456789n", "5x"] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    #[tokio::test]
    async fn a_call_that_takes_longer_than_it_may_is_told_so() {
        let never = tower::service_fn(|_: Request<Body>| {
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        let told = async |longest: Duration, deadline: &str| {
            let request = Request::builder()
                .header("grpc-timeout", deadline)
                .body(Body::empty())
                .unwrap();
            let response = LimitsLayer { longest }.layer(never).call(request).await.unwrap();
            let status = Status::from_header_map(response.headers()).unwrap();
            (status.code(), status.message().to_owned())
        };
        let late = |limit: &str| (Code::DeadlineExceeded, format!("no answer within {limit}"));
        assert_eq!(told(Duration::MAX, "1m").await, late("1ms"));
        assert_eq!(told(Duration::from_millis(2), "1H").await, late("2ms"));
        assert_eq!(told(Duration::from_millis(2), "soon").await, late("2ms"));
    }

    #[test]
    fn only_the_transports_refusal_of_a_large_message_is_rewritten() {
        assert!(clarified(&Status::out_of_range("page 7")).is_none());
        let status = clarified(&Status::out_of_range(
            "Error, decoded message length too large: found 2 bytes, the limit is: 1 bytes",
        ))
        .unwrap();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "message must have at most 1048576 bytes (1 MiB)"
        );
    }
}
