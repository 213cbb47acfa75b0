import type { AnyStateMachine, AnyStateNode, StateValue } from 'xstate';
import { Contexts } from './contexts.js';
import { allNodesOf, type HistoryValue, snapshotIn, type Transition } from './internals.js';
import { ancestorsOf, type Host, isAtomic, type Step, stepOf } from './step.js';

/** A step, and the configuration that it leads to; undefined if neither the set of nodes nor the history changes. */
export interface Move<Action, Guard> extends Step<Action> {
  readonly next: Configuration<Action, Guard> | undefined;
}

/** One transition that a configuration may take. */
export interface Branch<Action, Guard> {
  readonly transition: Transition;
  readonly guard: Guard | undefined;
  /** The transition in the form in which inspectors get it. */
  readonly alone: readonly Transition[];
  /** The step that follows if no other transition is chosen with it; made at the first use. */
  step: Move<Action, Guard> | undefined;
}

/**
 * The order in which transitions are tried for one type of event: first those of the regions, each for itself. If no region
 * has chosen any, the branches follow, from the inside to the outside. The first branch whose guard holds is chosen.
 */
export interface Plan<Action, Guard> {
  readonly regions: readonly Plan<Action, Guard>[];
  readonly branches: readonly Branch<Action, Guard>[];
}

/** The limits of what is kept. Machines with history or with many regions have more configurations than fit into memory. */
const MOST_CONFIGURATIONS = 10_000;
const MOST_RECORDS = 50_000;
/** They are searched one by one. */
const MOST_STEPS = 64;
/** Longer event types are not kept: they come from outside, and might fill the memory. */
const LONGEST_TYPE = 256;

/** All that a machine's steps need and that its definition decides. Each part is worked out when it is first needed. */
export class Structure<Action, Guard> {
  readonly machine: AnyStateMachine;
  readonly contexts = new Contexts();
  readonly #host: Host<Action, Guard>;
  /** The configurations by the orders of their nodes. */
  readonly #configurations = new Map<string, Configuration<Action, Guard>>();
  readonly #byNodes = new WeakMap<readonly AnyStateNode[], Configuration<Action, Guard>>();
  readonly #numbers = new Map<AnyStateNode, number>();
  /** The event types that some transition names exactly. */
  readonly #types = new Set<string>();
  readonly #hasWildcards: boolean = false;
  /** How many plans and steps are kept. */
  #records = 0;
  #start: Move<Action, Guard> | undefined;

  constructor(machine: AnyStateMachine, host: Host<Action, Guard>) {
    this.machine = machine;
    this.#host = host;
    for (const node of allNodesOf(machine)) {
      // XState's own numbers are not unique if two nodes have the same id.
      this.#numbers.set(node, this.#numbers.size);
      for (const type of node.transitions.keys()) {
        this.#types.add(type);
        if (isWildcard(type)) this.#hasWildcards = true;
      }
    }
  }

