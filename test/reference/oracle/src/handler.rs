//! Answers the peer's calls on connections with a driver, by method id: see main.rs.
use roam_core::DriverReplySink;
use roam_types::{
    BoundChannelReceiver, ChannelId, ChannelSink, Handler, IncomingChannelMessage, Payload, ReplySink, RequestCall,
    RequestResponse, SelfRef,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

use crate::script::hex;
use crate::seen::{Receiver, Seen};

/// The credit of every channel that this oracle makes or binds.
pub const CREDIT: u32 = 4;

const ECHO: u64 = 1;
const HELD: u64 = 2;
const NO_REPLY: u64 = 3;
const RECEIVE: u64 = 5;
const SEND: u64 = 6;
const PANIC: u64 = 100;
const SEND_ON_NEW: u64 = 101;
const RECEIVE_ON_NEW: u64 = 102;
const DROP_SENDER: u64 = 103;
const DROP_RECEIVER: u64 = 104;

pub struct Answers {
    pub seen: Seen,
    pub id: u64,
}

/// Logs an event if a handler is dropped before it is done: an aborted handler cannot do that itself.
struct OnAbort(Option<(Seen, Value)>);

impl OnAbort {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for OnAbort {
    fn drop(&mut self) {
        if let Some((seen, event)) = self.0.take() {
            seen.log(event);
        }
    }
}

impl Handler<DriverReplySink> for Answers {
    async fn handle(&self, call: SelfRef<RequestCall<'static>>, reply: DriverReplySink) {
        let args = bytes(&call.args);
        let channels: Vec<u64> = call.channels.iter().map(|channel| channel.0).collect();
        let method = call.method_id.0;
        self.seen
            .log(json!({"ev": "call", "id": self.id, "method": method, "channels": channels, "args": hex(args)}));
        let aborted = json!({"ev": "aborted", "id": self.id, "args": hex(args)});
        let mut on_abort = OnAbort(Some((self.seen.clone(), aborted)));
        let binder = reply.channel_binder().expect("a driver has a binder");
        let count = args.first().copied().unwrap_or(0);
        // Result::Ok with the arguments as its value.
        let mut answer = [&[0], args].concat();
        match (method, channels.as_slice()) {
            (ECHO, _) => {}
            (HELD, _) => {
                let (answer_now, answered) = oneshot::channel();
                self.seen.state().held.push_back(answer_now);
                let _ = answered.await;
            }
            (NO_REPLY, _) => {
                on_abort.disarm();
                return;
            }
            (RECEIVE, &[channel]) => {
                let receiver = binder.register_rx(ChannelId(channel), CREDIT);
                drain(self.seen.clone(), channel, receiver, always_open()).await;
            }
            (SEND, &[channel]) => {
                let sink = binder.bind_tx(ChannelId(channel), CREDIT);
                send_all(sink, count).await;
            }
            (PANIC, _) => {
                on_abort.disarm();
                // Unlike panic!, this prints nothing.
                std::panic::resume_unwind(Box::new("a handler panics on purpose"));
            }
            (SEND_ON_NEW, _) => {
                let (channel, sink) = binder.create_tx(CREDIT);
                self.seen.log(json!({"ev": "channel", "channel": channel.0}));
                send_all(sink, count).await;
            }
            (RECEIVE_ON_NEW, _) => {
                let (channel, receiver) = binder.create_rx(CREDIT);
                self.seen.log(json!({"ev": "channel", "channel": channel.0}));
                drain(self.seen.clone(), channel.0, receiver, always_open()).await;
            }
            (DROP_SENDER, &[channel]) => {
                let sink = binder.bind_tx(ChannelId(channel), CREDIT);
                // A Tx that is dropped does this.
                sink.close_channel_on_drop();
            }
            (DROP_RECEIVER, &[channel]) => {
                drop(binder.register_rx(ChannelId(channel), CREDIT));
            }
            // Result::Err(RoamError::UnknownMethod).
            _ => answer = vec![1, 1],
        }
        on_abort.disarm();
        let response = RequestResponse {
            ret: Payload::Incoming(&answer),
            channels: vec![],
            metadata: vec![],
        };
        reply.send_reply(response).await;
    }
}

pub fn bytes<'a>(payload: &'a Payload<'static>) -> &'a [u8] {
    match payload {
        Payload::Incoming(bytes) => bytes,
        _ => unreachable!("what was received is bytes"),
    }
}

/// Does what the drop of a Tx does, unless the channel was closed before.
struct CloseOnDrop(Option<Arc<dyn ChannelSink>>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(sink) = self.0.take() {
            sink.close_channel_on_drop();
        }
    }
}

/// Sends as many items as `count` says, each the byte of its number, and a Close.
async fn send_all(sink: Arc<dyn ChannelSink>, count: u8) {
    let mut close_on_drop = CloseOnDrop(Some(sink.clone()));
    for item in 0..count {
        if sink.send_payload(Payload::Incoming(&[item])).await.is_err() {
            break;
        }
    }
    let _ = sink.close_channel(Default::default()).await;
    close_on_drop.0 = None;
}

/// Starts a task that reads a channel to its end.
pub fn receive(seen: &Seen, channel: u64, receiver: BoundChannelReceiver) {
    let (gate, open) = watch::channel(true);
    let task = tokio::spawn(drain(seen.clone(), channel, receiver, open));
    seen.state().receivers.insert(channel, Receiver { task, gate });
}

fn always_open() -> watch::Receiver<bool> {
    watch::channel(true).1
}

/// Reads a channel to its end, while `open` holds true.
async fn drain(seen: Seen, channel: u64, mut bound: BoundChannelReceiver, mut open: watch::Receiver<bool>) {
    let end = loop {
        // An error means that the gate is gone, and will not be closed any more.
        let _ = open.wait_for(|is_open| *is_open).await;
        match bound.receiver.recv().await {
            Some(IncomingChannelMessage::Item(item)) => {
                seen.log(json!({"ev": "item", "channel": channel, "hex": hex(bytes(&item.item))}));
                if let Some(replenisher) = &bound.replenisher {
                    replenisher.on_item_consumed();
                }
            }
            Some(IncomingChannelMessage::Close(_)) => break "channel-closed",
            Some(IncomingChannelMessage::Reset(_)) => break "channel-reset",
            None => break "channel-over",
        }
    };
    seen.log(json!({"ev": end, "channel": channel}));
}
