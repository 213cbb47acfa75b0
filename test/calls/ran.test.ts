import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ApplicationError,
  Cancelled,
  ChannelClosed,
  ConnectionClosed,
  InvalidArgument,
  InvalidPayload,
  isLost,
  KeepaliveError,
  LimitExceeded,
  LinkError,
  type Ran,
  SessionClosed,
  UnknownMethod,
} from '../../src/base/errors.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import type { Link } from '../../src/link/link.js';
import { type MemoryLink, memoryLinkPair } from '../../src/link/memory.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import { ControlledLink } from '../../src/testing/faults.js';
import { Adder, adder } from '../service/adder.js';
import { errorOf, pairOf } from '../service/pair.js';
import { settle } from '../support/settle.js';

/** Notes the first byte of the args of each Call that the link takes. */
class Noting extends ControlledLink {
  readonly calls: number[] = [];

  override send(bytes: Uint8Array): void {
    const message = messagePack.decode(bytes, { metadataEntries: 64, metadataBytes: 2 ** 14 });
    super.send(bytes);
    if (message.type === 'RequestMessage' && message.body.type === 'Call') this.calls.push(message.body.args[0] ?? -1);
  }
}

interface Scene {
  readonly session: Session;
  readonly server: Session;
  readonly near: Noting;
  readonly wire: MemoryLink;
  /** The calls whose handler has run. */
  readonly log: Set<number>;
  /** Lets the handlers that are at work answer. */
  answer(): void;
}

async function sceneOf(maxConcurrentRequests: number, outboxBytes: number, requests: number): Promise<Scene> {
  const [wire, far] = memoryLinkPair({ capacity: 2 });
  const near = new Noting(wire as Link);
  const log = new Set<number>();
  const waiting: (() => void)[] = [];
  const [session, server] = await Promise.all([
    initiate(near, { limits: { outboxBytes, waitingBytes: 2_000 }, onReport: () => {} }),
    accept(far, { maxConcurrentRequests, limits: { requests }, onReport: () => {} }),
  ]);
  server.root.serve(async ({ args, signal }) => {
    log.add(args[0] as number);
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    return args;
  });
  return {
    session,
    server,
    near,
    wire,
    log,
    answer: () => {
      for (const each of waiting.splice(0)) each();
    },
  };
}

type Step = 'call' | 'abort' | 'hold' | 'take one' | 'take' | 'answer' | 'turn' | 'settle';

const STEPS: Step[] = ['call', 'call', 'call', 'abort', 'hold', 'take one', 'take', 'answer', 'turn', 'settle'];
const ENDS = ['cut', 'shutdown', 'peer shuts down', 'refuse', 'release'] as const;

