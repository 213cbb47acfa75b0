import { mermaidText } from './mermaid-text.js';

/** A message from one participant to another. */
export interface SequenceMessage {
  readonly type: 'message';
  readonly from: string;
  readonly to: string;
  /** The text. Its first word is the message's name. */
  readonly text: string;
  /** True if it never arrives. */
  readonly isLost?: boolean;
}

/** A note on a participant at this time. */
export interface SequenceNote {
  readonly type: 'note';
  readonly over: string;
  readonly text: string;
}

/** A message of an earlier step arrives now. A message without such a step arrives as soon as it is sent. */
export interface SequenceArrival {
  readonly type: 'arrival';
  /** The index of the message's step, from 0. */
  readonly of: number;
}

/** Time passes for all participants. */
export interface SequencePause {
  readonly type: 'pause';
  readonly text: string;
}

export type SequenceStep = SequenceMessage | SequenceNote | SequenceArrival | SequencePause;

/** The messages between participants, in order. */
export interface Sequence {
  /** The participants from left to right. Others that a step names stand to the right of them. */
  readonly participants: readonly string[];
  readonly steps: readonly SequenceStep[];
}

/** A name that Mermaid accepts unquoted, and that is none of its reserved words. */
const PLAIN =
  /^(?!(?:end|note|loop|alt|opt|par|and|else|actor|participant|as|over|rect|critical|break|box)$)[a-z]\w*$/i;

/** Returns a sequence as a Mermaid sequence diagram. Mermaid has no slanted arrows: a message stands where it is sent. */
export function sequenceMermaid(sequence: Sequence): string {
  const participants = participantsOf(sequence);
  const isPlain = participants.every((name) => PLAIN.test(name));
  const names = new Map(participants.map((name, at) => [name, isPlain ? name : `p${at}`]));
  const all = participants.map((name) => names.get(name)).filter((_, at, list) => at === 0 || at === list.length - 1);
  const lines = sequence.steps.flatMap((step) => {
    if (step.type === 'arrival') return [];
    const text = mermaidText(step.text);
    if (step.type === 'pause') return [`  Note over ${all.join(',')}: ${text}`];
    if (step.type === 'note') return [`  Note over ${names.get(step.over)}: ${text}`];
    const arrow = step.isLost === true ? '-x' : '->>';
    return [`  ${names.get(step.from)}${arrow}${names.get(step.to)}: ${text}`];
  });
  const heads = participants.map((name) => {
    const id = names.get(name) as string;
    return id === name ? `  participant ${id}` : `  participant ${id} as ${mermaidText(name)}`;
  });
  return `${['sequenceDiagram', ...heads, ...lines].join('\n')}\n`;
}

/** Returns all participants, also those that only a step names. */
export function participantsOf({ participants, steps }: Sequence): string[] {
  const named = steps.flatMap((step) => {
    if (step.type === 'message') return [step.from, step.to];
    return step.type === 'note' ? [step.over] : [];
  });
  return [...new Set([...participants, ...named])];
}
