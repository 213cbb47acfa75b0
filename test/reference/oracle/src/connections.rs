//! Puts each new connection to use: with a driver, with a task that reads its inbox, or as one leg of a proxy.
use std::sync::Arc;

use roam_core::session::raw;
use roam_core::{AcceptedConnection, ConnectionAcceptor, ConnectionHandle, Driver, proxy_connections};
use roam_types::{
    ConnectionId, ConnectionReject, ConnectionSettings, Message, MessagePayload, Metadata, MetadataEntry,
};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::handler::Answers;
use crate::script::{hex, parity_name, settings_and_metadata, settings_json};
use crate::seen::Seen;

/// A connection without a driver.
pub struct BareConnection {
    pub handle: raw::Bare,
    pub reader: JoinHandle<()>,
    /// The reader takes no further message while the gate holds false.
    pub gate: watch::Sender<bool>,
}

pub fn take(seen: &Seen, handle: ConnectionHandle) {
    let id = handle.connection_id().0;
    let (is_leg, has_driver) = {
        let state = seen.state();
        (state.proxied.contains(&id), state.has_drivers)
    };
    if is_leg {
        take_leg(seen, handle);
    } else if has_driver {
        take_with_driver(seen, handle, id);
    } else {
        take_bare(seen, handle, id);
    }
}

fn take_leg(seen: &Seen, handle: ConnectionHandle) {
    let first = seen.state().first_leg.take();
    let Some(first) = first else {
        seen.state().first_leg = Some(handle);
        return;
    };
    let seen = seen.clone();
    tokio::spawn(async move {
        proxy_connections(first, handle).await;
        seen.log(json!({"ev": "proxy-ended"}));
    });
}

fn take_with_driver(seen: &Seen, handle: ConnectionHandle, id: u64) {
    let answers = Answers { seen: seen.clone(), id };
    let mut driver = Driver::new(handle, answers);
    let caller = driver.caller();
    // A second caller shares what closes the connection with the first, so dropping it closes nothing.
    drop(driver.caller());
    seen.state().callers.entry(id).or_default().push(Some(caller));
    let seen = seen.clone();
    tokio::spawn(async move {
        driver.run().await;
        seen.log(json!({"ev": "conn-closed", "id": id}));
    });
}

fn take_bare(seen: &Seen, handle: ConnectionHandle, id: u64) {
    let (handle, mut inbox, mut failures) = raw::parts(handle);
    let (gate, mut open) = watch::channel(true);
    let log = seen.clone();
    let reader = tokio::spawn(async move {
        loop {
            let _ = open.wait_for(|is_open| *is_open).await;
            let Some(frame) = inbox.recv(id).await else {
                break;
            };
            log.log(json!({"ev": "message", "id": id, "hex": hex(&frame)}));
        }
        log.log(json!({"ev": "inbox-ended", "id": id}));
    });
    let connection = Arc::new(BareConnection { handle, reader, gate });
    let log = seen.clone();
    let watched = connection.clone();
    tokio::spawn(async move {
        watched.handle.closed().await;
        log.log(json!({"ev": "conn-closed", "id": id}));
    });
    let log = seen.clone();
    tokio::spawn(async move {
        while let Some((request, reason)) = failures.recv().await {
            log.log(json!({"ev": "failure", "id": id, "request": request, "reason": reason}));
        }
    });
    seen.state().bare.entry(id).or_default().push(connection);
}

/// Decides about the peer's Opens by the keys in their metadata: see main.rs.
pub struct Acceptor {
    pub seen: Seen,
    /// An Accept whose settings and metadata are the answer.
    pub accept: String,
    /// A Reject whose metadata is the answer.
    pub reject: String,
}

impl ConnectionAcceptor for Acceptor {
    fn accept(
        &self,
        id: ConnectionId,
        peer: &ConnectionSettings,
        metadata: &[MetadataEntry],
    ) -> Result<AcceptedConnection, Metadata<'static>> {
        let as_reject = raw::encode(Message {
            connection_id: id,
            payload: MessagePayload::ConnectionReject(ConnectionReject {
                metadata: metadata.to_vec(),
            }),
        });
        self.seen
            .log(json!({"ev": "asked", "id": id.0, "peer": settings_json(peer), "hex": hex(&as_reject)}));
        let says = |key: &str| metadata.iter().any(|entry| entry.key == key);
        if says("panic") {
            // Unlike panic!, this prints nothing.
            std::panic::resume_unwind(Box::new("the acceptor panics on purpose"));
        }
        if says("no") {
            return Err(settings_and_metadata(&self.reject).1);
        }
        let (mut settings, metadata) = settings_and_metadata(&self.accept);
        settings.parity = if says("same") { peer.parity } else { peer.parity.other() };
        let is_dropped = says("deaf");
        let seen = self.seen.clone();
        let setup = move |handle: ConnectionHandle| {
            let id = handle.connection_id().0;
            seen.log(json!({"ev": "delivered", "id": id, "parity": parity_name(handle.parity)}));
            if !is_dropped {
                take(&seen, handle);
            }
        };
        Ok(AcceptedConnection {
            settings,
            metadata,
            setup: Box::new(setup),
        })
    }
}
