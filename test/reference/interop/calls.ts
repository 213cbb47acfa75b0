import assert from 'node:assert/strict';
import {
  ApplicationError,
  Cancelled,
  ChannelClosed,
  type Connection,
  channel,
  InvalidPayload,
  method,
  service,
  UnknownMethod,
} from '../../../src/index.js';
import { postcardPayload, t } from '../../../src/payload/postcard/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { all, type Checks, until } from '../checks.js';
import { EVERYTHING, EVERYTHING_IN_RUST, FROM_RUST, VALUES } from './everything.js';
import { type Pair, type PairOptions, pair } from './pair.js';
import { Testbed, Types } from './services.js';

/** The Rust peer's results of each scenario with another Rust peer. It has to see the same with us. */
export type Expected = Readonly<Record<string, readonly unknown[]>>;

/** The scenarios that the Rust peer plays with us on the root. An argument stands behind the name. */
export const SCENARIOS = [
  'calls',
  'types',
  'fail',
  'unknown',
  'stranger',
  'echo:',
  'blob:0',
  'blob:65536',
  'blob:1000000',
  'sum:0',
  'sum:1',
  'sum:16',
  'sum:17',
  'sum:1000',
  'sum-drop:5',
  'generate:0',
  'generate:1',
  'generate:16',
  'generate:17',
  'generate:1000',
  'transform',
  'sink:0',
  'sink:65536',
  'many:1000',
  'abandon:50',
  'slow:20',
] as const;

/** Methods of `Types` that do not give back what they get. */
const NO_ECHOES = new Set(['tNone', 'tTwo', 'getHTTP2Value', 'describe', 'everything']);

/** The length of the longest bytes in a call whose frame fits 1 MiB. */
const LARGEST = 2 ** 20 - 256;

/** A service that has an id of the Rust peer's, and other types: its arguments and results can't be decoded. */
const Stranger = service(
  'Testbed',
  {
    missing: method({ args: t.args(t.u32), result: t.u32 }),
    echo: method({ id: Testbed.ids.echo, args: t.args(t.bytes), result: t.string }),
    // Two bytes for Ok and a length, then more bytes than a u8 has.
    reverse: method({ id: Testbed.ids.reverse, args: t.args(t.string), result: t.u8 }),
  },
  { codec: postcardPayload },
);

