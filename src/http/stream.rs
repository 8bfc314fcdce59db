//! A connection as hyper uses it, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::Held;

/// A connection that stands: TCP, or TLS over another one.
pub(super) type Connected = Pin<Box<dyn ReadWrite>>;

/// What can be read and written.
pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> ReadWrite for T {}

/// A connection that notes when it is asked something, and when it is over.
pub(super) struct Stream {
    io: TokioIo<Connected>,
    held: Held,
}

impl Stream {
    pub(super) fn new(io: Connected, held: Held) -> Self {
        Self {
            io: TokioIo::new(io),
            held,
        }
    }
}

impl connect::Connection for Stream {
    /// Every answer carries the place of its connection in the journal.
    fn connected(&self) -> connect::Connected {
        connect::Connected::new().extra(self.held.0.clone())
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.held.0.asked();
        Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
