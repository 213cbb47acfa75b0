import { type AnyStateMachine, StateMachine } from 'xstate';
import * as shipped from '../machines/index.js';
import { definitionOf, mermaid, sequenceMermaid, sequenceSvg, svg } from '../src/diagram/index.js';
import { actorTree } from './actors.js';
import { scenarios } from './scenarios.js';
import { treeMermaid, treeSvg } from './tree.js';

/** Every machine that ships. */
const machines: readonly AnyStateMachine[] = Object.values<unknown>(shipped).filter(
  (value): value is AnyStateMachine => value instanceof StateMachine,
);

/** What this folder has to contain, by the files' names. */
export async function files(): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  for (const machine of machines) {
    contents.set(`${machine.id}.svg`, await svg(machine));
    contents.set(`${machine.id}.mmd`, mermaid(machine));
    contents.set(`${machine.id}.json`, `${JSON.stringify(definitionOf(machine), undefined, 2)}\n`);
  }
  const actors = await actorTree();
  contents.set('actors.svg', treeSvg(actors));
  contents.set('actors.mmd', treeMermaid(actors));
  for (const [name, play] of Object.entries(scenarios)) {
    const sequence = await play();
    contents.set(`sequences/${name}.svg`, sequenceSvg(sequence));
    contents.set(`sequences/${name}.mmd`, sequenceMermaid(sequence));
  }
  return contents;
}
