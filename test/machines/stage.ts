import {
  type ActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventObject,
  fromTransition,
  type InspectionEvent,
  type Snapshot,
} from 'xstate';
import type { Effect, EffectName, Verdict } from '../../spec/parts/oracle.js';
import { compile } from '../../src/compile/index.js';
import { Stepper, tableOf } from '../../src/compile/stepper.js';
import type { Path } from '../../src/testing/index.js';
import { StepClock } from './clock.js';
import type { Coverage } from './coverage.js';
import type { Part, Variant } from './part.js';

/** The result of an event, of the machine or of the oracle. */
export interface Outcome {
  readonly state: Readonly<Record<string, unknown>>;
  /** The effects of the port, in order. Then the events for other actors, the emitted events, and the machine's output. */
  readonly effects: readonly Effect[];
  readonly told: readonly Effect[];
  readonly emitted: readonly Effect[];
  readonly output: readonly Effect[];
  /** The timers that run after the event, and those that the event has started. */
  readonly timers: readonly string[];
  readonly started: readonly string[];
}

/** The rule that a ProtocolError begins with. A refusal names none. */
const RULE = /^(?!refused\.)([a-z-]+(?:\.[a-z-]+)+): /;

/** Notes the effects of a machine, and the events for its children and its parent. */
class Recording {
  readonly effects: Effect[] = [];

  note(name: EffectName, what?: unknown): void {
    const rule = accusationOf(name, what);
    this.effects.push(rule !== undefined ? ['accuse', rule] : what === undefined ? [name] : [name, what]);
  }

  take(): readonly Effect[] {
    return this.effects.splice(0);
  }
}

/** Returns the rule that the peer is accused of, by an `accuse` effect or by a ProtocolError that leaves. */
function accusationOf(name: EffectName, what: unknown): string | undefined {
  const { type, connectionId, description, rule } = (what ?? {}) as Readonly<Record<string, unknown>>;
  if (name === 'accuse') return String(rule);
  const isSaid = name === 'transmit' && type === 'ProtocolError' && connectionId === 0;
  return isSaid ? RULE.exec(String(description))?.[1] : undefined;
}

const PORT = [
  'spawn',
  'forward',
  'transmit',
  'flush',
  'authenticate',
  'stopAuthenticating',
  'reportUnanswered',
  'renew',
  'stopRenewing',
  'decide',
  'dropDecision',
  'pend',
  'activate',
  'deliver',
  'dropUnsent',
  'closeHandle',
  'settle',
  'sweep',
  'pauseReading',
  'resumeReading',
  'confirm',
  'reportRootClosed',
  'finish',
  'closeLink',
  'offer',
  'free',
  'admit',
  'enqueue',
  'admitNext',
  'nameChannels',
  'handle',
  'reject',
  'abort',
  'retain',
  'release',
  'keep',
  'forget',
  'wait',
  'refuse',
  'resume',
  'startDeadline',
  'stopDeadline',
  'decline',
  'conclude',
  'accuse',
  'dial',
  'take',
  'refuse',
  'hello',
  'welcome',
  'settings',
  'restored',
  'interrupted',
  'write',
  'trim',
  'acknowledge',
  'bye',
  'probe',
  'answer',
  'cut',
  'drain',
  'refuseOpen',
  'heedDrain',
  'watchWork',
  'abandon',
  'startTimer',
  'stopTimer',
  'prepare',
  'adopt',
  'leave',
  'failCalls',
  'awaitCalls',
  'dispose',
] as const satisfies readonly EffectName[];

function portOf(recording: Recording): object {
  const effects = PORT.map((name) => [name, (what?: unknown) => recording.note(name, what)]);
  return { ...Object.fromEntries(effects), recording, toJSON: () => undefined };
}

interface StubInput {
  readonly port: { readonly recording?: Recording };
}

type StubSnapshot = Snapshot<unknown> & { readonly input: StubInput };

