/** The mutants that a run tries, as its parent process has asked for them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** The part of Stryker's mutants that tells them apart. */
interface Mutant {
  readonly fileName: string;
  readonly location: {
    readonly start: { readonly line: number; readonly column: number };
    readonly end: { readonly line: number; readonly column: number };
  };
  readonly mutatorName: string;
  readonly replacement?: string | undefined;
}

interface Choice {
  /** The share of the mutants to try, and the seed by which they are chosen. */
  readonly share: number;
  readonly seed: string;
  /** The mutants to try, each with its file's name, if not all. */
  readonly only?: readonly string[];
}

const VARIABLE = 'ROAM_MUTATE_CHOICE';

/** Passes a choice on to child processes. */
export function choose(choice: Choice): void {
  process.env[VARIABLE] = JSON.stringify(choice);
}

function choice(): Choice {
  return JSON.parse(process.env[VARIABLE] ?? '{ "share": 1, "seed": "" }') as Choice;
}

/** True if the run tries once more what was left. */
export function isAgain(): boolean {
  return choice().only !== undefined;
}

export function isChosen(mutant: Mutant, firstLine: 0 | 1): boolean {
  const { share, seed, only } = choice();
  const text = `${basename(mutant.fileName)}:${nameOf(mutant, firstLine)}`;
  if (only !== undefined) return only.includes(text);
  return share >= 1 || createHash('sha256').update(`${seed} ${text}`).digest().readUInt32BE() < share * 2 ** 32;
}

/**
 * Returns `12:3 StringLiteral: "here" → ""`. Stryker counts lines and columns from 0 in what it gives to a runner, and from 1
 * in its results.
 */
export function nameOf({ fileName, location, mutatorName, replacement = '' }: Mutant, firstLine: 0 | 1): string {
  const { start, end } = location;
  const lines = readFileSync(fileName, 'utf8').split('\n');
  const first = lines[start.line - firstLine] ?? '';
  const from = start.column - firstLine;
  const text = start.line === end.line ? first.slice(from, end.column - firstLine) : first.slice(from);
  const short = (what: string) => what.replace(/\s+/g, ' ').slice(0, 100);
  return `${start.line - firstLine + 1}:${from + 1} ${mutatorName}: ${short(text)} → ${short(replacement)}`;
}
