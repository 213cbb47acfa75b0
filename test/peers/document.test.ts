import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { configOf } from '../../src/session/options.js';
import type { Peer } from '../../src/session/peers.js';

/** The options of a preset, or of none, as the document words them. */
function worded(peer?: Peer): Readonly<Record<string, string>> {
  const options = (isStream: boolean) => {
    const link = Object.assign(memoryLinkPair()[0], { isStream });
    return configOf({ role: 'initiator', link, codec: messagePack, ...(peer === undefined ? {} : { peer }) });
  };
  const { peer: config, keepalive } = options(false);
  const { awaitAnswers, cancelTimeout } = config;
  const isStreamAlike = options(true).peer.awaitAnswers === awaitAnswers;
  const pings = `a Ping every ${(keepalive?.pingInterval ?? 0) / 1_000} s, no wait for the Pong`;
  return {
    ...Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)])),
    awaitAnswers: isStreamAlike ? String(awaitAnswers) : `${awaitAnswers}; ${!awaitAnswers} over a byte stream`,
    cancelTimeout: Number.isFinite(cancelTimeout)
      ? `${cancelTimeout.toLocaleString('en').replace(',', ' ')} ms`
      : 'Infinity',
    keepalive: keepalive === undefined ? 'off' : pings,
  };
}

test('the table of docs/peers.md has every option, as each preset sets it', () => {
  const text = readFileSync(new URL('../../docs/peers.md', import.meta.url), 'utf8');
  const lines = text.split('\n');
  const head = lines.findIndex((line) => /^\| option +\|/.test(line));
  const table = lines.slice(head + 2, lines.indexOf('', head));
  const rows = table.map((line) =>
    line
      .split('|')
      .slice(1, 6)
      .map((cell) => cell.trim()),
  );
  const presets = [worded('roam-rust-7'), worded('roam-typescript-7'), worded('roam-swift-7'), worded()];
  const expected = Object.keys(presets[0] ?? {}).map((name) => [
    `\`${name}\``,
    ...presets.map((preset) => preset[name]),
  ]);
  expect(rows.sort()).toEqual(expected.sort());
});
