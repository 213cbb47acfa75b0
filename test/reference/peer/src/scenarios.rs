//! The scenarios of `peer connect`, by name. Each prints one line. A name may be followed by an argument: `sum:5`.
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use roam::{Caller, MethodId, Payload, RequestCall, Rx, Tx, channel};
use roam_core::{DriverCaller, SessionHandle, proxy_connections};
use roam_types::{ConnectionId, MetadataFlags, MetadataValue, Parity};
use serde_json::{Value, json};
use std::fmt::Debug;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::output::print;
use crate::service::stranger;
use crate::service::{
    Arrays, Empty, Expression, MathError, New, Node, Odd, Outcome, Outcomes, Page, Pair, Point, Special, TestbedClient,
    Thin, Tree, TypesClient, Variants, everything,
};
use crate::virtual_connection::{drive, entry, keyed, open_call_and_close, settings, shown};

/// Longer than the Close of a released connection takes to leave.
const SHORTLY: Duration = Duration::from_millis(60);
/// Longer than a call takes that is going to settle at all.
const A_WHILE: Duration = Duration::from_millis(300);
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const NEVER_MILLIS: u64 = 100_000;

/// The session that scenarios use. A scenario may give up a part of it.
pub struct Session {
    caller: Mutex<Option<DriverCaller>>,
    handle: Mutex<Option<SessionHandle>>,
    caller_dropped: Notify,
}

/// Plays scenarios one after the other.
pub async fn run(names: &[String], session: &Session) {
    for name in names {
        let saw = session.play(name).await;
        print("scenario", json!({"name": name, "saw": saw}));
    }
}

impl Session {
    pub fn new(caller: DriverCaller, handle: SessionHandle) -> Self {
        Self {
            caller: Mutex::new(Some(caller)),
            handle: Mutex::new(Some(handle)),
            caller_dropped: Notify::new(),
        }
    }

    /// Waits until the root connection is closed, or a scenario has dropped the caller.
    pub async fn ended(&self) {
        if let Some(caller) = part(&self.caller) {
            tokio::select! {
                () = caller.closed() => {}
                () = self.caller_dropped.notified() => {}
            }
        }
    }

    pub async fn play(&self, full_name: &str) -> Vec<Value> {
        let (name, argument) = full_name.split_once(':').unwrap_or((full_name, ""));
        let number: u64 = argument.parse().unwrap_or(0);
        match name {
            "wait" => {
                tokio::time::sleep(Duration::from_millis(number)).await;
                return vec![];
            }
            "drop" => {
                drop(self.caller.lock().expect("nothing panics with the lock").take());
                self.caller_dropped.notify_one();
                return vec![];
            }
            "drop-handle" => {
                drop(self.handle.lock().expect("nothing panics with the lock").take());
                return vec![];
            }
            _ => {}
        }
        if let Some(caller) = part(&self.caller)
            && let Some(saw) = play_calls(name, argument, number, &caller).await
        {
            return saw;
        }
        if let Some(handle) = part(&self.handle)
            && let Some(saw) = play_connections(name, argument, number, &handle).await
        {
            return saw;
        }
        vec![json!("no such scenario, or what it needs was dropped")]
    }
}

