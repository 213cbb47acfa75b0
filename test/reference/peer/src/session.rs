//! Establishes sessions over each transport.
use std::sync::Arc;

use roam_core::{DriverCaller, SessionError, SessionHandle, acceptor, initiator};
use roam_stream::StreamLink;
use roam_types::{Link, MetadataFlags, MetadataValue};
use roam_websocket::WsLink;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::commands;
use crate::options::{Options, Transport};
use crate::output::print;
use crate::scenarios::Session;
use crate::service::{Both, Service};
use crate::virtual_connection::{Acceptor, entry};

/// Serves the sessions that come, all of them or the first.
pub async fn accept(options: Options) {
    let listener = Listener::bind(&options).await;
    if options.takes_commands {
        commands::start();
    }
    for n in 1.. {
        let stream = listener.accept().await;
        let options = options.clone();
        let is_once = options.is_once;
        let session = tokio::spawn(async move { serve_stream(options, n, stream).await });
        if is_once {
            let _ = session.await;
            return;
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    async fn bind(options: &Options) -> Self {
        if options.transport == Transport::Unix {
            let path = options.needed_address();
            let listener = UnixListener::bind(path).expect("the path is free");
            print("listening", json!({"address": path}));
            return Self::Unix(listener);
        }
        let address = options.address.as_deref().unwrap_or("127.0.0.1:0");
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let bound = listener.local_addr().expect("a bound listener has an address");
        print("listening", json!({"address": bound.to_string(), "port": bound.port()}));
        Self::Tcp(listener)
    }

    async fn accept(&self) -> Stream {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await.expect("the listener accepts");
                stream.set_nodelay(true).expect("TCP has the option");
                Stream::Tcp(stream)
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await.expect("the listener accepts");
                Stream::Unix(stream)
            }
        }
    }
}

async fn serve_stream(options: Options, n: u64, stream: Stream) {
    match stream {
        Stream::Unix(stream) => serve(options, n, StreamLink::unix(stream)).await,
        Stream::Tcp(stream) if options.transport == Transport::Tcp => {
            serve(options, n, StreamLink::tcp(stream)).await;
        }
        Stream::Tcp(stream) => match WsLink::server(stream).await {
            Ok(link) => serve(options, n, link).await,
            Err(error) => print("upgrade failed", json!({"n": n, "error": error.to_string()})),
        },
    }
}

async fn serve(options: Options, n: u64, link: impl Link + 'static) {
    let service = Service::default();
    let mut builder = acceptor(link);
    if let Some(keepalive) = options.keepalive {
        builder = builder.keepalive(keepalive);
    }
    if options.takes_connections {
        builder = builder.on_connection(Acceptor {
            service: service.clone(),
            is_quiet: options.is_quiet,
        });
    }
    if !options.is_quiet {
        builder = builder.metadata(vec![
            entry("server", MetadataValue::String("peer"), MetadataFlags::NONE),
            entry("session", MetadataValue::U64(n), MetadataFlags::NONE),
        ]);
    }
    let established = builder.establish::<DriverCaller>(Both(service.clone())).await;
    let (caller, session) = match established {
        Ok(established) => established,
        Err(error) => {
            print("handshake failed", json!({"n": n, "error": error.to_string()}));
            return;
        }
    };
    // A fresh service has no session yet.
    let _ = service.session.set(session.clone());
    let kept = options.holds_caller.then(|| caller.clone());
    let session = Arc::new(Session::new(caller, session));
    if options.takes_commands {
        commands::add(n, session.clone());
    }
    if !options.is_quiet {
        print("session", json!({"n": n}));
    }
    session.ended().await;
    commands::remove(n);
    if !options.is_quiet {
        print("session ended", json!({"n": n}));
    }
    std::mem::forget(kept);
}

/// Connects to an acceptor.
pub async fn connect(options: &Options) -> Result<(DriverCaller, SessionHandle), SessionError> {
    let address = options.needed_address();
    if options.transport == Transport::Unix {
        let stream = UnixStream::connect(address).await.map_err(SessionError::Io)?;
        return initiate(options, StreamLink::unix(stream)).await;
    }
    let stream = TcpStream::connect(address).await.map_err(SessionError::Io)?;
    stream.set_nodelay(true).map_err(SessionError::Io)?;
    if options.transport == Transport::Tcp {
        return initiate(options, StreamLink::tcp(stream)).await;
    }
    let (stream, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), stream)
        .await
        .map_err(|error| SessionError::Protocol(error.to_string()))?;
    initiate(options, WsLink::new(stream)).await
}

async fn initiate(options: &Options, link: impl Link + 'static) -> Result<(DriverCaller, SessionHandle), SessionError> {
    let service = Service::default();
    let mut builder = initiator(link).parity(options.parity);
    if let Some(keepalive) = options.keepalive {
        builder = builder.keepalive(keepalive);
    }
    if options.takes_connections {
        builder = builder.on_connection(Acceptor {
            service: service.clone(),
            is_quiet: options.is_quiet,
        });
    }
    if !options.is_quiet {
        let secret = MetadataFlags::SENSITIVE | MetadataFlags::NO_PROPAGATE;
        builder = builder.metadata(vec![
            entry("client", MetadataValue::String("peer"), MetadataFlags::NONE),
            entry("token", MetadataValue::Bytes(&[0xde, 0xad]), secret),
        ]);
    }
    let (caller, session) = builder.establish::<DriverCaller>(Both(service.clone())).await?;
    let _ = service.session.set(session.clone());
    if !options.is_quiet {
        print("session", json!({}));
    }
    Ok((caller, session))
}
