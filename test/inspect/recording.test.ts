import { describe, expect, test } from '@jest/globals';
import { RECORDING_VERSION, type RecordingLine } from '../../src/inspect/record.js';
import { lineOf, parseRecording, RecordingError } from '../../src/inspect/recording.js';

const START: RecordingLine = {
  kind: 'recording',
  version: RECORDING_VERSION,
  at: 1,
  by: 'me',
  isLive: false,
  backlog: 0,
};

/** One of each kind, with everything that it can have. */
const LINES: readonly RecordingLine[] = [
  START,
  { kind: 'process', seq: 1, at: 1, process: 1, name: 'one', runtime: 'node', pid: 3 },
  { kind: 'definition', seq: 2, at: 1, hash: 'h', definition: { id: 'm' } },
  {
    kind: 'actor',
    seq: 3,
    at: 1,
    process: 1,
    actor: '1/x:0',
    id: 'x:0',
    name: 'session',
    definition: 'h',
    part: { part: 'session', role: 'initiator', conformance: 'strict', link: 'l', limits: { frame: 1 } },
    snapshot: { status: 'active', value: 'running', context: {}, output: null, error: null },
    since: 1,
    traffic: { sentMessages: 1, sentBytes: 2, receivedMessages: 3, receivedBytes: 4 },
    last: { event: 'e', transitions: [{ source: 's', event: 'e', targets: ['t'], index: 0 }] },
    peer: '2/x:0',
  },
  {
    kind: 'actor',
    seq: 4,
    at: 1,
    process: 1,
    actor: '1/x:1',
    parent: '1/x:0',
    id: '5',
    name: '5',
    part: { part: 'connection', session: '1/x:0', connection: 5 },
    snapshot: { status: 'active' },
  },
  { kind: 'event', seq: 5, at: 1, actor: '1/x:1', source: '1/x:0', event: { type: 'rx.Ping', more: [1, 'a', null] } },
  { kind: 'snapshot', seq: 6, at: 1, actor: '1/x:1', event: 'rx.Ping', snapshot: { status: 'done' }, transitions: [] },
  {
    kind: 'wire',
    seq: 7,
    at: 1,
    session: '1/x:0',
    direction: 'sent',
    connection: 5,
    message: 'Call',
    id: 1,
    count: 1,
    bytes: 5,
    detail: { methodId: '7' },
  },
  { kind: 'notice', seq: 8, at: 1, process: 1, text: 'mind the gap' },
  { kind: 'left', seq: 9, at: 1, process: 1 },
];

const text = (lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

describe('a recording', () => {
  test('comes back from its text as it was', () => {
    const written = LINES.map((line) => `${lineOf(line)}\n`).join('');
    expect(parseRecording(written)).toEqual({ start: START, records: LINES.slice(1) });
    expect(parseRecording(`${written.trimEnd()}\r\n\n`).records).toHaveLength(LINES.length - 1);
  });

  test.each([
    ['an empty one', '', 'line 1: there is nothing in it'],
    ['text', 'hello', /^line 1: no JSON: /],
    ['half a line', `${text([START])}{"kind":"no`, /^line 2: no JSON: /],
    ['no object', text([START, [1]]), 'line 2: not an object'],
    ['an unknown kind', text([START, { kind: 'toString' }]), "line 2: unknown kind 'toString'"],
    ['no beginning', text(LINES.slice(1)), 'line 1: a recording begins with its version'],
    ['two beginnings', text([START, START]), 'line 2: a recording begins once'],
    ['a later version', text([{ ...START, version: 2 }]), 'line 1: a recording of version 2; this reads version 1'],
  ])('that is %s is refused with the number of the line', (_, written, message) => {
    expect(() => parseRecording(written)).toThrow(RecordingError);
    expect(() => parseRecording(written)).toThrow(message);
  });

  const optional = ['runtime', 'pid', 'parent', 'definition', 'part', 'since', 'traffic', 'last', 'peer', 'source'];
  const mayBeAbsent = new Set([...optional, 'transitions', 'id', 'detail', 'process']);
  const fields = LINES.flatMap((line, index) =>
    Object.keys(line)
      .filter((name) => name !== 'kind')
      .map((name) => [`${line.kind}.${name}`, index, name] as const),
  );

  test.each(fields)('with a wrong %s is refused', (name, index, field) => {
    const broken = (value: unknown) =>
      text(LINES.map((line, at) => (at === index ? { ...line, [field]: value } : line)));
    // A definition may be any JSON value.
    if (name !== 'definition.definition') {
      expect(() => parseRecording(broken([{}]))).toThrow(`line ${index + 1}: ${name} is wrong`);
    }
    if (!mayBeAbsent.has(field)) {
      expect(() => parseRecording(broken(undefined))).toThrow(`line ${index + 1}: ${name} is wrong`);
    }
  });
});