/** Checks our calls of the Rust peer: every kind of type, each of the four errors, and channels both ways. */
export async function ourCalls(checks: Checks, shared: Pair, options: PairOptions): Promise<void> {
  const { session, testbed, types, rust, traffic } = shared;
  const { root } = session;

  await checks.check('a value of every kind of type comes back as it went', async () => {
    const call = types as unknown as Readonly<Record<string, (value: unknown) => Promise<unknown>>>;
    for (const name of Object.keys(Types.methods)) {
      if (NO_ECHOES.has(name)) continue;
      const values = VALUES[name];
      assert.ok(values !== undefined, `there are no values for ${name}`);
      for (const value of values) assert.deepEqual(await call[name]?.(value), value, name);
    }
    assert.deepEqual([await types.tNone(), await types.tTwo(1, 'äb'), await types.getHTTP2Value()], [7, 4, 2]);
  });

  await checks.check('Rust reads what we write, and we read what Rust writes', async () => {
    assert.equal(await types.describe(EVERYTHING), EVERYTHING_IN_RUST);
    assert.deepEqual(await types.everything(), EVERYTHING);
  });

  await checks.check('calls of the official test service are answered', async () => {
    assert.deepEqual(
      [
        await testbed.echo('grüße'),
        await testbed.reverse('abc'),
        await testbed.divide(-(2n ** 63n), 2n),
        await testbed.lookup(1),
        await testbed.lookup(2),
        await testbed.echoPoint({ x: -1, y: 2 }),
        await testbed.shapeArea({ tag: 'Rectangle', value: { width: 3, height: 4 } }),
        await testbed.processMessage({ tag: 'Data', value: Uint8Array.of(1, 2) }),
        await testbed.getPoints(2),
        await testbed.swapPair([-3, 'x']),
        await testbed.nothing(),
      ],
      [
        'grüße',
        'cba',
        -(2n ** 62n),
        { name: 'Alice', age: 30, email: 'alice@example.com' },
        { name: 'Bob', age: 25, email: null },
        { x: -1, y: 2 },
        12,
        { tag: 'Data', value: Uint8Array.of(2, 1) },
        [
          { x: 0, y: 0 },
          { x: 1, y: 2 },
        ],
        ['x', -3],
        undefined,
      ],
    );
  });

  await checks.check('each of the four errors arrives as its own class', async () => {
    const stranger = Stranger.client(root);
    const declared = await testbed.divide(1n, 0n).catch((error: unknown) => error);
    assert.ok(declared instanceof ApplicationError && Testbed.isErrorOf('divide', declared));
    assert.deepEqual(declared.error, { tag: 'DivisionByZero' });
    const other = await testbed.lookup(403).catch((error: unknown) => error);
    assert.ok(other instanceof ApplicationError);
    assert.deepEqual(other.error, { tag: 'AccessDenied' });
    await assert.rejects(stranger.missing(7), UnknownMethod);
    await assert.rejects(stranger.echo(Uint8Array.of(0xff, 0xfe)), InvalidPayload);
    await assert.rejects(testbed.failHard(), (error) => error instanceof Cancelled && error.by === 'peer');
    await assert.rejects(stranger.reverse('a long text'), /malformed payload/);
    assert.equal(await testbed.echo('still here'), 'still here');
  });

  await checks.check('empty and large payloads come back', async () => {
    assert.equal(await testbed.echo(''), '');
    for (const size of [0, 1, 4096, 65_536, LARGEST]) {
      const bytes = Uint8Array.from({ length: size }, (_, at) => at);
      assert.deepEqual(await testbed.echoBytes(bytes), bytes);
    }
  });

  await checks.check('1 000 calls at once are answered, each with its own answer', async () => {
    const texts = Array.from({ length: 1000 }, (_, n) => `call ${n}`);
    assert.deepEqual(await Promise.all(texts.map((text) => testbed.echo(text))), texts);
  });

  await channelsOf(checks, testbed, 'the root');

  await checks.check('a channel may outlive its call', async () => {
    const [tx, rx] = channel<number>();
    assert.equal(await testbed.lateTx(40, tx), 40);
    assert.deepEqual(
      await all(rx),
      Array.from({ length: 40 }, (_, n) => n),
    );
  });

  await checks.check('items of no bytes and of 64 KiB arrive both ways', async () => {
    for (const size of [0, 65_536]) {
      const [down, items] = channel<Uint8Array>();
      const streamed = testbed.streamBytes(40, size, down);
      let count = 0;
      for await (const item of items) {
        assert.ok(item.length === size && item.every((byte) => byte === count));
        count++;
      }
      await streamed;
      const [up, input] = channel<Uint8Array>();
      const sunk = testbed.sinkBytes(input);
      for (let n = 0; n < 40; n++) await up.send(new Uint8Array(size).fill(n));
      await up.close();
      assert.deepEqual([count, await sunk], [40, 40n]);
    }
  });

  await checks.check('a slow receiver in Rust makes our sender wait for credit', async () => {
    const [tx, rx] = channel<number>();
    const credits = (): number | undefined => traffic.received.get('ChannelMessage');
    const before = credits();
    const summed = testbed.sumLate(300n, rx);
    let sent = 0;
    for (let n = 1; n <= 40; n++) {
      await tx.send(n);
      if (credits() === before) sent = n;
    }
    await tx.close();
    assert.deepEqual(await summed, [40n, 820n]);
    assert.ok(sent <= 16, `${sent} items were sent before any credit came`);
  });

  await checks.check('a Reset of ours ends a channel that Rust sends on, and a Cancel its handler', async () => {
    const [tx, rx] = channel<number>();
    const cancel = new AbortController();
    const call = testbed.generate(1_000_000, tx, { signal: cancel.signal });
    for await (const number of rx) if (number === 40) break;
    cancel.abort();
    await assert.rejects(call, (error) => error instanceof Cancelled && error.by === 'local');
    await rust.take('handler dropped', ({ method }) => method === 'generate');
  });

  await checks.check('an aborted sender of ours ends the loop in Rust', async () => {
    const [tx, rx] = channel<number>();
    const call = testbed.sum(rx);
    await tx.send(3);
    tx.abort();
    await assert.rejects(tx.send(4), ChannelClosed);
    // A Rust receiver sees no difference between an abort and a Close.
    assert.equal(await call, 3n);
  });

  await checks.check('a call that we cancel rejects at once, and its handler in Rust is dropped', async () => {
    const cancel = new AbortController();
    const calls = Array.from({ length: 20 }, () => testbed.slow(100_000n, { signal: cancel.signal }));
    const settled = Promise.allSettled(calls);
    await testbed.slow(50n);
    cancel.abort();
    for (const result of await settled) {
      assert.ok(result.status === 'rejected' && result.reason instanceof Cancelled && result.reason.by === 'local');
    }
    // Each has begun, for Rust does not report a handler that was cancelled earlier.
    for (const _ of calls) await rust.take('handler dropped', ({ method }) => method === 'slow');
    // Their places are free again: the peer takes 64 at a time.
    assert.equal((await Promise.all(Array.from({ length: 64 }, () => testbed.slow(1n)))).length, 64);
  });

  await checks.check('a call that takes longer than its timeout is given up', async () => {
    const clock = new VirtualClock();
    const { session, testbed, rust, close } = await pair({ ...options, session: { clock } });
    try {
      const call = testbed.slow(100_000n, { timeout: 50 });
      const rejected = assert.rejects(call, { code: 'limit' });
      await testbed.echo('its handler is at work');
      await clock.advance(50);
      await rejected;
      await rust.take('handler dropped', ({ method }) => method === 'slow');
      session.shutdown();
      await session.closed;
    } finally {
      await close();
    }
  });
}

