import { type Configuration, explore, type Failure, prepare, type Setup } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';
import { type Mutant, mutated } from './mutants.js';

/** What killed a mutant, and where. */
export interface Kill {
  readonly configuration: string;
  readonly setup: Setup;
  readonly failure: Failure;
}

/** Looks for a mutant in its configurations, one after the other. */
export function hunt(mutant: Mutant): Kill | undefined {
  for (const name of mutant.configurations) {
    const setup = prepare(configurationOf(name), mutated(mutant));
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
