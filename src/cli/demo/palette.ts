import type { Role } from '../../index.js';
import type { Wire } from './demo-event.js';

/** The colours and styles of the demo's output. */
export interface Palette {
  title(text: string): string;
  muted(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  role(role: Role, text: string): string;
  states(path: readonly string[]): string;
  arrow(direction: Wire['direction']): string;
}

type Paint = (text: string) => string;

/** Returns a palette with colours for a terminal without NO_COLOR, and one without colours otherwise. */
export function paletteFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Palette {
  const isColoured = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint =
    (on: number, off: number): Paint =>
    (text) =>
      isColoured && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  const [bold, muted] = [paint(1, 22), paint(2, 22)];
  const [red, green, cyan, magenta, yellow] = [31, 32, 36, 35, 33].map((on) => paint(on, 39)) as [
    Paint,
    Paint,
    Paint,
    Paint,
    Paint,
  ];
  const ends = new Map([
    ['established', green],
    ['running', green],
    ['active', green],
    ['rejected', red],
    ['failed', red],
    ['expired', red],
  ]);
  return {
    title: bold,
    muted,
    good: green,
    bad: red,
    role: (role, text) => (role === 'initiator' ? cyan : magenta)(text),
    states: (path) =>
      path
        .map((state, i) => (i < path.length - 1 ? muted(state) : (ends.get(state) ?? bold)(state)))
        .join(muted(' → ')),
    arrow: (direction) => yellow(direction === 'sent' ? '→' : '←'),
  };
}