describe('the error of a call', () => {
  test('says whether its handler has run, in any schedule, and says so as exactly as the link allows', async () => {
    const seen: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 30 }),
        fc.constantFrom(...ENDS),
        fc.constantFrom(1, 2, 64),
        fc.constantFrom(40, 2 ** 20),
        fc.constantFrom(1, 64),
        async (steps, end, most, outboxBytes, requests) => {
          const { session, server, near, wire, log, answer } = await sceneOf(most, outboxBytes, requests);
          const caller = session.root.caller();
          const outcomes: (Error | 'answered' | undefined)[] = [];
          const aborts: AbortController[] = [];
          const play: Record<Step, () => unknown> = {
            call: () => {
              const index = outcomes.push(undefined) - 1;
              const controller = new AbortController();
              aborts.push(controller);
              caller.call(1n, Uint8Array.of(index, ...new Uint8Array(30)), { signal: controller.signal }).then(
                () => {
                  outcomes[index] = 'answered';
                },
                (error: Error) => {
                  outcomes[index] = error;
                },
              );
            },
            abort: () => aborts.at(-1)?.abort(),
            hold: () => near.hold(),
            'take one': () => near.takeFirst(),
            take: () => near.take(),
            answer,
            turn: () => Promise.resolve(),
            settle,
          };
          for (const step of steps) await play[step]();
          if (end === 'cut') wire.fail();
          else if (end === 'shutdown') session.shutdown();
          else if (end === 'peer shuts down') server.shutdown();
          else if (end === 'release') caller.release();
          else near.refuse();
          await settle();
          wire.fail();
          answer();
          await Promise.all([session.closed, server.closed]);
          await settle();
          for (const [index, outcome] of outcomes.entries()) {
            if (outcome === 'answered') continue;
            const { ran, code } = outcome as Error & { ran?: Ran; code: string };
            seen[`${code} ${String(ran)}`] = (seen[`${code} ${String(ran)}`] ?? 0) + 1;
            // A Call that the link never had: 'no'. A Call that was given up before it left may leave later.
            if (code !== 'cancelled')
              expect([index, ran]).toEqual([index, near.calls.includes(index) ? 'maybe' : 'no']);
            if (ran === 'no') expect([...log]).not.toContain(index);
          }
        },
      ),
      { numRuns: Number(process.env['RAN_RUNS'] ?? 300), endOnFailure: true },
    );
    expect(Object.keys(seen)).toEqual(
      expect.arrayContaining(['cancelled maybe', 'cancelled no', 'connection-closed maybe', 'connection-closed no']),
    );
  }, 120_000);

  test.each([
    ['cut', 'no', (scene: Scene) => scene.wire.fail()],
    ['shut down, which sends what waits', 'maybe', (scene: Scene) => scene.session.shutdown()],
  ] as const)('that waits for room in the outbox when the session is %s is %s', async (_, ran, endIt) => {
    const scene = await sceneOf(64, 40, 64);
    scene.near.hold();
    const caller = scene.session.root.caller();
    const calls = [0, 1].map((index) => errorOf(caller.call(1n, Uint8Array.of(index, ...new Uint8Array(30)))));
    await settle();
    expect(scene.near.calls).toEqual([0]);
    endIt(scene);
    expect(await calls[0]).toMatchObject({ ran: 'maybe' });
    expect(await calls[1]).toMatchObject({ ran });
    expect(scene.near.calls).toEqual(ran === 'no' ? [0] : [0, 1]);
    scene.wire.fail();
    await scene.server.closed;
  });

  test('is yes when the method answered, and no when the peer has no such method or refuses the arguments', async () => {
    const Strange = service('Adder', { strange: method(), add: method<[text: string], number>() });
    const { session, end } = await pairOf([adder]);
    const client = await session.open(Adder);
    const strange = await session.open(Strange);
    expect(await errorOf(client.divide(1, 0))).toMatchObject({ code: 'application', ran: 'yes' });
    expect(await errorOf(strange.strange())).toMatchObject({ code: 'unknown-method', ran: 'no' });
    expect(await errorOf(client.broken())).toMatchObject({ code: 'cancelled', by: 'peer', ran: 'maybe' });
    expect(await errorOf(client.slow({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'cancelled', ran: 'no' });
    expect(await errorOf(client.slow({ timeout: 1 }))).toMatchObject({ code: 'limit', ran: 'maybe' });
    expect(await errorOf(client.add(1, (() => 1) as never))).toMatchObject({ code: 'invalid-argument', ran: 'no' });
    await end();
    expect(await errorOf(client.add(1, 2))).toMatchObject({ code: 'connection-closed', ran: 'no' });
  });

  test('is no for a refused argument, but maybe where a peer answers so when its handler throws', async () => {
    const refusing = service('Checked', { check: method<[number], void>() });
    const asked = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
    } as const;
    const checked = service('Checked', { check: method<[number], void>({ args: asked as never }) });
    const handler = checked.handler({ check: () => {} });
    for (const [options, ran] of [
      [{}, 'no'],
      [{ answersOnRoot: true }, 'maybe'],
    ] as const) {
      const [near, far] = memoryLinkPair();
      const [session, server] = await Promise.all([
        initiate(near, options),
        accept(far, { onConnection: routes([handler]), onReport: () => {} }),
      ]);
      server.root.serve(handler);
      const client = 'answersOnRoot' in options ? refusing.client(session.root) : await session.open(refusing);
      expect(await errorOf(client.check(1))).toMatchObject({ code: 'invalid-payload', ran });
      session.shutdown();
      await session.closed;
    }
  });

  test('is no when the peer says that it has too much to do', async () => {
    const { session, end } = await pairOf([adder], { limits: { requests: 1 } });
    const client = await session.open(Adder);
    const first = client.slow();
    const error = await errorOf(client.add(1, 2));
    expect(error).toMatchObject({ code: 'cancelled', by: 'peer', ran: 'no' });
    expect(isLost(error)).toBe(false);
    await end();
    expect(await errorOf(first)).toMatchObject({ code: 'connection-closed', ran: 'maybe' });
  });
});

test('isLost is true for an end that the application did not choose', () => {
  const link = new SessionClosed('peer', new LinkError('cut'));
  for (const error of [
    link,
    new LinkError('cut'),
    new SessionClosed('peer'),
    new SessionClosed('local', new KeepaliveError('silent')),
    new ConnectionClosed('session', 'closed', link),
    new ConnectionClosed('peer', 'closed'),
    new ChannelClosed('peer', 'ended'),
  ]) {
    expect([error, isLost(error)]).toEqual([error, true]);
  }
  for (const error of [
    new SessionClosed('local'),
    new ConnectionClosed('local', 'closed'),
    new ConnectionClosed('session', 'closed', new SessionClosed('local')),
    new ChannelClosed('local', 'closed'),
    new InvalidArgument('wrong'),
    new InvalidPayload(),
    new UnknownMethod(),
    new Cancelled('peer'),
    new LimitExceeded('timeout', 'late'),
    new ApplicationError(1),
    new Error('another'),
    undefined,
  ]) {
    expect([error, isLost(error)]).toEqual([error, false]);
  }
});
