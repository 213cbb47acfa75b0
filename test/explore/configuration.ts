/** A configuration: a system to explore, and its properties. */
import type { Message } from '../../src/wire/message.js';
import { Adversary, type AdversaryOptions } from './adversary.js';
import { Interner } from './canonical.js';
import { type Label, WORDS } from './draft.js';
import { type GoalOptions, goalsOf } from './goals.js';
import type { Goal } from './liveness.js';
import { missedGoals } from './liveness.js';
import { type Machines, SHIPPED, tablesOf } from './machines.js';
import type { Budget, Finding, PeerOptions } from './peer.js';
import { type Exploration, pathTo, type System, search } from './search.js';
import { Side } from './side.js';
import { SETTINGS, Stepper } from './step.js';
import { World, type WorldOptions } from './world.js';

/** The options of a peer that differ from those of most configurations. */
export type PeerChoice = Partial<Omit<PeerOptions, 'role' | 'limits'>> & {
  readonly limits?: Partial<PeerOptions['limits']>;
};

interface Common {
  readonly name: string;
  /** The purpose of the configuration. */
  readonly text: string;
  /** True if it is small enough for the tests that run all the time. */
  readonly isQuick?: true;
  /** True if it takes a minute or more. It runs only when it is requested by name. */
  readonly isLong?: true;
  /** The timers that run, by parts of their names. */
  readonly timers?: readonly string[];
}

export interface PairConfiguration extends Common {
  readonly kind: 'pair';
  readonly both?: PeerChoice;
  readonly initiator?: PeerChoice;
  readonly acceptor?: PeerChoice;
  readonly world?: Partial<WorldOptions>;
  readonly goals?: GoalOptions;
}

export interface AdversaryConfiguration extends Common {
  readonly kind: 'adversary';
  readonly role: PeerOptions['role'];
  readonly peer?: PeerChoice;
  readonly adversary: AdversaryOptions;
}

export type Configuration = PairConfiguration | AdversaryConfiguration;

/** The result of a configuration. */
export interface Result {
  readonly name: string;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  readonly localStates: number;
  readonly localSteps: number;
  readonly properties: number;
  readonly failure?: Failure;
}

export interface Failure {
  readonly finding: Finding;
  /** A shortest path to the failure. */
  readonly path: readonly Label[];
}

/** A configuration that is ready to explore. */
export interface Setup {
  readonly configuration: Configuration;
  readonly system: System;
  readonly sides: readonly Side[];
  readonly goals: readonly Goal[];
  /** Absent with an adversary. */
  readonly world?: World;
}

/** The number of safety properties. All are checked everywhere, except those that need two conforming peers. */
const SAFETY = { pair: 17, adversary: 14 };

export function prepare(configuration: Configuration, machines: Machines = SHIPPED, isReduced = true): Setup {
  const tables = tablesOf(machines);
  const messages = new Interner<Message>();
  const { timers = [] } = configuration;
  const { capacity = 0 } = configuration.kind === 'pair' ? (configuration.world ?? {}) : {};
  const isRunning = (timer: string) => timers.some((part) => timer.includes(part));
  const side = (role: PeerOptions['role'], ...choices: (PeerChoice | undefined)[]) => {
    const options = peerOptions(role, isReduced, choices);
    return new Side(new Stepper(tables, options), tables, messages, capacity, isRunning);
  };
  if (configuration.kind === 'adversary') {
    const { role, peer, adversary } = configuration;
    const one = side(role, peer);
    const system = new Adversary(one, adversary);
    return { configuration, system, sides: [one], goals: system.goals };
  }
  const { both, initiator, acceptor, world: options, goals = {} } = configuration;
  const sides = [side('initiator', both, initiator), side('acceptor', both, acceptor)] as const;
  const world = new World(sides, messages, { befalls: [], time: 'hostile', isReduced, ...options });
  return { configuration, system: world, world, sides, goals: goalsOf(world, goals) };
}

function peerOptions(role: PeerOptions['role'], isReduced: boolean, choices: (PeerChoice | undefined)[]): PeerOptions {
  const budget: Budget = Object.assign({}, ...choices.map((choice) => choice?.budget));
  return Object.assign(
    { conformance: 'reference', settings: SETTINGS, isAccepting: true, rejects: true, keepalive: false, isReduced },
    ...choices,
    {
      role,
      budget,
      limits: Object.assign({ connections: 8, undecided: 8 }, ...choices.map((choice) => choice?.limits)),
    },
  ) as PeerOptions;
}

/** Explores a configuration, until the first failure. `most` bounds the number of states. */
export function explore(setup: Setup, most?: number): Result & { readonly exploration: Exploration } {
  const started = performance.now();
  const { configuration, system, sides, goals } = setup;
  const exploration = search(system, most);
  const { store, edges, depth, wrong } = exploration;
  let failure: Failure | undefined;
  if (wrong !== undefined) {
    const path = wrong.from < 0 ? [] : pathTo(system, exploration, wrong.from);
    failure = { finding: wrong.finding, path: wrong.label === undefined ? path : [...path, wrong.label] };
  } else if (!exploration.isCut) {
    const [missed] = missedGoals(exploration, goals, WORDS).sort((one, other) => one.state - other.state);
    if (missed !== undefined) {
      const finding = { property: missed.property, text: 'from here it can never come about' };
      failure = { finding, path: pathTo(system, exploration, missed.state) };
    }
  }
  const sum = (of: (side: Side) => number) => sides.reduce((total, one) => total + of(one), 0);
  return {
    name: configuration.name,
    states: store.size,
    transitions: edges.length,
    depth,
    seconds: (performance.now() - started) / 1000,
    localStates: sum((one) => one.states.size),
    localSteps: sum((one) => one.steps),
    properties: SAFETY[configuration.kind] + goals.length,
    exploration,
    ...(failure && { failure }),
  };
}
