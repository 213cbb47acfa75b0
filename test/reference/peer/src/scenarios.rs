//! The scenarios of `peer connect`, by name. Each prints one line. A name may be followed by an argument: `sum:5`.
use std::time::Duration;

use roam::{Caller, MethodId, Payload, RequestCall, Rx, Tx, channel};
use roam_core::{DriverCaller, SessionHandle, proxy_connections};
use roam_types::{ConnectionId, MetadataFlags, MetadataValue, Parity};
use serde_json::{Value, json};
use std::fmt::Debug;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::output::print;
use crate::service::{Arrays, Empty, New, Node, Outcome, Point, TestbedClient, Thin, Tree, TypesClient, Variants};
use crate::virtual_connection::{drive, entry, open_call_and_close, settings, shown};

/// Longer than the Close of a released connection takes to leave.
const SHORTLY: Duration = Duration::from_millis(60);
/// Longer than a call takes that is going to settle at all.
const A_WHILE: Duration = Duration::from_millis(300);
const NEVER_MILLIS: u64 = 100_000;

/// The session that scenarios use. A scenario may give up a part of it.
struct Session {
    caller: Option<DriverCaller>,
    handle: Option<SessionHandle>,
}

pub async fn run(names: &[String], caller: DriverCaller, handle: SessionHandle) {
    let mut session = Session {
        caller: Some(caller),
        handle: Some(handle),
    };
    for full_name in names {
        let (name, argument) = full_name.split_once(':').unwrap_or((full_name, ""));
        let saw = session.play(name, argument).await;
        print("scenario", json!({"name": full_name, "saw": saw}));
    }
}

impl Session {
    async fn play(&mut self, name: &str, argument: &str) -> Vec<Value> {
        let number: u64 = argument.parse().unwrap_or(0);
        match name {
            "wait" => {
                tokio::time::sleep(Duration::from_millis(number)).await;
                return vec![];
            }
            "drop" => {
                self.caller = None;
                return vec![];
            }
            "drop-handle" => {
                self.handle = None;
                return vec![];
            }
            _ => {}
        }
        if let Some(caller) = &self.caller
            && let Some(saw) = play_calls(name, argument, number, caller).await
        {
            return saw;
        }
        if let Some(handle) = &self.handle
            && let Some(saw) = play_connections(name, argument, number, handle).await
        {
            return saw;
        }
        vec![json!("no such scenario, or what it needs was dropped")]
    }
}

fn debug(value: impl Debug) -> Value {
    Value::String(format!("{value:?}"))
}

/// Plays a scenario on the root connection. Returns nothing if there is none of that name.
async fn play_calls(name: &str, argument: &str, number: u64, caller: &DriverCaller) -> Option<Vec<Value>> {
    let client = TestbedClient::new(caller.clone());
    let count = u32::try_from(number).unwrap_or(u32::MAX);
    Some(match name {
        "calls" => calls(&client).await,
        "types" => types(&TypesClient::new(caller.clone())).await,
        "echo" => vec![debug(client.echo(argument.into()).await)],
        "slow" => vec![debug(client.slow(number).await)],
        "fail" => vec![debug(client.fail_hard().await)],
        "abandon" => {
            let call = client.slow(NEVER_MILLIS);
            vec![debug(timeout(Duration::from_millis(number), call).await)]
        }
        "unknown" => vec![unknown_method(caller).await],
        "sum" => {
            let (output, input) = channel::<i32>();
            let (result, ()) = tokio::join!(client.sum(input), send_all(output, count));
            vec![debug(result)]
        }
        "sum-drop" => {
            let (output, input) = channel::<i32>();
            let (result, ()) = tokio::join!(client.sum(input), send_and_drop(output, count));
            vec![debug(result)]
        }
        "sum-stall" => sum_stall(&client).await,
        "generate" => {
            let (output, input) = channel::<i32>();
            let (result, items) = tokio::join!(client.generate(count, output), receive_all(input));
            vec![debug(result), json!(items)]
        }
        "generate-drop" => {
            let (output, input) = channel::<i32>();
            let call = timeout(A_WHILE, client.generate(count, output));
            let (result, items) = tokio::join!(call, receive_two(input));
            vec![debug(result), json!(items)]
        }
        "transform" => transform(&client).await,
        "many" => vec![json!(calls_at_once(&client, number).await)],
        "wait-closed" => {
            let limit = if number == 0 { 5000 } else { number };
            let is_closed = timeout(Duration::from_millis(limit), client.closed()).await.is_ok();
            vec![json!(if is_closed { "closed" } else { "still connected" })]
        }
        _ => return None,
    })
}

