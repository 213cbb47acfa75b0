//! The command line.
use roam_core::SessionKeepaliveConfig;
use roam_types::Parity;
use std::time::Duration;

pub const USAGE: &str = "\
peer accept  --transport tcp|unix|ws [--address PATH] [OPTION…]
    Prints {\"ev\":\"listening\",\"address\":…}, and serves until it is ended. The system picks the port.
peer connect --transport tcp|unix|ws --address ADDRESS [OPTION…] SCENARIO…
    Plays scenarios against an acceptor, one after the other: see scenarios.rs.
peer bench   --transport tcp|unix|ws --address ADDRESS [OPTION…] WHAT ARGUMENT…
    Measures speed against an acceptor: see bench.rs.
peer ids
    Prints the id of every method.
peer describe SERVICE
    Prints the description of a service: see described.rs.

An ADDRESS is HOST:PORT, or the path of a Unix socket. Options:
    --keepalive MS,MS    the interval of Pings, and how long a Pong may take
    --even               asks for the parity Even (connect)
    --no-connections     rejects every virtual connection
    --commands           plays the scenarios that come on standard input, also on the sessions of an acceptor: a line
                         has the number of a session, which its event `session` gives (1 of `connect`), and a scenario
    --hold               keeps its caller after the session has ended (accept)
    --once               ends with its first session (accept)
    --quiet              sends no metadata and prints no event of a session
    --log                prints what the crates log
    --one-thread         runs on one thread";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Unix,
    WebSocket,
}

#[derive(Clone)]
pub struct Options {
    pub mode: String,
    pub transport: Transport,
    pub address: Option<String>,
    pub keepalive: Option<SessionKeepaliveConfig>,
    pub parity: Parity,
    pub takes_connections: bool,
    pub takes_commands: bool,
    pub holds_caller: bool,
    pub is_once: bool,
    pub is_quiet: bool,
    pub logs: bool,
    pub has_one_thread: bool,
    pub rest: Vec<String>,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            mode: args.next().unwrap_or_default(),
            transport: Transport::Tcp,
            address: None,
            keepalive: None,
            parity: Parity::Odd,
            takes_connections: true,
            takes_commands: false,
            holds_caller: false,
            is_once: false,
            is_quiet: false,
            logs: false,
            has_one_thread: false,
            rest: vec![],
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--transport" => options.transport = transport(&value()?)?,
                "--address" => options.address = Some(value()?),
                "--keepalive" => options.keepalive = Some(keepalive(&value()?)?),
                "--even" => options.parity = Parity::Even,
                "--no-connections" => options.takes_connections = false,
                "--commands" => options.takes_commands = true,
                "--hold" => options.holds_caller = true,
                "--once" => options.is_once = true,
                "--quiet" => options.is_quiet = true,
                "--log" => options.logs = true,
                "--one-thread" => options.has_one_thread = true,
                _ if arg.starts_with("--") => return Err(format!("there is no option {arg}")),
                _ => options.rest.push(arg),
            }
        }
        let needs_address = match options.mode.as_str() {
            "accept" => options.transport == Transport::Unix,
            mode => mode == "connect" || mode == "bench",
        };
        if needs_address && options.address.is_none() {
            return Err("--address is missing".into());
        }
        Ok(options)
    }

    /// Returns the address. `parse` has refused options that need one and have none.
    pub fn needed_address(&self) -> &str {
        self.address.as_deref().expect("parse refuses a missing address")
    }
}

fn transport(name: &str) -> Result<Transport, String> {
    match name {
        "tcp" => Ok(Transport::Tcp),
        "unix" => Ok(Transport::Unix),
        "ws" => Ok(Transport::WebSocket),
        _ => Err(format!("--transport {name}: neither tcp, unix nor ws")),
    }
}

fn keepalive(text: &str) -> Result<SessionKeepaliveConfig, String> {
    let millis = |text: &str| text.parse().map(Duration::from_millis);
    let times = text
        .split_once(',')
        .map(|(interval, timeout)| (millis(interval), millis(timeout)));
    match times {
        Some((Ok(ping_interval), Ok(pong_timeout))) => Ok(SessionKeepaliveConfig {
            ping_interval,
            pong_timeout,
        }),
        _ => Err(format!("--keepalive {text}: not two numbers of milliseconds")),
    }
}
