//! The session without a driver. build.ts adds this module to a copy of roam-core, as a child of `session`, so that it
//! sees the private parts of a session. Nothing here changes how a session works: the module builds one as `builders.rs`
//! does, and gives out the parts of a `ConnectionHandle` that are `pub(crate)`.
use super::*;
use roam_types::{Backing, MsgFamily};

/// An established session whose loop does not run yet.
pub struct Raw<C: Conduit> {
    pub session: Session<C>,
    pub root: ConnectionHandle,
    pub handle: SessionHandle,
}

impl<C> Raw<C>
where
    C: Conduit<Msg = MessageFamily> + 'static,
    C::Tx: MaybeSend + MaybeSync + 'static,
    for<'p> <C::Tx as ConduitTx>::Permit<'p>: MaybeSend,
    C::Rx: MaybeSend + 'static,
{
    /// Does what the `establish` of both builders does, without the driver of the root.
    pub async fn establish(
        conduit: C,
        is_initiator: bool,
        settings: ConnectionSettings,
        metadata: Metadata<'static>,
        on_connection: Option<Box<dyn ConnectionAcceptor>>,
        keepalive: Option<SessionKeepaliveConfig>,
    ) -> Result<Self, SessionError> {
        let (tx, rx) = conduit.split();
        let (open_tx, open_rx) = mpsc::channel::<OpenRequest>("session.open", 4);
        let (close_tx, close_rx) = mpsc::channel::<CloseRequest>("session.close", 4);
        let (control_tx, control_rx) = mpsc::unbounded_channel("session.control");
        let mut session: Session<C> = Session::pre_handshake(
            tx,
            rx,
            on_connection,
            open_rx,
            close_rx,
            control_tx.clone(),
            control_rx,
            keepalive,
        );
        let root = if is_initiator {
            session.establish_as_initiator(settings, metadata).await?
        } else {
            session.establish_as_acceptor(settings, metadata).await?
        };
        let handle = SessionHandle {
            open_tx,
            close_tx,
            control_tx,
        };
        Ok(Raw {
            session,
            root,
            handle,
        })
    }

    /// Returns our settings of the root, and the peer's.
    pub fn root_settings(&self) -> Option<(ConnectionSettings, ConnectionSettings)> {
        match self.session.conns.get(&ConnectionId::ROOT) {
            Some(ConnectionSlot::Active(state)) => {
                Some((state.local_settings.clone(), state.peer_settings.clone()))
            }
            _ => None,
        }
    }
}

/// A `ConnectionHandle` without its inbox. One task reads the inbox while others use the handle.
pub struct Bare(ConnectionHandle);

/// The messages of one connection.
pub struct Inbox(mpsc::Receiver<SelfRef<ConnectionMessage<'static>>>);

/// The requests that `ConnectionSender::mark_failure` reported on one connection.
pub struct Failures(mpsc::UnboundedReceiver<(RequestId, &'static str)>);

/// Takes the inbox and the failures out of a handle.
pub fn parts(mut handle: ConnectionHandle) -> (Bare, Inbox, Failures) {
    let (_, no_messages) = mpsc::channel("raw.no_messages", 1);
    let (_, no_failures) = mpsc::unbounded_channel("raw.no_failures");
    let inbox = std::mem::replace(&mut handle.rx, no_messages);
    let failures = std::mem::replace(&mut handle.failures_rx, no_failures);
    (Bare(handle), Inbox(inbox), Failures(failures))
}

impl Bare {
    /// Sends the request or channel message in `frame` as a proxy forwards it, on the connection of this handle.
    pub async fn send(&self, frame: &[u8]) -> Result<(), ()> {
        let message = decode(frame).expect("a script's own message decodes");
        let mut result = Err(());
        roam_types::selfref_match!(message, payload {
            MessagePayload::RequestMessage(request) => {
                result = self.0.sender.send_owned(request.map(ConnectionMessage::Request)).await;
            }
            MessagePayload::ChannelMessage(channel) => {
                result = self.0.sender.send_owned(channel.map(ConnectionMessage::Channel)).await;
            }
        });
        result
    }

    pub fn mark_failure(&self, id: u64, reason: &'static str) {
        self.0.sender.mark_failure(RequestId(id), reason);
    }

    /// Does what the drop of the last caller does: `CallerDropGuard` of driver.rs sends this very request.
    pub fn release(&self) {
        if let Some(control) = &self.0.control_tx {
            let close = DropControlRequest::Close(self.0.connection_id());
            let _ = send_drop_control(control, close);
        }
    }

    pub async fn closed(&self) {
        self.0.closed().await;
    }

    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// Returns the handle as Rust prints it.
    pub fn described(&self) -> String {
        format!("{:?}", self.0)
    }
}

impl Inbox {
    /// Waits for the next message. Returns it encoded again, as a whole frame on connection `id`.
    pub async fn recv(&mut self, id: u64) -> Option<Vec<u8>> {
        let message = self.0.recv().await?;
        let payload = match &*message {
            ConnectionMessage::Request(request) => MessagePayload::RequestMessage(RequestMessage {
                id: request.id,
                body: forwarded_request_body(&request.body),
            }),
            ConnectionMessage::Channel(channel) => MessagePayload::ChannelMessage(ChannelMessage {
                id: channel.id,
                body: forwarded_channel_body(&channel.body),
            }),
        };
        let connection_id = ConnectionId(id);
        Some(encode(Message {
            connection_id,
            payload,
        }))
    }
}

impl Failures {
    pub async fn recv(&mut self) -> Option<(u64, &'static str)> {
        let (id, reason) = self.0.recv().await?;
        Some((id.0, reason))
    }
}

pub fn decode(bytes: &[u8]) -> Result<SelfRef<Message<'static>>, String> {
    crate::deserialize_postcard::<Message<'static>>(Backing::Boxed(bytes.into()))
        .map_err(|error| error.to_string())
}

/// Encodes as `BareConduitPermit::send` does.
pub fn encode(message: Message<'_>) -> Vec<u8> {
    // SAFETY: `message` outlives the Peek, and has the shape of its own type.
    #[allow(unsafe_code)]
    let peek = unsafe {
        facet_reflect::Peek::unchecked_new(
            facet_core::PtrConst::new((&raw const message).cast::<u8>()),
            MessageFamily::shape(),
        )
    };
    let plan = facet_postcard::peek_to_scatter_plan(peek).expect("a message encodes");
    let mut bytes = vec![0u8; plan.total_size()];
    plan.write_into(&mut bytes)
        .expect("the plan has given the size");
    bytes
}
