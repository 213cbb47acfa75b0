import { describe, expect, test } from '@jest/globals';
import { actorOf, History, recordsOf } from '../../src/inspect/history.js';
import {
  type ActorKey,
  type ActorRecord,
  actorKey,
  type InspectionRecord,
  type Part,
  type WireRecord,
} from '../../src/inspect/record.js';
import { type ActorState, InspectionState, MAX_ENDED, type State } from '../../src/inspect/state.js';

type Unnumbered = InspectionRecord extends infer R
  ? R extends InspectionRecord
    ? Omit<R, 'seq' | 'at'>
    : never
  : never;

/** Numbers what it is told, and lets a millisecond go by for each. */
function historyOf(records: readonly Unnumbered[]): History {
  const history = new History();
  for (const record of records) add(history, record);
  return history;
}

function add(history: History, record: Unnumbered): void {
  const seq = history.end + 1;
  history.push({ ...record, seq, at: 1_000 + seq } as InspectionRecord);
}

function born(key: ActorKey, more: Partial<ActorRecord> = {}): Unnumbered {
  const [process = '', id = ''] = key.split('/');
  const snapshot = { status: 'active', value: 'idle' } as const;
  return { kind: 'actor', process: Number(process), actor: key, id, name: id, snapshot, ...more };
}

function moved(actor: ActorKey, value: string, status: 'active' | 'done' = 'active'): Unnumbered {
  return { kind: 'snapshot', actor, event: `to ${value}`, snapshot: { status, value } };
}

function session(key: ActorKey, role: 'initiator' | 'acceptor', link?: string): Unnumbered {
  const part: Part = {
    part: 'session',
    role,
    conformance: 'strict',
    limits: {},
    ...(link === undefined ? {} : { link }),
  };
  return born(key, { part });
}

function wire(session: ActorKey, direction: WireRecord['direction'], more: Partial<WireRecord>): Unnumbered {
  return { kind: 'wire', session, direction, connection: 0, message: 'Call', count: 1, bytes: 0, ...more };
}

const A = actorKey(1, 'x:0');
const B = actorKey(1, 'x:1');
const C = actorKey(2, 'x:0');

const NOTHING = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };

/** As data, to be compared. */
function plain({ processes, definitions, actors }: State): unknown {
  return [[...processes.values()], [...definitions], [...actors.values()]];
}

function get(state: State, key: ActorKey): ActorState | undefined {
  return state.actors.get(key);
}

