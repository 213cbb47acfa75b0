/**
 * The checker for reliable links. It runs the shipped chart at both ends, with breaking links between them, in every
 * possible order of events. A link has a queue each way. A cut empties both queues, and each end notices later. An attempt
 * that the dialer has given up leaves its greeting under way, so that the acceptor may get it late.
 *
 * Timers fire at any moment. Those that give up do so only where the bounds ask for it. Messages have no bytes: each is its
 * number at its sender. Where the bounds name sessions, the session's machines run on top, and send and take the messages.
 */
import type { ReliableContext, ReliableEvent, ReliablePort } from '../../../machines/index.js';
import { reliableMachine } from '../../../machines/index.js';
import { Args, initialOf, run as perform, type Run, tableOf } from '../../../src/compile/stepper.js';
import type { Configuration } from '../../../src/compile/structure.js';
import type { Input } from '../peer.js';
import type { Move, Side as Session } from '../side.js';

/** The chart that both ends run: the shipped one, or one with a mistake in it. */
let table = tableOf(reliableMachine);
/** The states of the chart that were met, by their names. */
let states = new Map<string, Configuration<Run, Run>>();

/** Has both ends run another chart. */
export function run(machine: typeof reliableMachine): void {
  table = tableOf(machine);
  states = new Map();
}

export interface Bounds {
  /** Messages of each end. The acceptor's first one answers the dialer's first greeting. */
  readonly messages: number;
  readonly window: number;
  readonly links: number;
  readonly cuts: number;
  /** False: acks leave with messages only, and none leaves alone. */
  readonly acks: boolean;
  /** Each end without a link may give up at any moment. I6 */
  readonly givesUp?: boolean;
  /** Each end may end the link in order, at any moment. I7 */
  readonly closes?: boolean;
  /** The sessions on top of the ends. They send the messages, and end the link. I7, I8 */
  readonly sessions?: readonly [dialer: Session, acceptor: Session];
}

type Frame =
  | { readonly kind: 'hello' | 'welcome'; readonly received: number }
  | { readonly kind: 'rejected' }
  | { readonly kind: 'data'; readonly seq: number; readonly ack: number; readonly id: number }
  | { readonly kind: 'ack'; readonly ack: number }
  | { readonly kind: 'close'; readonly total: number; readonly ack: number }
  | { readonly kind: 'abort' };

/** One end of one link: what is on its way to it. `gone`: the end is over; `broken` and `ended`: it will notice. */
interface Half {
  readonly queue: readonly Frame[];
  readonly is: 'live' | 'broken' | 'ended' | 'gone';
}

interface Net {
  /** The link's number at the acceptor; 0 while the acceptor has not taken it. */
  readonly taken: number;
  readonly halves: readonly [dialer: Half, acceptor: Half];
}

interface Side {
  readonly state: string;
  readonly facts: Omit<ReliableContext, 'port'>;
  /** Messages handed to the application. */
  readonly delivered: number;
  /** Messages of ours that were acknowledged once, and so are gone. */
  readonly trimmed: number;
  /** Ends that the application was told. */
  readonly told: number;
  /** The timer that gives up runs. */
  readonly isGivingUp?: boolean;
  /** The session's state, its messages by their numbers, and what it was told of the link. */
  readonly session?: { readonly state: number; readonly messages: readonly number[]; readonly isInterrupted: boolean };
}

const LOST = 'lost';
const CLOSED = 'closed';
export const DETACHED = ['dialing', 'greeting', 'backingOff', 'waiting'];
/** The session's times that say something about the peer. I8 */
const ACCUSING = /pongTimeout|stallTimeout|flushTimeout/;

export interface World {
  readonly sides: readonly [Side, Side];
  /** Links by the dialer's number, from 1. */
  readonly links: readonly Net[];
  readonly cuts: number;
}

export interface Step {
  readonly label: string;
  readonly to: World;
  readonly broken?: string | undefined;
}

function nameOf(state: Configuration<Run, Run>): string {
  const name = state.value() as string;
  states.set(name, state);
  return name;
}

/** A world that changes during one step. */
class Draft {
  readonly sides: [Side, Side];
  readonly links: Net[];
  readonly cuts: number;
  broken: string | undefined;
  readonly #bounds: Bounds;

  constructor({ sides, links, cuts }: World, bounds: Bounds, more = 0) {
    this.sides = [...sides];
    this.links = [...links];
    this.cuts = cuts + more;
    this.#bounds = bounds;
  }

  get hasSessions(): boolean {
    return this.#bounds.sessions !== undefined;
  }

  get world(): World {
    return { sides: this.sides, links: this.links, cuts: this.cuts };
  }

