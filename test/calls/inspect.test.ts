import { expect, test } from '@jest/globals';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { channel } from '../../src/index.js';
import { established } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf, grantOn, responseOf } from '../support/traffic.js';

interface Shown {
  readonly value: unknown;
  readonly status: string;
  readonly context: unknown;
}

test('an inspector sees calls and channels as actors of their connection, and of payloads the size alone', async () => {
  const seen: [string, string, unknown][] = [];
  const parents = new Map<string, string | undefined>();
  const everything: unknown[] = [];
  const inspect = (event: InspectionEvent): void => {
    const { id, _parent } = event.actorRef as AnyActorRef;
    if (!/^(outgoingCall|incomingCall|sender|receiver|unboundChannel)-/.test(id)) return;
    everything.push(
      event.type === '@xstate.snapshot' ? [event.event, event.snapshot] : (event as { event?: unknown }).event,
    );
    if (event.type === '@xstate.actor') parents.set(id, _parent?.id);
    if (event.type === '@xstate.snapshot') {
      const { value, status } = event.snapshot as unknown as Shown;
      seen.push([id, event.event.type, `${String(value)} ${status}`]);
    }
  };
  const { rig, session } = await established({ inspect });
  session.root.serve(({ args }) => args);
  const [tx, rx] = channel({ credit: 0 });
  const calling = session.root.caller().call(1n, bytes(250, 251, 252), { channels: [rx] });
  await rig.say(callOf(2, bytes(250, 251, 252)), responseOf(1, bytes(250, 251, 252)), grantOn(1, 1));
  await calling;
  await tx.send(bytes(250, 251, 252));
  await tx.close();
  expect(seen).toEqual([
    ['outgoingCall-1', 'xstate.init', 'waiting active'],
    ['sender-1', 'xstate.init', 'sending active'],
    ['outgoingCall-1', 'calls.admitted', 'inFlight active'],
    ['incomingCall-2', 'xstate.init', 'received active'],
    ['incomingCall-2', 'app.reply', 'answered done'],
    ['outgoingCall-1', 'rx.Response', 'settled done'],
    ['sender-1', 'rx.GrantCredit', 'sending active'],
    ['sender-1', 'app.send', 'sending active'],
    ['sender-1', 'app.close', 'closed done'],
  ]);
  expect([...parents]).toEqual([
    ['outgoingCall-1', '0'],
    ['sender-1', '0'],
    ['incomingCall-2', '0'],
  ]);
  const text = JSON.stringify(everything, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  expect(text).toContain('{"bytes":3}');
  expect(text).not.toContain('251');
  session.shutdown();
  await session.closed;
  await settle();
});

test('without an inspector nothing is shown, and nothing is kept to show', async () => {
  const { session } = await established({ inspect: undefined } as never);
  expect(session.root.calls.scope.observer).toBeUndefined();
  session.shutdown();
  await session.closed;
});
