import { expect, test } from '@jest/globals';
import { sessionMachine } from '../../machines/index.js';
import { definitionOf, type MachineDefinition, mermaid, svg } from '../../src/diagram/index.js';

test('a definition gives itself, through JSON too', () => {
  const definition = definitionOf(sessionMachine);
  expect(definitionOf(JSON.parse(JSON.stringify(definition)))).toEqual(definition);
});

test('a definition is drawn as its machine is', async () => {
  const definition: MachineDefinition = JSON.parse(JSON.stringify(definitionOf(sessionMachine)));
  expect(await svg(definition)).toBe(await svg(sessionMachine));
  expect(mermaid(definition)).toBe(mermaid(sessionMachine));
});

test('what an inspector sends of a machine has its states and its transitions, though functions are lost', async () => {
  const config: MachineDefinition = JSON.parse(JSON.stringify(sessionMachine.config));
  const marks = (picture: string) => picture.match(/data-(state|transition)="[^"]*"/g)?.sort();
  expect(marks(await svg(config))).toEqual(marks(await svg(sessionMachine)));
});