  /** Sends an event to one end. Returns the names of its effects. */
  send(at: 0 | 1, first: ReliableEvent, id?: number): string[] {
    const names: string[] = [];
    const events: ReliableEvent[] = [first];
    const { written } = this.sides[at].facts;
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      const side = this.sides[at];
      const state = states.get(side.state);
      const branches = state?.planOf(event.type)?.branches ?? [];
      const context = { ...side.facts } as ReliableContext;
      let { isGivingUp } = side;
      const port = new Proxy({} as ReliablePort, {
        get: (_, name: string) => (what?: { epoch?: number; timer?: string }) => {
          names.push(name);
          if (what?.timer === 'giveUp') isGivingUp = name === 'startTimer';
          this.#effect(at, name as keyof ReliablePort, context, what?.epoch, events, id);
        },
      });
      Object.assign(context, { port });
      const args = new Args(context, event);
      for (const branch of branches) {
        if (branch.guard && !perform(branch.guard, args)) continue;
        const step = (state as Configuration<Run, Run>).stepOf(branch, {});
        let { delivered, told } = side;
        for (const action of step.all) {
          const before = names.length;
          perform(action, args);
          const made = names.slice(before);
          if (made.includes('deliver')) delivered++;
          told += made.filter((name) => name === 'finish').length;
        }
        const { port: _, ...facts } = context;
        this.sides[at] = {
          ...side,
          state: step.next === undefined ? side.state : nameOf(step.next),
          facts,
          delivered,
          trimmed: Math.max(side.trimmed, facts.acked),
          told,
          ...(this.#bounds.givesUp && isGivingUp !== undefined ? { isGivingUp } : {}),
        };
        break;
      }
    }
    this.#check(at);
    if (this.#bounds.sessions !== undefined) this.#tell(at, names, this.sides[at].facts.written > written, id);
    return names;
  }

  // ---- The session on top

  /** Tells the session what has happened, in the order of src/reliable/end.ts. */
  #tell(at: 0 | 1, names: readonly string[], isDrained: boolean, id: number | undefined): void {
    for (const name of names) {
      const { session, facts } = this.sides[at];
      if (name === 'restored' && session === undefined) {
        this.sides[at] = { ...this.sides[at], session: { state: -1, messages: [], isInterrupted: false } };
        this.#follow(at, (this.#bounds.sessions as readonly Session[])[at]?.initial as Move);
      } else if (name === 'restored' || name === 'interrupted') {
        if (session === undefined) continue;
        const isInterrupted = name === 'interrupted';
        this.sides[at] = { ...this.sides[at], session: { ...session, isInterrupted } };
        this.input(at, { type: name });
      } else if (name === 'deliver') {
        const content = this.sides[at === 0 ? 1 : 0].session?.messages[id as number] as number;
        const own = (this.#bounds.sessions as readonly [Session, Session])[at];
        this.input(at, { type: 'message', message: own.message(content) });
      } else if (name === 'finish' && facts.end !== 'aborted') {
        this.input(at, { type: facts.end === 'closed' ? 'ended' : 'failed' });
      }
    }
    if (isDrained) this.input(at, { type: 'drained' });
  }

  /** Gives an input to the session of one end, if it has begun. */
  input(at: 0 | 1, input: Input): void {
    const { session, facts } = this.sides[at];
    if (session === undefined) return;
    const own = (this.#bounds.sessions as readonly [Session, Session])[at];
    this.#follow(at, own.move(session.state, own.input(input), facts.next - facts.written));
  }

  /** Carries out what the session does. */
  #follow(at: 0 | 1, { next, sent, link, violation, observed }: Move): void {
    const { session } = this.sides[at];
    const { isInterrupted = false, messages = [] } = session ?? {};
    const isClosing = this.sides[at].facts.isClosing;
    const all = isClosing ? messages : [...messages, ...sent];
    this.sides[at] = { ...this.sides[at], session: { state: next, messages: all, isInterrupted } };
    if (violation !== undefined) this.broken ??= `${violation.property}: ${violation.text}`;
    // I8
    const late = observed.find(
      (seen) => seen.type === 'ended' && (seen.cause === 'keepalive' || seen.limit === 'stallTimeout'),
    );
    if (isInterrupted && late !== undefined)
      this.broken ??= `I8: the session ends while it is interrupted: ${JSON.stringify(late)}`;
    const own = (this.#bounds.sessions as readonly [Session, Session])[at];
    const timer = isInterrupted ? own.states.of(next).timers.find((name) => ACCUSING.test(name)) : undefined;
    if (timer !== undefined) this.broken ??= `I8: ${timer} runs while the link is interrupted`;
    if (!isClosing) for (const _ of sent) this.send(at, { type: 'app.send', count: 1 });
    // I7: a session that is shut down ends the link in order. No time to flush passes here.
    const isShutDown = observed.some((seen) => seen.type === 'ended' && seen.cause === 'shutdown');
    const wasShutDown =
      session !== undefined && session.state >= 0 && own.states.of(session.state).port.end === 'shutdown';
    if (link === 'aborted' && (isShutDown || wasShutDown))
      this.broken ??= 'I7: a session that was shut down drops its link';
    if (link === 'closed') this.send(at, { type: 'app.close' });
    if (link === 'aborted') this.send(at, { type: 'app.abort' });
  }

  #effect(
    at: 0 | 1,
    name: keyof ReliablePort,
    context: ReliableContext,
    epoch: number | undefined,
    events: ReliableEvent[],
    id?: number,
  ): void {
    const { written, expected } = context;
    switch (name) {
      case 'take': {
        if (at === 0) return;
        const older = this.links.findIndex(({ taken }) => taken === this.sides[1].facts.epoch && taken > 0);
        if (older >= 0) this.#abort(older, 1);
        const link = this.links.findIndex(({ taken }) => taken === -1);
        this.links[link] = { ...(this.links[link] as Net), taken: epoch as number };
        return;
      }
      case 'refuse': {
        const link = this.links.findIndex(({ taken }) => taken === -1);
        this.links[link] = { ...(this.links[link] as Net), taken: 0 };
        if (at === 1) this.#putOn(link, 0, { kind: 'rejected' });
        return;
      }
      case 'hello':
        this.#put(at, context, { kind: 'hello', received: expected });
        return;
      case 'welcome':
        this.#put(at, context, { kind: 'welcome', received: expected });
        return;
      case 'write':
        this.#put(at, context, { kind: 'data', seq: written, ack: expected, id: written });
        return;
      case 'acknowledge':
        if (this.#bounds.acks) this.#put(at, context, { kind: 'ack', ack: expected });
        return;
      case 'bye':
        this.#put(at, context, { kind: 'close', total: context.next, ack: expected });
        return;
      case 'abandon': {
        const link = this.#current(at, context);
        if (this.links[link] === undefined) return;
        this.#put(at, context, { kind: 'abort' });
        this.end(link, at);
        return;
      }
      case 'finish': {
        const link = this.#current(at, context);
        if (this.links[link] === undefined) return;
        if (context.end === 'closed') this.end(link, at);
        else if (this.links[link]?.halves[at].is !== 'gone') this.#abort(link, at);
        return;
      }
      case 'deliver':
        // I6
        if (this.sides[at].told > 0) this.broken = `I6: ${id} is delivered after the end`;
        // I1
        if (id !== this.sides[at].delivered) this.broken = `I1: ${id} is delivered after ${this.sides[at].delivered}`;
        return;
      case 'cut': {
        const link = this.#current(at, context);
        if (link >= 0) this.#abort(link, at);
        events.push({ type: 'link.lost', epoch: context.epoch, isOrderly: false });
        return;
      }
      default:
    }
  }

  #current(at: 0 | 1, { epoch }: Pick<ReliableContext, 'epoch'>): number {
    return at === 0 ? epoch - 1 : this.links.findIndex(({ taken }) => taken === epoch);
  }

  #put(at: 0 | 1, context: ReliableContext, frame: Frame): void {
    const link = this.#current(at, context);
    if (link >= 0) this.#putOn(link, at === 0 ? 1 : 0, frame);
  }

