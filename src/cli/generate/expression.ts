import { t } from '../../payload/postcard/index.js';
import { type Content, type Description, PLAIN, type Use } from './description.js';

// The types of the generated program, in a form that can be printed and run. So the printed types have exactly the ids that
// were checked.

export type Expression =
  /** `t.name`, or `t.name(…)`. */
  | { readonly kind: 't'; readonly name: keyof typeof t; readonly args?: readonly Expression[] }
  /** The constant of a type, or `t.lazy(() => …)` where the constant is not yet defined. */
  | { readonly kind: 'type'; readonly index: number; readonly isLazy: boolean }
  | { readonly kind: 'object'; readonly members: readonly Member[] }
  | { readonly kind: 'array'; readonly elements: readonly Expression[] }
  | { readonly kind: 'literal'; readonly value: null | number };

export interface Member {
  readonly name: string;
  readonly doc?: string | undefined;
  readonly value: Expression;
}

/** A type that gets a constant of its own. */
export interface Definition {
  readonly index: number;
  readonly expression: Expression;
  /** True if the type contains itself. TypeScript can't infer its type then. */
  readonly isRecursive: boolean;
}

/** The definitions of the used types, each after the types that it contains, and expressions for uses of types. */
export interface Definitions {
  readonly definitions: readonly Definition[];
  /** Returns the expression for a use that comes after all definitions. */
  expressionOf(use: Use): Expression;
}

export function define(description: Description, used: readonly number[]): Definitions {
  const { types } = description;
  const groups = groupsOf(description, used);
  const defined = new Set<number>();
  const recursive = new Set(groups.filter(({ isRecursive }) => isRecursive).flatMap(({ members }) => members));

  function call(name: keyof typeof t, ...args: readonly Expression[]): Expression {
    return { kind: 't', name, args };
  }

  function expressionOf(use: Use): Expression {
    switch (use.kind) {
      case 'plain':
        return { kind: 't', name: PLAIN[use.name] };
      case 'list':
        if (use.inner.kind === 'plain' && use.inner.name === 'u8') return { kind: 't', name: 'bytes' };
        return call('list', expressionOf(use.inner));
      case 'set':
      case 'option':
        return call(use.kind, expressionOf(use.inner));
      case 'array':
        return call('array', expressionOf(use.inner), { kind: 'literal', value: use.length });
      case 'map':
        return call('map', expressionOf(use.key), expressionOf(use.value));
      case 'result':
        return call('result', expressionOf(use.ok), expressionOf(use.err));
      case 'channel': {
        const credit: Expression = { kind: 'literal', value: use.credit };
        return call(use.direction, expressionOf(use.item), {
          kind: 'object',
          members: [{ name: 'credit', value: credit }],
        });
      }
      case 'type':
        // A tuple has no name. Only a tuple that contains itself needs a constant.
        if (types[use.index]?.name === undefined && !recursive.has(use.index)) return bodyOf(use.index);
        return { kind: 'type', index: use.index, isLazy: !defined.has(use.index) };
      case 'unsupported':
        throw new TypeError('the check has refused it');
    }
  }

  function bodyOf(index: number): Expression {
    const { name, content } = types[index] as Description['types'][number];
    switch (content.kind) {
      case 'unit':
        return { kind: 't', name: 'unit' };
      case 'tuple': {
        const [first, ...more] = content.types;
        // A struct of one unnamed field has the value of its field. A tuple of one is an array.
        if (name !== undefined && first !== undefined && more.length === 0) return call('newtype', expressionOf(first));
        return call('tuple', ...content.types.map(expressionOf));
      }
      case 'struct':
        return call('struct', fieldsOf(content, recursive.has(index)));
      case 'enum': {
        const hasDocs = !recursive.has(index);
        const members = content.variants.map(({ name, doc, content }) => ({
          name,
          doc: hasDocs ? doc : undefined,
          value: variantOf(content, !hasDocs),
        }));
        return call('enum', { kind: 'object', members });
      }
    }
  }

  /** The documentation of a type that contains itself stands at its TypeScript type, not here. */
  function fieldsOf(content: Content & { kind: 'struct' }, isRecursive: boolean): Expression {
    const members = content.fields.map(({ name, doc, type }) => ({
      name,
      doc: isRecursive ? undefined : doc,
      value: expressionOf(type),
    }));
    return { kind: 'object', members };
  }

  function variantOf(content: Content, isRecursive: boolean): Expression {
    if (content.kind === 'unit') return { kind: 'literal', value: null };
    if (content.kind === 'struct') return fieldsOf(content, isRecursive);
    const [first, ...more] = content.types;
    if (first === undefined) return { kind: 'object', members: [] };
    return more.length === 0
      ? expressionOf(first)
      : { kind: 'array', elements: content.types.map((each) => expressionOf(each)) };
  }

  const definitions: Definition[] = [];
  for (const { members, isRecursive } of groups) {
    for (const index of members) {
      if (types[index]?.name === undefined && !isRecursive) continue;
      definitions.push({ index, expression: bodyOf(index), isRecursive });
      defined.add(index);
    }
  }
  return { definitions, expressionOf };
}