/** Channels in both directions, with fewer items than their credit, as many and more. */
export async function channelsOf(
  checks: Checks,
  testbed: ReturnType<typeof Testbed.client>,
  where: string,
): Promise<void> {
  await checks.check(`channels carry items both ways across their credit on ${where}`, async () => {
    for (const count of [0, 1, 15, 16, 17, 1000]) {
      const numbers = Array.from({ length: count }, (_, n) => n);
      const [up, input] = channel<number>();
      const summed = testbed.sum(input);
      for (const number of numbers) await up.send(-number);
      await up.close();
      assert.equal(await summed, BigInt(-numbers.reduce((total, number) => total + number, 0)));

      const [down, output] = channel<number>();
      const generated = testbed.generate(count, down);
      assert.deepEqual(await all(output), numbers);
      await generated;
    }
  });

  await checks.check(`two channels of one call run at once on ${where}`, async () => {
    const [up, input] = channel<string>();
    const [down, output] = channel<string>();
    const call = testbed.transform(input, down);
    const texts = Array.from({ length: 100 }, (_, n) => `text ${n} ñ`);
    const sending = (async () => {
      for (const text of texts) await up.send(text);
      await up.close();
    })();
    assert.deepEqual(
      await all(output),
      texts.map((text) => text.toUpperCase()),
    );
    await Promise.all([call, sending]);
  });

  await checks.check(`a channel with a credit of 1 goes item by item on ${where}`, async () => {
    const [tx, rx] = channel<number>({ credit: 1 });
    const summed = testbed.sumNarrow(rx);
    for (let n = 1; n <= 20; n++) await tx.send(n);
    await tx.close();
    assert.equal(await summed, 210n);
  });
}

/** Checks the Rust peer's calls of us: it gets the same results as with another Rust peer. */
export async function rustCalls(checks: Checks, { play, ours, session }: Pair, expected: Expected): Promise<void> {
  for (const name of SCENARIOS) {
    await checks.check(`Rust sees the same of us as of Rust: ${name}`, async () => {
      ours.came.clear();
      assert.deepEqual(await play(name), expected[name]);
      if (name !== 'types') return;
      for (const [method, values] of Object.entries(FROM_RUST)) {
        assert.deepEqual(ours.came.get(method), values, method);
      }
    });
  }

  await checks.check('a handler of ours that throws, and malformed arguments, are reported', async () => {
    const kinds = new Set(ours.reports.map(({ kind }) => kind));
    assert.deepEqual(kinds, new Set(['handler-failed', 'arguments-refused']));
    ours.reports.length = 0;
  });

  await checks.check('a Cancel and a Reset that Rust hands on reach our handler', async () => {
    // The official crates never send a Cancel or a Reset, but their proxy forwards them.
    const before = ours.connections.length;
    const opened = await play('proxy');
    assert.equal(opened.length, 2);
    await until(() => ours.connections.length === before + 2, 'two connections');
    const [left] = ours.connections.slice(before) as [Connection];
    const client = Testbed.client(left);
    const { slow, givenUp } = ours;
    const cancel = new AbortController();
    const call = client.slow(100_000n, { signal: cancel.signal });
    await until(() => ours.slow > slow, 'a handler at work');
    cancel.abort();
    await assert.rejects(call, Cancelled);
    await until(() => ours.givenUp === givenUp + 1 && ours.slow === slow, 'a handler that is given up');

    const [tx, rx] = channel<number>();
    const generated = client.generate(100_000, tx);
    for await (const number of rx) if (number === 40) break;
    // The Reset reaches our handler, which fails because of it.
    await assert.rejects(generated, Cancelled);
    assert.equal(await client.echo('through the proxy'), 'through the proxy');
    await left.close();
    assert.equal(await Testbed.client(session.root).echo('after it'), 'after it');
    ours.reports.length = 0;
  });
}
