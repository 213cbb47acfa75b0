/** A part of the code to mutate, and the tests that may detect its mutants. */
export interface Area {
  /** The files to mutate. */
  readonly mutate: readonly string[];
  /**
   * The tests to run: those that know the right behaviour by themselves. Tests that only compare with recorded behaviour are
   * left out.
   */
  readonly tests: readonly string[];
  /** The names of tests in these files that only detect a change of recorded behaviour. */
  readonly without?: RegExp;
}

/**
 * Returns the area of a machine: tested by its own paths and the oracle. Nearly all of a machine is made when its module is
 * loaded, so all tests run for each mutant.
 */
function machine(name: string, ...more: readonly string[]): Area {
  return {
    mutate: [`machines/${name}*.ts`, ...more],
    tests: [`test/machines/${name}.test.ts`],
    // These tests count the machine's transitions, and those that were reached.
    without: /every transition of the /,
  };
}

export const AREAS: Readonly<Record<string, Area>> = {
  handshake: machine('handshake'),
  keepalive: machine('keepalive'),
  connection: machine('connection'),
  request: machine('request'),
  channel: {
    ...machine('channel', 'machines/call-events.ts'),
    // The two other tests check the channel's limits, and that the time of binding makes no difference.
    tests: ['channel', 'credit', 'binding'].map((name) => `test/machines/${name}.test.ts`),
  },
  session: {
    ...machine('session', 'machines/session/*.ts', 'machines/events.ts'),
    // Start only from the states that the matrix shows: each condition alone, and each meeting of conditions once. There are
    // many other states.
    without:
      /every transition of the |, even |session: running\[(?!(?:\w+|outbox full|1 pending|2 undecided|1 active, 2 active|1 closed, 2 closed|[12] active, root released)\])[^\]]*\] \+/,
  },
  compile: {
    mutate: ['src/compile/*.ts'],
    tests: ['compile', 'differential', 'internals', 'scxml', 'stepper'].map((name) => `test/compile/${name}.test.ts`),
    // These tests read files of the project.
    without: /no other file of the library|one minor version of XState/,
  },
  wire: {
    mutate: ['src/wire/**/*.ts'],
    tests: ['id', 'idset', 'metadata', 'plain', 'sensitive'].map((name) => `test/wire/${name}.test.ts`),
  },
  codec: {
    mutate: ['src/codec/**/*.ts', 'src/base/frame-memory.ts'],
    tests: ['bytes', 'direct', 'fields', 'frames', 'odd', 'readme', 'scan', 'refusals', 'hostile', 'roundtrip'].map(
      (name) => `test/codec/${name}.test.ts`,
    ),
    // The first test needs more messages than a property's few runs give. The others take longer than all other tests, and
    // would give an endless loop as much time as they need.
    without:
      /with bits flipped|every single byte|every three bytes|says nothing of what the metadata|every length: (?:65535|65536|1048576)|than each form of/,
  },
};
