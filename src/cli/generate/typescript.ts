import type { RoamError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { postcardPayload } from '../../payload/postcard/index.js';
import { type AnyMethod, method } from '../../service/method.js';
import { service } from '../../service/service.js';
import { Failure } from '../failure.js';
import { Check, rust } from './check.js';
import type { Content, Description, MethodDescription, Use, Variant } from './description.js';
import { type Definition, type Definitions, define, type Expression, type Member, run } from './expression.js';
import { type ModuleNames, methodNames, moduleNames } from './names.js';

const WIDTH = 120;

/**
 * Returns a TypeScript module that defines the service.
 *
 * @throws Failure when a method can't be expressed, or its types have another id than the description says.
 */
export function typeScriptOf(description: Description): string {
  const check = new Check(description);
  check.methods();
  const definitions = define(description, check.used);
  const methods = methodsOf(description, definitions);
  checkIds(description, definitions, methods);
  const names = moduleNames(
    description,
    definitions.definitions.map(({ index }) => index),
  );
  return new Printer(description, names).module(definitions.definitions, methods);
}

/** A method, and the options that `method(…)` gets. */
interface MethodDefinition {
  readonly description: MethodDescription;
  /** The method's name in TypeScript. */
  readonly name: string;
  readonly options: readonly Member[];
}

function methodsOf(description: Description, { expressionOf }: Definitions): readonly MethodDefinition[] {
  const names = methodNames(description);
  return description.methods.map((each) => {
    const options: Member[] = [];
    if (each.args.length > 0) {
      const args = each.args.map(({ type }) => expressionOf(type));
      options.push({ name: 'args', value: { kind: 't', name: 'args', args } });
    }
    const isUnit = each.result.kind === 'plain' && each.result.name === '()';
    if (!isUnit) options.push({ name: 'result', value: expressionOf(each.result) });
    if (each.error !== undefined) options.push({ name: 'error', value: expressionOf(each.error) });
    return { description: each, name: names.get(each.name) as string, options };
  });
}

/** Defines the service in the same way as the generated module, and compares the ids with the description. */
function checkIds(description: Description, { definitions }: Definitions, methods: readonly MethodDefinition[]): void {
  const built = new Map<number, unknown>();
  for (const { index, expression } of definitions) built.set(index, run(expression, built));
  const defined = methods.map(({ name, options }): [string, AnyMethod] => [
    name,
    method(run({ kind: 'object', members: options }, built) as object),
  ]);
  let ids: Readonly<Record<string, bigint>>;
  try {
    ({ ids } = service(description.service, Object.fromEntries(defined), { codec: postcardPayload }));
  } catch (error) {
    // The service has two methods of the same id, or a name that is too long.
    if ((error as Partial<RoamError>).code !== 'invalid-argument') throw error;
    throw new Failure(`${description.service} can't be expressed: ${(error as Error).message}`, { cause: error });
  }
  for (const { name, description: each } of methods) {
    const id = ids[name] as bigint;
    if (id === each.id) continue;
    throw new Failure(
      `${description.service}.${each.name} has the id ${hex(each.id)}, and its types give ${hex(id)}: ` +
        'the description was changed, or roam 7.3 has not written it',
    );
  }
}

function hex(id: bigint): string {
  return `0x${id.toString(16).padStart(16, '0')}`;
}

/** A text on one line, or its parts. Each part gets a line of its own if they don't fit on one, or one has documentation. */
type Layout = string | { readonly open: string; readonly items: readonly Item[]; readonly close: string };

interface Item {
  readonly doc?: string | undefined;
  /** The text before the value: a name and a colon. */
  readonly label?: string;
  readonly value: Layout;
}

class Printer {
  readonly #description: Description;
  readonly #names: ModuleNames;

  constructor(description: Description, names: ModuleNames) {
    this.#description = description;
    this.#names = names;
  }

  module(definitions: readonly Definition[], methods: readonly MethodDefinition[]): string {
    const name = this.#names.service;
    const types = definitions.map((definition) => this.#definition(definition));
    const items = methods.map(({ description, name, options }) => ({
      doc: this.#methodDoc(description),
      label: `${keyOf(name)}: `,
      value: callOf('method', options.length === 0 ? [] : [this.#object(options)]),
    }));
    const call: Layout = {
      open: 'service(',
      items: [
        { value: `'${this.#description.service}'` },
        { value: items.length === 0 ? '{}' : { open: '{ ', items, close: ' }' } },
        { value: '{ codec: postcardPayload }' },
      ],
      close: ')',
    };
    const text = `${docOf(this.#description.doc, '')}export const ${name} = ${lay(call, '', 16 + name.length)};\n`;
    const body = [...types, text, `export default ${name};\n`].join('\n');
    // Many configurations report an unused import as an error.
    const uses = (what: string, when: boolean): string[] => (when ? [what] : []);
    const core = [...uses('method', methods.length > 0), 'service'];
    const codec = [
      'postcardPayload',
      ...uses(
        'type Type',
        definitions.some(({ isRecursive }) => isRecursive),
      ),
      ...uses(
        'type TypeOf',
        definitions.some(({ isRecursive }) => !isRecursive),
      ),
      ...uses('t', definitions.length > 0 || methods.some(({ options }) => options.length > 0)),
    ];
    return [
      `// @generated by roam-actors generate, from the Rust trait ${this.#description.service}. Don't change it: generate it anew.`,
      `import { ${core.join(', ')} } from 'roam-actors';`,
      `import { ${codec.join(', ')} } from 'roam-actors/postcard';`,
      '',
      body,
    ].join('\n');
  }

  /** Returns the trait's documentation, and the method as Rust has it: TypeScript has no names for the arguments. */
  #methodDoc({ name, doc, args, result, error }: MethodDescription): string {
    const shown = (use: Use): string => rust(use, this.#description);
    const list = args.map((arg) => `${arg.name}: ${shown(arg.type)}`).join(', ');
    const returned = error === undefined ? shown(result) : `Result<${shown(result)}, ${shown(error)}>`;
    const signature = `\`${name}(${list})${returned === '()' ? '' : ` -> ${returned}`}\``;
    return doc === undefined ? signature : `${doc.trimEnd()}\n\n${signature}`;
  }

  #definition({ index, expression, isRecursive }: Definition): string {
    const { doc, content } = this.#description.types[index] as Description['types'][number];
    const name = this.#names.types.get(index) as string;
    const head = isRecursive ? `export const ${name}: Type<${name}> = ` : `export const ${name} = `;
    const constant = `${docOf(doc, '')}${head}${lay(this.#layout(expression), '', head.length)};\n`;
    if (!isRecursive) return `${constant}export type ${name} = TypeOf<typeof ${name}>;\n`;
    return `${docOf(doc, '')}${this.#declaration(name, content)}\n${constant}`;
  }

  #layout(expression: Expression): Layout {
    switch (expression.kind) {
      case 't': {
        const { name, args } = expression;
        return args === undefined
          ? `t.${name}`
          : callOf(
              `t.${name}`,
              args.map((arg) => this.#layout(arg)),
            );
      }
      case 'type': {
        const name = this.#names.types.get(expression.index) as string;
        return expression.isLazy ? `t.lazy(() => ${name})` : name;
      }
      case 'object':
        return this.#object(expression.members);
      case 'array':
        return { open: '[', items: expression.elements.map((each) => ({ value: this.#layout(each) })), close: ']' };
      case 'literal':
        return String(expression.value);
    }
  }

  #object(members: readonly Member[]): Layout {
    if (members.length === 0) return '{}';
    const items = members.map(({ name, doc, value }) => ({
      doc,
      label: `${keyOf(name)}: `,
      value: this.#layout(value),
    }));
    return { open: '{ ', items, close: ' }' };
  }

  // ---- The TypeScript type of a type that contains itself ----

  #declaration(name: string, content: Description['types'][number]['content']): string {
    if (content.kind === 'struct') return `export interface ${name} {\n${this.#fields(content, '  ')}}\n`;
    if (content.kind !== 'enum') return `export type ${name} = ${this.#content(content, true)};\n`;
    const variants = content.variants.map((variant) => `\n${docOf(variant.doc, '  ')}  | ${this.#variant(variant)}`);
    return `export type ${name} =${variants.join('')};\n`;
  }

  #fields(content: Content & { kind: 'struct' }, indent: string): string {
    const lines = content.fields.map(
      ({ name, doc, type }) => `${docOf(doc, indent)}${indent}${keyOf(name)}: ${this.#type(type)};\n`,
    );
    return lines.join('');
  }

  #variant({ name, content }: Variant): string {
    if (content.kind === 'unit') return `{ tag: '${name}' }`;
    if (content.kind === 'tuple') {
      return `{ tag: '${name}'; value: ${content.types.length === 0 ? '{}' : this.#content(content, true)} }`;
    }
    return `{\n      tag: '${name}';\n      value: {\n${this.#fields(content, '        ')}      };\n    }`;
  }

  #content(content: Content, isNamed: boolean): string {
    if (content.kind === 'unit') return 'void';
    if (content.kind === 'struct') return `{\n${this.#fields(content, '')}}`;
    const types = content.types.map((each) => this.#type(each));
    return isNamed && types.length === 1 ? (types[0] as string) : `[${types.join(', ')}]`;
  }

  #type(use: Use): string {
    switch (use.kind) {
      case 'plain':
        return plainType(use.name);
      case 'list':
        if (use.inner.kind === 'plain' && use.inner.name === 'u8') return 'Uint8Array';
        return this.#list(use.inner);
      case 'array':
        return this.#list(use.inner);
      case 'set':
        return `Set<${this.#type(use.inner)}>`;
      case 'map':
        return `Map<${this.#type(use.key)}, ${this.#type(use.value)}>`;
      case 'option':
        return this.#isNullable(use.inner)
          ? `{ some: ${this.#type(use.inner)} } | null`
          : `${this.#type(use.inner)} | null`;
      case 'result':
        return `{ tag: 'Ok'; value: ${this.#type(use.ok)} } | { tag: 'Err'; value: ${this.#type(use.err)} }`;
      case 'type': {
        const name = this.#names.types.get(use.index);
        if (name !== undefined) return name;
        return this.#content(this.#description.types[use.index]?.content as Content, false);
      }
      case 'channel':
      case 'unsupported':
        throw new TypeError('the check has refused it');
    }
  }

  #list(inner: Use): string {
    const type = this.#type(inner);
    return inner.kind === 'option' || inner.kind === 'result' ? `(${type})[]` : `${type}[]`;
  }

  /** True if null or undefined is a value of the type. An option of it has a box then. */
  #isNullable(use: Use): boolean {
    if (use.kind === 'option') return true;
    if (use.kind === 'plain') return use.name === '()';
    if (use.kind !== 'type') return false;
    const { name, content } = this.#description.types[use.index] as Description['types'][number];
    if (content.kind === 'unit') return true;
    const isNewtype = name !== undefined && content.kind === 'tuple' && content.types.length === 1;
    return isNewtype && this.#isNullable(content.types[0] as Use);
  }
}

