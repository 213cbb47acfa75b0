import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { createActor, type InspectionEvent } from 'xstate';
import { InvalidArgument } from '../../src/base/errors.js';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { accept, initiate, sessionLogic } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import { ScriptedPeer } from '../../src/testing/index.js';
import { type Metadata, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { VirtualClock } from '../support/clock.js';
import { ALL_CODECS } from '../support/codecs.js';
import { jsonOf, waysTo } from '../support/secrets.js';
import { settle } from '../support/settle.js';

const SECRET = 'open sesame';
const BYTES = new TextEncoder().encode('bytes of gold');
const NUMBER = 0xfeed_beef_feed_beefn;

let count = 0;

/** Returns metadata with secrets, wrapped in Sensitive or bare. The public entry names the place. */
function secrets(place: string): Metadata {
  count += 1;
  return [
    { key: 'place', value: place, flags: 0n },
    { key: 'text', value: count % 2 === 0 ? SECRET : new Sensitive(SECRET), flags: SENSITIVE },
    { key: 'bytes', value: BYTES.slice(), flags: SENSITIVE },
    { key: 'number', value: NUMBER, flags: SENSITIVE | 4n },
  ];
}

function find(root: unknown): string[] {
  return waysTo(root, isSecret);
}

function isSecret(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(SECRET);
  if (typeof value === 'bigint') return value === NUMBER;
  return value instanceof Uint8Array && Buffer.from(value).includes(Buffer.from(BYTES));
}

/** Returns the places of secrets in printed text. */
function findPrinted(text: string): string[] {
  const hex = Buffer.from(BYTES).toString('hex').match(/../g) as string[];
  const prints = [SECRET, String(NUMBER), NUMBER.toString(16), hex.join(' '), BYTES.join(','), BYTES.join(', ')];
  // Long lists are printed in columns.
  const line = text.replace(/,\s+/g, ', ');
  return prints.filter((print) => line.includes(print));
}

class Watch {
  readonly events: InspectionEvent[] = [];
  readonly told: unknown[] = [];
  /** The text of each event at the time when it came. */
  readonly printed: string[] = [];

  readonly inspect = (event: InspectionEvent): void => {
    this.events.push(event);
    this.printed.push(jsonOf(event), event.type === '@xstate.event' ? jsonOf(event.event) : '');
    if (event.type === '@xstate.snapshot') this.printed.push(jsonOf(event.snapshot));
  };

  listen(session: Session): void {
    for (const type of [
      'established',
      'connectionOpened',
      'connectionClosed',
      'violation',
      'stalled',
      'ended',
    ] as const) {
      session.on(type, (event) => this.told.push(event));
    }
  }

  note(what: unknown): void {
    this.told.push(what);
  }
}

// r[rpc.metadata.flags.sensitive]
describe('a SENSITIVE value', () => {
  test.each(ALL_CODECS)(
    'of %s, in metadata of any message, either way, is in nothing that is inspected, emitted, reported or thrown',
    async (_, codec) => {
      const watches = [new Watch(), new Watch()] as const;
      const revealed: unknown[] = [];
      const start = (at: 0 | 1, place: string) => ({
        codec,
        inspect: watches[at].inspect,
        onReport: (report: unknown) => watches[at].note(report),
        clock: new VirtualClock(),
        metadata: secrets(place),
        onConnection: ({ metadata, id }: { metadata: Metadata; id: number }) => {
          watches[at].note(metadata);
          revealed.push(...metadata.map(({ value }) => (value instanceof Sensitive ? value.reveal() : value)));
          if (id > 2) return { type: 'reject', metadata: secrets('Reject') } as const;
          return { type: 'accept', metadata: secrets('Accept') } as const;
        },
      });
      const [near, far] = memoryLinkPair();
      const sessions = await Promise.all([initiate(near, start(0, 'Hello')), accept(far, start(1, 'HelloYourself'))]);
      const errors: unknown[] = [];
      for (const [at, session] of sessions.entries()) {
        const watch = watches[at] as Watch;
        watch.listen(session);
        const connection = await session.open({ metadata: secrets('Open') });
        const rejected = await session.open({ metadata: secrets('Open') }).catch((error: unknown) => error);
        const refused = await session
          .open({ metadata: [{ key: 'text', value: { secret: SECRET } as never, flags: SENSITIVE }] })
          .catch((error: unknown) => error);
        const call = {
          type: 'Call',
          methodId: 1n,
          channels: [],
          metadata: secrets('Call'),
          args: new Uint8Array(1),
        } as const;
        await connection.send({ type: 'RequestMessage', id: at === 0 ? 1 : 2, body: call });
        await settle();
        watch.note(connection);
        await connection.close({ metadata: secrets('Close') });
        watch.note(await connection.closed);
        errors.push(rejected, refused);
        watch.note([rejected, refused]);
      }
      await settle();
      sessions[0].shutdown();
      for (const [at, session] of sessions.entries()) (watches[at] as Watch).note(await session.closed);

      // The secrets did arrive at the peer.
      const whole = (place: string) => [place, SECRET, Uint8Array.from(BYTES), NUMBER];
      expect(revealed).toEqual(new Array(4).fill(whole('Open')).flat());
      expect(errors.map((error) => (error as Error).name)).toEqual(
        new Array(2).fill(['ConnectionRejected', 'InvalidArgument']).flat(),
      );
      for (const { events, told, printed } of watches) {
        expect(events.length).toBeGreaterThan(50);
        expect(find(told)).toEqual([]);
        expect(find(events)).toEqual([]);
        expect(findPrinted(printed.join('\n'))).toEqual([]);
        expect(printed.join('\n')).toContain('HelloYourself');
        expect(findPrinted(inspect(told, { depth: Number.POSITIVE_INFINITY, showHidden: true }))).toEqual([]);
        // An event may hold an actor, and so all actors and machines. Inspect it only to the depth of a console.
        const sent = events.flatMap((event) => ('event' in event ? [event.event] : []));
        expect(findPrinted(inspect(sent, { depth: 6, maxArrayLength: null }))).toEqual([]);
      }
    },
  );

  test('is not in what is said of a codec that fails, though its error quotes it', async () => {
    const failing: Codec = {
      ...messagePack,
      decode: () => {
        throw new SyntaxError(`Unexpected token in ${SECRET}`);
      },
    };
    const [near, far] = memoryLinkPair();
    const watch = new Watch();
    const peer = new ScriptedPeer(far);
    const onReport = (report: unknown) => watch.note(report);
    const starting = accept(near, { codec: failing, conformance: 'strict', inspect: watch.inspect, onReport });
    peer.say(Uint8Array.of(1));
    const error: unknown = await starting.catch((reason: unknown) => reason);
    await settle();
    expect(error).toMatchObject({ message: "the codec msgpack can't read a frame: it threw SyntaxError" });
    watch.note([error, peer.take()]);
    expect(find([watch.told, watch.events])).toEqual([]);
    expect(findPrinted(inspect(watch.told, { depth: 12, showHidden: true }))).toEqual([]);
  });

  test('is refused in the input of an actor unless it is in its box: an inspector has seen it by then', () => {
    const create = (value: string | Sensitive) => {
      const [link] = memoryLinkPair();
      const input = { role: 'initiator', link, metadata: [{ key: 'k', value, flags: SENSITIVE }] } as const;
      return createActor(sessionLogic, { input }).getSnapshot();
    };
    expect(create(SECRET)).toMatchObject({
      status: 'error',
      error: new InvalidArgument(
        "metadata[0].value is SENSITIVE: in an actor's input, which inspectors see, it must be a Sensitive",
      ),
    });
    expect(create(new Sensitive(SECRET)).status).toBe('active');
  });

  test('is found by the searches of this file where it is not in its box', () => {
    const bare = [{ key: 'k', value: SECRET, deep: [{ more: new Map([[1, BYTES]]) }], number: NUMBER }];
    expect(find(bare)).toHaveLength(3);
    expect(findPrinted(inspect(bare, { depth: 12 }))).toEqual([SECRET, String(NUMBER), BYTES.join(', ')]);
    expect(findPrinted(jsonOf(bare))).toEqual([SECRET, String(NUMBER)]);
  });
});
