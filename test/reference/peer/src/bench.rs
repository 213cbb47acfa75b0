//! The client's side of measurements of speed. Each prints one line, with the resident memory of this process.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roam::channel;
use roam_core::{DriverCaller, SessionHandle};
use roam_types::Parity;
use serde_json::json;
use tokio::task::JoinSet;

use crate::options::Options;
use crate::output::print;
use crate::service::TestbedClient;
use crate::session::connect;
use crate::virtual_connection::{drive, settings};

/// Measures one thing:
///
/// | what | arguments |
/// | --- | --- |
/// | `echo`, `bytes` | calls, calls at once, bytes in each |
/// | `down`, `up` | items of a channel, bytes in each |
/// | `connect` | sessions, one after the other: the time to the first reply |
/// | `connections` | virtual connections, opens at once, milliseconds to hold them |
/// | `idle` | idle sessions, milliseconds to hold them |
///
/// The first argument of all but the last two may be `-`: then each line of standard input is the number of one round.
pub async fn run(options: Options) {
    let what = options.rest.first().cloned().unwrap_or_default();
    let number = |at: usize, default: u64| {
        let text = options.rest.get(at);
        text.map_or(default, |text| {
            text.parse().expect("an argument of a bench is a number")
        })
    };
    match what.as_str() {
        "echo" | "bytes" => calls(&options, &what, rounds(&options, 20_000), number(2, 1), number(3, 16)).await,
        "down" => stream_down(&options, rounds(&options, 100_000), number(2, 64)).await,
        "up" => stream_up(&options, rounds(&options, 100_000), number(2, 64)).await,
        "connect" => first_replies(&options, rounds(&options, 300)).await,
        "connections" => connections(&options, number(1, 10_000), number(2, 1), number(3, 0)).await,
        "idle" => idle(&options, number(1, 1000), number(2, 0)).await,
        _ => print("no such bench", json!({"what": what})),
    }
}

/// Returns the number of each round. A read from standard input blocks this thread, and nothing else runs on it then.
fn rounds(options: &Options, default: u64) -> Box<dyn Iterator<Item = u64>> {
    let parse = |text: &str| text.parse().expect("the number of a round is a number");
    match options.rest.get(1).map(String::as_str) {
        None => Box::new(std::iter::once(default)),
        Some("-") => Box::new(
            std::io::stdin()
                .lines()
                .map(move |line| parse(&line.expect("it is text"))),
        ),
        Some(text) => Box::new(std::iter::once(parse(text))),
    }
}

async fn open(options: &Options) -> (DriverCaller, SessionHandle) {
    connect(options).await.expect("the acceptor takes the session")
}

fn print_rate(what: &str, count: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    print(
        "bench",
        json!({
            "what": what,
            "n": count,
            "seconds": seconds,
            "perSecond": (count as f64 / seconds).round(),
            "rss": resident_bytes(),
        }),
    );
}

/// Returns the resident memory of this process, on Linux only; 0 elsewhere.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Takes one piece of the work that is left. Returns false if there is none.
fn take(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1))
        .is_ok()
}

