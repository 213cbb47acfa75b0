/** A part of the code whose mutants are tried, and what may notice them. */
export interface Area {
  /** Which files are mutated. */
  readonly mutate: readonly string[];
  /** Which tests are run: what knows what is right by itself, and nothing that only knows what was there before. */
  readonly tests: readonly string[];
  /** Tests in these files that only notice change: by their names. */
  readonly without?: RegExp;
}

/** A machine, by its own paths and the oracle: nearly all that it is is made when it is loaded, and so all tests are run. */
function machine(name: string, ...more: readonly string[]): Area {
  return {
    mutate: [`machines/${name}*.ts`, ...more],
    tests: [`test/machines/${name}.test.ts`],
    // They count what the machine has, and what of it was reached.
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
    // And what its limits are, and when it makes no difference that it is bound.
    tests: ['channel', 'credit', 'binding'].map((name) => `test/machines/${name}.test.ts`),
  },
  session: {
    ...machine('session', 'machines/session/*.ts', 'machines/events.ts'),
    // From the states that the matrix has: each thing that can be so by itself, and where they meet. Others are many.
    without:
      /every transition of the |, even |session: running\[(?!(?:\w+|outbox full|1 pending|2 undecided|1 active, 2 active|1 closed, 2 closed|[12] active, root released)\])[^\]]*\] \+/,
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
    // The first wants to see so many messages that a property's few runs are not enough; the others take longer than all
    // else, and give an endless loop as long as they would have needed.
    without:
      /with bits flipped|every single byte|every three bytes|says nothing of what the metadata|every length: (?:65535|65536|1048576)|than each form of/,
  },
};
