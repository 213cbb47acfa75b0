import { expect, test } from '@jest/globals';
import { type Sequence, sequenceMermaid, sequenceSvg } from '../../src/diagram/index.js';
import { textsOf } from './pictures.js';

const CROSSING: Sequence = {
  participants: ['initiator', 'acceptor'],
  steps: [
    { type: 'message', from: 'initiator', to: 'acceptor', text: 'ConnectionClose on 1' },
    { type: 'message', from: 'acceptor', to: 'initiator', text: 'ConnectionClose on 1' },
    { type: 'arrival', of: 0 },
    { type: 'arrival', of: 1 },
    { type: 'pause', text: '10 s later' },
    { type: 'message', from: 'initiator', to: 'acceptor', text: 'Ping on 0', isLost: true },
    { type: 'note', over: 'initiator', text: 'the session is over' },
  ],
};

test('a sequence is Mermaid with its messages where they are sent', () => {
  expect(sequenceMermaid(CROSSING)).toBe(
    [
      'sequenceDiagram',
      '  participant initiator',
      '  participant acceptor',
      '  initiator->>acceptor: ConnectionClose on 1',
      '  acceptor->>initiator: ConnectionClose on 1',
      '  Note over initiator,acceptor: 10 s later',
      '  initiator-xacceptor: Ping on 0',
      '  Note over initiator: the session is over',
      '',
    ].join('\n'),
  );
});

test('a sequence is SVG with all that is said, and messages that cross do so', () => {
  const picture = sequenceSvg(CROSSING);
  expect(textsOf(picture)).toEqual([
    'initiator',
    'acceptor',
    'ConnectionClose on 1',
    'ConnectionClose on 1',
    '10 s later',
    'Ping on 0',
    'the session is over',
  ]);
  const [first, second] = [...picture.matchAll(/class="curve" d="M(\S+) (\S+)L(\S+) (\S+)"/g)].map((match) =>
    match.slice(1).map(Number),
  ) as [[number, number, number, number], [number, number, number, number]];
  // Each arrow goes down, and each starts above the end of the other.
  expect([first[1] < first[3], second[1] < second[3]]).toEqual([true, true]);
  expect([first[1] < second[3], second[1] < first[3]]).toEqual([true, true]);
  expect(sequenceSvg(CROSSING)).toBe(picture);
});

test('names and texts that would be markup are none', () => {
  const hostile: Sequence = {
    participants: ['end', '<script>"&'],
    steps: [
      { type: 'message', from: 'end', to: '<script>"&', text: 'a; b\n<br/>#quot; --> %% 文字' },
      { type: 'note', over: 'another party', text: '\u0000\ud800' },
    ],
  };
  expect(sequenceMermaid(hostile)).toBe(
    [
      'sequenceDiagram',
      '  participant p0 as end',
      '  participant p1 as #60;script#62;#34;#38;',
      '  participant p2 as another party',
      '  p0->>p1: a#59; b #60;br/#62;#35;quot#59; -#45;#62; #37;#37; 文字',
      '  Note over p2: #0;#55296;',
      '',
    ].join('\n'),
  );
  expect(textsOf(sequenceSvg(hostile))).toEqual([
    'end',
    '<script>"&',
    'another party',
    'a; b <br/>#quot; --> %% 文字',
    '\ufffd\ufffd',
  ]);
});

test('a sequence of nothing is a picture all the same', () => {
  expect(textsOf(sequenceSvg({ participants: [], steps: [] }))).toEqual([]);
  expect(sequenceMermaid({ participants: [], steps: [] })).toBe('sequenceDiagram\n');
});
