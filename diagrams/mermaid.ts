import type { AnyStateMachine, AnyStateNode } from 'xstate';

type Transition = AnyStateNode['transitions'] extends Map<string, (infer T)[]> ? T : never;

/**
 * A machine as a Mermaid state diagram: every state, every transition with its event and guard, and in a note beside each
 * state what it answers to without leaving it, with the effects.
 */
export function mermaid(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2'];
  const notes: string[] = [];
  const arrows: string[] = [];
  draw(machine.root, 1, { lines, notes, arrows });
  return `${[...lines, ...arrows, ...notes].join('\n')}\n`;
}

interface Drawing {
  /** The states, one within the other. */
  readonly lines: string[];
  /** The transitions between them; behind all states, since Mermaid puts a state where it is first named. */
  readonly arrows: string[];
  readonly notes: string[];
}

function draw(node: AnyStateNode, depth: number, drawing: Drawing): void {
  const indent = '  '.repeat(depth);
  const children = Object.values(node.states) as AnyStateNode[];
  const regions = node.type === 'parallel';
  for (const [at, child] of children.entries()) {
    if (regions && at > 0) drawing.lines.push(`${indent}--`);
    if (Object.keys(child.states).length > 0) {
      drawing.lines.push(`${indent}state "${child.key}" as ${nameOf(child)} {`);
      draw(child, depth + 1, drawing);
      drawing.lines.push(`${indent}}`);
    } else {
      drawing.lines.push(`${indent}state "${child.key}" as ${nameOf(child)}`);
      connect(child, drawing);
    }
  }
  for (const initial of regions ? [] : (node.initial?.target ?? [])) {
    drawing.lines.push(`${indent}[*] --> ${nameOf(initial)}`);
  }
  connect(node, drawing);
}

/** Draws what leads out of a state, and notes what does not. */
function connect(node: AnyStateNode, { arrows, notes }: Drawing): void {
  const labels = new Map<string, string[]>();
  const stays: string[] = [];
  for (const [event, transitions] of transitionsOf(node)) {
    for (const [at, transition] of transitions.entries()) {
      const label = `${eventName(event)}${condition(transition, at > 0)}`;
      const effects = transition.actions.map(nameOfPart).filter((name) => name !== 'conclude');
      const [target] = transition.target ?? [];
      if (target === undefined)
        stays.push(effects.length > 0 ? `${label} / ${effects.join(', ')}` : `${label} / nothing`);
      else labels.set(nameOf(target), [...(labels.get(nameOf(target)) ?? []), label]);
    }
  }
  const name = nameOf(node);
  // The machine itself is no state of the picture.
  for (const [target, texts] of labels) {
    const label = texts.join('<br/>');
    arrows.push(
      node.parent === undefined ? `  [*] --> ${target} : in any state, ${label}` : `  ${name} --> ${target} : ${label}`,
    );
  }
  if (node.type === 'final') arrows.push(`  ${name} --> [*]`);
  const [anchor] = node.parent === undefined ? Object.values(node.states) : [node];
  const heading = node.invoke.map(({ id }) => `invokes ${id}`);
  // Timers are entry actions to XState, and arrows here.
  const entry = node.entry.map(nameOfPart).filter((action) => action !== 'xstate.raise');
  if (entry.length > 0) heading.push(`on entry: ${entry.join(', ')}`);
  const text = [...heading, ...(node.parent === undefined ? stays.map((line) => `in any state, ${line}`) : stays)];
  if (text.length > 0 && anchor !== undefined) {
    notes.push(`  note right of ${nameOf(anchor)}`, ...text.map((line) => `    ${line}`), '  end note');
  }
}

function transitionsOf(node: AnyStateNode): [string, Transition[]][] {
  return [
    ...node.transitions,
    ...((node.always?.length ?? 0) > 0 ? [['always', node.always] as [string, Transition[]]] : []),
  ];
}

function nameOf(node: AnyStateNode): string {
  return node.path.join('_') || node.key;
}

/** `xstate.after.pingInterval.keepalive.waiting` is what XState makes of `after: { pingInterval }`. */
function eventName(event: string): string {
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(event) ?? [];
  if (delay !== undefined) return `after ${delay}`;
  const [, child] = /^xstate\.done\.actor\.(?:\d+\.)?(.+)$/.exec(event) ?? [];
  return child === undefined ? event : `${child} is done`;
}

function condition({ guard }: Transition, isAlternative: boolean): string {
  if (guard === undefined) return isAlternative ? ' [else]' : '';
  return ` [${nameOfGuard(guard)}]`;
}

function nameOfGuard(guard: unknown): string {
  const { check, guards } = guard as { check?: { name: string }; guards?: unknown[] };
  if (guards === undefined) return nameOfPart(guard);
  const names = guards.map(nameOfGuard);
  if (check?.name === 'checkNot') return `not ${names[0]}`;
  return names.join(check?.name === 'checkAnd' ? ' and ' : ' or ');
}

function nameOfPart(part: unknown): string {
  if (typeof part === 'string') return part;
  const { type, name } = part as { type?: string; name?: string };
  return type ?? name ?? 'inline';
}