  /** Returns the configuration of these nodes in this order. */
  configurationOf(nodes: readonly AnyStateNode[]): Configuration<Action, Guard> {
    const known = this.#byNodes.get(nodes);
    if (known !== undefined) return known;
    const key = nodes.map((node) => this.#numbers.get(node)).join();
    let configuration = this.#configurations.get(key);
    if (configuration === undefined) {
      if (this.#configurations.size >= MOST_CONFIGURATIONS) this.#forget();
      configuration = new Configuration(this, nodes);
      this.#configurations.set(key, configuration);
      this.#byNodes.set(configuration.nodes, configuration);
    }
    this.#byNodes.set(nodes, configuration);
    return configuration;
  }

  /** The configuration in which XState makes the initial context: the root alone. */
  get preInitial(): Configuration<Action, Guard> {
    return this.configurationOf([this.machine.root]);
  }

  /** The step that enters the initial states. */
  get start(): Move<Action, Guard> {
    this.#start ??= this.makeStep(this.preInitial, 'initial', {});
    return this.#start;
  }

  /** True if some transition may answer an event of this type. */
  mayAnswer(type: string): boolean {
    return this.#hasWildcards || this.#types.has(type);
  }

  makeStep(
    from: Configuration<Action, Guard>,
    transitions: readonly Transition[] | 'initial',
    history: HistoryValue,
  ): Move<Action, Guard> {
    const step = stepOf(this.machine.root, this.#host, from.nodes, transitions, history);
    return { ...step, next: step.nodes === undefined ? undefined : this.configurationOf(step.nodes) };
  }

  makeBranch(transition: Transition): Branch<Action, Guard> {
    const { guard } = transition;
    return {
      transition,
      guard: guard === undefined ? undefined : this.#host.guard(guard),
      alone: Object.freeze([transition]),
      step: undefined,
    };
  }

  /** Counts one more record, and forgets all if there are too many. */
  count(): void {
    this.#records += 1;
    if (this.#records > MOST_RECORDS) this.#forget();
  }

  /** Drops the older half of the configurations, and the plans and steps of all: these refer to other configurations. */
  #forget(): void {
    let excess = this.#configurations.size - MOST_CONFIGURATIONS / 2;
    for (const [key, configuration] of this.#configurations) {
      configuration.forget();
      if (excess > 0) this.#configurations.delete(key);
      excess -= 1;
    }
    this.#start = undefined;
    this.#records = 0;
  }
}

/** A step that depends on the history, and what it found there. */
interface Remembered<Action, Guard> {
  readonly transitions: readonly Transition[];
  readonly step: Move<Action, Guard>;
}

const refuse = { value: refuseChange };
/** Properties of a set that many snapshots share. */
const UNCHANGING = { add: refuse, delete: refuse, clear: refuse };

function refuseChange(): never {
  throw new TypeError('the tags of a compiled machine can not be changed: its snapshots share them');
}

/** A set of active nodes in a certain order. */
export class Configuration<Action, Guard> {
  readonly nodes: readonly AnyStateNode[];
  /** The branches without an event: for each atomic node, in their order, from the inside to the outside. */
  readonly eventless: readonly (readonly Branch<Action, Guard>[])[];
  readonly #structure: Structure<Action, Guard>;
  readonly #value: StateValue;
  /** The tags of all snapshots in this configuration. They refuse changes. */
  readonly tags: Set<string>;
  readonly #plans = new Map<string, Plan<Action, Guard> | undefined>();
  #branches = new Map<Transition, Branch<Action, Guard>>();
  /** Steps of several transitions at once, and steps that depend on the history. */
  #steps: Remembered<Action, Guard>[] = [];

  constructor(structure: Structure<Action, Guard>, nodes: readonly AnyStateNode[]) {
    this.#structure = structure;
    this.nodes = Object.freeze([...nodes]);
    const { value, tags } = snapshotIn(structure.machine, nodes);
    this.#value = value;
    this.tags = Object.defineProperties(tags, UNCHANGING);
    this.eventless = nodes
      .filter(isAtomic)
      .map((node) =>
        [node, ...ancestorsOf(node)].flatMap(({ always = [] }) =>
          (always as readonly Transition[]).map((each) => this.#branch(each)),
        ),
      )
      .filter(({ length }) => length > 0);
  }

  /** Returns a state value that the receiver may change. */
  value(): StateValue {
    return typeof this.#value === 'string' ? this.#value : copyOf(this.#value);
  }

  /** Returns the plan for events of a type, or undefined if no transition can answer them. */
  planOf(type: string): Plan<Action, Guard> | undefined {
    return this.#plans.get(type) ?? this.#planAnew(type);
  }

  #planAnew(type: string): Plan<Action, Guard> | undefined {
    if (!this.#structure.mayAnswer(type) || this.#plans.has(type)) return undefined;
    const plan = this.#plan(this.#structure.machine.root, this.#value, type);
    if (type.length <= LONGEST_TYPE) {
      this.#structure.count();
      this.#plans.set(type, plan);
    }
    return plan;
  }

  /** Returns the step of one transition alone. */
  stepOf(branch: Branch<Action, Guard>, history: HistoryValue): Move<Action, Guard> {
    return branch.step ?? this.stepOfAll(branch.alone, history);
  }

  /** Returns the step of several transitions at once. */
  stepOfAll(transitions: readonly Transition[], history: HistoryValue): Move<Action, Guard> {
    const [only] = transitions;
    // An eventless transition, or that of one region, is mostly alone.
    const branch = transitions.length === 1 ? this.#branches.get(only as Transition) : undefined;
    if (branch?.step !== undefined) return branch.step;
    for (const { transitions: those, step } of this.#steps) {
      if (areEqual(those, transitions) && hasRead(step, history)) return step;
    }
    const step = this.#structure.makeStep(this, transitions, history);
    if (step.failure !== undefined) return step;
    this.#structure.count();
    if (branch !== undefined && step.reads === undefined) {
      branch.step = step;
    } else if (transitions.length > 1 || step.reads !== undefined) {
      if (this.#steps.length >= MOST_STEPS) this.#steps.shift();
      this.#steps.push({ transitions: [...transitions], step });
    }
    return step;
  }

  forget(): void {
    this.#plans.clear();
    this.#steps = [];
    // The eventless branches stay.
    for (const branch of this.#branches.values()) branch.step = undefined;
    const always = new Set(this.eventless.flat());
    this.#branches = new Map([...this.#branches].filter(([, branch]) => always.has(branch)));
  }

  #plan(node: AnyStateNode, value: StateValue, type: string): Plan<Action, Guard> | undefined {
    const own = candidatesOf(node, type).map((each) => this.#branch(each));
    const keys = typeof value === 'string' ? [value] : Object.keys(value);
    const inner = keys.flatMap((key) => {
      const below = typeof value === 'string' ? {} : (value[key] as StateValue);
      // XState leaves out a region whose active state has the empty string as its name.
      const isLeftOut = below === '' && keys.length > 1;
      const plan = isLeftOut ? undefined : this.#plan(node.states[key] as AnyStateNode, below, type);
      return plan === undefined ? [] : [plan];
    });
    const [only] = inner;
    if (inner.length === 1 && only !== undefined)
      return { regions: only.regions, branches: [...only.branches, ...own] };
    return inner.length === 0 && own.length === 0 ? undefined : { regions: inner, branches: own };
  }

  #branch(transition: Transition): Branch<Action, Guard> {
    let branch = this.#branches.get(transition);
    if (branch === undefined) {
      branch = this.#structure.makeBranch(transition);
      this.#branches.set(transition, branch);
    }
    return branch;
  }
}

function isWildcard(type: string): boolean {
  return type === '*' || type.endsWith('.*');
}

/** Returns the transitions of one node for a type of event: those for exactly this type, then the wildcards, longest first. */
function candidatesOf({ transitions }: AnyStateNode, type: string): readonly Transition[] {
  const wildcards = [...transitions.keys()].filter((descriptor) => descriptor !== type && isMatch(type, descriptor));
  wildcards.sort((a, b) => b.length - a.length);
  return [type, ...wildcards].flatMap((descriptor) => (transitions.get(descriptor) ?? []) as readonly Transition[]);
}

function isMatch(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  if (!descriptor.endsWith('.*')) return false;
  const prefix = descriptor.slice(0, -2);
  return type === prefix || type.startsWith(`${prefix}.`);
}

function areEqual(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index]);
}

/** True if the history holds again what the step was made from. */
function hasRead({ reads }: Step<unknown>, history: HistoryValue): boolean {
  if (reads === undefined) return true;
  for (const [id, nodes] of reads) {
    const found = history[id];
    if (nodes === undefined || found === undefined ? nodes !== found : !areEqual(nodes, found)) return false;
  }
  return true;
}

function copyOf(value: Exclude<StateValue, string>): StateValue {
  const copy = { ...value };
  for (const key in copy) {
    const below = copy[key];
    if (typeof below === 'object') copy[key] = copyOf(below);
  }
  return copy;
}