async fn calls(client: &TestbedClient) -> Vec<Value> {
    vec![
        debug(client.echo("grüße".into()).await),
        debug(client.reverse("abc".into()).await),
        debug(client.divide(i64::MIN, 2).await),
        debug(client.divide(1, 0).await),
        debug(client.divide(i64::MIN, -1).await),
        debug(client.lookup(1).await),
        debug(client.lookup(9).await),
        debug(client.swap_pair((-3, "x".into())).await),
        debug(client.echo_bytes(vec![0, 1, 255]).await),
        debug(client.nothing().await),
        debug(client.get_points(2).await),
    ]
}

/// Sends a value of every kind of type, at a limit where there is one, and says what came back.
async fn types(client: &TypesClient) -> Vec<Value> {
    let leaf = |name: &str| Tree {
        name: name.into(),
        children: vec![],
    };
    let tree = Tree {
        name: "root".into(),
        children: vec![leaf("left"), leaf("right")],
    };
    let node = Node {
        value: 1,
        next: Some(Box::new(Node { value: 2, next: None })),
    };
    let arrays = Arrays {
        numbers: [0, 1, u32::MAX],
        bytes: [0, 1, 127, 255],
        points: [Point { x: 1, y: -1 }, Point { x: 2, y: -2 }],
    };
    let map = [("a".to_string(), 1), ("ä".to_string(), 2)].into();
    vec![
        debug(client.t_bool(true).await),
        debug(client.t_u8(u8::MAX).await),
        debug(client.t_u16(u16::MAX).await),
        debug(client.t_u32(u32::MAX).await),
        debug(client.t_u64(u64::MAX).await),
        debug(client.t_u128(u128::MAX).await),
        debug(client.t_i8(i8::MIN).await),
        debug(client.t_i16(i16::MIN).await),
        debug(client.t_i32(i32::MIN).await),
        debug(client.t_i64(i64::MIN).await),
        debug(client.t_i128(i128::MIN).await),
        debug(client.t_usize(usize::MAX).await),
        debug(client.t_isize(isize::MIN).await),
        debug(client.t_f32(f32::MIN_POSITIVE).await),
        debug(client.t_f64(f64::NEG_INFINITY).await),
        debug(client.t_char('\u{10ffff}').await),
        debug(client.t_string("grüße".into()).await),
        debug(client.t_unit(()).await),
        debug(client.t_bytes(vec![0, 255]).await),
        debug(client.t_list(vec![1, 128, 16_384]).await),
        debug(client.t_list_of_lists(vec![vec![], vec!["x".into()]]).await),
        debug(client.t_option(None).await),
        debug(client.t_option(Some(7)).await),
        debug(client.t_option_of_option(None).await),
        debug(client.t_option_of_option(Some(None)).await),
        debug(client.t_option_of_option(Some(Some(7))).await),
        debug(client.t_array([1, 2, 3]).await),
        debug(client.t_array_u8([1, 2, 3, 4]).await),
        debug(client.t_arrays(arrays).await),
        debug(client.t_map(map).await),
        debug(client.t_set([3, 1, 2].into()).await),
        debug(client.t_tuple((1, -1, "x".into())).await),
        debug(client.t_new(New(7)).await),
        debug(client.t_thin(Thin(7)).await),
        debug(client.t_empty(Empty).await),
        debug(client.t_variants(Variants::Unit).await),
        debug(client.t_variants(Variants::New(7)).await),
        debug(client.t_variants(Variants::Pair(7, "x".into())).await),
        debug(client.t_variants(Variants::Fields { a: 7, b: true }).await),
        debug(client.t_node(node).await),
        debug(client.t_tree(tree).await),
        debug(client.t_boxed(Box::new(7)).await),
        debug(client.t_outcome(Outcome { result: Ok(7) }).await),
        debug(
            client
                .t_outcome(Outcome {
                    result: Err("no".into()),
                })
                .await,
        ),
        debug(client.t_none().await),
        debug(client.t_two(1, "abc".into()).await),
        debug(client.get_http2_value().await),
    ]
}

