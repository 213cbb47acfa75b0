//! A link whose frames come from the script. What the session sends on it is an event of the log.
use std::fmt;
use std::io;

use roam_types::{Backing, Link, LinkRx, LinkTx, LinkTxPermit, WriteSlot};
use serde_json::json;
use tokio::sync::mpsc;

use crate::script::hex;
use crate::seen::Seen;

/// An event of the link that a step makes.
pub enum Arrival {
    Frame(Vec<u8>),
    End,
    Failure,
}

/// The place where the link refuses the session's frames.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Refusal {
    #[default]
    Nowhere,
    /// There is never room for another frame.
    Reserve,
    /// There is room, but no memory for the frame.
    Alloc,
}

pub struct ScriptLink {
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    seen: Seen,
}

impl ScriptLink {
    pub fn new(arrivals: mpsc::UnboundedReceiver<Arrival>, seen: Seen) -> Self {
        Self { arrivals, seen }
    }
}

impl Link for ScriptLink {
    type Tx = Sending;
    type Rx = Receiving;

    fn split(self) -> (Sending, Receiving) {
        (Sending(self.seen), Receiving(self.arrivals))
    }
}

pub struct Sending(Seen);

impl LinkTx for Sending {
    type Permit = Permit;

    async fn reserve(&self) -> io::Result<Permit> {
        if self.0.state().refusal == Refusal::Reserve {
            return Err(io::Error::other("refused"));
        }
        Ok(Permit(self.0.clone()))
    }

    async fn close(self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Permit(Seen);

impl LinkTxPermit for Permit {
    type Slot = Slot;

    fn alloc(self, len: usize) -> io::Result<Slot> {
        if self.0.state().refusal == Refusal::Alloc {
            return Err(io::Error::other("no memory"));
        }
        Ok(Slot {
            bytes: vec![0; len],
            seen: self.0,
        })
    }
}

pub struct Slot {
    bytes: Vec<u8>,
    seen: Seen,
}

impl WriteSlot for Slot {
    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    fn commit(self) {
        self.seen.log(json!({"ev": "frame", "hex": hex(&self.bytes)}));
    }
}

pub struct Receiving(mpsc::UnboundedReceiver<Arrival>);

impl LinkRx for Receiving {
    type Error = LinkFailed;

    async fn recv(&mut self) -> Result<Option<Backing>, LinkFailed> {
        match self.0.recv().await {
            Some(Arrival::Frame(bytes)) => Ok(Some(Backing::Boxed(bytes.into_boxed_slice()))),
            Some(Arrival::End) | None => Ok(None),
            Some(Arrival::Failure) => Err(LinkFailed),
        }
    }
}

#[derive(Debug)]
pub struct LinkFailed;

impl fmt::Display for LinkFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the link broke")
    }
}

impl std::error::Error for LinkFailed {}
