//! Plays scripts on the real session of roam-core 7.3.0, in tokio's paused time. One JSON object a line on standard
//! input is a script; one line of JSON on standard output says what came of it: `{"n", "steps"}`, or
//! `{"n", "panic": true, "text"}` where the reference panicked, or did not understand the script.
//!
//! # A script
//!
//! | field | meaning |
//! | --- | --- |
//! | `n` | given back |
//! | `seed` | a number that decides which of its sources a loop of the reference looks at first; 0 if absent |
//! | `role` | `initiator` or `acceptor` |
//! | `hello` | a message in hexadecimal (an Open, Accept, Reject or Close) with our settings and metadata of the root |
//! | `accept`, `reject` | messages with the settings and metadata of our Accepts and Rejects; absent: no acceptor is registered |
//! | `keepalive` | the interval of Pings and the time that a Pong may take, in milliseconds |
//! | `refusing` | the link refuses to send from the beginning |
//! | `calls` | every connection gets a driver; otherwise it is bare: a task reads its inbox |
//! | `built` | the session is established by the public builders; its root has a driver |
//! | `proxied` | the ids of two connections that are proxied to each other when both are there |
//! | `shown` | events about an error have what its `Display` makes of it, in `shown` |
//! | `steps` | a list of steps |
//!
//! An Open of the peer's is accepted with the opposite of its parity, unless its metadata has one of these keys: `no`, it
//! is rejected; `same`, accepted with the same parity; `deaf`, accepted, and the handle dropped; `panic`, the acceptor
//! panics.
//!
//! # Steps
//!
//! `do` names the step. `more: true` takes the next step before anything of this one has run: its own list of events is
//! empty then. `id` is a connection (0 if absent), and `which` one of its handles where the id was used again: 0 the
//! newest, 1 the one before. Everything but `frame`, `end`, `fail`, `kill`, `refuse` and `advance` needs an established
//! session; without one the event is `no-session`, without the handle `no-handle`, without the channel `no-channel`.
//!
//! | step | fields | what is done |
//! | --- | --- | --- |
//! | `frame` | `hex` | the peer sends a frame |
//! | `end`, `fail` | | the link ends, or breaks |
//! | `kill` | | drops the future that runs the session |
//! | `refuse` | `at` | the link refuses what we send, in `reserve` (if absent) or `alloc`; `nowhere`: no more |
//! | `advance` | `ms` | time passes |
//! | `open` | `ref`, `hex` | opens a connection with the settings and metadata of the message |
//! | `abandon` | `ref` | drops the future of an open |
//! | `close` | `id`, `hex` | closes a connection with the metadata of the message |
//! | `shutdown` | | ends the session |
//! | `send` | `id`, `which`, `hex` | bare: sends the request or channel message as a proxy does |
//! | `failure` | `id`, `which`, `request` | bare: reports a request as failed |
//! | `hold`, `read`, `drop` | `id`, `which` | bare: the inbox's reader pauses, goes on, or is dropped |
//! | `release` | `id`, `which` | drops the caller |
//! | `state` | `id`, `which` | asks whether the connection is connected |
//! | `call`, `call-tx`, `call-rx` | `id`, `which`, `ref`, `method`, `hex` | calls, with the bytes as arguments; with a channel that we send, or receive, on |
//! | `give-up` | `ref` | drops the future of a call |
//! | `answer` | | lets the handler go on that has been held longest |
//! | `bind-tx`, `bind-rx` | `id`, `which`, `channel` | binds our end of a channel without a call; without `channel`, of a new one |
//! | `item`, `close-channel` | `channel`, `hex` | sends an item, or a Close |
//! | `drop-channel` | `channel` | does what the drop of a Tx does |
//! | `hold-channel`, `read-channel`, `drop-receiver` | `channel` | the channel's reader pauses, goes on, or is dropped |
//! | `watch` | `id`, `which` | waits for the connection's end |
//! | `noop`, `drop-noop` | `id`, `which` | keeps a `NoopCaller`; drops all of them |
//!
//! A channel's credit is 4. Handlers, by method: 1 answers with its arguments; 2 too, after `answer`; 3 drops its reply
//! sink; 5 reads its one channel to the end, 6 sends as many items on it as its first byte says; 100 panics; 101 and 102
//! are 6 and 5 on a channel that the handler makes; 103 drops its one channel's sender, 104 its receiver. Any other method
//! is answered UnknownMethod.
//!
//! # Events
//!
//! | event | fields | |
//! | --- | --- | --- |
//! | `frame` | `hex` | we sent a frame |
//! | `established` | `local`, `peer` | the root's settings: `parity`, `max` (absent with `built`) |
//! | `handshake-failed` | `text` | |
//! | `session-ended` | `why` | `eof`, `recv-error`, `shutdown`, `root-closed`, `keepalive`, `ping-failed`: by the reference's log |
//! | `asked` | `id`, `peer`, `hex` | our acceptor was asked; `hex` is a Reject with the Open's metadata |
//! | `delivered` | `id`, `parity` | our acceptor's setup got the handle |
//! | `open-ok` | `ref`, `id`, `parity` | |
//! | `open-rejected` | `ref`, `hex` | `hex` is a Reject without metadata; absent where the peer's had some: 7.3.0 frees it too early |
//! | `open-failed`, `close-failed`, `shutdown-failed` | `ref` or `id`, `text` | |
//! | `close-ok`, `conn-closed`, `caller-closed` | `id` | the close was done; a handle, or a caller, heard of the end |
//! | `message`, `inbox-ended` | `id`, `hex` | bare: the inbox |
//! | `send-failed` | `id` | bare |
//! | `failure` | `id`, `request`, `reason` | bare: what was reported |
//! | `state` | `id`, `connected`, `shown` | `shown` with a bare handle only |
//! | `proxy-ended` | | |
//! | `call` | `id`, `method`, `channels`, `args` | a handler was called |
//! | `aborted` | `id`, `args` | a handler was dropped before it was done |
//! | `call-ok`, `call-failed` | `ref`, `ret` | |
//! | `channel` | `channel` | the id of a channel that was bound or made |
//! | `channel-sent`, `channel-failed` | `channel` | `item` or `close-channel` is done |
//! | `item`, `channel-closed`, `channel-reset`, `channel-over` | `channel`, `hex` | the reader got an item, Close, Reset, or the end |
mod connections;
mod handler;
mod link;
mod play;
mod script;
mod seen;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};
use tokio::runtime::RngSeed;

fn main() {
    tracing::subscriber::set_global_default(seen::EndReasons).expect("no subscriber is set yet");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input is UTF-8");
        let outcome = match serde_json::from_str(&line) {
            Ok(script) => outcome(&script),
            Err(error) => json!({"n": null, "panic": true, "text": format!("{line}: {error}")}),
        };
        writeln!(out, "{outcome}").expect("standard output takes the line");
        out.flush().expect("standard output takes the line");
    }
}

fn outcome(script: &Value) -> Value {
    let n = &script["n"];
    let seed = script["seed"].as_u64().unwrap_or(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .rng_seed(RngSeed::from_bytes(&seed.to_le_bytes()))
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    match catch_unwind(AssertUnwindSafe(|| runtime.block_on(play::play(script)))) {
        Ok(steps) => json!({"n": n, "steps": steps}),
        Err(cause) => json!({"n": n, "panic": true, "text": panic_text(cause.as_ref())}),
    }
}

fn panic_text(cause: &(dyn std::any::Any + Send)) -> &str {
    cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("")
}
