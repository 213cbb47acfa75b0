/**
 * The mutants that the explorer has to find: the shipped machines, each time with one mistake in one of them. A property
 * that fails kills a mutant. A changed number of states does not.
 */
import { type AnyStateMachine, createMachine } from 'xstate';
import { type Machines, SHIPPED } from './machines.js';
import type { Property } from './properties.js';

export interface Mutant {
  readonly name: string;
  readonly text: string;
  /** The property that fails. */
  readonly by: Property;
  /** The configurations in which the mistake may show, the smallest first. */
  readonly configurations: readonly string[];
  readonly make: () => Partial<Machines>;
}

// biome-ignore lint/suspicious/noExplicitAny: a machine's configuration is taken apart here, without its types.
type Config = any;

/** Returns the machine with a changed configuration. */
export function changed(machine: AnyStateMachine, change: (config: Config) => void): AnyStateMachine {
  const config: Config = clone(machine.config);
  change(config);
  return createMachine(config, machine.implementations as never) as AnyStateMachine;
}

/** Returns a copy of plain data. Functions and built-in actions stay the same. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clone(part)]));
}

/** Returns all machines, one of them with the mutant's mistake. */
export function mutated({ make }: Mutant): Machines {
  return { ...SHIPPED, ...make() };
}
