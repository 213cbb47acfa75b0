//! The state of a script that is being played: the events of the current step, and everything that later steps refer to.
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use roam_core::{ConnectionHandle, DriverCaller, NoopCaller, SessionError, SessionHandle};
use roam_types::{ChannelLivenessHandle, ChannelSink};
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::connections::BareConnection;
use crate::link::Refusal;
use crate::script::error_text;

#[derive(Default)]
pub struct State {
    pub log: Vec<Value>,
    /// The reason of the session's end, by the session's own log.
    pub why: String,
    pub refusal: Refusal,
    /// True if events about an error have the text of its `Display`.
    pub shows_errors: bool,
    pub session: Option<SessionHandle>,
    /// The task that runs a session of the builders, which spawn it themselves.
    pub run: Option<JoinHandle<()>>,
    pub opens: BTreeMap<u64, JoinHandle<()>>,
    /// Two connections that are proxied to each other as soon as both are there.
    pub proxied: Vec<u64>,
    pub first_leg: Option<ConnectionHandle>,
    /// Connections without a driver by id, in the order in which they came.
    pub bare: BTreeMap<u64, Vec<Arc<BareConnection>>>,
    pub has_drivers: bool,
    /// The callers of connections with a driver, by the connection's id. A released one leaves its place.
    pub callers: BTreeMap<u64, Vec<Option<DriverCaller>>>,
    pub noop_callers: Vec<NoopCaller>,
    pub calls: BTreeMap<u64, JoinHandle<()>>,
    /// Handlers that wait for the step `answer`.
    pub held: VecDeque<oneshot::Sender<()>>,
    /// The senders by channel id. A later channel of the same id, on another connection, replaces the first.
    pub sinks: BTreeMap<u64, Sender>,
    pub receivers: BTreeMap<u64, Receiver>,
}

/// The task that reads a channel, and the gate that the steps `hold-channel` and `read-channel` close and open.
pub struct Receiver {
    pub task: JoinHandle<()>,
    pub gate: watch::Sender<bool>,
}

/// A channel's sender, and what it keeps open until it is closed, as a Tx that is bound does.
pub struct Sender {
    pub sink: Arc<dyn ChannelSink>,
    pub liveness: Option<ChannelLivenessHandle>,
}

#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<State>>);

impl Seen {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no task panics while it holds the state")
    }

    pub fn log(&self, event: Value) {
        self.state().log.push(event);
    }

    /// Logs an event with an error's text.
    pub fn log_error(&self, mut event: Value, error: &SessionError) {
        event["text"] = error_text(error).into();
        self.log_shown(event, error);
    }

    /// Logs an event. The text of the error's `Display` is added where the script asks for it.
    pub fn log_shown(&self, mut event: Value, error: &SessionError) {
        let mut state = self.state();
        if state.shows_errors {
            event["shown"] = error.to_string().into();
        }
        state.log.push(event);
    }

    pub fn take_log(&self) -> Vec<Value> {
        std::mem::take(&mut self.state().log)
    }

    /// Drops everything that the script holds. The session's conduit holds this state, and the state holds callers and
    /// channels, which hold the conduit. Without this call no script would ever be freed.
    pub fn clear(&self) {
        let held = std::mem::take(&mut *self.state());
        drop(held);
    }
}

thread_local! {
    /// The script that this thread plays. `EndReasons` writes there.
    static CURRENT: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

pub fn make_current(seen: &Seen) {
    CURRENT.with(|current| *current.borrow_mut() = Some(seen.clone()));
}

/// Reads the reason of a session's end from the reference's log: its API does not tell.
pub struct EndReasons;

impl tracing::Subscriber for EndReasons {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("roam_core")
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut message = LogMessage(String::new());
        event.record(&mut message);
        let why = match message.0.as_str() {
            "session recv loop ended: conduit returned EOF" => "eof",
            "session recv loop ended: conduit recv error" => "recv-error",
            "session shutdown requested" => "shutdown",
            "root callers dropped; internally closing root connection" => "root-closed",
            "keepalive timeout waiting for pong" => "keepalive",
            "failed to send keepalive ping" => "ping-failed",
            _ => return,
        };
        CURRENT.with(|current| {
            if let Some(seen) = &*current.borrow() {
                seen.state().why = why.into();
            }
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct LogMessage(String);

impl Visit for LogMessage {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
