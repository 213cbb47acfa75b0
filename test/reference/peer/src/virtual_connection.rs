//! Accepts and opens virtual connections.
use std::time::Duration;

use roam::Caller;
use roam_core::SessionHandle;
use roam_core::{AcceptedConnection, ConnectionAcceptor, ConnectionHandle, Driver, DriverCaller, SessionError};
use roam_types::{ConnectionId, ConnectionSettings, Metadata, MetadataEntry, MetadataFlags, MetadataValue, Parity};
use serde_json::json;

use crate::output::{metadata_json, print};
use crate::service::{Both, Service, TestbedClient};

pub fn entry(key: &'static str, value: MetadataValue<'static>, flags: MetadataFlags) -> MetadataEntry<'static> {
    MetadataEntry { key, value, flags }
}

pub fn settings(parity: Parity) -> ConnectionSettings {
    ConnectionSettings {
        parity,
        max_concurrent_requests: 16,
    }
}

/// Accepts a virtual connection, unless a key of its metadata says otherwise:
///
/// | key | what happens |
/// | --- | --- |
/// | `reject` | it is rejected, with metadata of every type and flag |
/// | `reject-empty` | it is rejected without metadata |
/// | `panic` | the acceptor panics |
/// | `same-parity` | the acceptor asks for the opener's own parity |
/// | `deaf` | the handle is dropped at once |
/// | `unread` | the handle is kept, and its inbox never read |
/// | `close-after` (u64) | the only caller is dropped after so many milliseconds |
/// | `call-back` | the acceptor calls `echo` on the new connection |
#[derive(Clone)]
pub struct Acceptor {
    pub service: Service,
    pub is_quiet: bool,
}

impl ConnectionAcceptor for Acceptor {
    fn accept(
        &self,
        id: ConnectionId,
        peer: &ConnectionSettings,
        metadata: &[MetadataEntry],
    ) -> Result<AcceptedConnection, Metadata<'static>> {
        let find = |key: &str| metadata.iter().find(|entry| entry.key == key);
        let says = |key: &str| find(key).is_some();
        if !self.is_quiet {
            print(
                "open",
                json!({
                    "id": id.0,
                    "parity": format!("{:?}", peer.parity),
                    "max": peer.max_concurrent_requests,
                    "metadata": metadata_json(metadata),
                }),
            );
        }
        if says("reject-empty") {
            return Err(vec![]);
        }
        if says("reject") {
            return Err(vec![
                entry("reason", MetadataValue::String("no"), MetadataFlags::NONE),
                entry("code", MetadataValue::U64(7), MetadataFlags::SENSITIVE),
                entry("raw", MetadataValue::Bytes(&[1, 2, 3]), MetadataFlags::NO_PROPAGATE),
            ]);
        }
        if says("panic") {
            panic!("on purpose");
        }
        let close_after = find("close-after").map(|entry| match entry.value {
            MetadataValue::U64(millis) => Duration::from_millis(millis),
            _ => Duration::ZERO,
        });
        let service = Both(self.service.clone());
        let is_quiet = self.is_quiet;
        let is_deaf = says("deaf");
        let is_unread = says("unread");
        let calls_back = says("call-back");
        let setup = move |handle: ConnectionHandle| {
            if is_deaf {
                return;
            }
            if is_unread {
                std::mem::forget(handle);
                return;
            }
            let mut driver = Driver::new(handle, service);
            if let Some(wait) = close_after {
                tokio::spawn(drop_later(driver.caller(), wait));
            }
            if calls_back {
                tokio::spawn(call_back(driver.caller()));
            }
            tokio::spawn(async move {
                driver.run().await;
                if !is_quiet {
                    print("connection ended", json!({"id": id.0}));
                }
            });
        };
        let parity = if says("same-parity") {
            peer.parity
        } else {
            peer.parity.other()
        };
        let welcome = entry("accepted", MetadataValue::U64(1), MetadataFlags::NONE);
        Ok(AcceptedConnection {
            settings: ConnectionSettings {
                parity,
                max_concurrent_requests: 32,
            },
            metadata: if is_quiet { vec![] } else { vec![welcome] },
            setup: Box::new(setup),
        })
    }
}

async fn drop_later(caller: DriverCaller, wait: Duration) {
    tokio::time::sleep(wait).await;
    drop(caller);
}

async fn call_back(caller: DriverCaller) {
    let client = TestbedClient::new(caller);
    let result = client.echo("from the acceptor".into()).await;
    print("call back", json!({"saw": format!("{result:?}")}));
    client.closed().await;
}

/// Gives a connection a driver, and returns its only caller.
pub fn drive(handle: ConnectionHandle) -> DriverCaller {
    let mut driver = Driver::new(handle, Both::default());
    let caller = driver.caller();
    tokio::spawn(async move { driver.run().await });
    caller
}

/// Describes the result of an open. The metadata of a Reject is counted and never read: in 7.3.0 it points into a frame
/// that was freed.
pub fn shown(result: &Result<ConnectionHandle, SessionError>) -> String {
    match result {
        Ok(handle) => format!("open {} {:?}", handle.connection_id().0, handle.parity),
        Err(SessionError::Rejected(metadata)) => format!("rejected, {} entries", metadata.len()),
        Err(error) => error.to_string(),
    }
}

/// Metadata with one key.
pub fn keyed(key: &str) -> Metadata<'static> {
    // Metadata has to live for ever, and a key comes from the caller.
    let key: &'static str = Box::leak(key.to_owned().into_boxed_str());
    vec![entry(key, MetadataValue::U64(1), MetadataFlags::NONE)]
}

/// Opens a connection with one key in its metadata, calls `echo` on it, and closes it with metadata.
pub async fn open_call_and_close(session: &SessionHandle, key: &str) -> Vec<String> {
    let opened = session.open_connection(settings(Parity::Odd), keyed(key)).await;
    let mut saw = vec![shown(&opened)];
    let Ok(handle) = opened else {
        return saw;
    };
    let id = handle.connection_id();
    let caller = drive(handle);
    let client = TestbedClient::new(caller.clone());
    saw.push(format!("{:?}", client.echo("before".into()).await));
    let why = vec![entry("why", MetadataValue::String("done"), MetadataFlags::NONE)];
    saw.push(format!("{:?}", session.close_connection(id, why).await));
    saw.push(format!("connected {}", caller.is_connected()));
    saw
}