async fn calls(options: &Options, what: &str, rounds: impl Iterator<Item = u64>, at_once: u64, size: u64) {
    let (caller, _session) = open(options).await;
    let client = TestbedClient::new(caller);
    let text = "x".repeat(size as usize);
    let bytes = vec![7u8; size as usize];
    let is_text = what == "echo";
    for _ in 0..500 {
        call_once(&client, is_text, &text, &bytes).await;
    }
    for count in rounds {
        let left = Arc::new(AtomicU64::new(count));
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..at_once {
            let (client, text, bytes, left) = (client.clone(), text.clone(), bytes.clone(), left.clone());
            workers.spawn(async move {
                while take(&left) {
                    call_once(&client, is_text, &text, &bytes).await;
                }
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.expect("every call is answered, and rightly");
        }
        print_rate(&format!("{what} x{at_once} {size} B"), count, start.elapsed());
    }
}

async fn call_once(client: &TestbedClient, is_text: bool, text: &str, bytes: &[u8]) {
    if is_text {
        let answer = client.echo(text.to_owned()).await.expect("echo answers");
        assert_eq!(answer, text);
    } else {
        let answer = client.echo_bytes(bytes.to_vec()).await.expect("echo_bytes answers");
        assert_eq!(answer, bytes);
    }
}

async fn stream_down(options: &Options, rounds: impl Iterator<Item = u64>, size: u64) {
    let (caller, _session) = open(options).await;
    let client = TestbedClient::new(caller);
    for count in rounds {
        let (output, mut input) = channel::<Vec<u8>>();
        let start = Instant::now();
        let receive = async move {
            let mut received = 0;
            while let Ok(Some(item)) = input.recv().await {
                assert!(item.len() as u64 == size && item.iter().all(|byte| *byte == received as u8));
                received += 1;
            }
            received
        };
        let (_, received) = tokio::join!(client.stream_bytes(count as u32, size as u32, output), receive);
        assert_eq!(received, count);
        print_rate(&format!("down {size} B"), received, start.elapsed());
    }
}

async fn stream_up(options: &Options, rounds: impl Iterator<Item = u64>, size: u64) {
    let (caller, _session) = open(options).await;
    let client = TestbedClient::new(caller);
    for count in rounds {
        let (output, input) = channel::<Vec<u8>>();
        let start = Instant::now();
        let send = async move {
            for number in 0..count {
                let item = vec![number as u8; size as usize];
                output.send(item).await.expect("the channel is open");
            }
            output.close(Default::default()).await.expect("the channel is open");
        };
        let (received, ()) = tokio::join!(client.sink_bytes(input), send);
        let received = received.expect("sink_bytes answers");
        print_rate(&format!("up {size} B"), received, start.elapsed());
    }
}

async fn connections(options: &Options, count: u64, at_once: u64, hold: u64) {
    let (_caller, session) = open(options).await;
    let before = resident_bytes();
    let left = Arc::new(AtomicU64::new(count));
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..at_once {
        let (session, left) = (session.clone(), left.clone());
        workers.spawn(async move {
            let mut callers = vec![];
            while take(&left) {
                let opened = session.open_connection(settings(Parity::Odd), vec![]).await;
                callers.push(drive(opened.expect("the acceptor takes the connection")));
            }
            callers
        });
    }
    let mut callers = vec![];
    while let Some(opened) = workers.join_next().await {
        callers.extend(opened.expect("a worker does not panic"));
    }
    print_rate(&format!("connections x{at_once}"), count, start.elapsed());
    print("memory", json!({"before": before, "after": resident_bytes()}));
    let last = callers.last().expect("at least one connection").clone();
    let client = TestbedClient::new(last);
    let start = Instant::now();
    for _ in 0..1000 {
        client.echo("0123456789abcdef".into()).await.expect("echo answers");
    }
    print_rate("echo x1 on the last of them", 1000, start.elapsed());
    tokio::time::sleep(Duration::from_millis(hold)).await;
}

async fn first_replies(options: &Options, rounds: impl Iterator<Item = u64>) {
    for count in rounds {
        let mut micros = vec![];
        for _ in 0..count {
            let start = Instant::now();
            let (caller, _session) = open(options).await;
            let client = TestbedClient::new(caller);
            client.echo("hello".into()).await.expect("echo answers");
            micros.push(start.elapsed().as_micros() as u64);
        }
        micros.sort_unstable();
        print(
            "bench",
            json!({
                "what": "connect to first reply",
                "micros": {"min": micros[0], "median": micros[micros.len() / 2], "p99": micros[micros.len() * 99 / 100]},
            }),
        );
    }
}

async fn idle(options: &Options, count: u64, hold: u64) {
    let before = resident_bytes();
    let mut sessions = vec![];
    let start = Instant::now();
    for _ in 0..count {
        sessions.push(open(options).await);
    }
    print_rate("idle sessions", count, start.elapsed());
    print("memory", json!({"before": before, "after": resident_bytes()}));
    tokio::time::sleep(Duration::from_millis(hold)).await;
}
