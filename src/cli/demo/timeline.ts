import type { Entry, Scene, Wire } from './demo-event.js';
import type { Palette } from './palette.js';

/** The time that a line waits for an earlier one from the other process. Milliseconds. */
const SETTLE_MS = 60;

const WIDTHS = { at: 5, process: 9, actor: 12, state: 38, wire: 50 };

/** The width of a whole line, in characters. */
export const WIDTH = 120;

/** A line without a new entry for this long is written, so that people see it in time. Milliseconds. */
const LULL_MS = 120;

/** Several entries that share one line of output. */
interface Line {
  readonly entry: Entry;
  path: string[];
  wire: Wire[];
}

/**
 * Puts the entries of both processes into one order, and prints one line each. Without `isVerbose`, successive states of an
 * actor share a line, as do the messages that a connection receives, and only the first Ping is shown.
 */
export class Timeline {
  readonly #write: (line: string) => void;
  readonly #palette: Palette;
  readonly #isVerbose: boolean;
  #waiting: (Entry | Scene)[] = [];
  #start: number | undefined;
  #open: Line[] = [];
  #newest = 0;

  constructor(write: (line: string) => void, palette: Palette, isVerbose: boolean) {
    this.#write = write;
    this.#palette = palette;
    this.#isVerbose = isVerbose;
  }

  add(told: Entry | Scene): void {
    this.#waiting.push(told);
  }

  /**
   * Writes the entries up to `now` minus the waiting time: no earlier entry can come any more. Without `now`, writes all.
   */
  settle(now: number = Number.POSITIVE_INFINITY): void {
    const settled = this.#waiting.filter(({ at }) => at <= now - SETTLE_MS).sort((a, b) => a.at - b.at);
    this.#waiting = this.#waiting.filter(({ at }) => at > now - SETTLE_MS);
    for (const told of settled) this.#tell(told);
    this.#newest = settled.at(-1)?.at ?? this.#newest;
    if (now - this.#newest > SETTLE_MS + LULL_MS) this.#close();
  }

  #tell(told: Entry | Scene): void {
    this.#start ??= told.at;
    if (told.kind === 'scene') {
      this.#close();
      this.#write(this.#palette.title(`── ${told.title} `.padEnd(WIDTH, '─')));
    } else if (this.#isVerbose) {
      this.#open = [lineOf(told)];
      this.#close();
    } else if (isTelling(told)) {
      this.#join(told);
    }
  }

  #join(entry: Entry): void {
    // A Pong joins the line of its Ping, also when other entries came between them.
    const ping = this.#open.find((line) => entry.wire[0]?.type === 'Pong' && isOfSame(line.entry, entry));
    if (ping !== undefined) {
      ping.path.push(entry.to);
      ping.wire.push(...entry.wire);
      return;
    }
    const isData = isOfData(entry.wire);
    const last = isData
      ? this.#open.find((line) => isOfData(line.wire) && isOfSame(line.entry, entry))
      : this.#open.find(
          (line) => !isOfData(line.wire) && isOfSame(line.entry, entry) && line.path.at(-1) === entry.from,
        );
    if (last !== undefined) {
      if (entry.from !== entry.to) last.path.push(entry.to);
      last.wire.push(...entry.wire);
      return;
    }
    // An entry that is no data closes the lines of data before it. Only its own actor may add to its line.
    const isRound = this.#open.some(({ wire }) => wire[0]?.nonce !== undefined) && entry.wire[0]?.nonce !== undefined;
    if (!isRound && (!isData || this.#open.some(({ wire }) => !isOfData(wire)))) this.#close();
    this.#open.push(lineOf(entry));
  }

  #close(): void {
    for (const line of this.#open) this.#write(this.#format(line));
    this.#open = [];
  }

  #format({ entry, path, wire }: Line): string {
    const { muted, role, states } = this.#palette;
    const { at, process, actor, region } = entry;
    const elapsed = String(Math.round(at - (this.#start ?? at))).padStart(WIDTHS.at);
    const where = region === undefined ? '' : `${region}: `;
    const plain = `${where}${path.join(' → ')}`;
    const state = `${muted(where)}${states(path)}${' '.repeat(Math.max(0, WIDTHS.state - plain.length))}`;
    const cells = [muted(elapsed), role(process, process.padEnd(WIDTHS.process)), actor.padEnd(WIDTHS.actor), state];
    return `${cells.join('  ')}  ${this.#formatWire(wire)}`.trimEnd();
  }

  /**
   * Formats messages as `← Call ×3, Close`: an arrow for each direction, a word for each run of one type, on as many lines
   * as needed.
   */
  #formatWire(wire: readonly Wire[]): string {
    const { arrow, muted } = this.#palette;
    const column = WIDTHS.at + WIDTHS.process + WIDTHS.actor + WIDTHS.state + 4 * 2;
    let text = '';
    let width = 0;
    let before: Wire['direction'] | undefined;
    for (const { direction, type, count, detail } of runsOf(wire, this.#isVerbose)) {
      const plain = `${type}${count > 1 ? ` ×${count}` : ''}`;
      const more = detail === '' ? 0 : detail.length + 1;
      const isNew = direction !== before;
      const isOver = width > 0 && width + plain.length + more + 2 > WIDTHS.wire;
      if (isOver) text += `${isNew ? '' : ','}\n${' '.repeat(column)}`;
      else if (width > 0) text += isNew ? ' ' : ', ';
      text += `${isNew || isOver ? `${arrow(direction)} ` : ''}${plain}${detail === '' ? '' : ` ${muted(detail)}`}`;
      width = (isOver ? 0 : width) + plain.length + more + 2;
      before = direction;
    }
    return text;
  }
}

interface Run {
  readonly direction: Wire['direction'];
  readonly type: string;
  count: number;
  readonly detail: string;
}

/** Groups messages into runs. A sent message is shown without its metadata: the receiver's entry shows them. */
function runsOf(wire: readonly Wire[], isVerbose: boolean): Run[] {
  const runs: Run[] = [];
  for (const { direction, type, text, isData = false, nonce } of wire) {
    const last = runs.at(-1);
    const isBrief = !isVerbose && (isData || (direction === 'sent' && nonce === undefined));
    if (isData && !isVerbose && last?.type === type && last.direction === direction) last.count++;
    else runs.push({ direction, type, count: 1, detail: isBrief ? '' : text });
  }
  return runs;
}

/** True if the entry is shown without `isVerbose`. Of the keepalive only the first round is. */
function isTelling({ actor, region, wire }: Entry): boolean {
  if (region !== undefined || (actor === 'keepalive' && wire.length === 0)) return false;
  return !wire.some(({ nonce = 1 }) => nonce > 1);
}

function lineOf(entry: Entry): Line {
  const { from, to, wire } = entry;
  return { entry, path: from === undefined || from === to ? [to] : [from, to], wire: [...wire] };
}

function isOfSame(one: Entry, other: Entry): boolean {
  return one.process === other.process && one.actor === other.actor;
}

function isOfData(wire: readonly Wire[]): boolean {
  return wire[0]?.isData === true;
}
