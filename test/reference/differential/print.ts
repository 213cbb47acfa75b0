import { plain } from '../../../src/wire/plain.js';
import type { Disagreement } from './compare.js';
import { received, type Script, type Step } from './script.js';

/** A script and what the two sessions saw of it where they disagree, for a reader. */
export function printed(script: Script, { group, theirs, ours }: Disagreement): string {
  const { steps, ...given } = script;
  return [
    `  given ${JSON.stringify(given)}`,
    ...steps.map((step, index) => `  ${String(index + 1).padStart(3)} ${stepText(step)}`),
    `  in group ${group} (0 is before the first step), the reference:`,
    indented(theirs.text),
    '  we:',
    indented(ours.text),
    `  again: ${JSON.stringify(script)}`,
  ].join('\n');
}

function stepText(step: Step): string {
  const text = JSON.stringify(step);
  const message = 'hex' in step ? received(step.hex) : undefined;
  return message === undefined ? text : `${text}  ${JSON.stringify(plain(message))}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
