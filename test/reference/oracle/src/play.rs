//! Plays one script in tokio's paused time.
use std::sync::Arc;
use std::time::Duration;

use roam_core::session::raw::{self, Raw};
use roam_core::{
    BareConduit, BoxSessionFuture, ConnectionAcceptor, DriverCaller, NoopCaller, SessionError, SessionHandle,
    SessionKeepaliveConfig, acceptor, initiator,
};
use roam_types::{
    Caller, ChannelBinder, ChannelId, ConnectionId, ConnectionReject, ConnectionSettings, Message, MessageFamily,
    MessagePayload, Metadata, MethodId, Payload, RequestCall,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::connections::{self, Acceptor, BareConnection};
use crate::handler::{Answers, CREDIT, bytes, receive};
use crate::link::{Arrival, Refusal, ScriptLink};
use crate::script::{Fields, hex, parity_name, settings_and_metadata, settings_json};
use crate::seen::{Seen, Sender, make_current};

type Conduit = BareConduit<MessageFamily, ScriptLink>;

/// Plays a script, and returns the events of each step. The first entry is what happened before the first step.
pub async fn play(script: &Value) -> Vec<Vec<Value>> {
    let seen = Seen::default();
    make_current(&seen);
    let (arrivals, incoming) = mpsc::unbounded_channel();
    let mut player = Player {
        seen: seen.clone(),
        arrivals: Some(arrivals),
        task: None,
    };
    let script = Fields(script);
    player.start(script, incoming);
    settle().await;
    let mut events = vec![seen.take_log()];
    let steps = script.0["steps"]
        .as_array()
        .unwrap_or_else(|| panic!("steps is not a list"));
    for step in steps.iter().map(Fields) {
        player.take_step(step).await;
        if step.flag("more") {
            events.push(vec![]);
            continue;
        }
        settle().await;
        events.push(seen.take_log());
    }
    player.kill();
    seen.clear();
    events
}

/// Lets every task run until all of them wait. A message passes fewer tasks than this on its way through a session, a
/// driver and a handler.
async fn settle() {
    for _ in 0..40 {
        tokio::task::yield_now().await;
    }
}

/// The parts that a session is established from.
struct Setup {
    conduit: Conduit,
    is_initiator: bool,
    settings: ConnectionSettings,
    metadata: Metadata<'static>,
    acceptor: Option<Acceptor>,
    keepalive: Option<SessionKeepaliveConfig>,
}

struct Player {
    seen: Seen,
    arrivals: Option<mpsc::UnboundedSender<Arrival>>,
    /// The task that establishes the session and runs it.
    task: Option<JoinHandle<()>>,
}

impl Player {
    fn start(&mut self, script: Fields<'_>, incoming: mpsc::UnboundedReceiver<Arrival>) {
        let seen = self.seen.clone();
        let (settings, metadata) = settings_and_metadata(script.needed_text("hello"));
        let setup = Setup {
            conduit: BareConduit::new(ScriptLink::new(incoming, seen.clone())),
            is_initiator: script.needed_text("role") == "initiator",
            settings,
            metadata,
            acceptor: script.text("accept").map(|accept| Acceptor {
                seen: seen.clone(),
                accept: accept.into(),
                reject: script.needed_text("reject").into(),
            }),
            keepalive: script.numbers("keepalive").map(|times| match times[..] {
                [interval, timeout] => SessionKeepaliveConfig {
                    ping_interval: Duration::from_millis(interval),
                    pong_timeout: Duration::from_millis(timeout),
                },
                _ => panic!("keepalive: {times:?} are not two numbers"),
            }),
        };
        let is_built = script.flag("built");
        let mut state = seen.state();
        state.proxied = script.numbers("proxied").unwrap_or_default();
        state.has_drivers = script.flag("calls");
        state.shows_errors = script.flag("shown");
        if script.flag("refusing") {
            state.refusal = Refusal::Reserve;
        }
        drop(state);
        self.task = Some(tokio::spawn(async move {
            let result = if is_built {
                run_built(seen.clone(), setup).await
            } else {
                run_bare(seen.clone(), setup).await
            };
            if let Err(error) = result {
                seen.log_error(json!({"ev": "handshake-failed"}), &error);
            }
        }));
    }

    fn kill(&self) {
        let run = self.seen.state().run.take();
        for task in self.task.iter().chain(&run) {
            task.abort();
        }
    }

    async fn take_step(&mut self, step: Fields<'_>) {
        match step.needed_text("do") {
            "frame" => {
                let frame = step.bytes("hex");
                if let Some(arrivals) = &self.arrivals {
                    let _ = arrivals.send(Arrival::Frame(frame));
                }
            }
            "kill" => self.kill(),
            "end" => self.end_link(Arrival::End),
            "fail" => self.end_link(Arrival::Failure),
            "refuse" => {
                let refusal = refusal(step.text("at").unwrap_or("reserve"));
                self.seen.state().refusal = refusal;
            }
            "advance" => {
                tokio::time::sleep(Duration::from_millis(step.needed_number("ms"))).await;
            }
            name => {
                let session = self.seen.state().session.clone();
                match session {
                    None => self.seen.log(json!({"ev": "no-session"})),
                    Some(session) => self.take_session_step(name, step, session),
                }
            }
        }
    }

    fn end_link(&mut self, how: Arrival) {
        if let Some(arrivals) = self.arrivals.take() {
            let _ = arrivals.send(how);
        }
    }

    fn take_session_step(&self, name: &str, step: Fields<'_>, session: SessionHandle) {
        let seen = self.seen.clone();
        match name {
            "open" => self.open(step, session),
            "abandon" => {
                if let Some(job) = seen.state().opens.get(&step.needed_number("ref")) {
                    job.abort();
                }
            }
            "close" => self.close(step, session),
            "shutdown" => {
                if let Err(error) = session.shutdown() {
                    seen.log_error(json!({"ev": "shutdown-failed"}), &error);
                }
            }
            "answer" => {
                let held = seen.state().held.pop_front();
                if let Some(answer_now) = held {
                    let _ = answer_now.send(());
                }
            }
            "give-up" => {
                if let Some(job) = seen.state().calls.get(&step.needed_number("ref")) {
                    job.abort();
                }
            }
            "item" | "close-channel" | "drop-channel" => self.use_sink(name, step),
            "drop-receiver" | "hold-channel" | "read-channel" => self.use_receiver(name, step),
            "drop-noop" => {
                let callers = std::mem::take(&mut seen.state().noop_callers);
                drop(callers);
            }
            _ if seen.state().has_drivers && is_caller_step(name) => self.use_caller(name, step),
            "send" | "release" | "hold" | "read" | "drop" | "failure" | "state" => {
                self.use_bare(name, step);
            }
            "call" | "call-tx" | "call-rx" | "bind-tx" | "bind-rx" | "noop" | "watch" => {
                self.log_no_handle(step);
            }
            _ => panic!("there is no step {name:?}"),
        }
    }

    fn log_no_handle(&self, step: Fields<'_>) {
        let id = step.number("id").unwrap_or(0);
        self.seen.log(json!({"ev": "no-handle", "id": id}));
    }

    fn open(&self, step: Fields<'_>, session: SessionHandle) {
        let (settings, metadata) = settings_and_metadata(step.needed_text("hex"));
        let reference = step.needed_number("ref");
        let seen = self.seen.clone();
        let job = tokio::spawn(async move {
            match session.open_connection(settings, metadata).await {
                Ok(handle) => {
                    seen.log(json!({
                        "ev": "open-ok",
                        "ref": reference,
                        "id": handle.connection_id().0,
                        "parity": parity_name(handle.parity),
                    }));
                    connections::take(&seen, handle);
                }
                Err(error) => {
                    let mut event = json!({"ev": "open-failed", "ref": reference});
                    if let SessionError::Rejected(metadata) = &error {
                        event["ev"] = "open-rejected".into();
                        // The reference copies the entries and not what they point to: reading them is reading freed
                        // memory.
                        if metadata.is_empty() {
                            event["hex"] = hex(&empty_reject()).into();
                        }
                        seen.log_shown(event, &error);
                    } else {
                        seen.log_error(event, &error);
                    }
                }
            }
        });
        self.seen.state().opens.insert(reference, job);
    }

    fn close(&self, step: Fields<'_>, session: SessionHandle) {
        let id = step.number("id").unwrap_or(0);
        let (_, metadata) = settings_and_metadata(step.needed_text("hex"));
        let seen = self.seen.clone();
        tokio::spawn(async move {
            match session.close_connection(ConnectionId(id), metadata).await {
                Ok(()) => seen.log(json!({"ev": "close-ok", "id": id})),
                Err(error) => {
                    seen.log_error(json!({"ev": "close-failed", "id": id}), &error);
                }
            }
        });
    }

    fn use_sink(&self, name: &str, step: Fields<'_>) {
        let channel = step.needed_number("channel");
        let item = step.bytes("hex");
        let seen = self.seen.clone();
        let is_item = name == "item";
        let found = seen.state().sinks.get_mut(&channel).map(|sender| {
            let ended = if is_item { None } else { sender.liveness.take() };
            (sender.sink.clone(), ended)
        });
        let Some((sink, ended)) = found else {
            seen.log(json!({"ev": "no-channel"}));
            return;
        };
        if name == "drop-channel" {
            sink.close_channel_on_drop();
            drop(ended);
            return;
        }
        tokio::spawn(async move {
            let result = if is_item {
                sink.send_payload(Payload::Incoming(&item)).await
            } else {
                sink.close_channel(Default::default()).await
            };
            drop(ended);
            let event = if result.is_ok() {
                "channel-sent"
            } else {
                "channel-failed"
            };
            seen.log(json!({"ev": event, "channel": channel}));
        });
    }

    fn use_receiver(&self, name: &str, step: Fields<'_>) {
        let channel = step.needed_number("channel");
        let state = self.seen.state();
        let Some(receiver) = state.receivers.get(&channel) else {
            drop(state);
            self.seen.log(json!({"ev": "no-channel"}));
            return;
        };
        match name {
            "drop-receiver" => receiver.task.abort(),
            "hold-channel" => drop(receiver.gate.send(false)),
            _ => drop(receiver.gate.send(true)),
        }
    }

    fn use_bare(&self, name: &str, step: Fields<'_>) {
        let id = step.number("id").unwrap_or(0);
        let Some(connection) = self.bare_connection(step, id) else {
            self.log_no_handle(step);
            return;
        };
        let seen = self.seen.clone();
        match name {
            "send" => {
                let frame = step.bytes("hex");
                tokio::spawn(async move {
                    if connection.handle.send(&frame).await.is_err() {
                        seen.log(json!({"ev": "send-failed", "id": id}));
                    }
                });
            }
            "release" => connection.handle.release(),
            "hold" => drop(connection.gate.send(false)),
            "read" => drop(connection.gate.send(true)),
            "drop" => connection.reader.abort(),
            "failure" => {
                let request = step.needed_number("request");
                connection.handle.mark_failure(request, "no reply sent");
            }
            _ => {
                let is_connected = connection.handle.is_connected();
                let shown = connection.handle.described();
                seen.log(json!({"ev": "state", "id": id, "connected": is_connected, "shown": shown}));
            }
        }
    }

    fn bare_connection(&self, step: Fields<'_>, id: u64) -> Option<Arc<BareConnection>> {
        let state = self.seen.state();
        let handles = state.bare.get(&id)?;
        Some(handles[place(step, handles.len())].clone())
    }

    fn use_caller(&self, name: &str, step: Fields<'_>) {
        let id = step.number("id").unwrap_or(0);
        let seen = self.seen.clone();
        let Some(caller) = self.caller(name, step, id) else {
            self.log_no_handle(step);
            return;
        };
        match name {
            // `caller` was the last clone that this program holds, and is dropped here.
            "release" => {}
            "noop" => seen.state().noop_callers.push(NoopCaller::from(caller)),
            "state" => {
                seen.log(json!({"ev": "state", "id": id, "connected": caller.is_connected()}));
            }
            "watch" => {
                tokio::spawn(async move {
                    caller.closed().await;
                    seen.log(json!({"ev": "caller-closed", "id": id}));
                });
            }
            "bind-tx" => {
                let (channel, sink) = match step.number("channel") {
                    None => caller.create_tx(CREDIT),
                    Some(channel) => {
                        let channel = ChannelId(channel);
                        (channel, caller.bind_tx(channel, CREDIT))
                    }
                };
                seen.log(json!({"ev": "channel", "channel": channel.0}));
                let liveness = caller.channel_liveness();
                seen.state().sinks.insert(channel.0, Sender { sink, liveness });
            }
            "bind-rx" => {
                let binder = caller.channel_binder().expect("a driver's caller has a binder");
                let (channel, receiver) = match step.number("channel") {
                    None => binder.create_rx(CREDIT),
                    Some(channel) => {
                        let channel = ChannelId(channel);
                        (channel, binder.register_rx(channel, CREDIT))
                    }
                };
                seen.log(json!({"ev": "channel", "channel": channel.0}));
                receive(&seen, channel.0, receiver);
            }
            _ => self.call(name, step, caller),
        }
    }

    fn caller(&self, name: &str, step: Fields<'_>, id: u64) -> Option<DriverCaller> {
        let mut state = self.seen.state();
        let callers = state.callers.get_mut(&id)?;
        let place = place(step, callers.len());
        if name == "release" {
            callers[place].take()
        } else {
            callers[place].clone()
        }
    }

    fn call(&self, name: &str, step: Fields<'_>, caller: DriverCaller) {
        let reference = step.number("ref").unwrap_or(0);
        let method = step.number("method").unwrap_or(0);
        let args = step.bytes("hex");
        let seen = self.seen.clone();
        let mut channels = vec![];
        if name == "call-tx" {
            let (channel, sink) = caller.create_tx(CREDIT);
            let liveness = caller.channel_liveness();
            seen.state().sinks.insert(channel.0, Sender { sink, liveness });
            channels.push(channel);
        } else if name == "call-rx" {
            let (channel, receiver) = caller.create_rx(CREDIT);
            receive(&seen, channel.0, receiver);
            channels.push(channel);
        }
        let job = tokio::spawn(async move {
            let call = RequestCall {
                method_id: MethodId(method),
                channels,
                metadata: vec![],
                args: Payload::Incoming(&args),
            };
            match caller.call(call).await {
                Ok(response) => {
                    let ret = hex(bytes(&response.ret));
                    seen.log(json!({"ev": "call-ok", "ref": reference, "ret": ret}));
                }
                Err(_) => seen.log(json!({"ev": "call-failed", "ref": reference})),
            }
        });
        self.seen.state().calls.insert(reference, job);
    }
}

fn is_caller_step(name: &str) -> bool {
    matches!(
        name,
        "call" | "call-tx" | "call-rx" | "bind-tx" | "bind-rx" | "noop" | "watch" | "release" | "state"
    )
}

/// Finds the place of a step's connection among the connections of the same id. `which` 0 is the newest.
fn place(step: Fields<'_>, len: usize) -> usize {
    let back = step.number("which").unwrap_or(0);
    (len - 1).saturating_sub(usize::try_from(back).unwrap_or(usize::MAX))
}

fn refusal(at: &str) -> Refusal {
    match at {
        "nowhere" => Refusal::Nowhere,
        "reserve" => Refusal::Reserve,
        "alloc" => Refusal::Alloc,
        _ => panic!("at: {at:?} is neither reserve, alloc nor nowhere"),
    }
}

fn empty_reject() -> Vec<u8> {
    raw::encode(Message {
        connection_id: ConnectionId(0),
        payload: MessagePayload::ConnectionReject(ConnectionReject { metadata: vec![] }),
    })
}

fn log_end(seen: &Seen) {
    let why = seen.state().why.clone();
    seen.log(json!({"ev": "session-ended", "why": why}));
}

async fn run_bare(seen: Seen, setup: Setup) -> Result<(), SessionError> {
    let acceptor = setup
        .acceptor
        .map(|acceptor| Box::new(acceptor) as Box<dyn ConnectionAcceptor>);
    let raw = Raw::establish(
        setup.conduit,
        setup.is_initiator,
        setup.settings,
        setup.metadata,
        acceptor,
        setup.keepalive,
    )
    .await?;
    let (local, peer) = raw.root_settings().expect("the root of a new session is active");
    seen.log(json!({"ev": "established", "local": settings_json(&local), "peer": settings_json(&peer)}));
    seen.state().session = Some(raw.handle);
    connections::take(&seen, raw.root);
    let mut session = raw.session;
    session.run().await;
    log_end(&seen);
    Ok(())
}

/// Establishes a session by the builders of the public API, and runs it. The builders give the root a driver, and do not
/// tell its settings.
async fn run_built(seen: Seen, setup: Setup) -> Result<(), SessionError> {
    let answers = Answers {
        seen: seen.clone(),
        id: 0,
    };
    let end = seen.clone();
    let spawn = move |session: BoxSessionFuture| {
        let seen = end.clone();
        let run = tokio::spawn(async move {
            session.await;
            log_end(&end);
        });
        seen.state().run = Some(run);
    };
    macro_rules! establish {
        ($builder:expr) => {{
            let mut builder = $builder
                .root_settings(setup.settings)
                .metadata(setup.metadata)
                .spawn_fn(spawn);
            if let Some(acceptor) = setup.acceptor {
                builder = builder.on_connection(acceptor);
            }
            if let Some(keepalive) = setup.keepalive {
                builder = builder.keepalive(keepalive);
            }
            builder.establish::<DriverCaller>(answers).await?
        }};
    }
    let (caller, session) = if setup.is_initiator {
        establish!(initiator(setup.conduit))
    } else {
        establish!(acceptor(setup.conduit))
    };
    seen.log(json!({"ev": "established"}));
    let mut state = seen.state();
    state.session = Some(session);
    state.has_drivers = true;
    state.callers.entry(0).or_default().push(Some(caller));
    Ok(())
}
