import { kebab } from '../../payload/postcard/signature.js';
import type { Description } from './description.js';

/** The names that can't be a constant and a type of a module, or that the generated module uses for something else. */
const TAKEN = new Set(
  [
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends',
    'false finally for function if implements import in instanceof interface let new null package private protected',
    'public return static super switch this throw true try typeof var void while with yield',
    'any bigint boolean never number object string symbol undefined unknown',
    'Infinity Map NaN Object Promise Set Uint8Array exports module require',
    'Type TypeOf method postcardPayload service t',
  ].flatMap((line) => line.split(' ')),
);

/** The names that an object has by itself, or that JavaScript looks up on it: see RESERVED of service(). */
const NO_METHODS = new Set(['then', '__proto__', 'constructor', 'toJSON']);

const IDENTIFIER = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;

/** Allocates names, each only once. */
class Names {
  readonly #taken: Set<string>;
  /** The number for the next duplicate of a name. */
  readonly #numbers = new Map<string, number>();

  constructor(taken: ReadonlySet<string>) {
    this.#taken = new Set(taken);
  }

  take(name: string, whenTaken: (number: number) => string): string {
    let free = name;
    for (let number = this.#numbers.get(name) ?? 2; this.#taken.has(free); number++) {
      free = whenTaken(number);
      this.#numbers.set(name, number + 1);
    }
    this.#taken.add(free);
    return free;
  }
}

/** The names that a module exports. */
export interface ModuleNames {
  readonly service: string;
  /** The name of each type, by the type's index. */
  readonly types: ReadonlyMap<number, string>;
}

/** Names the service and its types. Types of several modules may share a name: all but the first get a number. */
export function moduleNames(description: Description, types: readonly number[]): ModuleNames {
  const names = new Names(TAKEN);
  const take = (name: string): string =>
    names.take(name, (number) => (TAKEN.has(name) && number === 2 ? `${name}_` : `${name}${number}`));
  return {
    service: take(description.service.replace(/^r#/, '')),
    types: new Map(types.map((index) => [index, take(constantOf(description.types[index]?.name ?? 'Tuple'))])),
  };
}

/** Returns the name of a constant: `Wrapper<Vec<u32>>` becomes WrapperVecU32. */
function constantOf(name: string): string {
  const words = name
    .slice(0, 100)
    .split(/[^\p{ID_Continue}]+/u)
    .map(capital)
    .join('');
  const first = /^\p{ID_Continue}*/u.exec(name)?.[0] ?? '';
  const constant = first + words.slice(first.length);
  return IDENTIFIER.test(constant) ? constant : `_${constant}`;
}

/**
 * Returns the names of methods in TypeScript: `echo_point` becomes echoPoint. A method's id is computed from the words of
 * its name. Where camel case would change the words (`get_2_points`), the name stays as it is, and an underscore at its end
 * adds no word.
 */
export function methodNames(description: Description): ReadonlyMap<string, string> {
  const names = new Names(NO_METHODS);
  return new Map(
    description.methods.map(({ name }) => {
      const words = kebab(name);
      const camel = words
        .split('-')
        .map((word, index) => (index === 0 ? word : capital(word)))
        .join('');
      const isPlain = !name.includes('_') && IDENTIFIER.test(name);
      const own = isPlain || kebab(camel) !== words || !IDENTIFIER.test(camel) ? name : camel;
      return [name, names.take(own, (number) => own + '_'.repeat(number - 1))];
    }),
  );
}

function capital(word: string): string {
  const [first = ''] = word;
  return first.toUpperCase() + word.slice(first.length);
}
