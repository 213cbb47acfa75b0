import { existsSync, readdirSync } from 'node:fs';

/** A part of the code to mutate, and the tests that may detect its mutants. */
export interface Area {
  /** The files to mutate. */
  readonly mutate: readonly string[];
  /**
   * The tests to run: those that know the right behaviour by themselves. Tests that only compare with recorded behaviour are
   * left out.
   */
  readonly tests: readonly string[];
  /** The names of tests in these files that are left out: most only detect a change of recorded behaviour. */
  readonly without?: RegExp;
  /** The names of tests that take longer than all others: they run on what the others have not noticed (`--again`). */
  readonly slow?: RegExp;
}

/**
 * Returns the area of a machine: tested by its own paths and the oracle. Nearly all of a machine is made when its module is
 * loaded, so all tests run for each mutant.
 */
function machine(name: string, ...mutate: readonly string[]): Area {
  return {
    mutate: mutate.length === 0 ? [`machines/${name}.ts`] : mutate,
    tests: [`test/machines/${name}.test.ts`],
    // These tests count the machine's transitions, and those that were reached.
    without: /every transition of the /,
  };
}

function testsOf(folder: string, ...names: readonly string[]): readonly string[] {
  return names.map((name) => `test/${folder}/${name}.test.ts`);
}

/** The protocol's own cases, played on real sessions. */
const TABLE = 'test/session/table.test.ts';

/** Tests of whole sessions, more than a thousand. They run on what the tests of the parts have not noticed. */
const WHOLE = /^every case of the table/;

/** Tests that take too long for a run with each mutant, or wait for the garbage collector. */
const LONG = /costs a fraction of what a session does|a hundred thousand calls|not reachable any more/;

/** Tests of queues and limits on whole sessions. */
const FLOW = testsOf(
  'session',
  'flow',
  'flood',
  'limits',
  'outbox',
  'pacing',
  'unread',
  'unread-after-close',
  'first-frame',
);

