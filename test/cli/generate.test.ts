import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import ts from 'typescript';
import { verdictOn } from '../../src/cli/failure.js';
import { generate } from '../../src/cli/generate/command.js';
import { readDescription } from '../../src/cli/generate/description.js';
import { typeScriptOf } from '../../src/cli/generate/typescript.js';
import type { Service } from '../../src/service/service.js';
import { run } from './command.js';

jest.setTimeout(120_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const stored = (path: string): string => readFileSync(join(root, path), 'utf8');

// Descriptions that the official crates have written, by the file that `--rust` prints: test/reference/generate.ts
// compares them with what the crates write today.
const TESTBED = 'examples/rust/testbed.json';
const ODD = stored('test/cli/generate/odd.json');
const IMPOSSIBLE = stored('test/cli/generate/impossible.json');
/** Arguments with ends of channels within structs, and a credit of 256 that the preset for Rust refuses. */
const SKIP = ['--skip', 'nested', '--skip', 'nested_only', '--skip', 'sum_wide'];

const folder = mkdtempSync(join(tmpdir(), 'roam-actors-generate-'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
afterAll(() => rmSync(folder, { recursive: true }));

const moduleOf = (json: string): string => typeScriptOf(readDescription(json));

/** The line that the command would print. */
function refusalOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    const { line, status } = verdictOn(error);
    expect(status).toBe(1);
    return line;
  }
  throw new Error('it is not refused');
}

/** A description with methods and types; the ids are not right. */
function description(methods: readonly object[], types: readonly object[] = [], more: object = {}): string {
  return JSON.stringify({ format: 'roam service', version: 1, service: 'Shop', methods, types, ...more });
}

const ID = '0x0000000000000000';
const taking = (type: unknown): object => ({ name: 'take', id: ID, args: [{ name: 'it', type }], result: '()' });

/** Returns the module of a description. Its ids are corrected first. */
function corrected(json: string): string {
  for (let text = json, left = 50; left > 0; left--) {
    try {
      return moduleOf(text);
    } catch (error) {
      const [, wrong = '', right = ''] = /has the id (0x\w+), and its types give (0x\w+):/.exec(String(error)) ?? [];
      if (right === '') throw error;
      text = text.replace(`"${wrong}"`, `"${right}"`);
    }
  }
  throw new Error('the ids stay wrong');
}

describe('roam-actors generate', () => {
  test('writes the stored module of the stored description, each time', async () => {
    const file = join(folder, 'written.ts');
    for (const output of [file, file]) {
      expect(await run(['generate', TESTBED, '-o', output, ...SKIP])).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(readFileSync(file, 'utf8')).toBe(stored('examples/rust/testbed.ts'));
    }
  });

  test('reads a description from standard input, and prints the module', async () => {
    expect(await run(['generate', '-'], ODD)).toEqual({
      status: 0,
      stdout: stored('test/cli/generate/odd.txt'),
      stderr: '',
    });
  });

  test('prints the file of Rust that the description is written by', async () => {
    const stdout = stored('src/cli/generate/describe.rs');
    expect(await run(['generate', '--rust'])).toEqual({ status: 0, stdout, stderr: '' });
    expect(stdout).toContain('pub fn json(service: &ServiceDescriptor) -> String');
    // The package contains no other file of src/.
    expect((JSON.parse(stored('package.json')) as { files: string[] }).files).toContain('src/cli/generate/describe.rs');
  });

  test.each<[args: string[], status: number, line: string]>([
    [[], 2, 'generate needs a description, such as testbed.json, or --rust'],
    [['a.json', 'b.json'], 2, 'generate takes one description, not 2'],
    [['a.json', '--rust'], 2, 'generate takes a description or --rust, not both'],
    [['a.json', '-o', './a.json'], 2, '--output is the description itself'],
    [['no/such.json'], 1, "cannot read no/such.json: ENOENT: no such file or directory, open 'no/such.json'"],
    [['/dev/zero'], 1, 'cannot read /dev/zero: it has more than 16777216 bytes'],
    [[process.execPath], 1, `cannot read ${process.execPath}: it has more than 16777216 bytes`],
    [[TESTBED, '--skip', 'nothing_such'], 1, `${TESTBED}: Testbed has no method 'nothing_such' to skip`],
    [
      [TESTBED, ...SKIP, '-o', 'no/such/folder.ts'],
      1,
      'cannot write no/such/folder.ts: ENOENT: no such file or directory',
    ],
    [
      [TESTBED],
      1,
      `${TESTBED}: Testbed.nested can't be expressed: the argument ends, input: Rx<i32>: an end of a channel can only be ` +
        'an argument itself (--skip nested --skip nested_only leaves out all 2 such methods)',
    ],
  ])('says what is wrong with %j', async (args, status, line) => {
    const error: unknown = await generate.run(args).catch((reason: unknown) => reason);
    expect(verdictOn(error)).toEqual({ status, line: expect.stringContaining(line) });
  });

  test('writes nothing where it refuses', async () => {
    const file = join(folder, 'refused.ts');
    await generate.run([TESTBED, '-o', file]).catch(() => {});
    expect(existsSync(file)).toBe(false);
  });
});

describe('a generated module', () => {
  const hostile = corrected(
    description(
      [
        {
          name: 'evil',
          doc: ' ends */ process.exit() /* \u202e \u2028\n@ts-expect-error\n',
          id: ID,
          args: [],
          result: 'u8',
        },
        { name: '__proto__', id: ID, args: [{ name: '__proto__', type: { type: 0 } }], result: { type: 1 } },
        { name: 'proto', id: ID, args: [{ name: 'it', type: { type: 2 } }], result: { type: 3 } },
        { name: 'toJSON', id: ID, args: [{ name: 'it', type: { type: 4 } }], result: { type: 5 } },
      ],
      [
        {
          name: '"; process.exit(); //',
          doc: '@ts-ignore',
          struct: [{ name: '__proto__', type: { option: { type: 0 } } }],
        },
        {
          name: "'*/`",
          enum: [{ name: '__proto__', doc: '*/', struct: [{ name: 'class', doc: '*/ x', type: 'u8' }] }],
        },
        { name: '<>', doc: '', tuple: ['u8'] },
        { name: 'class', doc: '\n\n', enum: [{ name: 'constructor', tuple: [{ list: { type: 3 } }] }] },
        { name: 'Shop', struct: [{ name: 'valueOf', type: { map: ['String', { type: 4 }] } }] },
        { name: 'Shop', struct: [] },
      ].map(({ doc, ...type }) => (doc ? { doc, ...type } : type)),
    ),
  );
  const modules: Readonly<Record<string, string>> = {
    testbed: stored('examples/rust/testbed.ts'),
    odd: stored('test/cli/generate/odd.txt'),
    hostile,
    empty: moduleOf(description([])),
    bare: corrected(description([{ name: 'go', id: ID, args: [], result: '()' }])),
  };

  test('compiles with every strict option, as a module of a user', () => {
    const files = Object.entries(modules).map(([name, text]) => {
      const file = join(folder, `${name}.ts`);
      writeFileSync(file, text);
      return file;
    });
    const program = ts.createProgram(files, {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      verbatimModuleSyntax: true,
      isolatedModules: true,
      erasableSyntaxOnly: true,
      skipLibCheck: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      paths: {
        'roam-actors': [join(root, 'src/index.ts')],
        'roam-actors/postcard': [join(root, 'src/payload/postcard/index.ts')],
      },
    });
    const found = files.flatMap((file) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    const texts = found.map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
    expect(texts).toEqual([]);
  });

  /** Runs a module. It imports the package by its name, which leads to the sources here. */
  async function imported(name: string): Promise<Readonly<Record<string, unknown>>> {
    const file = join(folder, `${name}-run.ts`);
    const text = (modules[name] as string)
      .replace("'roam-actors'", `'${join(root, 'src/index.ts')}'`)
      .replace("'roam-actors/postcard'", `'${join(root, 'src/payload/postcard/index.ts')}'`);
    writeFileSync(file, text);
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  }

  test.each([
    ['testbed', 'Testbed', stored(TESTBED)],
    ['odd', 'Odd', ODD],
  ])('has the ids of the official macros: %s', async (name, exported, json) => {
    const module = await imported(name);
    const defined = module[exported] as Service;
    expect(module['default']).toBe(defined);
    const { methods } = JSON.parse(json) as { methods: { name: string; id: string }[] };
    const ids = methods.filter(({ name }) => !SKIP.includes(name)).map(({ id }) => BigInt(id));
    expect(Object.values(defined.ids)).toEqual(ids);
  });

  test('does nothing that a name or a comment says', async () => {
    const { Shop } = await imported('hostile');
    expect(Object.keys((Shop as Service).methods)).toEqual(['evil', 'proto', 'proto_', 'toJSON_']);
    // The module's first comment is ours, and no comment ends before its own end.
    expect(hostile).toContain(`    /**
     * ends *\\/ process.exit() /* \\u202e \\u2028
     * @ts\\-expect-error
     *
     * \`evil() -> u8\`
     */`);
    expect(hostile).toContain(`export interface ProcessExit {\n  ['__proto__']: ProcessExit | null;\n}`);
  });
});

describe('what can not be expressed', () => {
  test.each([
    ['slice', 'the argument bytes: [u8]: its id is not that of Vec<u8>: take Vec<u8>'],
    ['thin_list', 'the result: Vec<ThinByte>: its id is not that of Vec<u8>: take Vec<u8>'],
    ['lasting', 'the argument time: Duration: a proxy decides its bytes'],
    ['skipped', 'the argument skipped: Skipped: #[facet(skip)] of its field skipped decides its bytes'],
    ['flat', 'the result: Flat: #[facet(flatten)] of its field point decides its bytes'],
    ['proxied', 'the result: Proxied: a proxy decides its bytes'],
    ['numeric', 'the argument level: Level: #[facet(untagged, is_numeric, tag or cow)] decides its bytes'],
    ['untagged', 'the argument either: Either: #[facet(untagged, is_numeric, tag or cow)] decides its bytes'],
    ['ends', 'the argument ends, input: Rx<i32>: an end of a channel can only be an argument itself'],
    ['maybe', 'the argument maybe: Tx<i32>: an end of a channel can only be an argument itself'],
    ['lists', 'the argument list: Rx<u8>: an end of a channel can only be an argument itself'],
    ['endless', 'the argument endless, again: Endless: it contains itself without an end, and so has no values'],
  ])('is said with the method and the type: %s', (name, why) => {
    const whole = readDescription(IMPOSSIBLE);
    const methods = whole.methods.filter((method) => method.name === name);
    expect(methods).toHaveLength(1);
    expect(refusalOf(() => typeScriptOf({ ...whole, methods }))).toBe(
      `Impossible.${name} can't be expressed: ${why} (--skip ${name} leaves the method out)`,
    );
  });

  test('is every method of that trait', () => {
    expect(readDescription(IMPOSSIBLE).methods).toHaveLength(12);
  });

  const double = (_: unknown, index: number) => ({
    name: `D${index}`,
    tuple: [{ type: index + 1 }, { type: index + 1 }],
  });
  const chain = (_: unknown, index: number) => ({
    name: `C${index}`,
    struct: [{ name: 'n', type: { option: { type: index + 1 } } }],
  });
  test.each<[what: string, types: object[], why: string]>([
    ['doubles itself 40 times', [...Array.from({ length: 40 }, double), { name: 'End' }], 'are more than 1048576'],
    ['is 10 000 deep', [...Array.from({ length: 10_000 }, chain), { name: 'End' }], 'is nested more than 128 deep'],
    ['has no variants', [{ name: 'Never', enum: [] }], 'Never: it has no variants, and so no values'],
    ['is its own newtype', [{ name: 'Self', tuple: [{ type: 0 }] }], 'it contains itself without an end'],
    ['is its own tuple', [{ tuple: [{ type: 0 }, 'u8'] }], 'it contains itself without an end'],
    [
      'is too long an array',
      [{ name: 'A', tuple: [{ array: 'u8', length: 65_537 }] }],
      '[u8; 65537]: an array has up to 65536',
    ],
  ])('may be a type that %s', (_, types, why) => {
    const line = refusalOf(() => moduleOf(description([taking({ type: 0 })], types)));
    expect(line).toMatch(/^Shop\.take can't be expressed: the argument it/);
    expect(line).toContain(why);
  });
});

describe('an id', () => {
  test('that its types do not give is refused, with both', () => {
    expect(refusalOf(() => moduleOf(ODD.replace('0xf44fd2eef9be105b', '0xf44fd2eef9be105c')))).toBe(
      'Odd.evaluate has the id 0xf44fd2eef9be105c, and its types give 0xf44fd2eef9be105b: ' +
        'the description was changed, or roam 7.3 has not written it',
    );
  });

  test.each([
    [
      'a type of a field',
      '"name": "every", "doc": " Itself.", "type": { "option"',
      '"name": "every", "doc": " Itself.", "type": { "list"',
    ],
    ['the name of a field', '{ "name": "pings", "type"', '{ "name": "pongs", "type"'],
    ['the name of a variant', '{ "name": "Nothing" }\n', '{ "name": "Something" }\n'],
    ['an argument', '"name": "HTTPPort", "type": "u16"', '"name": "HTTPPort", "type": "u32"'],
    ['the length of an array', '"array": "u8", "length": 4', '"array": "u8", "length": 5'],
    ['the direction of a channel', '{ "rx": { "type": 0 }', '{ "tx": { "type": 0 }'],
    ['the name of the service', '"service": "Odd"', '"service": "Even"'],
  ])('finds %s that was changed', (_, from, to) => {
    expect(ODD).toContain(from);
    expect(refusalOf(() => moduleOf(ODD.replace(from, to)))).toMatch(
      /^(Odd|Even)\.\w+ has the id 0x\w+, and its types give 0x/,
    );
  });
});

describe('a description', () => {
  test.each<[json: string, line: string | RegExp]>([
    ['', /^it is not JSON: /],
    ['{', /^it is not JSON: /],
    ['[]', 'it is no description of a service: the file of generate --rust writes one'],
    ['null', 'it is no description of a service: the file of generate --rust writes one'],
    [
      '{"format":"roam service","version":2}',
      'its version is 2, and this program reads version 1: take the file of generate --rust of the same version of roam-actors',
    ],
    ['{"format":"roam service","version":1}', 'the description has no service'],
    [description([], [], { evil: 1 }), "the description has 'evil', which means nothing here"],
    [
      '{"format":"roam service","version":1,"service":"S","methods":[],"types":[],"__proto__":{"methods":1}}',
      "the description has '__proto__', which means nothing here",
    ],
    [description([], [], { service: "X', {}); evil(); //" }), /^service must be an identifier of Rust, not 'X', /],
    [description([], [], { service: '' }), "service must be an identifier of Rust, not ''"],
    [description([], [], { doc: 7 }), 'the description.doc must be a text, not 7'],
    [description([], [], { methods: {} }), 'methods must be an array, not an object'],
    [description([7 as never]), 'methods[0] must be an object, not 7'],
    [description([{ ...taking('u8'), name: 'a*/b' }]), "methods[0].name must be an identifier of Rust, not 'a*/b'"],
    [description([{ ...taking('u8'), name: '7' }]), "methods[0].name must be an identifier of Rust, not '7'"],
    [description([{ ...taking('u8'), id: 7 }]), 'methods[0].id must be a text, not 7'],
    [description([{ ...taking('u8'), id: '0x7' }]), "methods[0].id must be 0x and 16 hexadecimal digits, not '0x7'"],
    [description([taking('u8'), taking('u8')]), 'methods has take twice'],
    [description([taking('toString')]), "methods[0].args[0].type must be a type, such as 'u32', not 'toString'"],
    [description([taking({})]), "methods[0].args[0].type has '', which is no kind of type"],
    [description([taking({ list: 'u8', set: 'u8' })]), "methods[0].args[0].type has 'set', which means nothing here"],
    [description([taking({ map: ['u8'] })]), 'methods[0].args[0].type.map must have 2 elements, not 1'],
    [description([taking({ type: 0 })]), 'methods[0].args[0].type names a type, and there are none'],
    [
      description([taking({ type: 1 })], [{ name: 'A' }]),
      'methods[0].args[0].type.type must be an integer from 0 to 0, not 1',
    ],
    [
      description([taking({ rx: 'u8', credit: -1 })]),
      'methods[0].args[0].type.credit must be an integer from 0 to 4294967295, not -1',
    ],
    [description([], [{ tuple: [], struct: [] }]), 'types[0] must be one of tuple, struct and enum'],
    [description([], [{ struct: [] }]), 'types[0].name must be a text, not undefined'],
    [
      description([], [{ name: 'A', struct: ['a', 'a'].map((name) => ({ name, type: 'u8' })) }]),
      'types[0].struct has a twice',
    ],
    [
      description([], [{ name: 'A', enum: [{ name: 'B', tuple: [], struct: [] }] }]),
      'types[0].enum[0] must be one of tuple and struct',
    ],
    [
      description([], [{ name: 'A', enum: [{ name: "B'" }] }]),
      "types[0].enum[0].name must be an identifier of Rust, not 'B''",
    ],
  ])('is checked: %s', (json, line) => {
    expect(refusalOf(() => moduleOf(json))).toEqual(typeof line === 'string' ? line : expect.stringMatching(line));
  });

  test('of any depth is refused, not run out of stack', () => {
    const nested = (count: number): string => `${'{"list":'.repeat(count)}"u8"${'}'.repeat(count)}`;
    const deep = (count: number): string => description([taking('?')]).replace('"?"', nested(count));
    const tooDeep = /^methods\[0\]\.args\[0\]\.type\.list\.list.* is nested more than 64 deep$/;
    expect(corrected(deep(64))).toContain('t.bytes');
    for (const count of [65, 1_000_000]) expect(refusalOf(() => moduleOf(deep(count)))).toMatch(tooDeep);
  });

  test('with two methods of the same id is refused', () => {
    const twice = description(['get_it', 'getIt'].map((name) => ({ name, id: ID, args: [], result: 'u8' })));
    expect(refusalOf(() => moduleOf(twice))).toMatch(/^Shop can't be expressed: getIt and getIt_ have the same id: 0x/);
  });

  test('with many types of one name takes no time to speak of', () => {
    const types = Array.from({ length: 5_000 }, () => ({ name: 'A', struct: [] }));
    const all = { name: 'All', tuple: types.map((_, index) => ({ type: index })) };
    const module = corrected(description([taking({ type: types.length })], [...types, all]));
    expect(module).toContain('export type A5000 = ');
  });
});
