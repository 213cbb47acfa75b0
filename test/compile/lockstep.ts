import {
  type AnyActor,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  getInitialMicrosteps,
  getMicrosteps,
  getNextTransitions,
  initialTransition,
  SimulatedClock,
  transition,
} from 'xstate';
import { compile } from '../../src/compile/index.js';
import { type Chart, type Happening, machineOf } from './charts.js';
import { note, Trace } from './trace.js';

const PROBES = ['a', 'b', 'a.x', 'a.x.y', '*', 'unknown', 'xstate.done.actor.job'].map((type) => ({ type, by: 1 }));

interface Inspected {
  readonly type: string;
  readonly actorRef: AnyActor;
  readonly sourceRef?: AnyActor;
  readonly event?: AnyEventObject;
  readonly snapshot?: AnyMachineSnapshot;
  readonly action?: { type: string; params: unknown };
  readonly _transitions?: readonly { source: { id: string }; eventType: string; guard: unknown }[];
}

/** What a run is given besides the chart. */
export interface Manner {
  readonly inspects: boolean;
  /** The number of the inspection event, and of the event to a listener, that throws. */
  readonly throwsAt?: number;
}

/** One interpretation of a machine, and what it has done. */
class Side {
  readonly trace = new Trace();
  readonly logic: AnyStateMachine;
  readonly #manner: Manner;
  #clock = new SimulatedClock();
  #inspected = 0;
  /** How many events the actor still takes before the next happening. */
  #allowance = 0;
  actor: AnyActor | undefined;

  constructor(logic: AnyStateMachine, manner: Manner) {
    this.logic = logic;
    this.#manner = manner;
  }

  start(options: object): void {
    this.#run(() => {
      this.#clock = new SimulatedClock();
      const actor: AnyActor = createActor(this.logic, {
        id: 'root',
        clock: this.#clock,
        logger: (...args: unknown[]) => note('log', ...args),
        ...(this.#manner.inspects ? { inspect: (event: unknown) => this.#inspect(event as Inspected) } : {}),
        ...options,
      } as never);
      this.actor = actor;
      // Actors that answer each other would go on for ever.
      const inner = actor as unknown as { _send(event: unknown): void };
      const deliver = inner._send.bind(actor);
      inner._send = (event) => {
        this.#allowance -= 1;
        if (this.#allowance >= 0) deliver(event);
      };
      actor.subscribe({
        next: (snapshot: unknown) => note('next', snapshot),
        error: (error: unknown) => note('error', error),
        complete: () => note('complete'),
      });
      const throwsAt = this.#manner.throwsAt ?? 0;
      actor.on('*', (event) => {
        note('emitted', event);
        if (throwsAt % 2 === 1) throw new Error('listener');
      });
      note('made', ...examined(actor.getSnapshot(), undefined, this.logic));
      actor.start();
    });
  }