  #putOn(link: number, to: 0 | 1, frame: Frame): void {
    const net = this.links[link];
    const from = net?.halves[to === 0 ? 1 : 0];
    const half = net?.halves[to];
    if (from?.is !== 'live' || half?.is !== 'live') return;
    this.setHalf(link, to, { ...half, queue: [...half.queue, frame] });
  }

  /** What was sent before an abort may still arrive, at both ends: the fence has to see to that. */
  #abort(link: number, at: 0 | 1): void {
    const other = at === 0 ? 1 : 0;
    this.setHalf(link, at, { queue: (this.links[link] as Net).halves[at].queue, is: 'gone' });
    const half = (this.links[link] as Net).halves[other];
    if (half.is === 'live') this.setHalf(link, other, { ...half, is: 'broken' });
  }

  /** Ends a link in order: the other end hears of it after all frames. */
  end(link: number, at: 0 | 1): void {
    const other = at === 0 ? 1 : 0;
    this.setHalf(link, at, { queue: [], is: 'gone' });
    const half = (this.links[link] as Net).halves[other];
    if (half.is === 'live') this.setHalf(link, other, { ...half, is: 'ended' });
  }

  /** Puts a frame on a link that is not the current one. */
  answer(link: number, frame: Frame): void {
    this.#putOn(link, 0, frame);
  }

  setHalf(link: number, at: 0 | 1, half: Half): void {
    const net = this.links[link] as Net;
    const halves: [Half, Half] = [...net.halves];
    halves[at] = half;
    this.links[link] = { ...net, halves };
  }

  #check(at: 0 | 1): void {
    const { state, facts, trimmed, told, delivered } = this.sides[at];
    const { givesUp = false, closes = false } = this.#bounds;
    // I6
    if (told > 1) this.broken = `I6: the end is told ${told} times`;
    // I7
    const { next } = this.sides[at === 0 ? 1 : 0].facts;
    if (state === CLOSED && facts.end === 'closed' && !givesUp && delivered !== next)
      this.broken = `I7: the end comes after ${delivered} of ${next} messages`;
    if (closes && state === LOST) this.broken = `I7: the end is not in order: ${facts.end}`;
    // I2
    if (facts.acked < trimmed) this.broken = `I2: message ${facts.acked} is asked for, and ${trimmed} are trimmed`;
    // I3
    if (facts.written - facts.acked > this.#bounds.window)
      this.broken = `I3: ${facts.written - facts.acked} are under way`;
    // I2
    if (facts.acked > facts.sent) this.broken = `I2: ${facts.acked} are acknowledged, ${facts.sent} were sent`;
    // I5
    if (state === LOST && !givesUp && !closes) this.broken = `I5: an honest end is over: ${facts.end}`;
  }
}

