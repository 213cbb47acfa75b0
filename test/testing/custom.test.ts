import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { accept, initiate } from '../../src/index.js';
import { testLink } from '../../src/testing/index.js';
import { json } from '../support/json-codec.js';
import { PortLink } from '../support/port-link.js';

// docs/custom.md shows these two files, as an application's author would write them.

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test.each(['json-codec', 'port-link'])('docs/custom.md has the text of %s.ts', (name) => {
  const source = read(`test/support/${name}.ts`).replace("'../../src/index.js'", "'roam-actors'");
  expect(read('docs/custom.md')).toContain(`\`\`\`ts\n${source}\`\`\`\n`);
});

const connect = () => {
  const { port1, port2 } = new MessageChannel();
  return { left: new PortLink(port1), right: new PortLink(port2) };
};

describe('the suite for links, on the one of the documentation:', () => {
  // A posted message cannot be dropped any more.
  for (const { name, run } of testLink({ connect, cuts: false })) test(name, run);
});

test('a session over the link and with the codec of the documentation', async () => {
  const { left, right } = connect();
  const [session, peer] = await Promise.all([
    initiate(left, { codec: json }),
    accept(right, { codec: json, onConnection: () => ({ type: 'accept' }) }),
  ]);
  const connection = await session.open({ metadata: [{ key: 'k', value: 7n, flags: 0n }] });
  expect(connection.id).toBe(1);
  session.shutdown();
  await Promise.all([session.closed, peer.closed]);
});
