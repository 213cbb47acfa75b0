/**
 * The style of pictures. All rules depend on the class of the outermost element, so a page may contain any number of
 * pictures. A page sets other colours by `--diagram-…`, and the theme by `color-scheme`.
 */
type Palette = Readonly<
  Record<'paper' | 'box' | 'ink' | 'muted' | 'line' | 'event' | 'guard' | 'effect' | 'accent', string>
>;

const LIGHT: Palette = {
  paper: '#f6f8fa',
  box: '#ffffff',
  ink: '#1f2328',
  muted: '#636c76',
  line: '#afb8c1',
  event: '#0550ae',
  guard: '#8250df',
  effect: '#1a6f3c',
  accent: '#d4731a',
};

const DARK: Palette = {
  paper: '#0d1117',
  box: '#161b22',
  ink: '#e6edf3',
  muted: '#8d96a0',
  line: '#4a535d',
  event: '#79c0ff',
  guard: '#d2a8ff',
  effect: '#7ee787',
  accent: '#f0a03c',
};

const names = Object.keys(LIGHT) as (keyof Palette)[];

function variables(colour: (name: keyof Palette) => string): string {
  return `.roam-diagram{${names.map((name) => `--${name}:var(--diagram-${name},${colour(name)})`).join(';')}}`;
}

/** Returns a colour's declarations. The first is the colour on light paper, for programs without support for variables. */
function paint(property: 'fill' | 'stroke', name: keyof Palette): string {
  return `${property}:${LIGHT[name]};${property}:var(--${name})`;
}

const RULES: readonly (readonly [selector: string, ...declarations: string[]])[] = [
  ['', 'font-family:Helvetica,Arial,"Liberation Sans",sans-serif', 'font-size:12px'],
  [':root', 'color-scheme:light dark'],
  [' .paper', paint('fill', 'paper'), paint('stroke', 'line'), 'stroke-opacity:.5'],
  [' .box', paint('fill', 'box'), paint('stroke', 'line'), 'stroke-width:1.2'],
  [' .frame', paint('fill', 'ink'), 'fill-opacity:.025', paint('stroke', 'line'), 'stroke-width:1.2'],
  [' .region', 'stroke-dasharray:5 4'],
  [' .inner,$ .rule', 'fill:none', paint('stroke', 'line')],
  [' .lifeline', 'stroke-dasharray:3 4'],
  [' .remark', paint('stroke', 'guard'), 'stroke-opacity:.4'],
  [' .mark', 'fill:none', 'pointer-events:all'],
  [' .curve', 'fill:none', paint('stroke', 'muted'), 'stroke-width:1.3'],
  [' .tip,$ .dot', paint('fill', 'muted'), 'stroke:none'],
  [' text', paint('fill', 'ink'), 'white-space:pre'],
  [' .label text', 'paint-order:stroke', paint('stroke', 'paper'), 'stroke-width:3px', 'stroke-linejoin:round'],
  [' .title', 'font-size:14px', 'font-weight:bold'],
  [' .tag,$ .note,$ .word', paint('fill', 'muted')],
  [' .note', 'font-style:italic'],
  [' .event', paint('fill', 'event')],
  [' .guard', paint('fill', 'guard')],
  [' .effect', paint('fill', 'effect')],
  // For a program that shows a running machine: the active states, and the last transition.
  [' .active>.box,$ .active>.frame', paint('stroke', 'accent'), 'stroke-width:2.4'],
  [' .taken>.mark', paint('fill', 'accent'), 'fill-opacity:.22'],
  [' .taken>.curve', paint('stroke', 'accent'), 'stroke-width:2.4'],
  [' .taken>.tip', paint('fill', 'accent')],
];

/** The style sheet of every picture. */
export const STYLE: string = [
  variables((name) => LIGHT[name]),
  `@media (prefers-color-scheme:dark){${variables((name) => DARK[name])}}`,
  // A page may choose another theme than the system's. `light-dark` follows the page.
  `@supports (color:light-dark(#000,#fff)){${variables((name) => `light-dark(${LIGHT[name]},${DARK[name]})`)}}`,
  ...RULES.map(([selector, ...declarations]) => {
    const name =
      selector === ':root' ? ':root.roam-diagram' : `.roam-diagram${selector.replaceAll('$', '.roam-diagram')}`;
    return `${name}{${declarations.join(';')}}`;
  }),
].join('\n');
