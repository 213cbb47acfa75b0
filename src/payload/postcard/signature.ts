import { blake3 } from '@noble/hashes/blake3.js';
import { PayloadWriter } from './writer.js';

/** The types of a method, as the official macros encode them. The method's id is computed from its name and from these. */
export class Signature {
  readonly #writer = new PayloadWriter();
  /** The structs, enums and tuples that contain the type being written. */
  readonly #stack: object[] = [];

  byte(value: number): void {
    this.#writer.byte(value);
  }

  count(value: number): void {
    this.#writer.varint(value);
  }

  text(value: string): void {
    this.#writer.text(value);
  }

  /**
   * Writes a struct, an enum or a tuple by `body`. Within itself, it is written as the number of levels to its beginning.
   */
  within(type: object, body: () => void): void {
    const index = this.#stack.lastIndexOf(type);
    if (index >= 0) {
      this.#writer.byte(0x32);
      this.#writer.varint(this.#stack.length - 1 - index);
      return;
    }
    this.#stack.push(type);
    body();
    this.#stack.pop();
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

/** The id of a method, computed like the macros of the official Rust peers. `[method.identity.computation]` */
// r[rpc.method-id]
export function methodIdOf(service: string, method: string, signature: Uint8Array): bigint {
  const name = new TextEncoder().encode(`${kebab(service)}.${kebab(method)}`);
  const input = new Uint8Array(name.length + 32);
  input.set(name);
  input.set(blake3(signature), name.length);
  const { buffer, byteOffset } = blake3(input);
  return new DataView(buffer, byteOffset).getBigUint64(0, true);
}

const isLower = (character: string): boolean => /^\p{Lowercase}$/u.test(character);
const isUpper = (character: string): boolean => /^\p{Uppercase}$/u.test(character);

/**
 * A name in kebab case, like the Rust crate heck: a word begins at an upper-case letter behind a lower-case one, and at the
 * last of several upper-case letters if a lower-case one follows it. Digits begin no word.
 */
export function kebab(name: string): string {
  return name
    .split(/[^\p{Alphabetic}\p{N}]+/u)
    .flatMap(wordsOf)
    .join('-');
}

function wordsOf(part: string): string[] {
  const characters = [...part];
  const words: string[] = [];
  let word = '';
  let mode = 'boundary' as 'boundary' | 'lower' | 'upper';
  for (const [index, character] of characters.entries()) {
    const next = characters[index + 1];
    const nextMode: typeof mode = isLower(character) ? 'lower' : isUpper(character) ? 'upper' : mode;
    if (next !== undefined && mode === 'upper' && isUpper(character) && isLower(next)) {
      words.push(word);
      word = character;
      mode = 'boundary';
    } else if (next !== undefined && nextMode === 'lower' && isUpper(next)) {
      words.push(word + character);
      word = '';
      mode = 'boundary';
    } else {
      word += character;
      mode = nextMode;
    }
  }
  words.push(word);
  return words.filter((each) => each !== '').map((each) => each.toLowerCase());
}
