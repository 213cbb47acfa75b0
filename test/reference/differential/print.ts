import { plain } from '../../../src/wire/plain.js';
import type { Disagreement } from './compare.js';
import { received, type Script, type Step } from './script.js';

/** Formats a script, and the events that the two sessions saw where they disagree. */
export function printed(script: Script, { group, theirs, ours }: Disagreement): string {
  const { steps, ...given } = script;
  return [
    `  given ${JSON.stringify(given)}`,
    ...listed(steps),
    `  in group ${group} (0 is before the first step), the reference:`,
    indented(theirs.text),
    '  we:',
    indented(ours.text),
    `  again: ${JSON.stringify(script)}`,
  ].join('\n');
}

/** The number of frames in a row, each with a message for the same inbox, that are printed. */
const SHOWN = 4;

function listed(steps: readonly Step[]): string[] {
  const lines: string[] = [];
  let run = 0;
  for (const [index, step] of steps.entries()) {
    run = inboxOf(step) !== undefined && inboxOf(step) === inboxOf(steps[index - 1]) ? run + 1 : 0;
    const isLast = inboxOf(step) !== inboxOf(steps[index + 1]);
    if (run < SHOWN || isLast) lines.push(`  ${String(index + 1).padStart(3)} ${stepText(step)}`);
    else if (run === SHOWN) lines.push('   …');
  }
  return lines;
}

function inboxOf(step: Step | undefined): number | undefined {
  const message = step?.do === 'frame' ? received(step.hex) : undefined;
  const isData = message?.type === 'RequestMessage' || message?.type === 'ChannelMessage';
  return isData ? message.connectionId : undefined;
}

function stepText(step: Step): string {
  const text = JSON.stringify(step);
  const message = 'hex' in step ? received(step.hex) : undefined;
  return message === undefined ? text : `${text}  ${JSON.stringify(plain(message))}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