export const AREAS: Readonly<Record<string, Area>> = {
  'machines/handshake': machine('handshake'),
  'machines/keepalive': machine('keepalive'),
  'machines/connection': machine('connection'),
  'machines/call': machine('call', 'machines/call.ts', 'machines/calls.ts'),
  'machines/channel': {
    ...machine('channel'),
    mutate: ['channel', 'channels', 'sender', 'receiver', 'unbound-channel', 'call-events'].map(
      (name) => `machines/${name}.ts`,
    ),
    // The two other tests check the channel's limits, and that the time of binding makes no difference.
    tests: testsOf('machines', 'channel', 'credit', 'binding'),
  },
  'machines/session': {
    ...machine('session', 'machines/session/*.ts', 'machines/events.ts'),
    // Start only from the states that the matrix shows: each condition alone, and each meeting of conditions once. There are
    // many other states.
    without:
      /every transition of the |, even |session: running\[(?!(?:\w+|outbox full|1 pending|2 undecided|1 active, 2 active|1 closed, 2 closed|[12] active, root released)\])[^\]]*\] \+/,
  },
  'machines/reliable': machine('reliable'),
  'machines/pacing': machine('pacing'),
  'machines/client': machine('client'),
  compile: {
    mutate: ['src/compile/*.ts'],
    tests: testsOf('compile', 'child', 'compile', 'contexts', 'differential', 'internals', 'root', 'scxml', 'stepper'),
    // The first two tests read files of the project. The last ones try XState alone.
    without: /no other file of the library|one minor version of XState|^XState passes/,
    slow: /forgets configurations beyond|keeps no more than it may|more than 10 000 configurations|more than 50 000 plans/,
  },
  wire: {
    mutate: ['src/wire/**/*.ts'],
    tests: testsOf('wire', 'id', 'idset', 'metadata', 'plain', 'sensitive'),
  },
  codec: {
    mutate: ['src/codec/**/*.ts', 'src/base/frame-memory.ts'],
    tests: testsOf(
      'codec',
      ...['bytes', 'direct', 'fields', 'frames', 'malformed', 'metadata', 'odd', 'postcard', 'scan', 'refusals'],
      ...['hostile', 'roundtrip'],
    ),
    // The first test needs more messages than a property's few runs give. The others take longer than all other tests, and
    // would give an endless loop as much time as they need.
    without:
      /with bits flipped|every single byte|every three bytes|says nothing of what the metadata|every length: (?:65535|65536|1048576)|than each form of/,
  },
  queue: {
    mutate: ['src/conduit/input-queue.ts'],
    tests: [...testsOf('conduit', 'input-queue'), ...FLOW, ...testsOf('session', 'ordering', 'crash')],
    without: LONG,
  },
  outbox: {
    mutate: ['src/conduit/outbox.ts', 'src/conduit/frame-pool.ts', 'src/conduit/paced-link.ts'],
    tests: [
      ...testsOf('conduit', 'frame-pool', 'outbox', 'paced-link'),
      ...FLOW,
      ...testsOf('session', 'drain', 'reuse'),
      TABLE,
    ],
    without: LONG,
    slow: WHOLE,
  },
  conduit: {
    mutate: ['conduit', 'costs', 'first-frame', 'format', 'pending-requests', 'receive-queue'].map(
      (name) => `src/conduit/${name}.ts`,
    ),
    tests: [
      ...testsOf('conduit', 'conduit', 'pending-requests', 'receive-queue'),
      ...FLOW,
      ...testsOf('session', 'format', 'signals', 'callbacks', 'crash', 'ends', 'interrupted'),
      ...['test/link/frame-limit.test.ts', 'test/server/authentication.test.ts'],
      TABLE,
    ],
    without: LONG,
    slow: WHOLE,
  },
  session: {
    mutate: ['src/session/*.ts'],
    tests: [
      ...testsOf(
        'session',
        ...['arguments', 'callbacks', 'close-reason', 'connection', 'crash', 'drain', 'early', 'ends', 'fast-path'],
        ...['ends-handshake', 'first-frame', 'flow', 'hostile-text', 'host', 'interpreter', 'interrupted', 'late'],
        ...['limits', 'open-early', 'ordering', 'pacing', 'pair', 'peers', 'proxy', 'sensitive', 'signals', 'stale'],
        ...['unreachable', 'unread', 'unread-after-close'],
      ),
      ...testsOf('calls', 'caller', 'handler', 'inspect', 'pair', 'proxy', 'ran'),
      ...testsOf('service', 'service'),
      'test/server/authentication.test.ts',
      TABLE,
    ],
    // The fast path's tests count what a property of few runs has not reached.
    without:
      /costs a fraction of what a session does|not reachable any more|does what the machines do, to the byte|ten thousand opens|SENSITIVE value of (?:msgpack|json)/,
    slow: WHOLE,
  },
  calls: {
    mutate: ['calls', 'drain', 'incoming-call', 'outgoing-call', 'scope', 'serving', 'shared-ids'].map(
      (name) => `src/calls/${name}.ts`,
    ),
    tests: [
      ...testsOf(
        'calls',
        'caller',
        'channels',
        'handler',
        'pair',
        'proxy',
        'ran',
        'refusals',
        'dropped',
        'inspect',
        'released',
        'shared-ids',
        'unbound-channel',
      ),
      ...testsOf('session', 'drain', 'limits'),
      ...testsOf('service', 'service', 'refusals'),
      TABLE,
    ],
    without: LONG,
    slow: WHOLE,
  },
  channels: {
    mutate: [
      ...['channel', 'channel-end', 'channel-state', 'channels', 'receiver', 'sender', 'streams', 'unbound-channel'],
      'unreachable',
    ].map((name) => `src/calls/${name}.ts`),
    tests: [
      ...testsOf('calls', 'channels', 'released', 'dropped', 'handler', 'inspect', 'refusals', 'unbound-channel'),
      ...testsOf('service', 'channels', 'schema', 'streams'),
      ...testsOf('session', 'drain'),
      TABLE,
    ],
    without: /a hundred thousand calls/,
    slow: /^every case of the table|not reachable any more/,
  },
  service: {
    mutate: ['src/service/*.ts'],
    tests: [
      ...testsOf(
        'service',
        ...['service', 'channels', 'interceptors', 'passed', 'postcard-ids', 'refusals', 'routes', 'schema', 'streams'],
        'postcard-service',
      ),
      ...testsOf('calls', 'ran'),
      ...testsOf('peers', 'rust'),
      ...testsOf('session', 'drain'),
    ],
  },
  client: {
    mutate: ['client-node', 'dialer', 'network', 'options', 'reconnecting-client', 'service-handle', 'status'].map(
      (name) => `src/client/${name}.ts`,
    ),
    tests: testsOf('client', 'client', 'drain', 'network', 'resume', 'scripts'),
    without: LONG,
  },
  reliable: {
    mutate: ['src/reliable/*.ts'],
    tests: testsOf('reliable', 'acceptor', 'frames', 'link', 'random', 'session'),
    slow: /over TCP|000 times|10 000 links|200 random schedules|message of a mebibyte/,
  },
  links: {
    mutate: ['src/link/*.ts'],
    tests: [
      ...testsOf(
        'link',
        ...['connect', 'frame-limit', 'hostile', 'intake', 'listen', 'memory', 'network', 'ports', 'socket-standard'],
        ...['socket-ws', 'stream', 'tcp', 'tcp-contract', 'websocket', 'websocket-connect', 'websocket-contract'],
        ...['websocket-listen', 'window'],
      ),
      ...testsOf('server', 'authentication', 'drain', 'server'),
      ...testsOf('session', 'early', 'format'),
    ],
    slow: /drained is told for little|message of a mebibyte|gibibyte|every length|262140|as a child process has them|a flood of empty messages/,
  },
};

/** Returns the files that a pattern names: one file, or all of a folder, with or without those of its folders. */
export function filesOf(pattern: string): readonly string[] {
  const [, folder, deep] = /^(.+?)\/(\*\*\/)?\*\.ts$/.exec(pattern) ?? [];
  if (folder === undefined) return existsSync(pattern) ? [pattern] : [];
  return readdirSync(folder, { recursive: deep !== undefined, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${folder}/${path}`)
    .sort();
}
