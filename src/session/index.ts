/**
 * `roam-actors/core`: sessions, connections, calls and channels, without services and without a codec. A program that uses
 * another codec than MessagePack, such as `postcard`, does not load MessagePack then.
 */
export type { SettingsOptions } from '../base/check.js';
export {
  Cancelled,
  ChannelClosed,
  ConnectionClosed,
  ConnectionRejected,
  type ErrorCode,
  HandshakeError,
  InvalidArgument,
  isLost,
  KeepaliveError,
  LimitExceeded,
  LinkError,
  ProtocolError,
  Refused,
  type RoamError,
  SessionClosed,
  Unavailable,
} from '../base/errors.js';
export { DEFAULT_LIMITS, type Limits } from '../base/limits.js';
export type { Report } from '../base/report.js';
export { type ChannelOptions, channel, Rx, Tx } from '../calls/channel.js';
export type { CallResult } from '../calls/channels.js';
export type { Handler, IncomingRequest, Refusals, Reply } from '../calls/incoming-call.js';
export type { CallOptions } from '../calls/outgoing-call.js';
export type { OfferedChannel } from '../calls/unbound-channel.js';
export type { Codec, DecodeLimits } from '../codec/codec.js';
export type { Link, LinkEvents } from '../link/link.js';
export { type ConnectionId, ROOT } from '../wire/id.js';
export type { ConnectionSettings, DataMessage } from '../wire/message.js';
export { type Metadata, type MetadataEntry, NO_PROPAGATE, SENSITIVE } from '../wire/metadata.js';
export { Sensitive } from '../wire/sensitive.js';
export { type Authenticate, type AuthRequest, refuse } from './authentication.js';
export { reasonOf, type SessionClosedReason } from './close-reason.js';
export type { Caller, Connection, ConnectionHandler, ServeOptions } from './connection.js';
export type { Acceptance, OnConnection, OpenRequest, Rejection } from './incoming-opens.js';
export { type SessionActorRef, type SessionLogic, sessionLogic } from './logic.js';
export type { SessionLogicInput, SessionOptions } from './options.js';
export type { Outgoing, OutgoingResponse } from './outgoing.js';
export { proxyConnections } from './proxy.js';
export {
  type AcceptOptions,
  accept,
  handle,
  initiate,
  type OpenOptions,
  type Session,
  type StartOptions,
} from './session.js';
