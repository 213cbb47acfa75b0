/** The protocol as statecharts: pure values, to be drawn, explored, tested and run. */
export type {
  AnswerEvent,
  AnswerPort,
  CallEvent,
  CallOutcome,
  CallPort,
  ChannelEnd,
  ChannelPort,
  ChannelsEvent,
  ChannelsPort,
  OfferEvent,
  ReceiverEvent,
  SenderEvent,
  UnknownMessage,
} from './call-events.js';
export { type OfferContext, type OfferInput, offerMachine } from './channel-offer.js';
export { type ReceiverContext, type ReceiverInput, receiverMachine } from './channel-receiver.js';
export { type SenderContext, type SenderInput, senderMachine } from './channel-sender.js';
export { type ChannelsContext, type ChannelsInput, channelsMachine } from './channels.js';
export { connectionMachine } from './connection.js';
export type { ConnectionContext, ConnectionInput, ConnectionOutput, ConnectionPort } from './connection-setup.js';
export type {
  ConduitEvent,
  Conformance,
  ConnectionEnd,
  ConnectionEvent,
  ConnectionRequest,
  ConnectionStart,
  ConnectionsCommand,
  ConnectionsRef,
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
  ToConnections,
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
export {
  type ReliableContext,
  type ReliableEnd,
  type ReliableEvent,
  type ReliableInput,
  type ReliablePort,
  type ReliableTimer,
  reliableMachine,
} from './reliable.js';
export {
  type AnswerContext,
  type AnswerInput,
  answerMachine,
  type CallContext,
  type CallInput,
  callMachine,
} from './request.js';
export type { SessionContext, SessionEvent, SessionInput, SessionLimits } from './session/context.js';
export { sessionMachine } from './session/session.js';
