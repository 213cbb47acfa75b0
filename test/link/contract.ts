import { describe, test } from '@jest/globals';
import { type TestLinkOptions, testLink } from '../../src/testing/index.js';

export type { LinkPair as Pair } from '../../src/testing/index.js';
export { numbered, numbersOf, turns } from '../../src/testing/link-suite.js';

/** Registers a test for each demand of the link contract, with the public suite for authors of links. */
export function describeLink(
  name: string,
  connect: TestLinkOptions['connect'],
  abilities: Omit<TestLinkOptions, 'connect'> = {},
): void {
  describe(`${name} keeps the contract of a link`, () => {
    for (const each of testLink({ connect, ...abilities })) test(each.name, each.run);
  });
}
