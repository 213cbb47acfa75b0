import { inspect as print } from 'node:util';
import { afterEach, expect, jest, test } from '@jest/globals';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import type { Report } from '../../src/base/report.js';
import { connect } from '../../src/client/client-node.js';
import { type InspectionRecord, RECORDING_VERSION } from '../../src/inspect/record.js';
import { lineOf, parseRecording } from '../../src/inspect/recording.js';
import { Watcher } from '../../src/inspect/watcher.js';
import type { Link } from '../../src/link/link.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import { createServer } from '../../src/server/server.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { refuse } from '../../src/session/authentication.js';
import { Recording } from '../../src/viewer/model/recording.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { errorOf } from '../service/pair.js';
import { jsonOf, waysTo } from '../support/secrets.js';
import { settle } from '../support/settle.js';

// A4: canaries in the token, the cookie, the query, the principal and the key of a reliable link appear in no log, error,
// report, snapshot, recording and inspection event.

const TOKEN = 'canary-token';
const RENEWED = 'canary-renewed-token';
const WRONG = 'canary-wrong-token';
const COOKIE = 'canary-cookie';
const QUERY = 'canary-query';
const PRINCIPAL = 'canary-principal';
const TEXTS = [TOKEN, RENEWED, WRONG, COOKIE, QUERY, PRINCIPAL];

const Who = service('Who', { length: method<[], number>() });

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** All that can be seen of the sessions of one side: events and snapshots as objects, as JSON, and as a recording. */
class Watch {
  readonly events: InspectionEvent[] = [];
  readonly printed: string[] = [];
  readonly records: InspectionRecord[] = [];
  readonly #watcher = new Watcher(
    { messages: 'all', filter: () => true, now: () => 1 },
    (record) => void this.records.push(record),
    (error) => void this.printed.push(String(error)),
  );

  constructor() {
    this.#watcher.listen(true);
    this.#watcher.tellAll();
  }

  readonly inspect = (event: InspectionEvent): void => {
    this.events.push(event);
    this.printed.push(jsonOf(event), event.type === '@xstate.event' ? jsonOf(event.event) : '');
    if (event.type === '@xstate.snapshot') this.printed.push(jsonOf(event.snapshot));
    this.#watcher.next(event);
  };
}

/** Returns the snapshot that a program would keep, if the actor has one. */
function persisted(actor: AnyActorRef): unknown {
  try {
    return actor.getPersistedSnapshot();
  } catch {
    return undefined;
  }
}

/** Notes the key in the first message of a reliable acceptor: bytes 5 to 20. */
function keyReader(link: Link, keys: Uint8Array[]): Link {
  const start = link.start.bind(link);
  let isFirst = true;
  link.start = (events) =>
    start({
      ...events,
      message: (bytes) => {
        if (isFirst) keys.push(bytes.slice(5, 21));
        isFirst = false;
        events.message(bytes);
      },
    });
  return link;
}

