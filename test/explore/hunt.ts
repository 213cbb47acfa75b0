import { type Configuration, explore, type Failure, prepare, type Setup } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';
import { type Mutant, mutated } from './mutant.js';
import { STUCK } from './mutants-liveness.js';
import { UNSAFE } from './mutants-safety.js';

/** The failure that killed a mutant, and its configuration. */
export interface Kill {
  readonly configuration: string;
  readonly setup: Setup;
  readonly failure: Failure;
}

export const MUTANTS: readonly Mutant[] = [...UNSAFE, ...STUCK];

/**
 * Explores a mutant in its configurations, one after the other. Of the liveness properties it checks only the mutant's own:
 * one mistake often breaks several.
 */
export function hunt(mutant: Mutant): Kill | undefined {
  for (const name of mutant.configurations) {
    const prepared = prepare(configurationOf(name), mutated(mutant));
    const setup = { ...prepared, goals: prepared.goals.filter(({ property }) => property === mutant.by) };
    const { failure } = explore(setup);
    if (failure !== undefined) return { configuration: name, setup, failure };
  }
  return undefined;
}

export function configurationOf(name: string): Configuration {
  const configuration = CONFIGURATIONS.find((one) => one.name === name);
  if (configuration === undefined) throw new Error(`there is no configuration ${name}`);
  return configuration;
}