fn part<T: Clone>(part: &Mutex<Option<T>>) -> Option<T> {
    part.lock().expect("nothing panics with the lock").clone()
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
        "slow-many" => slow_at_once(&client, number).await,
        "blob" => {
            let bytes: Vec<u8> = (0..number).map(|at| at as u8).collect();
            vec![debug(client.echo_bytes(bytes.clone()).await.map(|back| back == bytes))]
        }
        "steady" => vec![debug(call_for(&client, Duration::from_millis(number)).await)],
        "unknown" => vec![unknown_method(caller).await],
        "stranger" => strangers(caller).await,
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
        "sink" => {
            let (output, input) = channel::<Vec<u8>>();
            let send = async move {
                for at in 0..40 {
                    if output.send(vec![at; count as usize]).await.is_err() {
                        return;
                    }
                }
                let _ = output.close(Default::default()).await;
            };
            let (result, ()) = tokio::join!(client.sink_bytes(input), send);
            vec![debug(result)]
        }
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
    let odd = Odd {
        __proto__: 7,
        constructor: "x".into(),
        r#type: true,
        then: Some(8),
        to_string: Special::constructor {
            __proto__: 9,
            hasOwnProperty: true,
        },
    };
    let number = |value| Box::new(Expression::Number(value));
    let sum = Expression::Sum {
        left: number(1.0),
        right: Box::new(Expression::Negative(number(2.0))),
    };
    let expression = Expression::Call(
        "f".into(),
        vec![sum, Expression::Maybe(None), Expression::Maybe(Some(number(3.0)))],
    );
    let outcomes = Outcomes {
        list: vec![Ok(1), Err("two".into())],
        unit: Err(MathError::Overflow),
        nested: Ok(Some(Err(-1))),
    };
    let page = Page {
        items: vec![Point { x: 1, y: -1 }],
        next: Some(u64::MAX),
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
        debug(client.t_u8(0).await),
        debug(client.t_u128(0).await),
        debug(client.t_i8(i8::MAX).await),
        debug(client.t_i16(i16::MAX).await),
        debug(client.t_i32(i32::MAX).await),
        debug(client.t_i64(i64::MAX).await),
        debug(client.t_i128(i128::MAX).await),
        debug(client.t_f32(-0.0).await),
        debug(client.t_f32(f32::NAN).await),
        debug(client.t_f64(-0.0).await),
        debug(client.t_f64(f64::NAN).await),
        debug(client.t_f64(f64::from_bits(1)).await),
        debug(client.t_string(String::new()).await),
        debug(client.t_bytes(vec![]).await),
        debug(client.t_pair(Pair(7, "x".into())).await),
        debug(client.t_odd(odd).await),
        debug(client.t_expression(expression).await),
        debug(client.t_option_of_unit(Some(())).await),
        debug(client.t_list_of_units(vec![(), (), ()]).await),
        debug(
            client
                .t_map_of_maps([((1, "a".to_string()), [(-1, true)].into())].into())
                .await,
        ),
        debug(client.t_hash_map([(7, "x".to_string())].into()).await),
        debug(client.t_hash_set(["x".to_string()].into()).await),
        debug(client.t_outcomes(outcomes).await),
        debug(client.t_generic(page).await),
        debug(client.describe(everything()).await),
        debug(client.everything().await),
        debug(client.t_everything(everything()).await.map(|back| back == everything())),
    ]
}

/// Makes many calls at once that last for ever, and counts how they end.
async fn slow_at_once(client: &TestbedClient, count: u64) -> Vec<Value> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        calls.spawn(async move { format!("{:?}", client.slow(NEVER_MILLIS).await) });
    }
    let mut results: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(result) = calls.join_next().await {
        *results.entry(result.unwrap_or_default()).or_default() += 1;
    }
    results
        .into_iter()
        .map(|(result, count)| json!([result, count]))
        .collect()
}

/// Calls again and again, one call after the other; says whether all have succeeded, and some were made.
async fn call_for(client: &TestbedClient, time: Duration) -> Result<bool, String> {
    let end = Instant::now() + time;
    let mut count = 0;
    while Instant::now() < end {
        let text = "x".repeat(2000);
        client.echo(text).await.map_err(|error| format!("{error:?}"))?;
        count += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(count > 0)
}

/// Makes typed calls that the peer can't answer: of a method that it does not have, and with arguments of another type.
/// What is in a Result does not count in a method's id, so the second has an id that the peer knows.
async fn strangers(caller: &DriverCaller) -> Vec<Value> {
    let client = stranger::TypesClient::new(caller.clone());
    let result = Ok("longer than a number".to_string());
    vec![
        debug(client.t_missing(7).await),
        debug(client.t_outcome(stranger::Outcome { result }).await),
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
        "open-closed" => open_and_wait(session, argument).await,
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
        "close" => vec![debug(session.close_connection(ConnectionId(number), vec![]).await)],
        "open-slow" => {
            let opened = open(Parity::Odd).await;
            let mut saw = vec![json!(shown(&opened))];
            if let Ok(handle) = opened {
                saw.extend(slow_at_once(&TestbedClient::new(drive(handle)), number).await);
            }
            saw
        }
        "open-many" => {
            let mut opens = JoinSet::new();
            for _ in 0..number {
                let session = session.clone();
                opens.spawn(async move {
                    let opened = session.open_connection(settings(Parity::Odd), vec![]).await;
                    shown(&opened).split(' ').next().unwrap_or_default().to_string()
                });
            }
            let mut results: Vec<String> = opens.join_all().await;
            results.sort();
            results.dedup();
            vec![json!(results)]
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

/// Opens a connection with one key in its metadata, and waits until the peer closes the connection.
async fn open_and_wait(session: &SessionHandle, key: &str) -> Vec<Value> {
    let opened = session.open_connection(settings(Parity::Odd), keyed(key)).await;
    let mut saw = vec![json!(shown(&opened))];
    if let Ok(handle) = opened {
        let client = TestbedClient::new(drive(handle));
        saw.push(json!(timeout(PATIENCE, client.closed()).await.is_ok()));
    }
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
    let is_closed = timeout(PATIENCE, client.closed()).await.is_ok();
    saw.push(json!(is_closed));
    saw.push(debug(timeout(A_WHILE, pending).await));
    saw.push(debug(timeout(A_WHILE, client.echo("late".into())).await));
    saw
}
