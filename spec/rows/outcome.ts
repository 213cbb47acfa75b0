import type { ConnectionId } from '../../src/wire/id.js';
import { opposite } from '../../src/wire/id.js';
import type { ConnectionSettings, DataMessage, Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';
import { hello, helloYourself, parityOf, settings } from './messages.js';
import type {
  Case,
  Closed,
  ConnectionFacts,
  ErrorFacts,
  Expectation,
  Given,
  Mode,
  Outcome,
  SessionEnd,
  Settlement,
  Step,
} from './vocabulary.js';

// Short names for the results of a row and a step.

export const BOTH: readonly Mode[] = ['reference', 'strict'];

/** Both modes demand the same. */
export function alike(wire: string, user: string): { reference: Outcome; strict: Outcome } {
  return { reference: { wire, user }, strict: { wire, user } };
}

/** The result in strict mode of everything that the reference tolerates. */
export const VIOLATION: Outcome = {
  wire: 'ProtocolError on 0, beginning with the rule, as the last message',
  user: 'the session ends, by a violation of the peer; local work fails at once',
};

export const NOTHING = 'nothing';

export const done: Settlement = { resolved: 'nothing' };

export function failed(error: ErrorFacts): Settlement {
  return { rejected: error };
}

export function read(...messages: readonly DataMessage[]): Settlement {
  return { read: messages };
}

/** The settlement of a call that the session's end cut off, or that came after it. */
export function sessionClosed(by?: 'local' | 'peer'): Settlement {
  const error: ErrorFacts = { code: 'session-closed', message: 'session closed' };
  return failed(by === undefined ? error : { ...error, by });
}

export function connectionClosed(by: Closed['by']): Settlement {
  return failed({ code: 'connection-closed', by });
}

/** A call is answered as `response` has it. */
export function answered(ret = new Uint8Array([9])): Settlement {
  return { answered: { ret, metadata: [], offers: 0 } };
}

/** The error after the end of a channel, with the side that ended it. */
export function channelClosed(by: 'local' | 'peer', metadata: Metadata = []): Settlement {
  return failed({ code: 'channel-closed', by, metadata });
}

export function invalid(message?: string): Settlement {
  return failed(message === undefined ? { code: 'invalid-argument' } : { code: 'invalid-argument', message });
}

export function overLimit(limit: string): Settlement {
  return failed({ code: 'limit', limit });
}

export function closedBy(by: Closed['by'], metadata: Metadata = []): Closed {
  return { by, metadata };
}

interface FactsOptions {
  readonly local?: ConnectionSettings;
  readonly peer?: ConnectionSettings;
  readonly metadata?: Metadata;
}

/** A connection that we opened: our parity is the id's, the peer's the opposite. */
export function opened(id: ConnectionId, options: FactsOptions = {}): Settlement {
  const { local = settings(parityOf(id)), peer = settings(opposite(local.parity)), metadata = [] } = options;
  return { resolved: { id, localSettings: local, peerSettings: peer, peerMetadata: metadata } };
}

/** A connection that we accepted: the peer's parity is the id's, ours the opposite. */
export function accepted(id: ConnectionId, options: FactsOptions = {}): ConnectionFacts {
  const { peer = settings(parityOf(id)), local = settings(opposite(peer.parity)), metadata = [] } = options;
  return { id, localSettings: local, peerSettings: peer, peerMetadata: metadata };
}

/** A session, odd on our side by default. */
export function established(options: FactsOptions = {}): Settlement {
  const { local = settings('odd'), peer = settings(opposite(local.parity)), metadata = [] } = options;
  return { resolved: { id: 0, localSettings: local, peerSettings: peer, peerMetadata: metadata } };
}

/** The handshake fails with this text, and the link is closed. */
export function handshakeFails(message?: string): Expectation {
  const error: ErrorFacts = message === undefined ? { code: 'handshake' } : { code: 'handshake', message };
  return { settled: { session: failed(error) }, linkClosed: true };
}

/** The same, with an accusation before the link is closed. */
// r[session.handshake]
export function handshakeViolates(message?: string, rule: Rule = 'session.handshake'): Expectation {
  return { wire: [{ violation: rule }], ...handshakeFails(message) };
}

export const byShutdown: SessionEnd = { cause: 'shutdown', by: 'local' };
export const byRelease: SessionEnd = { cause: 'released', by: 'local' };
export const byPeer: SessionEnd = { cause: 'peer', by: 'peer' };
export const byLink: SessionEnd = { cause: 'link', error: { code: 'link' } };
export const byKeepalive: SessionEnd = { cause: 'keepalive', error: { code: 'keepalive' } };

export function byViolation(rule: Rule): SessionEnd {
  return { cause: 'protocol', error: { code: 'protocol', side: 'remote', rule } };
}

/** A strict violation after the handshake, which also fails the promises in `settled`. */
export function violates(rule: Rule, settled: Expectation['settled'] = {}): Expectation {
  return { wire: [{ violation: rule }], ends: byViolation(rule), settled };
}

/** A message that the peer must not send, the result in reference mode, and the rule that the strict mode names. */
export interface Offence {
  readonly name: string;
  readonly given?: Given;
  /** The steps before the message, alike in both modes. */
  readonly before?: readonly Step[];
  readonly peer: Message;
  readonly rule: Rule;
  /** The result in reference mode. Default: nothing. */
  readonly reference?: Expectation;
  /** The steps that show, in reference mode, that all else is as it was. */
  readonly after?: readonly Step[];
  /**
   * The further results in strict mode: the promises that the session's end fails, the requests and handlers that it aborts.
   */
  readonly strict?: Pick<Expectation, 'settled' | 'aborted' | 'givenUp'>;
}

/** An offence is two cases, one in each mode. */
export function offence(what: Offence): readonly Case[] {
  const { name, before = [], peer, rule, reference = {}, after = [], strict = {} } = what;
  const given = what.given === undefined ? {} : { given: what.given };
  return [
    {
      name: `${name}: tolerated`,
      modes: ['reference'],
      ...given,
      steps: [...before, { peer, ...reference }, ...after],
    },
    {
      name: `${name}: a violation`,
      modes: ['strict'],
      ...given,
      steps: [...before, { peer, ...violates(rule), ...strict }],
    },
  ];
}

/** The steps that establish a case's session: played, and checked, before its own. */
export function preamble(given: Given = {}): readonly Step[] {
  const { role = 'initiator', maxConcurrentRequests = 64, metadata = [] } = given;
  if (given.established === false) return [];
  const parity = given.parity ?? (role === 'initiator' ? 'odd' : 'even');
  const local = settings(parity, maxConcurrentRequests);
  const peer = settings(opposite(parity));
  const session = established({ local, peer });
  return role === 'initiator'
    ? [
        { user: 'start', wire: [hello({ settings: local, metadata })] },
        { peer: helloYourself({ settings: peer }), settled: { session } },
      ]
    : [
        { user: 'start' },
        { peer: hello({ settings: peer }), wire: [helloYourself({ settings: local, metadata })], settled: { session } },
      ];
}
