import { BASELINE, CONTENDERS, NAMES } from './contenders.js';
import type { Outcome } from './report.js';

type Bar = Outcome['results'][number];

const PALETTES = {
  light: { ink: '#1f2328', faint: '#59636e', ours: '#0969da', others: '#afb8c1', line: '#8c959f' },
  dark: { ink: '#e6edf3', faint: '#9198a1', ours: '#4493f8', others: '#545d68', line: '#768390' },
} as const;

/** The scenarios that have a panel, row by row: both ends in one thread. */
const PANELS = ['echo-16B-x1', 'echo-16B-x64', 'echo-4KiB-x1', 'echo-4KiB-x64', 'stream-64B-c16', 'stream-16KiB-c16'];

const COLUMNS = 2;

/** Width of a panel, in pixels. */
const PANEL_WIDTH = 420;
const GAP = 20;
const HEAD = 64;
const TITLE = 26;
const ROW = 20;
const BAR = 12;
/** The distance from a panel's left edge to the bars: room for names. */
const NAMES_WIDTH = 136;
/** The space to the right of the longest bar: room for its value. */
const VALUE_WIDTH = 44;

/**
 * Draws the ratios as bars, a panel for each scenario, all on one scale. A line marks the baseline. The same figures give
 * the same bytes.
 */
export function plot({ results }: Outcome, theme: keyof typeof PALETTES): string {
  const colours = PALETTES[theme];
  const panels = PANELS.map((name) => results.filter((result) => result.name === name)).filter(
    ({ length }) => length > 0,
  );
  const most = Math.max(1, ...panels.flat().map(({ headline }) => headline.value));
  const scale = (PANEL_WIDTH - NAMES_WIDTH - VALUE_WIDTH) / most;
  const bars = Math.max(...panels.map((panel) => panel.length));
  const panelHeight = TITLE + bars * ROW + GAP;
  const width = COLUMNS * PANEL_WIDTH + (COLUMNS + 1) * GAP;
  const height = HEAD + Math.ceil(panels.length / COLUMNS) * panelHeight;
  const drawn = panels.map((panel, at) => {
    const x = GAP + (at % COLUMNS) * (PANEL_WIDTH + GAP);
    const y = HEAD + Math.floor(at / COLUMNS) * panelHeight;
    return `<g transform="translate(${x} ${y})">\n${drawPanel(panel, scale)}\n</g>`;
  });
  const baseline = CONTENDERS[BASELINE].title;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">Rates as multiples of what ${baseline} does, both ends in one thread</title>
<style>
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: ${colours.ink} }
.head { font-size: 15px; font-weight: 600 }
.title { font-weight: 600 }
.faint { fill: ${colours.faint} }
.name { text-anchor: end }
.ours { fill: ${colours.ours} }
.others { fill: ${colours.others} }
line { stroke: ${colours.line}; stroke-dasharray: 3 3 }
</style>
<text class="head" x="${GAP}" y="26">Calls and streams over a WebSocket, as multiples of ${baseline}</text>
<text class="faint" x="${GAP}" y="46">Messages a second, both ends in one thread; longer is better, the line is ${baseline}.</text>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel(bars: readonly Bar[], scale: number): string {
  const sorted = NAMES.flatMap((name) => bars.filter(({ contender }) => contender === name));
  const one = fixed(NAMES_WIDTH + scale);
  return [
    `<text class="title" y="14">${bars[0]?.title ?? ''}</text>`,
    ...sorted.map((bar, at) => drawBar(bar, TITLE + at * ROW, scale)),
    `<line x1="${one}" y1="${TITLE - 4}" x2="${one}" y2="${TITLE + bars.length * ROW}"/>`,
  ].join('\n');
}

function drawBar({ contender = BASELINE, headline: { value } }: Bar, y: number, scale: number): string {
  const { title, isOurs } = CONTENDERS[contender];
  const length = value * scale;
  return [
    `<text class="name" x="${NAMES_WIDTH - 8}" y="${y + 10}">${title}</text>`,
    `<rect class="${isOurs ? 'ours' : 'others'}" x="${NAMES_WIDTH}" y="${y}" width="${fixed(length)}" height="${BAR}" rx="2"/>`,
    `<text x="${fixed(NAMES_WIDTH + Math.max(length, scale) + 6)}" y="${y + 10}">× ${value.toFixed(2)}</text>`,
  ].join('\n');
}

function fixed(pixels: number): string {
  return pixels.toFixed(1);
}
