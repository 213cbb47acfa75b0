import { element, escapeXml, picture } from '../src/diagram/markup.js';
import { mermaidText } from '../src/diagram/mermaid-text.js';
import { widthOf } from '../src/diagram/metrics.js';

/** An actor and those that it has started. */
export interface Branch {
  readonly name: string;
  readonly kind: string;
  /** The state of its parent's that it lives in. */
  readonly while?: string;
  readonly children: readonly Branch[];
}

const EDGE = 16;
const STEP = 40;
const ROW = 44;
const HEIGHT = 32;

/** A tree as SVG, in the style of the statecharts: a box for each actor, and below it, further in, its children. */
export function treeSvg(root: Branch): string {
  const boxes: string[] = [];
  const branches: string[] = [];
  let row = 0;
  let width = 0;
  const draw = (branch: Branch, depth: number): number => {
    const [x, y] = [EDGE + depth * STEP, EDGE + row * ROW];
    row += 1;
    const words = wordsOf(branch);
    const wide = widthOf(branch.name, 14, 'bold') + widthOf(words, 12) + 36;
    width = Math.max(width, x + wide);
    boxes.push(
      element('rect', { class: 'box', x, y, width: wide, height: HEIGHT, rx: 8 }),
      element('text', { class: 'title', x: x + 12, y: y + 21 }, escapeXml(branch.name)),
      element('text', { class: 'word', x: x + 24 + widthOf(branch.name, 14, 'bold'), y: y + 21 }, escapeXml(words)),
    );
    for (const child of branch.children) {
      const middle = draw(child, depth + 1);
      branches.push(element('path', { class: 'curve', d: `M${x + 16} ${y + HEIGHT}V${middle}H${x + STEP}` }));
    }
    return y + HEIGHT / 2;
  };
  draw(root, 0);
  return picture('actors', width + EDGE, EDGE + row * ROW, [...branches, ...boxes]);
}

/** The same as a Mermaid flow chart. */
export function treeMermaid(root: Branch): string {
  const lines = ['flowchart LR'];
  let count = 0;
  const draw = (branch: Branch): string => {
    const id = `a${count}`;
    count += 1;
    lines.push(`  ${id}["${mermaidText(branch.name)}<br/>${mermaidText(wordsOf(branch))}"]`);
    for (const child of branch.children) lines.push(`  ${id} --> ${draw(child)}`);
    return id;
  };
  draw(root);
  return `${lines.join('\n')}\n`;
}

function wordsOf(branch: Branch): string {
  return `${branch.kind}${branch.while === undefined ? '' : `, while ${branch.while}`}`;
}
