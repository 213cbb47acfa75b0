/**
 * `npm run schedules -- --count N --seed S` plays N random schedules of a reliable link on a simulated clock, and ends with
 * the first one that goes wrong. The schedules have the seeds S, S + 1, … so that one can be repeated alone.
 */
import { parseArgs } from 'node:util';
import { play, type Tally } from './schedule.js';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const tally: Tally = { messages: 0, cuts: 0, links: 0 };
const [count, seed] = [Number(values.count), Number(values.seed)];
for (let index = 0; index < count; index++) await play(seed + index, tally);
process.stdout.write(
  `${count} schedules: ${tally.messages} messages, ${tally.cuts} cuts, ${tally.links} links; all exactly once, in order\n`,
);