function plainType(name: (Use & { kind: 'plain' })['name']): string {
  if (name === '()') return 'void';
  if (name === 'bool') return 'boolean';
  if (name === 'char' || name === 'String') return 'string';
  return /64|128|size/.test(name) && name !== 'f64' ? 'bigint' : 'number';
}

/** Returns a name as a key of an object. A plain `__proto__` would set the object's prototype. */
function keyOf(name: string): string {
  if (name === '__proto__') return "['__proto__']";
  return name.includes('#') ? `'${name}'` : name;
}

function callOf(name: string, args: readonly Layout[]): Layout {
  return { open: `${name}(`, items: args.map((value) => ({ value })), close: ')' };
}

/** Lays the text out from `column` on. One column stays free for the character that follows. */
function lay(layout: Layout, indent: string, column: number): string {
  const line = onOneLine(layout, WIDTH - column - 1);
  if (line !== undefined) return line;
  if (typeof layout === 'string') return layout;
  const { open, items, close } = layout;
  const [only] = items;
  // A call with one argument that takes several lines shares its first and last line with the argument.
  if (open.endsWith('(') && items.length === 1 && only !== undefined && typeof only.value === 'object') {
    return `${open}${lay(only.value, indent, column + open.length)}${close}`;
  }
  const inner = `${indent}  `;
  const lines = items.map(({ doc, label = '', value }) => {
    const start = inner + label;
    return `${docOf(doc, inner)}${start}${lay(value, inner, start.length)},\n`;
  });
  return `${open.trimEnd()}\n${lines.join('')}${indent}${close.trimStart()}`;
}

