// Watches a session's actors through XState's own inspection: the session, its handshake, its keepalive and its
// connections, each as it goes from state to state.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { accept, initiate } from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';
import type { AnyActorRef, InspectionEvent } from 'xstate';

/** The states of each actor, in order. */
const seen = new Map<string, string[]>();

function inspect(event: InspectionEvent): void {
  if (event.type !== '@xstate.snapshot') return;
  const { id } = event.actorRef as AnyActorRef;
  const { status, value } = event.snapshot as { status: string; value?: unknown };
  const actor = /^\d+$/.test(id) ? `connection ${id}` : ['handshake', 'keepalive'].includes(id) ? id : 'session';
  const state = status === 'stopped' ? 'stopped' : topOf(value);
  const states = seen.get(actor) ?? [];
  seen.set(actor, states);
  if (states.at(-1) === state) return;
  states.push(state);
  console.log(`${actor.padEnd(13)} ${state.padEnd(22)} ${event.event.type}`);
}

/** The outermost state: `running` for `{ running: { inbound: 'reading', … } }`. */
function topOf(value: unknown): string {
  return typeof value === 'string' ? value : Object.keys(value as object).join();
}

const [ours, theirs] = memoryLinkPair();
const accepting = accept(theirs, {
  onConnection: ({ metadata }) => (metadata.length > 0 ? { type: 'reject' } : { type: 'accept' }),
});
const session = await initiate(ours, { inspect, keepalive: { pingInterval: 20, pongTimeout: 1_000 } });

const connection = await session.open();
await session.open({ metadata: [{ key: 'kind', value: 'unwanted', flags: 0n }] }).catch(() => {});
await delay(50);
await connection.close();
session.shutdown();
await Promise.all([session.closed, (await accepting).closed]);

assert.deepEqual(seen.get('session'), ['handshaking', 'running', 'ending', 'ended']);
assert.deepEqual(seen.get('handshake'), ['awaitingHelloYourself', 'established']);
assert.deepEqual(seen.get('keepalive')?.slice(0, 3), ['waiting', 'awaitingPong', 'waiting']);
assert.deepEqual(seen.get('connection 0'), ['active', 'stopped']);
assert.deepEqual(seen.get('connection 1'), ['opening', 'active', 'closed']);
assert.deepEqual(seen.get('connection 3'), ['opening', 'rejected']);
