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
export type { Acceptance, OnConnection, OpenRequest, Rejection } from './acceptor.js';
export type { SettingsOptions } from './arguments.js';
export type { Handler, IncomingRequest, Refusals, Reply } from './calls/answer.js';
export type { CallOptions, CallResult } from './calls/call.js';
export { type ChannelOptions, channel, Rx, Tx } from './calls/channel.js';
export type { OfferedChannel } from './calls/offer.js';
export type { Codec, DecodeLimits, MalformedFrame } from './codec/codec.js';
export { messagePack } from './codec/msgpack.js';
export type { Caller, Connection, ConnectionHandler, ServeOptions } from './connection.js';
export { reasonOf, type SessionClosedReason } from './end.js';
export type { ConnectionClosedReason, RequestFailure } from './endpoint.js';
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
  KeepaliveError,
  LimitExceeded,
  LinkError,
  ProtocolError,
  type RoamError,
  SessionClosed,
  UnknownMethod,
} from './errors.js';
export { DEFAULT_LIMITS, type Limits } from './limits.js';
export type { Link, LinkEvents } from './link/link.js';
export { type SessionActorRef, type SessionLogic, type SessionSnapshot, sessionLogic } from './logic.js';
export type { SessionLogicInput, SessionOptions } from './options.js';
export type { Outgoing, OutgoingResponse } from './outgoing.js';
export type { Peer, PeerOptions } from './peers.js';
export { proxyConnections } from './proxy.js';
export type { Report } from './report.js';
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
} from './service/payload.js';
export { messagePackPayload } from './service/payload-msgpack.js';
export { routes } from './service/routes.js';
export { type Service, type ServiceOptions, service } from './service/service.js';
export type { SchemaIssue, SchemaResult, StandardSchema } from './service/standard-schema.js';
export { accept, type Clock, handle, initiate, type OpenOptions, type Session, type StartOptions } from './session.js';
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
