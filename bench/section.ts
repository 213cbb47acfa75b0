import { BASELINE, CONTENDERS, NAMES } from './contenders.js';
import { markdown } from './markdown.js';
import { aboveText, headlineText, type Outcome, rateText, targetText } from './report.js';

type Result = Outcome['results'][number];

/** Returns the text between the marks in docs/benchmark.md. */
export function section({ machine, results }: Outcome): string {
  const rates = results.filter(({ contender, absolute }) => contender !== undefined && 'baseline' in absolute);
  const among = rates.filter(({ absolute }) => !('link' in absolute));
  const alone = results.filter((result) => !among.includes(result));
  return [
    '<picture>',
    '  <source media="(prefers-color-scheme: dark)" srcset="../bench/plot-dark.svg">',
    '  <img alt="Rates as multiples of what ws alone does" src="../bench/plot-light.svg">',
    '</picture>',
    '',
    ...compared(among, 1),
    '',
    ...compared(among, 2),
    '',
    ...markdown([
      ['what', 'measured', 'target'],
      ...alone.map((result) => [titleOf(result), measured(result), targetText(result)]),
    ]),
    '',
    `${Object.entries(machine)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '',
  ].join('\n');
}

/** Returns a table of multiples of the baseline: one row for each kind of work, one column for each contender. */
function compared(results: readonly Result[], processes: 1 | 2): string[] {
  const rows = results.filter((result) => result.processes === processes);
  const others = NAMES.filter((name) => rows.some(({ contender }) => contender === name));
  const head = [
    processes === 1 ? 'both ends in one thread' : 'in two processes',
    CONTENDERS[BASELINE].title,
    ...others.map((name) => CONTENDERS[name].title),
  ];
  const titles = [...new Set(rows.map(({ title }) => title))];
  return markdown([
    head,
    ...titles.map((title) => {
      const same = rows.filter((result) => result.title === title);
      const { absolute, size } = same[0] as Result;
      const cells = others.map((name) => same.find(({ contender }) => contender === name));
      return [
        title,
        rateText(absolute['baseline'] ?? 0, size),
        ...cells.map((one) => (one ? headlineText(one) + aboveText(one.absolute['above']) : '')),
      ];
    }),
  ]);
}

function titleOf({ title, contender, processes }: Result): string {
  const who = contender === undefined ? '' : `: ${CONTENDERS[contender].title}`;
  return `${title}${who}${processes === 2 ? ', in two processes' : ''}`;
}

function measured(result: Result): string {
  const { own, baseline, manyOpen } = result.absolute;
  if (own !== undefined && baseline !== undefined) {
    return `${own.toFixed(1)} ms, ${CONTENDERS[BASELINE].title} ${baseline.toFixed(1)} ms`;
  }
  return manyOpen === undefined ? headlineText(result) : `${headlineText(result)}, ${manyOpen.toFixed(0)} µs each`;
}
