import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The place of a comment: the state and the event of a chart, or the function of a file. */
export interface Place {
  readonly file: string;
  /** `connection.deciding`, `Calls.receive`: the text to look for in the file. */
  readonly name: string;
  /** The event, in a chart. */
  readonly event?: string;
}

interface Position {
  readonly file: string;
  /** The name of the declaration at the top of the file. */
  readonly top: string;
  /** The `id` of the machine that the declaration makes, where it makes one. */
  readonly machine: string | undefined;
  readonly states: readonly string[];
  readonly event: string | undefined;
}

/** Properties below these keys are events, or happen without one. */
const EVENTS = ['on', 'after'];
const BY_ITSELF = ['always', 'entry', 'exit', 'onDone', 'onError'];

/** Finds the places of comments in the sources, such as those that cite a row of the protocol. */
export class Places {
  readonly #sources: ReadonlyMap<string, ts.SourceFile>;

  constructor(files: readonly string[]) {
    const parse = (file: string) =>
      ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
    this.#sources = new Map(files.map((file) => [file, parse(file)]));
  }

  /** Returns the places of all comments that `pattern`, a global one, matches, by the matched text. */
  find(pattern: RegExp): Map<string, Place[]> {
    const found = new Map<string, Place[]>();
    for (const [file, source] of this.#sources) {
      for (const [from, to] of commentsOf(source)) {
        for (const [match] of source.text.slice(from, to).matchAll(pattern)) {
          const places = found.get(match) ?? [];
          for (const place of this.#placesAt(file, source, from)) {
            if (!places.some((other) => isSame(place, other))) places.push(place);
          }
          found.set(match, places);
        }
      }
    }
    return found;
  }

  #placesAt(file: string, source: ts.SourceFile, position: number): Place[] {
    const node = nodeAt(source, position);
    if (!file.startsWith('machines/')) return [{ file, name: functionOf(node) ?? '' }];
    const charts = this.#chartsOf(positionOf(file, node));
    return charts.map(({ machine = '', states, event }) => ({
      file,
      name: [machine, ...states].join('.'),
      ...(event === undefined ? {} : { event }),
    }));
  }

  /** Rows cited in a constant or a function count for the states that use it. */
  #chartsOf(position: Position | undefined, depth = 0): Position[] {
    if (position === undefined || depth > 4) return [];
    if (position.machine !== undefined) return [position];
    return this.#usesOf(position).flatMap((use) =>
      this.#chartsOf(use, depth + 1).map((chart) => ({
        ...chart,
        states: [...chart.states, ...position.states],
        event: chart.event ?? position.event,
      })),
    );
  }

  /** Returns the places that use a declaration, in its own file and in those that import it. */
  #usesOf({ file: home, top: name }: Position): Position[] {
    const uses: Position[] = [];
    for (const [file, source] of this.#sources) {
      if (!file.startsWith('machines/') || (file !== home && !imports(source, file, name, home))) continue;
      const visit = (node: ts.Node): void => {
        if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
        if (ts.isIdentifier(node) && node.text === name) {
          const position = positionOf(file, node);
          if (position !== undefined && position.top !== name) uses.push(position);
        }
        node.forEachChild(visit);
      };
      visit(source);
    }
    return uses;
  }
}

/** True if a file imports `name` from the file `home`. */
function imports(source: ts.SourceFile, file: string, name: string, home: string): boolean {
  return source.statements.some(
    (one) =>
      ts.isImportDeclaration(one) &&
      ts.isStringLiteral(one.moduleSpecifier) &&
      normalize(join(dirname(file), one.moduleSpecifier.text)).replace(/\.js$/, '.ts') === home &&
      new RegExp(`\\b${name}\\b`).test(one.importClause?.getText() ?? ''),
  );
}

function isSame(one: Place, other: Place): boolean {
  return one.file === other.file && one.name === other.name && one.event === other.event;
}

/** Returns the start and the end of every comment. */
function commentsOf(source: ts.SourceFile): [number, number][] {
  const comments = new Map<number, number>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [])
      comments.set(pos, end);
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [...comments];
}

/** The innermost node to which a comment at this place belongs. */
function nodeAt(source: ts.SourceFile, position: number): ts.Node {
  let node: ts.Node = source;
  for (;;) {
    const inner = node
      .getChildren(source)
      .find((child) => child.kind !== ts.SyntaxKind.JSDoc && child.getFullStart() <= position && position < child.end);
    if (inner === undefined) return node;
    node = inner;
  }
}

function ancestorsOf(node: ts.Node): ts.Node[] {
  const ancestors: ts.Node[] = [];
  for (let at = node; at !== undefined; at = at.parent) ancestors.unshift(at);
  return ancestors;
}

function positionOf(file: string, node: ts.Node): Position | undefined {
  const ancestors = ancestorsOf(node);
  const declaration = ancestors.find((one) => ts.isVariableStatement(one) || ts.isFunctionDeclaration(one));
  if (declaration === undefined) return undefined;
  const named = ts.isVariableStatement(declaration) ? declaration.declarationList.declarations[0] : declaration;
  const names = ancestors.flatMap((one) =>
    ts.isPropertyAssignment(one) || ts.isShorthandPropertyAssignment(one)
      ? [ts.isStringLiteral(one.name) ? one.name.text : one.name.getText()]
      : [],
  );
  const states: string[] = [];
  let event: string | undefined;
  for (const [at, name] of names.entries()) {
    const before = names[at - 1];
    if (before === 'states') states.push(name);
    else if (event === undefined && before !== undefined && EVENTS.includes(before)) event = name;
    else if (event === undefined && BY_ITSELF.includes(name)) event = name;
  }
  return { file, top: named?.name?.getText() ?? '', machine: machineOf(declaration), states, event };
}

/** Returns the `id` of the machine that the declaration makes. */
function machineOf(declaration: ts.Node): string | undefined {
  const [, id] = /\.createMachine\(\{\s*id: '(\w+)'/.exec(declaration.getText()) ?? [];
  return id;
}

/** Returns the name of the function, method or constant, with its class. */
function functionOf(node: ts.Node): string | undefined {
  const names = ancestorsOf(node).flatMap((one) =>
    (ts.isClassDeclaration(one) ||
      ts.isFunctionDeclaration(one) ||
      ts.isMethodDeclaration(one) ||
      ts.isPropertyDeclaration(one) ||
      ts.isInterfaceDeclaration(one) ||
      ts.isAccessor(one)) &&
    one.name !== undefined
      ? [one.name.getText()]
      : [],
  );
  return names.length === 0 ? undefined : names.join('.');
}