function startOf(isDialer: boolean, bounds: Bounds): Side {
  const input = {
    port: {} as ReliablePort,
    isDialer,
    retriesFirst: true,
    windowFrames: bounds.window,
    windowBytes: 1_000,
  };
  const { port: _, ...facts } = table.contextOf(input);
  return { state: nameOf(initialOf(table.structure)), facts, delivered: 0, trimmed: 0, told: 0 };
}

export function start(bounds: Bounds): World {
  const draft = new Draft({ sides: [startOf(true, bounds), startOf(false, bounds)], links: [], cuts: 0 }, bounds);
  draft.send(0, { type: 'app.dial' });
  return draft.world;
}

/** Returns every step that is possible in a world. */
export function steps(world: World, bounds: Bounds): Step[] {
  const found: Step[] = [];
  const add = (label: string, change: (draft: Draft) => void, more = 0): void => {
    const draft = new Draft(world, bounds, more);
    change(draft);
    found.push({ label, to: draft.world, broken: draft.broken });
  };
  for (const at of [0, 1] as const) {
    const who = at === 0 ? 'dialer' : 'acceptor';
    const { state, facts, isGivingUp, told, session } = world.sides[at];
    const flows = state === 'fresh' || state === 'settled' || state === 'owing';
    const { sessions } = bounds;
    if (sessions !== undefined && session !== undefined) {
      const own = sessions[at];
      const { users, timers, isConfirming } = own.facts[session.state] as Session['facts'][number];
      for (const input of [...users, ...timers]) {
        const what = own.inputs.of(input);
        add(`${who}: ${'timer' in what ? what.timer : 'action' in what ? what.action : what.type}`, (draft) =>
          draft.input(at, what),
        );
      }
      if (isConfirming) add(`${who}: confirmed`, (draft) => draft.input(at, { type: 'confirmed' }));
    }
    if (bounds.closes && facts.hasAttached && !facts.isClosing && told === 0)
      add(`${who}: close`, (draft) => draft.send(at, { type: 'app.close' }));
    if (isGivingUp && DETACHED.includes(state))
      add(`${who}: gives up`, (draft) => draft.send(at, { type: 'time.giveUp' }));
    if (sessions === undefined && facts.hasAttached && facts.next < bounds.messages && !facts.isClosing && told === 0)
      add(`${who}: send`, (draft) => draft.send(at, { type: 'app.send', count: 1 }));
    if (flows && facts.written < facts.next) {
      add(`${who}: write`, (draft) => draft.send(at, { type: 'tx.ready', count: 1, size: 1, hasShare: true }));
    }
    if (state === 'owing') add(`${who}: ack`, (draft) => draft.send(at, { type: 'time.ack' }));
    if (state === 'backingOff') add('dialer: backoff', (draft) => draft.send(0, { type: 'time.backoff' }));
    if (state === 'greeting' && world.links.length < bounds.links) {
      add('dialer: the greeting takes too long', (draft) => draft.send(0, { type: 'time.hello' }));
    }
    if (state === 'dialing') {
      const { epoch } = facts;
      if (epoch <= bounds.links) {
        add('dialer: open', (draft) => {
          const half: Half = { queue: [], is: 'live' };
          draft.links.push({ taken: 0, halves: [half, half] });
          draft.send(0, { type: 'dial.opened', epoch });
        });
      }
    }
  }
  world.links.forEach(({ halves, taken }, index) => {
    const name = `link ${index + 1}`;
    if (world.cuts < bounds.cuts && halves.some(({ is }) => is === 'live' || is === 'ended')) {
      add(
        `${name} is cut`,
        (draft) => {
          for (const at of [0, 1] as const)
            if (halves[at].is === 'live' || halves[at].is === 'ended')
              draft.setHalf(index, at, { queue: [], is: 'broken' });
        },
        1,
      );
    }
    for (const at of [0, 1] as const) {
      const { queue, is } = halves[at];
      const epoch = at === 0 ? index + 1 : taken;
      const [frame, ...rest] = queue;
      if (frame !== undefined) {
        add(`${name}: ${frame.kind} to the ${at === 0 ? 'dialer' : 'acceptor'}`, (draft) => {
          draft.setHalf(index, at, { ...halves[at], queue: rest });
          receive(draft, index, at, frame, epoch);
        });
      } else if (is === 'broken' || is === 'ended') {
        add(`${name}: the ${at === 0 ? 'dialer' : 'acceptor'} notices`, (draft) => {
          const { state } = draft.sides[at];
          if (is === 'ended') draft.end(index, at);
          else draft.setHalf(index, at, { queue: [], is: 'gone' });
          if (epoch <= 0) return;
          const effects = draft.send(at, { type: 'link.lost', epoch, isOrderly: is === 'ended' });
          // I7
          if (state === 'lingering' && is === 'ended' && effects.includes('dial'))
            draft.broken = 'I7: a link is dialled although everything has ended';
        });
      }
    }
  });
  return found;
}

