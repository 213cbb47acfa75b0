/**
 * A second checker for reliable links, to check the first one: it imports nothing, knows no chart, and was written from the
 * design's tables, that is the handshake of attaching, the rules of acknowledging and the table of states. It covers messages
 * in both directions over links that break, without give-ups and orderly ends, and has the same bounds. Both must come by
 * the same set of states, written as text.
 *
 * - An end has the counts of its own messages (taken, written on this link, acknowledged, ever written), and of the peer's
 *   (received, told).
 * - A link is two halves. What one end puts on it lies in the other's half until it is delivered. A cut empties both.
 * - A half is L (live), B (broken, and its end will notice) or G (its end is through with it). What was sent before an end
 *   aborted the link still arrives.
 */

export interface TwinBounds {
  readonly messages: number;
  readonly window: number;
  readonly links: number;
  readonly cuts: number;
}

/** `-` nothing yet, d dialing, g greeting, b backing off, w waiting; attached: f unproven, s settled, o owing an ack. */
type Phase = '-' | 'd' | 'g' | 'b' | 'w' | 'f' | 's' | 'o';

interface End {
  phase: Phase;
  link: number;
  dials: number;
  hasAttached: boolean;
  taken: number;
  written: number;
  acked: number;
  ever: number;
  received: number;
  told: number;
}

interface Half {
  is: 'L' | 'B' | 'G';
  /** h and w: greetings with a count; x: refused; d: a message with its number and an ack; a: an ack. */
  frames: string[];
}

interface Wire {
  /** Its number at the acceptor; 0 before the acceptor has taken it, or if it was refused. */
  number: number;
  halves: [Half, Half];
}

interface State {
  ends: [End, End];
  wires: Wire[];
  cuts: number;
}

/** Returns the text of every state that can be reached. */
export function twin(bounds: TwinBounds): Set<string> {
  const fresh = (): End => ({
    ...{ phase: '-', link: 0, dials: 0, hasAttached: false },
    ...{ taken: 0, written: 0, acked: 0, ever: 0, received: 0, told: 0 },
  });
  const start: State = { ends: [fresh(), fresh()], wires: [], cuts: 0 };
  dial(start.ends[0]);
  const seen = new Set([textOf(start)]);
  let edge = [start];
  while (edge.length > 0) {
    const next: State[] = [];
    for (const state of edge) {
      for (const change of changes(state, bounds)) {
        const after = copyOf(state);
        change(after);
        const text = textOf(after);
        if (seen.has(text)) continue;
        seen.add(text);
        next.push(after);
      }
    }
    edge = next;
  }
  return seen;
}

function endText({ phase, link, dials, hasAttached, taken, written, acked, ever, received, told }: End): string {
  return [phase, link, dials, hasAttached ? 1 : 0, taken, written, acked, ever, received, told].join(' ');
}

function textOf({ ends, wires, cuts }: State): string {
  const wireText = ({ number, halves }: Wire): string =>
    `${number} ${halves.map(({ is, frames }) => `${is}${frames.join()}`).join('/')}`;
  return `${endText(ends[0])} | ${endText(ends[1])} | ${wires.map(wireText).join(' ; ')} | ${cuts}`;
}

function copyOf({ ends, wires, cuts }: State): State {
  const half = ({ is, frames }: Half): Half => ({ is, frames: [...frames] });
  return {
    ends: [{ ...ends[0] }, { ...ends[1] }],
    wires: wires.map(({ number, halves }) => ({ number, halves: [half(halves[0]), half(halves[1])] })),
    cuts,
  };
}

type Change = (state: State) => void;

/** Everything that can happen next. */
function changes({ ends, wires, cuts }: State, bounds: TwinBounds): Change[] {
  const all: Change[] = [];
  for (const who of [0, 1] as const) {
    const end = ends[who];
    if (end.hasAttached && end.taken < bounds.messages) all.push((state) => state.ends[who].taken++);
    if (isAttached(end) && end.written < end.taken && end.written - end.acked < bounds.window)
      all.push((state) => write(state, who));
    if (end.phase === 'o') all.push((state) => tell(state, who));
  }
  const [dialer] = ends;
  if (dialer.phase === 'b') all.push(({ ends: [end] }) => dial(end));
  if (dialer.phase === 'g' && wires.length < bounds.links) {
    all.push((state) => {
      abort(state, dialer.link - 1, 0);
      state.ends[0].phase = 'b';
    });
  }
  if (dialer.phase === 'd' && dialer.link <= bounds.links) {
    all.push((state) => {
      state.wires.push({ number: 0, halves: [live(), live()] });
      state.ends[0].phase = 'g';
      put(state, dialer.link - 1, 1, `h${dialer.received}`);
    });
  }
  wires.forEach(({ halves }, at) => {
    if (cuts < bounds.cuts && halves.some(({ is }) => is === 'L')) all.push((state) => cut(state, at));
    for (const who of [0, 1] as const) {
      const { is, frames } = halves[who];
      if (frames.length > 0) all.push((state) => deliver(state, at, who, bounds));
      else if (is === 'B') all.push((state) => notice(state, at, who));
    }
  });
  return all;
}

