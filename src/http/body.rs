//! The body of an answer, watched: when it is complete, and how it broke.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bedrock_doctor_checks::facts::{Failure, FailureKind};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::TransportFailure;
use super::journal::Entry;

/// A body whose end is noted.
pub(crate) struct Watched {
    body: Incoming,
    host: String,
    status: u16,
    entry: Option<Entry>,
}

impl Watched {
    pub(super) fn new(body: Incoming, host: &str, status: u16, entry: Option<Entry>) -> Self {
        let watched = Self {
            body,
            host: host.to_owned(),
            status,
            entry,
        };
        watched.note_end();
        watched
    }

    fn note_end(&self) {
        if self.body.is_end_stream()
            && let Some(entry) = &self.entry
        {
            entry.finished();
        }
    }

    fn broken(&self, error: &hyper::Error) -> TransportFailure {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut words = "the connection was closed before the end of the answer".to_owned();
        while let Some(current) = source {
            if let Some(io) = current.downcast_ref::<std::io::Error>()
                && io.kind() == std::io::ErrorKind::ConnectionReset
            {
                "the connection was reset in the middle of the answer".clone_into(&mut words);
            }
            source = current.source();
        }
        TransportFailure(Failure {
            host: Some(self.host.clone()),
            status: Some(self.status),
            ..Failure::new(FailureKind::Http, words)
        })
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = TransportFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none()
            && let Some(entry) = &self.entry
        {
            entry.finished();
        }
        self.note_end();
        Poll::Ready(frame.map(|frame| frame.map_err(|error| self.broken(&error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