  happen(happening: Happening): void {
    const { actor } = this;
    if (actor === undefined) return;
    this.#run(() => {
      const before = actor.getSnapshot() as AnyMachineSnapshot;
      if (happening.kind === 'send') actor.send(happening.event);
      else if (happening.kind === 'wait') this.#clock.increment(happening.time);
      else if (happening.kind === 'stop') actor.stop();
      else if (happening.kind === 'pure') this.#pure(before);
      else if (happening.kind === 'child') {
        const children = Object.values(before.children ?? {}).filter(Boolean) as AnyActor[];
        children[happening.by % Math.max(1, children.length)]?.send({
          type: ['a', 'b', 'c', 'd'][happening.by % 4] ?? 'a',
        });
      }
      note('is', ...examined(actor.getSnapshot() as AnyMachineSnapshot, before, this.logic));
    });
  }

  /** Lets the promises settle that this side waits for, and no others. */
  async turn(): Promise<void> {
    const close = this.#open();
    await this.trace.settle();
    close();
  }

  /** Returns the persisted snapshot as it comes back from a store. */
  persist(): object | undefined {
    let persisted: object | undefined;
    this.#run(() => {
      const text = JSON.stringify(this.actor?.getPersistedSnapshot());
      note('persisted', text);
      persisted = JSON.parse(text) as object;
    });
    return persisted;
  }

  pure(run: () => unknown): void {
    this.#run(() => attempt('crossed', run));
  }

  #pure(snapshot: AnyMachineSnapshot): void {
    if (snapshot.machine === undefined) return;
    for (const event of PROBES.slice(0, 1)) {
      attempt('transition', () => {
        const [next, actions] = transition(this.logic, snapshot, event);
        return [
          ...examined(next as AnyMachineSnapshot, snapshot, this.logic),
          actions.map(({ type, params }) => [type, params]),
        ];
      });
      attempt('microsteps', () =>
        getMicrosteps(this.logic, snapshot, event).map(([next, actions]) => [
          next.value,
          next.context,
          actions.map(({ type }) => type),
        ]),
      );
    }
    attempt('next', () => getNextTransitions(snapshot).map(({ eventType, source }) => [eventType, source]));
    attempt('start', () => {
      const [next, actions] = initialTransition(this.logic, 3 as never);
      return [
        ...examined(next as AnyMachineSnapshot, undefined, this.logic),
        actions.map(({ type, params }) => [type, params]),
      ];
    });
    attempt('starts', () => getInitialMicrosteps(this.logic, 3 as never).map(([next]) => [next.value, next.context]));
    attempt('resolved', () => {
      const resolved = this.logic.resolveState({ value: snapshot.value, context: { count: 1 } } as never);
      return examined(resolved as AnyMachineSnapshot, undefined, this.logic);
    });
  }

  #inspect({ type, actorRef, sourceRef, event, snapshot, action, _transitions }: Inspected): void {
    const transitions = _transitions?.map(({ source, eventType, guard }) => [
      source.id,
      eventType,
      guard !== undefined,
    ]);
    note(type, actorRef.id, sourceRef?.id, event, snapshot, action, transitions);
    this.#inspected += 1;
    if (this.#inspected === this.#manner.throwsAt) throw new Error('inspector');
  }

  #run(run: () => void): void {
    const close = this.#open();
    try {
      run();
    } catch (error) {
      note('thrown', error);
    } finally {
      close();
    }
  }

  /** Writes to the trace of this side, until the returned function is called, all that is printed or reported. */
  #open(): () => void {
    this.#allowance = 10;
    const close = this.trace.open();
    const { setTimeout } = globalThis;
    const { warn } = console;
    // XState reports errors that nothing handles by a timer that throws.
    globalThis.setTimeout = ((report: () => void) => {
      try {
        report();
      } catch (error) {
        note('unhandled', error);
      }
    }) as never;
    console.warn = (text: string) => note('warning', text);
    return () => {
      globalThis.setTimeout = setTimeout;
      console.warn = warn;
      close();
    };
  }
}

/** Returns two of the events to probe a snapshot with. Which ones they are depends on its nodes, so both sides take the same. */
function probes({ _nodes }: AnyMachineSnapshot): readonly AnyEventObject[] {
  const index = _nodes.reduce((sum, { order }) => sum + order, _nodes.length) % PROBES.length;
  return [...PROBES, ...PROBES].slice(index, index + 2);
}

function attempt(what: string, run: () => unknown): void {
  try {
    note(what, run());
  } catch (error) {
    note(`${what} throws`, error);
  }
}

