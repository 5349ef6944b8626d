//! A response whose body is written piece by piece, while the client reads it.

use crate::clock::sleep_ms;
use futures::future::{Either, select};
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use spin_sdk::http::OutgoingBody;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use wasi::io::streams::OutputStream;

/// A client that takes nothing for this long counts as gone.
const PATIENCE_MS: u64 = 10_000;

/// The body of a response that has begun.
pub struct Stream {
    // They are dropped in this order.
    stream: OutputStream,
    body: OutgoingBody,
}

/// The client went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl Stream {
    pub(super) fn new(stream: OutputStream, body: OutgoingBody) -> Self {
        Self { stream, body }
    }

    /// Fails if the client went away, as far as the host knows.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn check(&self) -> Result<(), Gone> {
        self.stream.check_write().map(drop).map_err(|_| Gone)
    }

    /// Sends more. On return the host has it.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn write(&self, mut bytes: &[u8]) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let room = match select(pin!(self.room()), pin!(sleep_ms(PATIENCE_MS))).await {
                Either::Left((room, _)) => room?,
                Either::Right(_) => return Err(Gone),
            };
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.stream.write(now).map_err(|_| Gone)?;
            bytes = later;
        }
        Ok(())
    }

    /// Waits until the host takes more, and returns how many bytes.
    fn room(&self) -> impl Future<Output = Result<usize, Gone>> {
        let mut waiting: Option<CancelOnDropToken> = None;
        poll_fn(move |cx| {
            drop(waiting.take());
            match self.stream.check_write() {
                Ok(0) => {}
                Ok(room) => return Poll::Ready(Ok(room as usize)),
                Err(_) => return Poll::Ready(Err(Gone)),
            }
            let pollable = self.stream.subscribe();
            let token = push_waker_and_get_token(pollable, cx.waker().clone());
            waiting = Some(token.into());
            Poll::Pending
        })
    }

    /// Ends the body: the client has all of it.
    pub fn finish(self) {
        drop(self.stream);
        _ = OutgoingBody::finish(self.body, None);
    }
}
