export type {
  Conformance,
  ConnectionEnd,
  HandshakeFailure,
  KeepaliveSettings,
  OpenedConnection,
  Origin,
  Role,
  SessionEmitted,
  SessionEnd,
  Violation,
} from '../machines/index.js';
export type { SettingsOptions } from './base/check.js';
export type { Clock } from './base/clock.js';
export {
  ApplicationError,
  Cancelled,
  ChannelClosed,
  type ClosedBy,
  ConnectionClosed,
  ConnectionRejected,
  type ErrorCode,
  HandshakeError,
  InvalidArgument,
  InvalidPayload,
  isLost,
  KeepaliveError,
  LimitExceeded,
  LinkError,
  ProtocolError,
  type Ran,
  Refused,
  type RoamError,
  SessionClosed,
  Unavailable,
  UnknownMethod,
} from './base/errors.js';
export { DEFAULT_LIMITS, type Limits } from './base/limits.js';
export type { Report } from './base/report.js';
export { type ChannelOptions, channel, Rx, Tx } from './calls/channel.js';
export type { CallResult } from './calls/channels.js';
export type { DrainCounts } from './calls/drain.js';
export type { Handler, IncomingRequest, Refusals, Reply } from './calls/incoming-call.js';
export type { CallOptions } from './calls/outgoing-call.js';
export type { OfferedChannel } from './calls/unbound-channel.js';
export type { Codec, DecodeLimits, MalformedFrame } from './codec/codec.js';
export { messagePack } from './codec/msgpack/msgpack.js';
export type { Link, LinkCertificate, LinkEvents, LinkFacts } from './link/link.js';
export { messagePackPayload } from './payload/msgpack.js';
export type {
  ChannelHandle,
  ChannelKind,
  ItemPayloads,
  MethodCodec,
  Outcome,
  PayloadCodec,
  PayloadMethod,
  TakeChannel,
  TypedPayloadCodec,
} from './payload/payload.js';
export type { SchemaIssue, SchemaResult, StandardSchema } from './payload/standard-schema.js';
export {
  createServer,
  type DrainOptions,
  type Listener,
  type Server,
  type ServerOptions,
} from './server/server.js';
export type {
  AnyClientCall,
  AnyHandlerCall,
  CallContext,
  ClientAnswer,
  ClientCall,
  ClientInterceptor,
  ClientMiddleware,
  ErrorOf,
  HandlerCall,
  HandlerInterceptor,
  HandlerMiddleware,
  MethodCallOptions,
  Methods,
} from './service/calls.js';
export { type Client, type ClientOptions, callerOf } from './service/client.js';
export {
  type ContextHandler,
  fail,
  type HandlerOptions,
  type Implementation,
  type ServiceHandler,
  withContext,
} from './service/handler.js';
export { type Method, type MethodOptions, method } from './service/method.js';
export { clientMiddleware, handlerMiddleware } from './service/middleware.js';
export { routes } from './service/routes.js';
export { type Service, type ServiceOptions, service } from './service/service.js';
export {
  type Authenticate,
  Authenticated,
  type AuthRequest,
  type Credentials,
  refuse,
} from './session/authentication.js';
export { reasonOf, type SessionClosedReason } from './session/close-reason.js';
export type {
  Caller,
  Connection,
  ConnectionClosedReason,
  ConnectionHandler,
  RequestFailure,
  ServeOptions,
} from './session/connection.js';
export { accept, initiate, sessionLogic } from './session/default-codec.js';
export type { Acceptance, OnConnection, OpenRequest, Rejection } from './session/incoming-opens.js';
export type { SessionActorRef, SessionLogic, SessionSnapshot } from './session/logic.js';
export type { SessionLogicInput, SessionOptions } from './session/options.js';
export type { Outgoing, OutgoingResponse } from './session/outgoing.js';
export type { Peer, PeerOptions } from './session/peers.js';
export { proxyConnections } from './session/proxy.js';
export {
  type AcceptOptions,
  handle,
  type OpenOptions,
  type Session,
  type StartOptions,
} from './session/session.js';
export type { ChannelId, ConnectionId, Parity, RequestId } from './wire/id.js';
export { ROOT } from './wire/id.js';
export type {
  Call,
  Cancel,
  ChannelMessage,
  Close,
  ConnectionSettings,
  DataMessage,
  GrantCredit,
  Item,
  Message,
  RequestMessage,
  Reset,
  Response,
} from './wire/message.js';
export { PROTOCOL_VERSION } from './wire/message.js';
export { type Metadata, type MetadataEntry, NO_PROPAGATE, propagated, SENSITIVE } from './wire/metadata.js';
export { RULES, type Rule } from './wire/rule.js';
export { type MetadataValue, Sensitive } from './wire/sensitive.js';
