/** A path through the states as a Mermaid sequence diagram and as plain data, to explain a finding. */
import type { Setup } from './configuration.js';
import { type Label, WORDS } from './draft.js';
import type { Input } from './peer.js';
import { follow } from './search.js';
import type { Move, Side } from './side.js';

/** One step of a counterexample, which people can read and the replay can play. */
export interface PathStep {
  /** The peer that makes the step. Absent for an event of the link. */
  readonly peer?: string;
  readonly input: Input | { readonly type: 'start' } | { readonly type: 'befalls'; readonly what: string };
  readonly sent: readonly unknown[];
  readonly seen: readonly unknown[];
}

export const NAMES = ['initiator', 'acceptor'] as const;

/** Returns the steps of a path, with the effects of each. */
export function stepsOf({ system, sides, configuration }: Setup, path: readonly Label[]): PathStep[] {
  const names = configuration.kind === 'pair' ? NAMES : [configuration.role];
  let words = new Int32Array(WORDS);
  system.start(words);
  const first = sides.map(
    ({ initial }, at): PathStep => ({
      peer: names[at] as string,
      input: { type: 'start' },
      ...outcomeOf(sides[at] as Side, initial),
    }),
  );
  return [
    ...first,
    ...path.map((label): PathStep => {
      const before = words;
      words = follow(system, words, label);
      if ('befalls' in label) return { input: { type: 'befalls', what: label.befalls }, sent: [], seen: [] };
      const side = sides[label.side] as Side;
      const move = system.moveOf(before, label) as Move;
      return { peer: names[label.side] as string, input: side.inputs.of(label.input), ...outcomeOf(side, move) };
    }),
  ];
}

function outcomeOf(side: Side, { sent, observed }: Move): Pick<PathStep, 'sent' | 'seen'> {
  return { sent: sent.map((number) => side.message(number)), seen: observed };
}

/** Returns the diagram. A message is drawn where it arrives. */
export function mermaid(setup: Setup, path: readonly Label[], conclusion: string): string {
  const isPair = setup.configuration.kind === 'pair';
  const lines = ['sequenceDiagram'];
  for (const name of isPair ? NAMES : [nameOf(setup), 'adversary']) lines.push(`  participant ${name}`);
  for (const { peer, input, sent, seen } of stepsOf(setup, path)) {
    if (peer === undefined) {
      lines.push(`  Note over ${NAMES[0]},${NAMES[1]}: the link ${'what' in input ? BEFALLS[input.what] : ''}`);
      continue;
    }
    const other = isPair ? (NAMES.find((name) => name !== peer) as string) : 'adversary';
    if (input.type === 'message') lines.push(`  ${other}->>${peer}: ${messageText(input.message)}`);
    else lines.push(`  Note over ${peer}: ${inputText(input as Input)}`);
    // An adversary ignores messages, so they are drawn at once. Between two peers a message arrives in a step of its own.
    if (!isPair) for (const message of sent) lines.push(`  ${peer}-->>${other}: ${messageText(message)}`);
    for (const one of seen) lines.push(`  Note right of ${peer}: ${seenText(one as Record<string, unknown>)}`);
  }
  lines.push(
    `  Note over ${isPair ? `${NAMES[0]},${NAMES[1]}` : nameOf(setup)}: ${conclusion.replaceAll(/[;#]/g, ',')}`,
  );
  return `${lines.join('\n')}\n`;
}

function nameOf({ configuration }: Setup): string {
  return configuration.kind === 'adversary' ? configuration.role : NAMES[0];
}

const BEFALLS: Record<string, string> = { fail: 'breaks', close: 'is closed', vanish: 'carries nothing any more' };

function messageText(message: unknown): string {
  const { type, connectionId, nonce } = message as { type: string; connectionId: number; nonce?: bigint };
  return `${type} ${nonce === undefined ? `on ${connectionId}` : String(nonce)}`;
}

function inputText(input: Input): string {
  switch (input.type) {
    case 'timer': {
      const [actor, event] = input.timer.split(' ') as [string, string];
      return `${actor}: ${event.split('.')[2]} is over`;
    }
    case 'user':
      return `user: ${input.action}${input.id === undefined ? '' : ` ${input.id}`}`;
    case 'ended':
    case 'failed':
      return `hears that the link has ${input.type}`;
    default:
      return input.type;
  }
}

function seenText({ type, ...rest }: Record<string, unknown>): string {
  return `${String(type)} ${Object.values(rest).join(' ')}`.trim();
}
