import { chartOf, destination, guardText, isArrow, isWithin, namesOf, type State, type Transition } from './chart.js';
import type { Drawable } from './definition.js';
import { mermaidText } from './mermaid-text.js';

/**
 * Returns a machine as a Mermaid state diagram: every state, and every transition with its event, guard and effects. A note
 * beside each state has its actions, and the transitions that stay in it.
 *
 * @throws {InvalidArgument} It is neither a machine nor a definition, or can't be drawn: see {@link definitionOf}.
 */
export function mermaid(machine: Drawable): string {
  const root = chartOf(machine);
  const drawing: Drawing = { ids: idsOf(root), arrows: [], notes: [] };
  const states = statesIn(root, drawing, '  ');
  return `${['stateDiagram-v2', ...states, ...drawing.arrows, ...drawing.notes].join('\n')}\n`;
}

interface Drawing {
  readonly ids: ReadonlyMap<State, string>;
  /** The arrows come after all states: Mermaid places a state where it is first named. */
  readonly arrows: string[];
  readonly notes: string[];
}

/** Returns the lines for the content of a state. The state's own arrows and notes go into the drawing. */
function statesIn(state: State, drawing: Drawing, indent: string): string[] {
  const lines: string[] = [];
  for (const [at, child] of state.children.entries()) {
    if (state.kind === 'parallel' && at > 0) lines.push(`${indent}--`);
    const head = `${indent}state "${mermaidText(nameOf(child))}" as ${drawing.ids.get(child)}`;
    const inner = statesIn(child, drawing, `${indent}  `);
    lines.push(...(inner.length > 0 ? [`${head} {`, ...inner, `${indent}}`] : [head]));
  }
  const begin = (target: State, label: string) =>
    lines.push(`${indent}[*] --> ${drawing.ids.get(target)}${label === '' ? '' : ` : ${label}`}`);
  if (state.initial !== undefined && state.kind !== 'history') {
    const effects = namesOf(state.initial.effects);
    begin(state.initial.target, effects === '' ? '' : mermaidText(`/ ${effects}`));
  }
  const id = drawing.ids.get(state);
  if (state.initial !== undefined && state.kind === 'history') {
    drawing.arrows.push(`  ${id} --> ${drawing.ids.get(state.initial.target)}`);
  }
  for (const [target, label] of labelsOf(state)) {
    // Mermaid has no arrow from a state to a state within it.
    if (isWithin(target, state)) begin(target, `in any state, ${label}`);
    else drawing.arrows.push(`  ${id} --> ${drawing.ids.get(target)} : ${label}`);
  }
  if (state.kind === 'final') drawing.arrows.push(`  ${id} --> [*]`);
  const text = noteOf(state);
  // The machine itself is not drawn as a state, unless it has no states.
  const [anchor] = state.parent === undefined ? state.children : [state];
  if (state.parent === undefined && anchor === undefined)
    lines.push(`${indent}state "${mermaidText(state.key)}" as ${id}`);
  if (text.length > 0) {
    const said = state.parent === undefined ? text.map((line) => `in any state, ${line}`) : text;
    drawing.notes.push(
      `  note right of ${drawing.ids.get(anchor ?? state)}`,
      // A line `end note` would end the note, so `end` is escaped.
      ...said.map((line) => `    ${line.replace(/^end/i, '#101;nd')}`),
      '  end note',
    );
  }
  return lines;
}

function nameOf(state: State): string {
  if (state.kind !== 'history') return state.key;
  return `${state.isDeep ? 'H*' : 'H'} ${state.key}`;
}

/** Returns the labels of the arrows from a state, by their targets. */
function labelsOf(state: State): ReadonlyMap<State, string> {
  const labels = new Map<State, string>();
  for (const transition of state.transitions.filter(isArrow)) {
    for (const target of new Set(transition.targets)) {
      const label = sentence(transition);
      const before = labels.get(target);
      labels.set(target, before === undefined ? label : `${before}<br/>${label}`);
    }
  }
  return labels;
}

function noteOf(state: State): string[] {
  const { description, tags, invokes, entry, exit, transitions } = state;
  const lines = [
    ...(description === undefined ? [] : [description]),
    ...(tags.length === 0 ? [] : [`tagged ${tags.join(', ')}`]),
    ...invokes.map((name) => `invokes ${name}`),
    ...(entry.length === 0 ? [] : [`on entry / ${namesOf(entry)}`]),
    ...(exit.length === 0 ? [] : [`on exit / ${namesOf(exit)}`]),
  ];
  return [...lines.map(mermaidText), ...transitions.filter((transition) => !isArrow(transition)).map(sentence)];
}

function sentence(transition: Transition): string {
  const guard = guardText(transition);
  const words = isArrow(transition) ? '' : destination(transition);
  const effects = namesOf(transition.effects);
  const isIgnored = words === '' && effects === '' && !isArrow(transition);
  return mermaidText(
    [transition.event, guard, words, effects === '' ? '' : `/ ${effects}`, isIgnored ? '/ nothing' : '']
      .filter((word) => word !== '')
      .join(' '),
  );
}

/** Mermaid's reserved words. */
const RESERVED: ReadonlySet<string> = new Set(
  'accDescr accTitle as choice class classDef click default direction end fork hide href join note scale state style'.split(
    ' ',
  ),
);

function idsOf(root: State): ReadonlyMap<State, string> {
  const ids = new Map<State, string>();
  const taken = new Set<string>();
  const add = (state: State): void => {
    const words = (state.path === '' ? state.key : state.path).replace(/\W/g, '_');
    const name = RESERVED.has(words) ? `${words}_` : words;
    let id = name;
    for (let count = 2; taken.has(id); count += 1) id = `${name}_${count}`;
    taken.add(id);
    ids.set(state, id);
    for (const child of state.children) add(child);
  };
  add(root);
  return ids;
}
