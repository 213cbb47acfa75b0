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
    // The first counts what the machine has, and what of it was reached; the others are the mirror of some that are there.
    without: /every transition of the |^reference, even /,
  };
}

export const AREAS: Readonly<Record<string, Area>> = {
  handshake: machine('handshake'),
  keepalive: machine('keepalive'),
  connection: machine('connection'),
  session: machine('session', 'machines/events.ts'),
  wire: {
    mutate: ['src/wire/**/*.ts'],
    tests: ['id', 'idset', 'metadata', 'sensitive'].map((name) => `test/wire/${name}.test.ts`),
  },
  codec: {
    mutate: ['src/codec/**/*.ts'],
    tests: ['bytes', 'readme', 'scan', 'refusals', 'hostile', 'roundtrip'].map((name) => `test/codec/${name}.test.ts`),
    // Thousands of random frames: they take longer than all others together.
    without: /^whatever bytes /,
  },
};
