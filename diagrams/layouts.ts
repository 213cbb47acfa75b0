/**
 * Has Graphviz lay out our own machines, in the two forms in which they are drawn, and writes its answers over the empty table
 * in build/: what is bundled from there draws these machines without Graphviz.
 */
import { writeFileSync } from 'node:fs';
import { StateMachine } from 'xstate';
import * as exported from '../machines/index.js';
import { chartOf } from '../src/diagram/chart.js';
import { definitionOf, type Json, type MachineDefinition } from '../src/diagram/index.js';
import { keyOf, loadEngine, place } from '../src/diagram/layout.js';
import { Plan } from '../src/diagram/plan.js';
import { outlineOf } from '../src/viewer/model/chart.js';

/** The fields of `Placed`. Graphviz says more. */
const FIELDS = ['bb', 'objects', 'name', 'pos', 'edges', 'id', 'lp'];

const engine = await loadEngine();
const entries = Object.values(exported)
  .filter((value) => value instanceof StateMachine)
  .map((machine) => definitionOf(machine))
  .flatMap((definition) => [definition, outlineOf(definition as unknown as Json) as unknown as MachineDefinition])
  .map((definition) => {
    const plan = new Plan(chartOf(definition));
    return `'${keyOf(plan)}': ${JSON.stringify(place(plan, engine), FIELDS)},\n`;
  });
writeFileSync(
  new URL('../build/src/diagram/layouts.js', import.meta.url),
  `export const LAYOUTS = {\n${entries.join('')}};\n`,
);
