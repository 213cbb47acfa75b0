//! Scenarios that are asked for on standard input, where `--commands` is given.
use std::collections::HashMap;
use std::io::BufRead as _;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::json;
use tokio::runtime::Handle;

use crate::output::print;
use crate::scenarios::Session;

/// The sessions that run, by their numbers.
static SESSIONS: LazyLock<Mutex<HashMap<u64, Arc<Session>>>> = LazyLock::new(Mutex::default);

pub fn add(n: u64, session: Arc<Session>) {
    SESSIONS
        .lock()
        .expect("nothing panics with the lock")
        .insert(n, session);
}

/// Forgets a session that is over. Its link stays open while something holds a caller.
pub fn remove(n: u64) {
    SESSIONS.lock().expect("nothing panics with the lock").remove(&n);
}

/// Plays what comes, each scenario in a task of its own.
pub fn start() {
    let runtime = Handle::current();
    // Tokio's own standard input would keep the process alive until the pipe ends.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            runtime.spawn(play(line));
        }
        // Who gave the commands is gone.
        std::process::exit(0);
    });
}

async fn play(line: String) {
    let (number, name) = line.split_once(' ').unwrap_or((&line, ""));
    let n: u64 = number.parse().unwrap_or(0);
    let session = SESSIONS.lock().expect("nothing panics with the lock").get(&n).cloned();
    let saw = match session {
        Some(session) => session.play(name).await,
        None => vec![json!("there is no such session")],
    };
    print("scenario", json!({"n": n, "name": name, "saw": saw}));
}