/** Runs an expression. `built` has the types that are defined so far. */
export function run(expression: Expression, built: ReadonlyMap<number, unknown>): unknown {
  switch (expression.kind) {
    case 't': {
      const { name, args } = expression;
      const type: unknown = t[name];
      return args === undefined
        ? type
        : (type as (...args: unknown[]) => unknown)(...args.map((arg) => run(arg, built)));
    }
    case 'type': {
      const { index, isLazy } = expression;
      return isLazy ? t.lazy(() => built.get(index) as never) : built.get(index);
    }
    case 'object':
      return Object.fromEntries(expression.members.map(({ name, value }) => [name, run(value, built)]));
    case 'array':
      return expression.elements.map((each) => run(each, built));
    case 'literal':
      return expression.value;
  }
}

/** A group of types that contain each other, or a single type, which may contain itself. */
interface Group {
  readonly members: readonly number[];
  readonly isRecursive: boolean;
}

/** Finds the groups with Tarjan's algorithm. A group comes after the groups that it needs. */
function groupsOf({ types }: Description, used: readonly number[]): readonly Group[] {
  const order = new Map<number, number>();
  const lowest = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const groups: Group[] = [];

  function visit(index: number): void {
    order.set(index, order.size);
    lowest.set(index, order.get(index) as number);
    stack.push(index);
    onStack.add(index);
    const needed = typesIn(types[index] as Description['types'][number]);
    for (const other of needed) {
      if (!order.has(other)) visit(other);
      if (!onStack.has(other)) continue;
      lowest.set(index, Math.min(lowest.get(index) as number, lowest.get(other) as number));
    }
    if (lowest.get(index) !== order.get(index)) return;
    const members = stack.splice(stack.indexOf(index));
    for (const member of members) onStack.delete(member);
    groups.push({ members, isRecursive: members.length > 1 || needed.has(index) });
  }

  for (const index of used) if (!order.has(index)) visit(index);
  return groups;
}

function typesIn({ content }: Description['types'][number]): ReadonlySet<number> {
  const found = new Set<number>();
  const contents = content.kind === 'enum' ? content.variants.map((variant) => variant.content) : [content];
  for (const each of contents) {
    if (each.kind === 'tuple') for (const use of each.types) collect(use, found);
    if (each.kind === 'struct') for (const { type } of each.fields) collect(type, found);
  }
  return found;
}

function collect(use: Use, found: Set<number>): void {
  switch (use.kind) {
    case 'type':
      found.add(use.index);
      break;
    case 'list':
    case 'set':
    case 'option':
    case 'array':
      collect(use.inner, found);
      break;
    case 'map':
      collect(use.key, found);
      collect(use.value, found);
      break;
    case 'result':
      collect(use.ok, found);
      collect(use.err, found);
      break;
    case 'plain':
    case 'channel':
    case 'unsupported':
      break;
  }
}
