import { describe, expect, test } from '@jest/globals';
import type { Entry, Wire } from '../../src/cli/demo/demo-event.js';
import { type Palette, paletteFor } from '../../src/cli/demo/palette.js';
import { Timeline } from '../../src/cli/demo/timeline.js';

const plain = paletteFor({}, {});

function entry(at: number, process: Entry['process'], actor: string, from: string, to: string, ...wire: Wire[]): Entry {
  return { kind: 'entry', at, process, actor, from, to, wire };
}

function wire(direction: Wire['direction'], type: string, more: Partial<Wire> = {}): Wire {
  return { direction, type, text: '', ...more };
}

/** The lines for what was told in this order, their runs of spaces made one. */
function linesOf(told: readonly Entry[], isVerbose = false, palette: Palette = plain): string[] {
  const lines: string[] = [];
  const timeline = new Timeline((line) => lines.push(line.replaceAll(/ +/g, ' ').trim()), palette, isVerbose);
  for (const one of told) timeline.add(one);
  timeline.settle();
  return lines;
}

describe("the demo's timeline", () => {
  test('puts what two processes tell into the order in which it happened', () => {
    expect(
      linesOf([
        entry(107, 'initiator', 'connection 1', 'opening', 'active', wire('received', 'ConnectionAccept')),
        entry(100, 'initiator', 'connection 1', 'opening', 'opening', wire('sent', 'ConnectionOpen')),
        entry(103, 'acceptor', 'connection 1', 'deciding', 'active', wire('sent', 'ConnectionAccept')),
      ]),
    ).toEqual([
      '0 initiator connection 1 opening → ConnectionOpen',
      '3 acceptor connection 1 deciding → active → ConnectionAccept',
      '7 initiator connection 1 opening → active ← ConnectionAccept',
    ]);
  });

  test('keeps a line back for as long as an earlier one may come', () => {
    const lines: string[] = [];
    const timeline = new Timeline((line) => lines.push(line), plain, true);
    timeline.add(entry(1_000, 'acceptor', 'session', 'running', 'ended'));
    timeline.settle(1_059);
    expect(lines).toEqual([]);
    timeline.settle(1_060);
    expect(lines).toHaveLength(1);
  });

  test('tells the states that an actor goes through at once in one line, and its messages by the number', () => {
    const call = wire('received', 'Call', { isData: true, text: '1, 3 bytes' });
    const told = [
      entry(0, 'acceptor', 'handshake', 'awaitingHello', 'replying', wire('received', 'Hello', { text: '{a: 1}' })),
      entry(1, 'acceptor', 'handshake', 'replying', 'established'),
      entry(2, 'acceptor', 'connection 1', 'active', 'active', call),
      entry(3, 'initiator', 'connection 2', 'active', 'active', call),
      entry(4, 'acceptor', 'connection 1', 'active', 'active', call),
    ];
    expect(linesOf(told)).toEqual([
      '0 acceptor handshake awaitingHello → replying → established ← Hello {a: 1}',
      '2 acceptor connection 1 active ← Call ×2',
      '3 initiator connection 2 active ← Call',
    ]);
    expect(linesOf(told, true)).toHaveLength(5);
  });

  test('tells of the first Ping only, and of no state below the top level', () => {
    const told = [
      entry(0, 'acceptor', 'keepalive', 'waiting', 'awaitingPong', wire('sent', 'Ping', { text: '1', nonce: 1 })),
      entry(1, 'initiator', 'session', 'running', 'running', wire('received', 'Ping', { text: '1', nonce: 1 })),
      entry(2, 'acceptor', 'keepalive', 'awaitingPong', 'waiting', wire('received', 'Pong', { text: '1', nonce: 1 })),
      entry(3, 'acceptor', 'keepalive', 'waiting', 'awaitingPong', wire('sent', 'Ping', { text: '2', nonce: 2 })),
      { ...entry(4, 'acceptor', 'session', 'idle', 'sweeping'), region: 'deadlines' },
    ];
    expect(linesOf(told)).toEqual([
      '0 acceptor keepalive waiting → awaitingPong → waiting → Ping 1 ← Pong 1',
      '1 initiator session running ← Ping 1',
    ]);
    expect(linesOf(told, true).at(-1)).toBe('4 acceptor session deadlines: idle → sweeping');
  });

  test.each<[name: string, stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv, isColoured: boolean]>([
    ['on a terminal', { isTTY: true }, {}, true],
    ['on a terminal with an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, true],
    ['on a terminal with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['on a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ['in a pipe', {}, {}, false],
  ])('is coloured or not: %s', (_, stream, env, isColoured) => {
    const [line = ''] = linesOf([entry(0, 'acceptor', 'session', 'running', 'ended')], false, paletteFor(stream, env));
    expect(line.includes('\u001b[')).toBe(isColoured);
  });
});
