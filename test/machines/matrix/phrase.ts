import type { Effect } from '../../../spec/parts/oracle.js';
import type { Outcome } from '../stage.js';

/** Describes an outcome in one line: the rule that the event violates, or else the target state and the effects. */
export function phrase(from: string, to: string, { effects, told, emitted, output }: Outcome): string {
  const rule = brokenRule([...effects, ...output]);
  const target = from === to ? [] : [`→ ${to}`];
  if (rule !== undefined) return [`**${rule}**`, ...target].join(' ');
  const all = [...effects, ...told, ...emitted].map(effectPhrase);
  const line = [...target, all.join('; ')].filter(Boolean).join(': ');
  return line === '' ? '·' : line;
}

/** Returns the rule that the peer is accused of, by an effect or by the parent that reads the output. */
function brokenRule(effects: readonly Effect[]): string | undefined {
  for (const [name, what] of effects) {
    if (name === 'accuse') return String(what);
    if (name !== 'output') continue;
    const { outcome, failure } = what as { outcome?: { rule?: string }; failure?: { rule?: string } };
    const rule = outcome?.rule ?? failure?.rule;
    if (rule !== undefined) return rule;
  }
  return undefined;
}

function effectPhrase([name, what]: Effect): string {
  const facts = (what ?? {}) as Readonly<Record<string, unknown>>;
  switch (name) {
    case 'transmit':
      return `send ${messagePhrase((facts['body'] ?? facts) as typeof facts)}`;
    case 'settle':
      return `settle: ${outcomePhrase(facts['outcome'] ?? facts)}`;
    case 'closeHandle':
      return `closeHandle by ${String(facts['by'])}`;
    case 'reject':
      return `reject as ${String(facts['as'])}`;
    case 'refuse':
      return `refuse: ${String(facts['why'])}`;
    case 'startDeadline':
      return `start ${String(facts['limit'])}`;
    case 'conclude':
      return `conclude: ${String(facts['type'])}`;
    case 'keep':
    case 'deliver':
      return facts['type'] === undefined ? name : `${name} ${String(facts['type'])}`;
    case 'closeLink':
      return facts['orderly'] === true ? 'close the link' : 'cut the link';
    case 'finish': {
      const { end } = facts as { end: string | { cause: string } };
      return `finish: ${typeof end === 'string' ? end : end.cause}`;
    }
    case 'startTimer':
      return `start ${String(facts['timer'])}`;
    case 'stopTimer':
      return `stop ${String(facts['timer'])}`;
    case 'spawn':
      return `spawn ${idOf(facts)}`;
    case 'forward':
      return `to connection ${idOf(facts)}`;
    case 'to handshake':
    case 'to keepalive':
      return `${name}: ${String(facts['type'])}`;
    case 'to parent':
    case 'emit':
      return `tell: ${String(facts['type'])}`;
    default:
      return name;
  }
}

function messagePhrase({ type, connectionId, nonce, additional }: Readonly<Record<string, unknown>>): string {
  const facts = [connectionId, nonce, additional].filter((fact) => fact !== undefined);
  return facts.length === 0 ? String(type) : `${String(type)}(${facts.map(String).join(', ')})`;
}

function outcomePhrase(outcome: unknown): string {
  const { type, by } = outcome as { type: string; by?: string };
  return by === undefined ? type : `${type} by ${by}`;
}

function idOf(facts: unknown): string {
  return String((facts as { id: number }).id);
}