describe('a history', () => {
  test('gives the state after each record, forwards and backwards', () => {
    const history = historyOf([born(A), moved(A, 'busy'), born(B), moved(A, 'busy'), moved(A, 'over', 'done')]);
    const seen = [0, 1, 2, 3, 4, 5].map((position) => {
      const state = history.at(position);
      return [get(state, A)?.value, get(state, A)?.status, get(state, A)?.since, get(state, B)?.value];
    });
    expect(seen).toEqual([
      [undefined, undefined, undefined, undefined],
      ['idle', 'active', 1_001, undefined],
      ['busy', 'active', 1_002, undefined],
      ['busy', 'active', 1_002, 'idle'],
      ['busy', 'active', 1_002, 'idle'],
      ['over', 'done', 1_005, 'idle'],
    ]);
    expect(plain(history.at(5))).toEqual(plain(history.now));
    expect(history.records(1, 3).map(actorOf)).toEqual([A, B]);
  });

  test('forgets the oldest records, and not what they led to', () => {
    const history = historyOf([born(A)]);
    for (let n = 0; n < 10_000; n++) add(history, moved(A, `state ${n}`));
    const whole = [7_000, 9_000, 10_001].map((position) => plain(history.at(position)));
    history.trim(3_000);
    expect(history.end).toBe(10_001);
    expect(history.start).toBeGreaterThan(4_000);
    expect(history.start).toBeLessThanOrEqual(7_001);
    expect([7_000, 9_000, 10_001].map((position) => plain(history.at(position)))).toEqual(whole);
    expect(get(history.at(0), A)?.value).toBe(`state ${history.start - 2}`);
    expect(history.record(history.start)?.seq).toBe(history.start + 1);
    expect(history.record(0)).toBeUndefined();
    for (let n = 0; n < 5_000; n++) add(history, moved(A, `later ${n}`));
    expect(get(history.at(history.end - 1), A)?.value).toBe('later 4998');
  });

  test('can be told anew from any state', () => {
    const history = historyOf([
      { kind: 'process', process: 1, name: 'one', runtime: 'node', pid: 7 },
      { kind: 'process', process: 2, name: 'two' },
      { kind: 'definition', hash: 'h', definition: { id: 'm' } },
      session(A, 'initiator'),
      session(C, 'acceptor'),
      born(B, { parent: A, definition: 'h', part: { part: 'connection', session: A, connection: 0 } }),
      wire(A, 'sent', { message: 'Hello', detail: { version: 7 } }),
      wire(C, 'received', { message: 'Hello', detail: { version: 7 } }),
      wire(A, 'received', { count: 3, bytes: 30 }),
      moved(B, 'over', 'done'),
      { kind: 'left', process: 2 },
    ]);
    const again = new History();
    for (const record of recordsOf(history.now)) again.push(record);
    expect(plain(again.now)).toEqual(plain(history.now));
    expect(get(again.now, A)?.peer).toBe(C);
  });

  test('counts what a session and each of its connections send and receive', () => {
    const part = { part: 'connection', session: A, connection: 3 } as const;
    const { now } = historyOf([
      session(A, 'initiator'),
      born(B, { part }),
      wire(A, 'sent', { connection: 3, bytes: 5 }),
      wire(A, 'received', { connection: 3, count: 10, bytes: 100 }),
      wire(A, 'sent', { message: 'Ping' }),
    ]);
    expect(get(now, A)?.traffic).toEqual({ sentMessages: 2, sentBytes: 5, receivedMessages: 10, receivedBytes: 100 });
    expect(get(now, B)?.traffic).toEqual({ sentMessages: 1, sentBytes: 5, receivedMessages: 10, receivedBytes: 100 });
  });

  test('counts for a connection what was said on it before its actor was there, and none of what it had before', () => {
    const place = { part: 'connection', session: A, connection: 3 } as const;
    const open = wire(A, 'received', { connection: 3, message: 'ConnectionOpen' });
    const counted = (history: History, key: ActorKey) => get(history.now, key)?.traffic.receivedMessages;
    const root = { ...place, connection: 0 };
    const hello = wire(A, 'received', { message: 'Hello' });
    const history = historyOf([session(A, 'acceptor'), hello, born(actorKey(1, 'x:9'), { part: root }), open, open]);
    add(history, born(B, { part: place }));
    expect([counted(history, actorKey(1, 'x:9')), counted(history, B), counted(history, A)]).toEqual([1, 1, 3]);
    // The count of an actor's last messages may come only after its end.
    for (const record of [moved(B, 'closed', 'done'), wire(A, 'received', { connection: 3, count: 5 }), open]) {
      add(history, record);
    }
    add(history, born(actorKey(1, 'x:2'), { part: place }));
    expect([counted(history, B), counted(history, actorKey(1, 'x:2'))]).toEqual([6, 1]);
    // The record of an actor that began earlier has the actor's traffic itself.
    const late = born(C, { part: place, traffic: { ...NOTHING, receivedMessages: 7 } });
    expect(counted(historyOf([session(A, 'acceptor'), open, late]), C)).toBe(7);
  });

  test('holds a bounded number of counts for actors without a name', () => {
    const history = historyOf([session(A, 'acceptor')]);
    for (let connection = 0; connection < 202; connection++) {
      add(history, wire(A, 'received', { connection, message: 'ConnectionOpen' }));
    }
    const counts = [1, 2].map((connection) => {
      add(history, born(actorKey(1, `y:${connection}`), { part: { part: 'connection', session: A, connection } }));
      return get(history.now, actorKey(1, `y:${connection}`))?.traffic.receivedMessages;
    });
    expect(counts).toEqual([0, 1]);
    // The counts survive going back to a copy, and at this number of records the history makes a copy.
    while (history.end < 2_047) add(history, wire(A, 'sent', {}));
    add(history, wire(A, 'received', { connection: 1_000, message: 'ConnectionOpen' }));
    add(history, born(B, { part: { part: 'connection', session: A, connection: 1_000 } }));
    expect(get(history.at(history.end), B)?.traffic).toEqual({ ...NOTHING, receivedMessages: 1 });
  });

  test('finds the two ends of a link by its name, and otherwise by the Hello that both tell of', () => {
    const hello = (key: ActorKey, direction: WireRecord['direction'], name: string) =>
      wire(key, direction, { message: 'Hello', detail: { name } });
    const named = historyOf([session(A, 'initiator', 'l'), session(C, 'acceptor', 'l')]);
    expect([get(named.now, A)?.peer, get(named.now, C)?.peer]).toEqual([C, A]);
    const told = [session(A, 'initiator'), session(C, 'acceptor')];
    const unnamed = historyOf([...told, hello(C, 'received', 'a'), hello(A, 'sent', 'a')]);
    expect([get(unnamed.now, A)?.peer, get(unnamed.now, C)?.peer]).toEqual([C, A]);
    const other = historyOf([...told, hello(C, 'received', 'a'), hello(A, 'sent', 'b')]);
    expect([get(other.now, A)?.peer, get(other.now, C)?.peer]).toEqual([undefined, undefined]);
    // Two sessions sent the same Hello at the same time, so the two cannot be told apart.
    const twins = historyOf([...told, session(B, 'initiator'), hello(A, 'sent', 'a'), hello(B, 'sent', 'a')]);
    add(twins, hello(C, 'received', 'a'));
    expect(get(twins.now, C)?.peer).toBeUndefined();
  });

  test('takes what a process leaves behind for lost', () => {
    const { now } = historyOf([
      { kind: 'process', process: 1, name: 'one' },
      born(A),
      born(B),
      born(C),
      moved(B, 'over', 'done'),
      { kind: 'left', process: 1 },
    ]);
    expect([A, B, C].map((key) => get(now, key)?.isLost)).toEqual([true, false, false]);
    expect(now.processes.get(1)).toEqual({ process: 1, name: 'one', joined: 1_001, left: 1_006 });
  });

  test('remembers a bounded number of actors that have ended, and all that live', () => {
    const history = historyOf([born(C)]);
    for (let n = 0; n < MAX_ENDED + 10; n++) {
      add(history, born(actorKey(1, `y:${n}`)));
      add(history, moved(actorKey(1, `y:${n}`), 'over', 'done'));
    }
    expect(history.now.actors.size).toBe(MAX_ENDED + 1);
    expect(get(history.now, C)?.value).toBe('idle');
    expect(get(history.now, actorKey(1, 'y:9'))).toBeUndefined();
    expect(get(history.now, actorKey(1, 'y:10'))?.status).toBe('done');
  });

  test('remembers a bounded number of bytes of actors that have ended, and of definitions', () => {
    const history = historyOf([born(C)]);
    const mebibyte = Array.from({ length: 16 }, (_, n) => `${n}`.padEnd(2 ** 15, '.'));
    for (let n = 0; n < 100; n++) {
      const key = actorKey(1, `y:${n}`);
      add(history, born(key));
      const snapshot = { status: 'done', context: mebibyte } as const;
      add(history, { kind: 'snapshot', actor: key, event: 'end', snapshot });
      add(history, { kind: 'definition', hash: `${n}`, definition: { id: `${n}`, meta: mebibyte } });
    }
    const { actors, definitions } = history.now;
    expect([actors.size, definitions.size]).toEqual([1 + 31, 31]);
    expect([get(history.now, C)?.status, [...definitions.keys()].at(0)]).toEqual(['active', '69']);
    // A copy continues the count of its original.
    const copy = new InspectionState(history.now as InspectionState);
    copy.apply({ kind: 'definition', seq: 0, at: 0, hash: 'new', definition: { meta: mebibyte } });
    expect([copy.definitions.size, [...copy.definitions.keys()].at(0)]).toEqual([31, '70']);
  });

  test('ignores events of an unknown actor', () => {
    const history = historyOf([moved(A, 'busy'), wire(A, 'sent', {}), { kind: 'left', process: 9 }]);
    expect(plain(history.now)).toEqual([[], [], []]);
  });
});