/// Calls a method that no service has, with metadata of the largest number.
async fn unknown_method(caller: &DriverCaller) -> Value {
    let metadata = entry("trace", MetadataValue::U64(u64::MAX), MetadataFlags::NO_PROPAGATE);
    let call = RequestCall {
        method_id: MethodId(0xdead),
        args: Payload::outgoing(&7u32),
        channels: vec![],
        metadata: vec![metadata],
    };
    match caller.call(call).await {
        Ok(response) => match &response.ret {
            Payload::Incoming(bytes) => json!(bytes),
            _ => unreachable!("what was received is bytes"),
        },
        Err(error) => debug(error),
    }
}

/// Sends the numbers 0, −1, −2 … and a Close.
async fn send_all(output: Tx<i32>, count: u32) {
    for number in 0..count.cast_signed() {
        if output.send(-number).await.is_err() {
            return;
        }
    }
    let _ = output.close(Default::default()).await;
}

async fn send_and_drop(output: Tx<i32>, count: u32) {
    for number in 0..count.cast_signed() {
        if output.send(number).await.is_err() {
            return;
        }
    }
}

async fn receive_all(mut input: Rx<i32>) -> Vec<Value> {
    let mut items = vec![];
    loop {
        match input.recv().await {
            Ok(Some(item)) => items.push(json!(*item)),
            Ok(None) => return items,
            Err(error) => {
                items.push(json!(error.to_string()));
                return items;
            }
        }
    }
}

async fn receive_two(mut input: Rx<i32>) -> Vec<Option<i32>> {
    let mut items = vec![];
    for _ in 0..2 {
        items.push(input.recv().await.ok().flatten().map(|item| *item));
    }
    items
}

/// Sends 20 items, and says what the call and the sender have seen after 1.5 s.
async fn sum_stall(client: &TestbedClient) -> Vec<Value> {
    let (output, input) = channel::<i32>();
    let client = client.clone();
    let call = tokio::spawn(async move { client.sum(input).await });
    let send = tokio::spawn(async move {
        for number in 0..20 {
            if let Err(error) = output.send(number).await {
                return format!("{number} sent, then {error}");
            }
        }
        "all sent".to_string()
    });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let state = |is_finished: bool| if is_finished { "settled" } else { "hangs" };
    let states = format!(
        "call {}, sender {}",
        state(call.is_finished()),
        state(send.is_finished())
    );
    vec![
        json!(states),
        debug(timeout(SHORTLY, call).await),
        debug(timeout(SHORTLY, send).await),
    ]
}

async fn transform(client: &TestbedClient) -> Vec<Value> {
    let (output, input) = channel::<String>();
    let (upper_output, mut upper_input) = channel::<String>();
    let send = async move {
        for text in ["a", "ñ", "c"] {
            let _ = output.send(text.to_string()).await;
        }
        let _ = output.close(Default::default()).await;
    };
    let receive = async move {
        let mut texts = vec![];
        while let Ok(Some(text)) = upper_input.recv().await {
            texts.push(text.to_string());
        }
        texts
    };
    let (result, (), texts) = tokio::join!(client.transform(input, upper_output), send, receive);
    vec![debug(result), json!(texts)]
}

/// Makes many calls at once, also more than the peer's maximum, and counts those that succeed.
async fn calls_at_once(client: &TestbedClient, count: u64) -> u64 {
    let mut calls = JoinSet::new();
    for n in 0..count {
        let client = client.clone();
        calls.spawn(async move { client.echo(n.to_string()).await.is_ok() });
    }
    let mut succeeded = 0;
    while let Some(result) = calls.join_next().await {
        if matches!(result, Ok(true)) {
            succeeded += 1;
        }
    }
    succeeded
}