/** Stands in for an invoked actor. It notes the events that it gets, and ends as the path says. */
export function stub(name: 'handshake' | 'keepalive'): ActorLogic<StubSnapshot, EventObject, StubInput> {
  return {
    getInitialSnapshot: (_, input) => ({ status: 'active', output: undefined, error: undefined, input }),
    transition: (snapshot, event) => {
      if (event.type === 'stub.done')
        return { ...snapshot, status: 'done', output: (event as { output?: unknown }).output } as StubSnapshot;
      if (event.type === 'stub.failed')
        return { ...snapshot, status: 'error', error: (event as { error?: unknown }).error } as StubSnapshot;
      if (!event.type.startsWith('xstate.')) snapshot.input.port.recording?.note(`to ${name}` as EffectName, event);
      return snapshot;
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}

/** The interpreter of a machine: an actor on XState's own step, an actor of the compiled machine, or a stepper. */
export type Interpreter = 'actor' | 'compiled' | 'stepper';

/** The machines that `compile` returned: all actors of a machine share what is worked out. */
const COMPILED = new Map<AnyStateMachine, AnyStateMachine>();

function compiled(machine: AnyStateMachine): AnyStateMachine {
  let found = COMPILED.get(machine);
  if (found === undefined) {
    found = compile(machine);
    COMPILED.set(machine, found);
  }
  return found;
}

/** A machine as an interpreter runs it. */
interface Running {
  readonly snapshot: AnyMachineSnapshot;
  send(event: EventObject): void;
  stop(): void;
}

function stepped(machine: AnyStateMachine, input: object): Running {
  const stepper = new Stepper(tableOf(machine), input);
  stepper.start();
  return {
    get snapshot() {
      const { value, context, status, output } = stepper;
      return { value, context: { ...context }, status, output } as AnyMachineSnapshot;
    },
    send: (event) => stepper.send(event),
    stop: () => {},
  };
}

/** A running machine, surrounded by stubs. */
class Stage {
  readonly #part: Part;
  readonly #recording = new Recording();
  readonly #clock = new StepClock();
  readonly #running: Running;
  #timersBefore: ReadonlySet<number> = new Set();
  #hasOutput = false;

  constructor(part: Part, { input }: Variant, interpreter: Interpreter, coverage?: Coverage) {
    this.#part = part;
    this.#running =
      interpreter === 'stepper'
        ? stepped(part.machine, { ...input, port: portOf(this.#recording) })
        : this.#start(interpreter === 'compiled' ? compiled(part.machine) : part.machine, input, coverage);
  }

  #start(machine: AnyStateMachine, input: object, coverage?: Coverage): Running {
    const parent = createActor(
      fromTransition((_, event: EventObject) => {
        this.#recording.note('to parent', event);
        return undefined;
      }, undefined),
    );
    const actor = createActor(machine, {
      input: { ...input, port: portOf(this.#recording), parent },
      clock: this.#clock,
      ...(coverage === undefined ? {} : { inspect: (event: InspectionEvent) => coverage.note(event) }),
    });
    actor.on('*', (event) => this.#recording.note('emit', event));
    // With an observer, an error reaches the test instead of ending the process.
    actor.subscribe({ error: () => {} });
    parent.start();
    actor.start();
    return {
      get snapshot() {
        return actor.getSnapshot();
      },
      send: (event) => actor.send(event),
      stop: () => actor.stop(),
    };
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#running.snapshot;
  }

  /** Causes an event: advances the clock, ends a child actor, or sends the event. */
  act(event: EventObject, delay?: number): void {
    const [, result, child] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event.type) ?? [];
    if (delay !== undefined) this.#clock.fire(delay);
    else if (child === undefined) this.#running.send(event);
    else
      this.#child(child).send(result === 'done' ? { ...event, type: 'stub.done' } : { ...event, type: 'stub.failed' });
  }

  /** Returns the results since the last call. */
  take(): Outcome {
    const { snapshot } = this;
    const running = this.#clock.running;
    const names = Object.entries(this.#part.delays);
    const named = (delay: number) => names.find(([, time]) => time === delay)?.[0] ?? `${String(delay)} ms`;
    const started = [...running].filter(([id]) => !this.#timersBefore.has(id)).map(([, delay]) => named(delay));
    this.#timersBefore = new Set(running.keys());
    if (snapshot.status === 'error') throw snapshot.error;
    if (snapshot.status === 'done' && !this.#hasOutput) {
      this.#hasOutput = true;
      if (snapshot.output !== undefined) this.#recording.note('output', snapshot.output);
    }
    return {
      state: this.#part.seen(snapshot),
      ...divided(this.#recording.take()),
      timers: [...running.values()].map(named).sort(),
      started: started.sort(),
    };
  }

  stop(): void {
    this.#running.stop();
  }

  #child(id: string): AnyActorRef {
    const child = (this.snapshot.children as Record<string, AnyActorRef | undefined>)[id];
    if (child === undefined) throw new Error(`there is no child ${id}`);
    return child;
  }
}

/** Converts the oracle's verdict on an event into an Outcome. */
function judged(part: Part, verdict: Verdict<{ readonly phase: string }>, before: readonly string[]): Outcome {
  const timers = [...part.oracle.timers(verdict.state)].sort();
  const { restarts = [] } = verdict;
  return {
    state: part.wanted(verdict.state as never),
    ...divided(verdict.effects),
    timers,
    started: timers.filter((timer) => restarts.includes(timer) || !before.includes(timer)),
  };
}

function divided(effects: readonly Effect[]): Pick<Outcome, 'effects' | 'told' | 'emitted' | 'output'> {
  const of = (test: (name: EffectName) => boolean) => effects.filter(([name]) => test(name));
  return {
    effects: of((name) => !name.startsWith('to ') && name !== 'emit' && name !== 'output'),
    told: of((name) => name.startsWith('to ')),
    emitted: of((name) => name === 'emit'),
    output: of((name) => name === 'output'),
  };
}

/** Plays a path: after the start and after each step, what came of it, and what should have. */
export function play(
  part: Part,
  variant: Variant,
  { steps }: Pick<Path<AnyStateMachine>, 'steps'>,
  coverage?: Coverage,
  interpreter: Interpreter = 'actor',
): readonly { readonly got: Outcome; readonly want: Outcome; readonly snapshot: AnyMachineSnapshot }[] {
  const stage = new Stage(part, variant, interpreter, coverage);
  let verdict = part.oracle.start(variant.told as never);
  let want = judged(part, verdict, []);
  const results = [{ got: freed(stage.take(), want) as Outcome, want, snapshot: stage.snapshot }];
  for (const { event, delay } of steps) {
    stage.act(event, delay);
    verdict = part.oracle.step(verdict.state, part.heard(event));
    want = judged(part, verdict, want.timers);
    results.push({ got: freed(stage.take(), want) as Outcome, want, snapshot: stage.snapshot });
  }
  stage.stop();
  return results;
}

/** Removes texts that the specification leaves free: those that the wanted value does not have. */
function freed(got: unknown, want: unknown): unknown {
  if (Array.isArray(got) && Array.isArray(want)) return got.map((element, index) => freed(element, want[index]));
  if (!isPlain(got) || !isPlain(want)) return got;
  return Object.fromEntries(
    Object.entries(got)
      .filter(([key]) => key in want || (key !== 'description' && key !== 'message'))
      .map(([key, value]) => [key, freed(value, want[key])]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}
