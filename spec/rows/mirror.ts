import type { Parity } from '../../src/wire/id.js';
import { opposite } from '../../src/wire/id.js';
import type { Case } from './vocabulary.js';

// A session is symmetric once it is established [session.symmetry]: every scenario must hold with the sides exchanged.

/** The keys under which a number is the id of a connection, a request or a channel, or a list of such. */
const IDS: ReadonlySet<string> = new Set([
  ...['connectionId', 'id', 'requestId', 'channels', 'asked', 'aborted', 'setup'],
  ...['request', 'handled', 'givenUp'],
]);

/** The keys of values that are opaque to the protocol. */
const METADATA: ReadonlySet<string> = new Set(['metadata', 'peerMetadata']);

/**
 * Returns the same scenario from the other side of the parity: an initiator becomes an acceptor, odd becomes even, and every
 * id becomes the neighbour that the other parity allocates in its place (1 ↔ 2, 3 ↔ 4, …). Returns undefined for a case that
 * shows the handshake or raw bytes, which have no mirror.
 */
// r[session.symmetry]
export function mirrored(scenario: Case): Case | undefined {
  const { given = {}, name } = scenario;
  if (given.established === false || hasBytes(scenario)) return undefined;
  const role = given.role ?? 'initiator';
  const parity: Parity = given.parity ?? (role === 'initiator' ? 'odd' : 'even');
  return {
    ...(mirror(scenario, '') as Case),
    name: `${name} (mirrored)`,
    given: {
      ...(mirror(given, '') as typeof given),
      role: role === 'initiator' ? 'acceptor' : 'initiator',
      parity: opposite(parity),
    },
  };
}

function mirror(value: unknown, key: string): unknown {
  if (typeof value === 'number') return IDS.has(key) ? neighbour(value) : value;
  if (typeof value === 'string') return mirrorText(value, key);
  if (Array.isArray(value)) return value.map((element) => mirror(element, key));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [mirrorName(name), METADATA.has(name) ? inner : mirror(inner, name)]),
  );
}

function mirrorText(value: string, key: string): string {
  if (key === 'parity') return opposite(value as Parity);
  return key === 'on' ? mirrorName(value) : value;
}

/** A connection's name is mirrored where it is that of an id. */
function mirrorName(name: string): string {
  return /^#\d+$/.test(name) ? `#${String(neighbour(Number(name.slice(1))))}` : name;
}

function neighbour(id: number): number {
  if (id === 0) return 0;
  return id % 2 === 1 ? id + 1 : id - 1;
}

/** Returns true if the peer sends raw bytes. Bytes inside a message do not count. */
function hasBytes(scenario: Case): boolean {
  return scenario.steps.some(
    (step) => 'peer' in step && [step.peer].flat().some((input) => input instanceof Uint8Array),
  );
}
