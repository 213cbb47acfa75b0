import { describe, expect, test } from '@jest/globals';
import { Exchange, type Exchanged, Filtered, type Kind, kindOf, textOf } from '../../src/viewer/model/exchange.js';
import { sequenceOf } from '../../src/viewer/model/export.js';
import type { Recording } from '../../src/viewer/model/recording.js';
import { Script } from './records.js';

function advance(exchange: Exchange, recording: Recording): Exchange {
  exchange.advance(
    recording.end,
    (session) => recording.wiresOf(session),
    (position) => recording.record(position),
  );
  return exchange;
}

const exchangeOf = (recording: Recording) => advance(new Exchange('1/a', '2/b', 0), recording);

/** Each row as `→ Hello sent 0 received 1`. */
const told = ({ rows }: Exchange) =>
  rows.map((row) => {
    if ('cut' in row) return `${row.isLeft ? 'left' : 'right'} ${row.cut}`;
    const { fromLeft, record, sent = '-', received = '-' } = row;
    return `${fromLeft ? '→' : '←'} ${record.message} ${sent} ${received}`;
  });

describe('an exchange', () => {
  test('has one row for what one end sent and the other received', () => {
    const { recording } = new Script()
      .wire('1/a', 'sent', 'Hello')
      .wire('2/b', 'received', 'Hello')
      .wire('2/b', 'sent', 'HelloYourself')
      .wire('1/a', 'received', 'HelloYourself');
    expect(told(exchangeOf(recording))).toEqual(['→ Hello 0 1', '← HelloYourself 2 3']);
  });

  test('shows each cut of the link beneath, and each resume, where it was noticed', () => {
    const state = { running: {} };
    const { recording } = new Script()
      .wire('1/a', 'sent', 'Call', { id: 1 })
      .state('1/a', state, 'link.interrupted')
      .state('2/b', state, 'link.interrupted')
      .state('2/b', state, 'rx.Ping')
      .state('1/a', state, 'link.restored')
      .state('2/b', state, 'link.restored')
      .wire('2/b', 'received', 'Call', { id: 1 });
    const exchange = exchangeOf(recording);
    expect(told(exchange)).toEqual([
      '→ Call 0 6',
      'left interrupted',
      'right interrupted',
      'left restored',
      'right restored',
    ]);
    expect(recording.positionsOf('1/a')).toEqual([1, 4]);
    const shown = (filter: object) =>
      new Filtered(exchange, { connection: undefined, hidden: new Set<Kind>(), text: '', ...filter }).advance().length;
    expect([{ connection: 9 }, { hidden: new Set(['session']) }, { text: 'lost' }].map(shown)).toEqual([4, 1, 2]);
    expect(sequenceOf(exchange.rows, ['A', 'B']).steps).toEqual([
      { type: 'message', from: 'A', to: 'B', text: 'Call #1 on 0' },
      { type: 'note', over: 'A', text: 'the connection is lost' },
      { type: 'note', over: 'B', text: 'the connection is lost' },
      { type: 'note', over: 'A', text: 'a connection is there again' },
      { type: 'note', over: 'B', text: 'a connection is there again' },
      { type: 'arrival', of: 0 },
    ]);
  });

  test('has two alike arrive in the order in which they were sent, and those of other connections for themselves', () => {
    const { recording } = new Script()
      .wire('1/a', 'sent', 'Item', { id: 1, connection: 1 })
      .wire('1/a', 'sent', 'Item', { id: 1, connection: 3 })
      .wire('1/a', 'sent', 'Item', { id: 1, connection: 1 })
      .wire('2/b', 'received', 'Item', { id: 1, connection: 1 })
      .wire('2/b', 'received', 'Item', { id: 1, connection: 3 });
    expect(told(exchangeOf(recording))).toEqual(['→ Item 0 3', '→ Item 1 4', '→ Item 2 -']);
  });

  test('takes what crossed for two messages, not for one and its arrival', () => {
    const { recording } = new Script()
      .wire('1/a', 'sent', 'Ping')
      .wire('2/b', 'sent', 'Ping')
      .wire('1/a', 'received', 'Ping')
      .wire('2/b', 'received', 'Ping');
    expect(told(exchangeOf(recording))).toEqual(['→ Ping 0 3', '← Ping 1 2']);
  });

  test('joins an arrival that was told of before its sending', () => {
    const { recording } = new Script().wire('2/b', 'received', 'Hello').wire('1/a', 'sent', 'Hello');
    const exchange = exchangeOf(recording);
    expect(told(exchange)).toEqual(['→ Hello 1 0']);
    expect(exchange.rows[0]).toMatchObject({ position: 0, sentAt: 1_001, receivedAt: 1_000 });
  });

  test('does without the other end', () => {
    const { recording } = new Script().wire('1/a', 'sent', 'Hello').wire('1/a', 'received', 'HelloYourself');
    expect(told(advance(new Exchange('1/a', undefined, 0), recording))).toEqual(['→ Hello 0 -', '← HelloYourself - 1']);
  });

  test('is the same whether its records come at once or one by one', () => {
    const whole = new Script();
    const script = new Script();
    const exchange = new Exchange('1/a', '2/b', 0);
    for (let index = 0; index < 40; index++) {
      const [session, direction] = [
        ['1/a', 'sent'],
        ['2/b', 'received'],
        ['2/b', 'sent'],
        ['1/a', 'received'],
      ][index % 4] as ['1/a' | '2/b', 'sent' | 'received'];
      for (const each of [whole, script]) each.wire(session, direction, 'Call', { id: index >> 3 });
      advance(exchange, script.recording);
    }
    expect(told(exchange)).toEqual(told(exchangeOf(whole.recording)));
    expect(exchange.rows).toHaveLength(20);
  });

  test('keeps nothing for ever of what the other end never tells of', () => {
    const script = new Script();
    for (let index = 0; index < 5_000; index++) script.wire('1/a', 'sent', 'Call', { id: index });
    // The oldest waiting rows are given up, and the newest are still matched.
    script.wire('2/b', 'received', 'Call', { id: 0 }).wire('2/b', 'received', 'Call', { id: 4_999 });
    const { rows } = exchangeOf(script.recording);
    const receivedAt = (at: number) => (rows[at] as Exchanged).received;
    expect([rows.length, receivedAt(0), receivedAt(4_999)]).toEqual([5_001, undefined, 5_001]);
  });
});