/** Lays the text out on one line. Undefined if it takes more than `room` columns, or has documentation. */
function onOneLine(layout: Layout, room: number): string | undefined {
  if (typeof layout === 'string') return layout.length <= room ? layout : undefined;
  let text = layout.open;
  for (const [index, { doc, label = '', value }] of layout.items.entries()) {
    if (doc !== undefined) return undefined;
    text += (index === 0 ? '' : ', ') + label;
    const line = onOneLine(value, room - text.length);
    if (line === undefined) return undefined;
    text += line;
  }
  text += layout.close;
  return text.length <= room ? text : undefined;
}

/** Returns documentation as a comment. The text can't end the comment, and has no directives for a compiler. */
function docOf(doc: string | undefined, indent: string): string {
  if (doc === undefined) return '';
  const lines = doc
    .split('\n')
    .map((line) => printable(line).replaceAll('*/', '*\\/').replaceAll('@ts-', '@ts\\-').replace(/^ /, '').trimEnd());
  while (lines.at(-1) === '') lines.pop();
  while (lines[0] === '') lines.shift();
  if (lines.length === 0) return '';
  const [first = ''] = lines;
  if (lines.length === 1 && indent.length + first.length + 7 <= WIDTH) return `${indent}/** ${first} */\n`;
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */\n`].join('\n');
}
