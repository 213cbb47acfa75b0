/** The protocol as statecharts: pure values, to be drawn, explored, tested and run. */

export {
  type IncomingCallContext,
  type IncomingCallInput,
  incomingCallMachine,
  type OutgoingCallContext,
  type OutgoingCallInput,
  outgoingCallMachine,
} from './call.js';
export type {
  CallDeadline,
  CallOutcome,
  CallsEvent,
  CallsPort,
  ChannelEnd,
  ChannelPort,
  ChannelsEvent,
  ChannelsPort,
  IncomingCallEvent,
  IncomingCallPort,
  NamedChannel,
  OutgoingCallEvent,
  OutgoingCallPort,
  ReceivedCall,
  ReceiverEvent,
  SenderEvent,
  UnboundChannelEvent,
  UnknownMessage,
} from './call-events.js';
export { type CallsContext, type CallsInput, callsMachine } from './calls.js';
export { type ChannelsContext, type ChannelsInput, channelsMachine } from './channels.js';
export {
  type AttemptFailure,
  type ClientContext,
  type ClientEvent,
  type ClientInput,
  type ClientPort,
  type ClientSettings,
  clientMachine,
} from './client.js';
export type { ConnectionContext, ConnectionInput, ConnectionOutput, ConnectionPort } from './connection.js';
export { connectionMachine } from './connection.js';
export type {
  AuthenticationEvent,
  ConduitEvent,
  Conformance,
  ConnectionEnd,
  ConnectionEvent,
  ConnectionParent,
  ConnectionReport,
  ConnectionRequest,
  ConnectionStart,
  ConnectionsReport,
  FlowEvent,
  HandshakeFailure,
  OpenedConnection,
  Origin,
  Outcome,
  Port,
  Received,
  RequestNumber,
  Role,
  SessionEmitted,
  SessionEnd,
  SessionGone,
  SessionRequest,
  Violation,
} from './events.js';
export {
  type HandshakeContext,
  type HandshakeEvent,
  type HandshakeInput,
  type HandshakeOutput,
  handshakeMachine,
} from './handshake.js';
export {
  type KeepaliveContext,
  type KeepaliveEvent,
  type KeepaliveInput,
  type KeepaliveOutput,
  type KeepaliveSettings,
  keepaliveMachine,
} from './keepalive.js';
export { type PacingContext, type PacingEvent, pacingMachine, type Query } from './pacing.js';
export { type ReceiverContext, type ReceiverInput, receiverMachine } from './receiver.js';
export {
  type ReliableContext,
  type ReliableEnd,
  type ReliableEvent,
  type ReliableInput,
  type ReliablePort,
  type ReliableTimer,
  reliableMachine,
} from './reliable.js';
export { type SenderContext, type SenderInput, senderMachine } from './sender.js';
export type { SessionContext, SessionEvent, SessionInput, SessionLimits } from './session/context.js';
export { sessionMachine } from './session/session.js';
export { type UnboundChannelContext, type UnboundChannelInput, unboundChannelMachine } from './unbound-channel.js';