describe('a filter', () => {
  const { recording } = new Script()
    .wire('1/a', 'sent', 'Hello')
    .wire('1/a', 'sent', 'ConnectionOpen', {
      connection: 1,
      detail: { metadata: [{ key: 'purpose', value: 'Upload' }] },
    })
    .wire('1/a', 'sent', 'Call', { connection: 1, id: 5, bytes: 900 })
    .wire('1/a', 'sent', 'Call', { connection: 3, id: 1 })
    .wire('1/a', 'sent', 'Ping');
  const all = { connection: undefined, hidden: new Set<Kind>(), text: '' };

  test.each([
    ['everything', {}, ['Hello', 'ConnectionOpen', 'Call', 'Call', 'Ping']],
    ['one connection', { connection: 1 }, ['ConnectionOpen', 'Call']],
    ['the root', { connection: 0 }, ['Hello', 'Ping']],
    ['kinds', { hidden: new Set<Kind>(['keepalive', 'request']) }, ['Hello', 'ConnectionOpen']],
    ['a word of the metadata', { text: 'upload' }, ['ConnectionOpen']],
    ['all of several words', { text: '  CALL #5 ' }, ['Call']],
    ['nothing', { text: 'nowhere' }, []],
  ])('passes %s', (_, change, messages) => {
    const rows = new Filtered(exchangeOf(recording), { ...all, ...change }).advance();
    expect(rows.map((row) => (row as Exchanged).record.message)).toEqual(messages);
  });

  test('goes on with what comes', () => {
    const script = new Script().wire('1/a', 'sent', 'Call', { id: 1 }).wire('1/a', 'sent', 'Ping');
    const exchange = exchangeOf(script.recording);
    const filtered = new Filtered(exchange, { ...all, hidden: new Set<Kind>(['keepalive']) });
    const rows = filtered.advance();
    expect(rows).toHaveLength(1);
    script.wire('1/a', 'sent', 'Ping').wire('1/a', 'sent', 'Call', { id: 3 });
    advance(exchange, script.recording);
    expect(filtered.advance()).toBe(rows);
    expect(rows.map((row) => (row as Exchanged).record.id)).toEqual([1, 3]);
  });
});

test('every message of the protocol is of a kind', () => {
  const kinds = ['ProtocolError', 'ConnectionReject', 'Cancel', 'GrantCredit', 'Pong'].map(kindOf);
  expect(kinds).toEqual(['session', 'connection', 'request', 'channel', 'keepalive']);
});

test('a sequence has an arrival where something happened in between, and a straight arrow where not', () => {
  const { recording } = new Script()
    .wire('1/a', 'sent', 'Hello')
    .wire('2/b', 'received', 'Hello')
    .wire('1/a', 'sent', 'ConnectionClose', { connection: 1 })
    .wire('2/b', 'sent', 'ConnectionClose', { connection: 1 })
    .wire('1/a', 'received', 'ConnectionClose', { connection: 1 })
    .wire('2/b', 'received', 'ConnectionClose', { connection: 1 });
  const message = { type: 'message', from: 'A', to: 'B' };
  expect(sequenceOf(exchangeOf(recording).rows, ['A', 'B'])).toEqual({
    participants: ['A', 'B'],
    steps: [
      { ...message, text: 'Hello on 0' },
      { ...message, text: 'ConnectionClose on 1' },
      { ...message, from: 'B', to: 'A', text: 'ConnectionClose on 1' },
      { type: 'arrival', of: 1 },
    ],
  });
});

test('a row says what it is, of what, and how much', () => {
  const record = { kind: 'wire', seq: 1, at: 0, session: '1/a', direction: 'sent', bytes: 30, count: 4 } as const;
  expect(textOf({ ...record, message: 'Item', connection: 1, id: 7 })).toBe('Item #7 on 1 × 4 30 B');
});
