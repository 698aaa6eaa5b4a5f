//! Bodies that are read whole, and bodies that are given again.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue};

/// What was read of a body.
pub(super) enum Whole {
    /// Everything.
    Bytes(Bytes),
    /// More than was wanted, or something that is no data: the frames so far.
    TooLong(Vec<Result<Frame<Bytes>, Status>>),
}

/// Reads a body up to its end, unless it is longer than `longest`.
pub(super) async fn read(body: &mut Body, longest: usize) -> Whole {
    // Nearly every message arrives as one frame, which then is the whole body.
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    loop {
        if body.is_end_stream() {
            break;
        }
        let data = match body.frame().await {
            None => break,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                // Trailers of a request say nothing that an answer depends on.
                Err(_) => break,
            },
            Some(Err(error)) => return Whole::TooLong(frames(first, joined, Some(Err(error)))),
        };
        let so_far = first.as_ref().map_or(0, Bytes::len) + joined.len();
        if so_far + data.len() > longest {
            return Whole::TooLong(frames(first, joined, Some(Ok(Frame::data(data)))));
        }
        match first {
            None => first = Some(data),
            Some(_) => joined.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    if joined.is_empty() {
        return Whole::Bytes(first);
    }
    Whole::Bytes([first, joined.freeze()].concat().into())
}

fn frames(
    first: Option<Bytes>,
    joined: BytesMut,
    last: Option<Result<Frame<Bytes>, Status>>,
) -> Vec<Result<Frame<Bytes>, Status>> {
    let data = |bytes: Bytes| Ok(Frame::data(bytes));
    let joined = (!joined.is_empty()).then(|| joined.freeze());
    first
        .map(data)
        .into_iter()
        .chain(joined.map(data))
        .chain(last)
        .collect()
}

/// A body of frames that are there already, and then of what another body has left.
#[derive(Default)]
pub(super) struct Replayed {
    frames: std::vec::IntoIter<Result<Frame<Bytes>, Status>>,
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
    rest: Option<Body>,
}

impl Replayed {
    /// A request's body of one frame.
    pub(super) fn whole(data: Bytes) -> Body {
        Body::new(Self {
            data: Some(data),
            ..Self::default()
        })
    }

    /// A body of which some frames were read.
    pub(super) fn with_rest(read: Vec<Result<Frame<Bytes>, Status>>, rest: Body) -> Body {
        Body::new(Self {
            frames: read.into_iter(),
            rest: Some(rest),
            ..Self::default()
        })
    }

    /// The body of a good answer.
    pub(super) fn answered(message: Bytes) -> Body {
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        Self::ended(message, Some(trailers))
    }

    /// A body of a message and trailers.
    pub(super) fn ended(message: Bytes, trailers: Option<HeaderMap>) -> Body {
        Body::new(Self {
            data: (!message.is_empty()).then_some(message),
            trailers,
            ..Self::default()
        })
    }
}

impl http_body::Body for Replayed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(frame) = self.frames.next() {
            return Poll::Ready(Some(frame));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
            && self.frames.as_slice().is_empty()
            && self.trailers.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.data, &self.rest) {
            (Some(data), None) if self.trailers.is_none() => SizeHint::with_exact(data.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