/// Plays a scenario about virtual connections, or the session as a whole. Returns nothing if there is none of that name.
async fn play_connections(name: &str, argument: &str, number: u64, session: &SessionHandle) -> Option<Vec<Value>> {
    let open = |parity| session.open_connection(settings(parity), vec![]);
    Some(match name {
        "open" => {
            let seen = open_call_and_close(session, argument).await;
            seen.into_iter().map(Value::String).collect()
        }
        "open-release" => {
            let opened = open(Parity::Odd).await;
            let mut saw = vec![json!(shown(&opened))];
            if let Ok(handle) = opened {
                let client = TestbedClient::new(drive(handle));
                saw.push(debug(client.echo("on a virtual connection".into()).await));
                drop(client);
                tokio::time::sleep(SHORTLY).await;
            }
            saw
        }
        "open-even" => open_even(session).await,
        "open-close" => open_and_close(session).await,
        "open-reject" => {
            let reject = entry("reject", MetadataValue::U64(1), MetadataFlags::NONE);
            let opened = session.open_connection(settings(Parity::Odd), vec![reject]).await;
            vec![json!(shown(&opened))]
        }
        "open-hold" => open_and_hold(session).await,
        "open-keep" => {
            let opened = open(Parity::Odd).await;
            let saw = shown(&opened);
            if let Ok(handle) = opened {
                std::mem::forget(drive(handle));
            }
            vec![json!(saw)]
        }
        "open-later" => {
            let session = session.clone();
            tokio::spawn(async move {
                let opened = session.open_connection(settings(Parity::Odd), vec![]).await;
                print("open later", json!({"saw": shown(&opened)}));
                if let Ok(handle) = opened {
                    std::mem::forget(drive(handle));
                }
            });
            vec![]
        }
        "open-give-up" => {
            let opened = timeout(Duration::from_millis(number), open(Parity::Odd)).await;
            vec![debug(opened.map(|opened| shown(&opened)))]
        }
        "proxy" => {
            let (left, right) = tokio::join!(open(Parity::Odd), open(Parity::Even));
            let saw = vec![json!(shown(&left)), json!(shown(&right))];
            if let (Ok(left), Ok(right)) = (left, right) {
                tokio::spawn(async move {
                    proxy_connections(left, right).await;
                    print("proxy ended", json!({}));
                });
            }
            saw
        }
        "shutdown" => vec![debug(session.shutdown())],
        _ => return None,
    })
}

/// Asks for the parity Even on a connection, so that its ids are even.
async fn open_even(session: &SessionHandle) -> Vec<Value> {
    let opened = session.open_connection(settings(Parity::Even), vec![]).await;
    let mut saw = vec![json!(shown(&opened))];
    if let Ok(handle) = opened {
        let client = TestbedClient::new(drive(handle));
        saw.push(debug(client.echo("even".into()).await));
        let (output, input) = channel::<i32>();
        let (result, ()) = tokio::join!(client.sum(input), send_all(output, 3));
        saw.push(debug(result));
        drop(client);
        tokio::time::sleep(SHORTLY).await;
    }
    saw
}

/// Closes a connection and uses it after that; closes what cannot be closed.
async fn open_and_close(session: &SessionHandle) -> Vec<Value> {
    let opened = session.open_connection(settings(Parity::Odd), vec![]).await;
    let mut saw = vec![json!(shown(&opened))];
    let Ok(handle) = opened else {
        return saw;
    };
    let id = handle.connection_id();
    let client = TestbedClient::new(drive(handle));
    let why = entry("why", MetadataValue::String("done"), MetadataFlags::NONE);
    saw.push(debug(client.echo("before".into()).await));
    saw.push(debug(session.close_connection(id, vec![why]).await));
    saw.push(json!(format!("connected {}", client.is_connected())));
    saw.push(debug(timeout(A_WHILE, client.echo("after".into())).await));
    saw.push(debug(session.close_connection(id, vec![]).await));
    saw.push(debug(session.close_connection(ConnectionId::ROOT, vec![]).await));
    saw
}

/// Calls, and waits until the peer closes the connection; then calls again.
async fn open_and_hold(session: &SessionHandle) -> Vec<Value> {
    let opened = session.open_connection(settings(Parity::Odd), vec![]).await;
    let mut saw = vec![json!(shown(&opened))];
    let Ok(handle) = opened else {
        return saw;
    };
    let client = TestbedClient::new(drive(handle));
    let pending = client.clone();
    let pending = tokio::spawn(async move { pending.slow(NEVER_MILLIS).await });
    let is_closed = timeout(Duration::from_secs(2), client.closed()).await.is_ok();
    saw.push(json!(is_closed));
    saw.push(debug(timeout(A_WHILE, pending).await));
    saw.push(debug(timeout(A_WHILE, client.echo("late".into())).await));
    saw
}