/** Lists all that can be seen of a snapshot. */
function examined(
  snapshot: AnyMachineSnapshot,
  before: AnyMachineSnapshot | undefined,
  logic: AnyStateMachine,
): readonly unknown[] {
  if (snapshot?.machine === undefined) return [snapshot];
  if (snapshot === before) return ['the same'];
  const nodes = snapshot._nodes.map(({ id }) => id).join();
  // Not of `tags`: those of a compiled machine are shared, and refuse changes.
  const sames = [
    snapshot.context === before?.context,
    snapshot.children === before?.children,
    snapshot.historyValue === before?.historyValue,
    snapshot.value === before?.value && typeof snapshot.value === 'object',
    snapshot.machine === logic,
    Object.getPrototypeOf(snapshot) === Object.prototype,
  ];
  const children = Object.entries(snapshot.children).map(([id, child]) => {
    const actor = child as AnyActor | undefined;
    return [id, actor && [actor.id, actor.src, (actor.getSnapshot() as { status: string }).status, actor.systemId]];
  });
  const { value, context, status, output, error, historyValue, tags } = snapshot;
  let can: unknown;
  try {
    can = probes(snapshot).map((event) => snapshot.can(event));
  } catch (reason) {
    can = reason;
  }
  return [
    status,
    value,
    nodes,
    context,
    output,
    error,
    [...tags],
    historyValue,
    children,
    sames.map(Number).join(''),
    Object.keys(snapshot).join(),
    can,
    snapshot.getMeta(),
    snapshot.hasTag('busy'),
    typeof value === 'string'
      ? snapshot.matches(value)
      : Object.keys(value).map((key) => snapshot.matches(key as never)),
  ];
}

/** A difference between two interpretations. */
class Difference extends Error {}

function compare(when: string, reference: Side, compiled: Side): void {
  const expected = reference.trace.take();
  const found = compiled.trace.take();
  if (expected.length === found.length && expected.every((line, index) => line === found[index])) return;
  const at = expected.findIndex((line, index) => line !== found[index]);
  const index = at < 0 ? expected.length : at;
  throw new Difference(
    [
      `${when}: line ${index} differs`,
      ...expected.slice(Math.max(0, index - 3), index).map((line) => `          ${line}`),
      `XState:   ${expected[index] ?? '(nothing)'}`,
      `compiled: ${found[index] ?? '(nothing)'}`,
    ].join('\n'),
  );
}

/**
 * Interprets a chart in lockstep by XState's own step and compiled, and throws at the first difference. Each takes over the
 * other's persisted snapshots and, in pure steps, the other's plain ones.
 */
export async function lockstep(chart: Chart, happenings: readonly Happening[], manner: Manner): Promise<void> {
  let machine: AnyStateMachine;
  try {
    machine = machineOf(chart);
  } catch {
    // XState refuses the definition, so there is nothing to compile.
    return;
  }
  const reference = new Side(machine, manner);
  const compiled = new Side(compile(machine), manner);
  const both = [reference, compiled] as const;
  for (const side of both) side.start({ input: 1 });
  compare('at the start', reference, compiled);
  for (const [index, happening] of happenings.entries()) {
    const when = `at ${index} (${JSON.stringify(happening)})`;
    if (happening.kind === 'turn') for (const side of both) await side.turn();
    if (happening.kind === 'restore') {
      const [ours, theirs] = [compiled.persist(), reference.persist()];
      compare(when, reference, compiled);
      if (ours === undefined || theirs === undefined) continue;
      for (const side of both) side.happen({ kind: 'stop' });
      reference.start({ snapshot: ours });
      compiled.start({ snapshot: theirs });
    } else {
      for (const side of both) side.happen(happening);
    }
    compare(when, reference, compiled);
    if (happening.kind === 'pure') crossOver(machine, reference, compiled);
  }
}

/** Lets each interpretation make a step from the other one's snapshot. */
function crossOver(machine: AnyStateMachine, reference: Side, compiled: Side): void {
  const theirs = reference.actor?.getSnapshot() as AnyMachineSnapshot;
  const ours = compiled.actor?.getSnapshot() as AnyMachineSnapshot;
  if (theirs?.machine === undefined || ours?.machine === undefined) return;
  for (const event of PROBES.slice(0, 2)) {
    for (const [side, logic, snapshot] of [
      [reference, machine, ours],
      [compiled, compiled.logic, theirs],
    ] as const) {
      side.pure(() => {
        const [next] = transition(logic, snapshot, event);
        return examined(next as AnyMachineSnapshot, snapshot, snapshot.machine);
      });
    }
    compare(`crossed by ${event.type}`, reference, compiled);
  }
}