function receive(draft: Draft, link: number, at: 0 | 1, frame: Frame, epoch: number): void {
  const { facts } = draft.sides[at];
  const freed = (ack: number): number => (ack > facts.acked && ack <= facts.written ? ack - facts.acked : 0);
  switch (frame.kind) {
    case 'hello': {
      const before = draft.sides[1];
      if (before.told > 0) {
        sayEnd(draft, link, frame.received);
        return;
      }
      draft.links[link] = { ...(draft.links[link] as Net), taken: -1 };
      const effects = draft.send(1, { type: 'attach', epoch: facts.epoch + 1, received: frame.received });
      // I5
      if (effects.includes('refuse') && JSON.stringify(before) !== JSON.stringify(draft.sides[1])) {
        draft.broken = 'I5: a refused attempt has changed the session';
      }
      // The HelloYourself: without it, a cut would end the session at once.
      if (draft.sides[1].facts.next === 0 && !draft.hasSessions) draft.send(1, { type: 'app.send', count: 1 });
      return;
    }
    case 'welcome':
      draft.send(0, { type: 'rx.Welcome', epoch, received: frame.received });
      return;
    case 'rejected':
      // Only a greeting of an abandoned attempt may be refused. I5
      draft.send(0, { type: 'rx.Rejected', epoch });
      return;
    case 'data': {
      const isCurrent = epoch === facts.epoch;
      const effects = draft.send(
        at,
        { type: 'rx.Data', epoch, seq: frame.seq, count: 1, ack: frame.ack, size: 1, freed: freed(frame.ack) },
        frame.id,
      );
      // I4
      if (!isCurrent && effects.length > 0)
        draft.broken = `I4: a message of an older link causes ${effects.join(', ')}`;
      return;
    }
    case 'ack':
      draft.send(at, { type: 'rx.Ack', epoch, ack: frame.ack, freed: freed(frame.ack) });
      return;
    case 'close':
      draft.send(at, { type: 'rx.Close', epoch, total: frame.total, ack: frame.ack, freed: freed(frame.ack) });
      return;
    case 'abort':
      draft.send(at, { type: 'rx.Abort', epoch });
  }
}

/** The acceptor answers for a session that is over: a tombstone says the end once more, and an unknown key is refused. */
function sayEnd(draft: Draft, link: number, received: number): void {
  const { state, facts } = draft.sides[1];
  if (state === CLOSED && received === facts.next) {
    draft.answer(link, { kind: 'welcome', received: facts.expected });
    draft.answer(link, { kind: 'close', total: facts.next, ack: facts.expected });
  } else draft.answer(link, { kind: 'rejected' });
  draft.end(link, 1);
}
