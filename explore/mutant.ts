/**
 * What the explorer has to find: the shipped machines, each time with one mistake in one of them. A mutant counts as
 * killed by a property that does not hold, never by a number of states that is not what it was.
 */
import { type AnyStateMachine, createMachine } from 'xstate';
import { type Machines, SHIPPED } from './machines.js';
import type { Property } from './properties.js';

export interface Mutant {
  readonly name: string;
  readonly text: string;
  /** What does not hold any more. */
  readonly by: Property;
  /** The configurations in which it may show, the smallest first. */
  readonly configurations: readonly string[];
  readonly make: () => Partial<Machines>;
}

// biome-ignore lint/suspicious/noExplicitAny: a machine's configuration is taken apart here, whatever its types.
type Config = any;

/** The machine with its configuration changed by hand. */
export function changed(machine: AnyStateMachine, change: (config: Config) => void): AnyStateMachine {
  const config: Config = clone(machine.config);
  change(config);
  return createMachine(config, machine.implementations as never) as AnyStateMachine;
}

/** A copy of what is plain data; functions, and what built-in actions are, stay the same. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clone(part)]));
}

/** All the machines, one of them with its mistake. */
export function mutated({ make }: Mutant): Machines {
  return { ...SHIPPED, ...make() };
}