function live(): Half {
  return { is: 'L', frames: [] };
}

function isAttached({ phase }: End): boolean {
  return phase === 'f' || phase === 's' || phase === 'o';
}

function dial(end: End): void {
  end.phase = 'd';
  end.link++;
  end.dials++;
}

function cut(state: State, at: number): void {
  state.cuts++;
  for (const half of (state.wires[at] as Wire).halves) {
    if (half.is !== 'L') continue;
    half.is = 'B';
    half.frames = [];
  }
}

function abort(state: State, at: number, who: 0 | 1): void {
  const { halves } = state.wires[at] as Wire;
  halves[who].is = 'G';
  const other = halves[1 - who] as Half;
  if (other.is === 'L') other.is = 'B';
}

/** Puts a frame into one half of a link, while both halves are alive. */
function put(state: State, at: number, to: 0 | 1, frame: string): void {
  const { halves } = state.wires[at] as Wire;
  if (halves.every(({ is }) => is === 'L')) halves[to].frames.push(frame);
}

/** Puts a frame on the link that counts. */
function say(state: State, who: 0 | 1, frame: string): void {
  const { link } = state.ends[who];
  const at = who === 0 ? link - 1 : state.wires.findIndex(({ number }) => number === link);
  put(state, at, who === 0 ? 1 : 0, frame);
}

function write(state: State, who: 0 | 1): void {
  const end = state.ends[who];
  say(state, who, `d${end.written}.${end.received}`);
  end.written++;
  end.ever = Math.max(end.ever, end.written);
  // The message has told our count.
  end.told = end.received;
  if (end.phase === 'o') end.phase = 's';
}

function tell(state: State, who: 0 | 1): void {
  const end = state.ends[who];
  say(state, who, `a${end.received}`);
  end.told = end.received;
  end.phase = 's';
}

/** A link begins with both counts: nothing before the peer's count is sent again, and everything from it on is. */
function attach(end: End, received: number): void {
  end.phase = 'f';
  end.hasAttached = true;
  end.acked = received;
  end.written = received;
  end.told = end.received;
}

function isPlausible({ acked, ever }: End, received: number): boolean {
  return acked <= received && received <= ever;
}

function deliver(state: State, at: number, who: 0 | 1, bounds: TwinBounds): void {
  const wire = state.wires[at] as Wire;
  const frame = wire.halves[who].frames.shift() as string;
  const end = state.ends[who];
  const [first = 0, second = 0] = frame.slice(1).split('.').map(Number);
  if (frame.startsWith('h')) {
    greeted(state, wire, first);
    return;
  }
  // The fence: one link counts at each end.
  if ((who === 0 ? at + 1 : wire.number) !== end.link) return;
  if (frame.startsWith('w') && end.phase === 'g') {
    if (!isPlausible(end, first)) throw new Error('the acceptor tells an honest dialer a count that does not fit');
    attach(end, first);
  } else if (frame.startsWith('x') && end.phase === 'g') {
    throw new Error('an honest dialer is refused');
  } else if (frame.startsWith('a') && isAttached(end) && first > end.acked) {
    end.acked = first;
    prove(end, 's');
  } else if (frame.startsWith('d') && isAttached(end)) {
    end.acked = Math.max(end.acked, second);
    prove(end, end.phase);
    if (first !== end.received) throw new Error(`message ${first} comes after ${end.received} messages`);
    end.received++;
    // A quarter of a window is told at once.
    if (4 * (end.received - end.told) >= bounds.window) tell(state, who);
    else end.phase = 'o';
  }
}

/** A link that brings something forward has proven itself. */
function prove(end: End, next: Phase): void {
  if (end.phase !== 'f') return;
  end.phase = next;
  end.dials = 0;
}

/** A greeting reaches the acceptor, perhaps on a link that the dialer has left long ago. */
function greeted(state: State, wire: Wire, received: number): void {
  const end = state.ends[1];
  const at = state.wires.indexOf(wire);
  if (!isPlausible(end, received)) {
    put(state, at, 0, 'x');
    return;
  }
  const older = state.wires.findIndex(({ number }) => number === end.link && number > 0);
  if (older >= 0) abort(state, older, 1);
  end.link++;
  wire.number = end.link;
  attach(end, received);
  put(state, at, 0, `w${end.received}`);
  // The first message of the acceptor, the session's answer, follows at once.
  if (end.taken === 0) end.taken = 1;
}

function notice(state: State, at: number, who: 0 | 1): void {
  const wire = state.wires[at] as Wire;
  wire.halves[who].is = 'G';
  const end = state.ends[who];
  if ((who === 0 ? at + 1 : wire.number) !== end.link || (wire.number === 0 && who === 1)) return;
  if (who === 1) {
    if (isAttached(end)) end.phase = 'w';
  } else if (end.phase === 'g' || end.phase === 'f') end.phase = 'b';
  else if (end.phase === 's' || end.phase === 'o') dial(end);
}
