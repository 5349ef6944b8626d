//! What components print: whole lines on the host's stderr, each with the component's name before it.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use hyper::body::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Longer lines are cut into several, so a guest that never ends its line takes no memory.
const LINE_MAX: usize = 8 << 10;

/// stdout or stderr of one instance. Guests open the stream anew for every write, so the unfinished line is here.
#[derive(Clone)]
pub(crate) struct Output(Arc<Line>);

struct Line {
    component: Arc<str>,
    unfinished: Mutex<Vec<u8>>,
}

impl Output {
    pub(crate) fn new(component: Arc<str>) -> Self {
        Self(Arc::new(Line {
            component,
            unfinished: Mutex::default(),
        }))
    }
}

impl Line {
    fn take(&self, bytes: &[u8]) {
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            unfinished.extend_from_slice(part);
            if part.ends_with(b"\n") || unfinished.len() >= LINE_MAX {
                self.print(&mut unfinished);
            }
        }
    }

    /// In one call, so that lines of several instances don't mix. That nobody reads is no error for the guest.
    fn print(&self, line: &mut Vec<u8>) {
        let mut text = format!("[{}] ", self.component).into_bytes();
        text.append(line);
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        _ = io::stderr().write_all(&text);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut line = std::mem::take(
            self.unfinished
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if !line.is_empty() {
            self.print(&mut line);
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    /// Without the task and buffer of the default: those lose the last words of a guest that panics.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_MAX)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
