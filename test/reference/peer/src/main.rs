//! A peer of the official crates, roam 7.3.0, by their public API. It prints JSON lines: see `options::USAGE`.
mod bench;
mod commands;
mod described;
mod options;
mod output;
mod scenarios;
mod service;
mod session;
mod virtual_connection;

use options::{Options, USAGE};
use output::{LogPrinter, print};
use scenarios::Session;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => return refuse(&problem),
    };
    if options.logs {
        tracing::subscriber::set_global_default(LogPrinter).expect("no subscriber is set yet");
    }
    let mut builder = if options.has_one_thread {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    let runtime = builder
        .enable_all()
        .build()
        .expect("the system has threads and sockets");
    match options.mode.as_str() {
        "accept" => runtime.block_on(session::accept(options)),
        "connect" => runtime.block_on(connect(options)),
        "bench" => runtime.block_on(bench::run(options)),
        "ids" => service::print_ids(),
        "describe" => return described::print(&options.rest),
        mode => return refuse(&format!("there is no mode {mode:?}")),
    }
    ExitCode::SUCCESS
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!("{problem}\n\n{USAGE}");
    ExitCode::FAILURE
}

async fn connect(options: Options) {
    match session::connect(&options).await {
        Ok((caller, handle)) => {
            let session = Session::new(caller, handle);
            scenarios::run(&options.rest, &session).await;
            if options.takes_commands {
                let session = Arc::new(session);
                commands::add(1, session.clone());
                commands::start();
                session.ended().await;
                commands::remove(1);
                print("session ended", json!({"n": 1}));
                // A scenario may still have to say how it ended.
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
        Err(error) => print("handshake failed", json!({"error": error.to_string()})),
    }
    // The last frames leave in tasks of the link, which nothing awaits.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}