test.each([
  ['compiled', false],
  ['xstate', true],
] as const)(
  'canaries stay where they are put, with the interpreter %s, onReport: %s',
  async (interpreter, hasReports) => {
    const logs: unknown[] = [];
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      const spy = jest.spyOn(console, name).mockImplementation((...given) => void logs.push(given));
      ending.push(async () => spy.mockRestore());
    }
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation((...given) => void logs.push(given));
    ending.push(async () => warnings.mockRestore());

    const [ours, theirs] = [new Watch(), new Watch()];
    const errors: unknown[] = [];
    const reports: Report[] = [];
    const reporting = hasReports ? { onReport: (report: Report) => void reports.push(report) } : {};
    const seen: unknown[] = [];
    const resumed: unknown[] = [];
    const keys: Uint8Array[] = [];
    const server = createServer({
      interpreter,
      inspect: ours.inspect,
      ...reporting,
      authenticate: async ({ metadata, link }) => {
        const token = metadata.find(({ key }) => key === 'token')?.value;
        const shown = token instanceof Sensitive ? token.reveal() : token;
        seen.push(shown, link.header('cookie'), link.url);
        if (shown === TOKEN || shown === RENEWED) return { name: PRINCIPAL };
        if (shown === WRONG) return refuse('forbidden', 'not you');
        throw new Error('the database is down');
      },
      services: [Who.handler<{ name: string }>({ length: withContext(({ principal }) => principal.name.length) })],
    });
    let onResume = (): boolean => true;
    const acceptor = reliableAcceptor({
      onLink: async (link) => {
        await server.take(link).catch((error: unknown) => errors.push(error));
      },
      onResume: ({ principal }) => {
        resumed.push(principal);
        return onResume();
      },
      onError: (error) => void errors.push(error),
    });
    const onError = (error: unknown): void => void errors.push(error);
    const listener = await listenWebSocket({ port: 0, onError }, (link, request) => acceptor.take(link, request));
    ending.push(
      () => listener.close(),
      () => server.close(),
      async () => acceptor.close(),
    );

    const raw: Link[] = [];
    const dial = async (): Promise<Link> => {
      const link = await connectWebSocket(`${listener.url}/?key=${QUERY}`, { headers: { Cookie: COOKIE } });
      raw.push(link);
      return keyReader(link, keys);
    };
    const clientWith = (token: string, waitTimeout = 30_000) => {
      const options = {
        credentials: () => ({ token }),
        interpreter,
        inspect: theirs.inspect,
        ...reporting,
        waitTimeout,
        // One attempt: the next one would come much later.
        backoff: { first: 30_000 },
        random: () => 1,
      };
      const client = connect(() => reliableLink({ connect: dial }), options);
      ending.push(() => client.close({ timeout: 0 }));
      return client;
    };

    const client = clientWith(TOKEN);
    expect(await client.use(Who).length()).toBe(PRINCIPAL.length);
    // The link beneath is cut, and resumed by the key.
    raw.at(-1)?.abort();
    expect(await client.use(Who).length()).toBe(PRINCIPAL.length);
    expect(resumed).toEqual([{ name: PRINCIPAL }]);
    const newest = raw.at(-1);
    for (const wrong of [WRONG, 'neither']) {
      const stranger = clientWith(wrong, 1_000);
      errors.push(await errorOf(stranger.session()), stranger.status.current, stranger);
    }
    const session = await client.session();
    await session.renew({ token: RENEWED });
    errors.push(
      await errorOf(session.renew({ token: WRONG })),
      session,
      client,
      [...server.sessions],
      server,
      session.root,
    );
    // A page of another site is refused with the cookie.
    const foreign = { headers: { Cookie: COOKIE, Origin: 'https://evil.example' } };
    errors.push(await errorOf(connectWebSocket(`${listener.url}/?key=${QUERY}`, foreign)));
    const snapshots = [ours, theirs, { events: [{ actorRef: client.actor }] }].flatMap(({ events }) =>
      [...new Set(events.map(({ actorRef }) => actorRef))].flatMap((actor) => [
        actor.getSnapshot(),
        persisted(actor as AnyActorRef),
      ]),
    );
    // The key is right, and onResume throws.
    onResume = () => {
      throw new Error('the address has changed');
    };
    newest?.abort();
    while (!errors.some((error) => String(error).includes('the address has changed'))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await client.close({ timeout: 0 });
    errors.push(await session.closed);
    await settle();

    // The canaries did arrive, and the key is one.
    expect(seen).toEqual(
      [TOKEN, WRONG, 'neither', RENEWED, WRONG].flatMap((token) => [token, COOKIE, `/?key=${QUERY}`]),
    );
    expect([keys.length > 2, keys[0]?.length, keys[1]]).toEqual([true, 16, keys[0]]);
    // What there is to see is not nothing.
    expect([logs.length, reports.length]).toEqual(hasReports ? [0, 1] : [1, 0]);
    expect(errors.length).toBeGreaterThan(11);
    expect(errors.map(String)).toEqual(
      expect.arrayContaining([
        expect.stringContaining("the origin 'https://evil.example'"),
        expect.stringContaining('the address has changed'),
      ]),
    );
    expect(snapshots.length).toBeGreaterThan(20);
    for (const { events, records } of [ours, theirs]) {
      expect(events.length).toBeGreaterThan(50);
      expect(records.length).toBeGreaterThan(20);
    }

    const forms = keys.flatMap((key) => {
      const bytes = Buffer.from(key);
      return [
        bytes.toString('hex'),
        bytes.toString('base64'),
        bytes.toString('base64url'),
        bytes.join(','),
        bytes.join(', '),
      ];
    });
    const found = (text: string): string[] => [...TEXTS, ...forms].filter((canary) => text.includes(canary));
    const isCanary = (value: unknown): boolean =>
      typeof value === 'string'
        ? found(value).length > 0
        : value instanceof Uint8Array && keys.some((key) => Buffer.from(value).includes(Buffer.from(key)));

    const recordings = [ours, theirs].map(({ records }) =>
      [
        { kind: 'recording', version: RECORDING_VERSION, at: 1, by: 'the test', isLive: false, backlog: 0 } as const,
        ...records,
      ]
        .map((record) => lineOf(record))
        .join('\n'),
    );
    const viewer = new Recording();
    for (const recording of recordings) for (const record of parseRecording(recording).records) viewer.push(record);
    expect(viewer.end).toBeGreaterThan(40);

    expect({
      logs: found(print(logs, { depth: Number.POSITIVE_INFINITY })),
      reports: [...found(print(reports, { depth: Number.POSITIVE_INFINITY })), ...waysTo(reports, isCanary)],
      snapshots: [...found(snapshots.map(jsonOf).join('\n')), ...waysTo(snapshots, isCanary)],
      errors: found(
        print(
          errors.filter((error) => error instanceof Error),
          { depth: Number.POSITIVE_INFINITY, showHidden: true },
        ),
      ),
      things: found(print(errors, { depth: 6 })),
      json: found(errors.map(jsonOf).join('\n')),
      events: [ours, theirs].flatMap(({ events }) => waysTo(events, isCanary)),
      printed: [ours, theirs].flatMap(({ printed }) => found(printed.join('\n'))),
      recordings: recordings.flatMap(found),
      viewer: waysTo(viewer, isCanary),
    }).toEqual({
      ...{ logs: [], reports: [], snapshots: [], errors: [], things: [], json: [] },
      ...{ events: [], printed: [], recordings: [], viewer: [] },
    });
  },
);
