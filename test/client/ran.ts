/**
 * `npm run schedules:client -- --count N --seed S` plays N random schedules of a client and a server, whose connections are cut
 * behind every byte of what they carry. It ends with the first schedule in which an error said `ran: 'no'` and the handler had
 * run, or `ran: 'yes'` or a result and it had not; or in which a handler began in a session that was drained, a call at work was
 * neither answered nor counted, or a drain took longer than its time. The schedules have the seeds S, S + 1, …
 */
import { parseArgs } from 'node:util';
import { settle } from '../support/settle.js';
import { Schedule } from './ran-schedule.js';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
});
const [count, first] = [Number(values.count), Number(values.seed)];
/** Schedules that are played side by side, each with a clock of its own: most of the time goes to waiting for quiet. */
const TOGETHER = 100;

const outcomes = new Map<string, number>();
let cuts = 0;
const drained = { drains: 0, answered: 0, refused: 0, cancelled: 0 };
for (let begun = 0; begun < count; begun += TOGETHER) {
  const schedules = Array.from(
    { length: Math.min(TOGETHER, count - begun) },
    (_, at) => new Schedule(first + begun + at),
  );
  for (let isGoing = true; isGoing; ) {
    isGoing = false;
    for (const schedule of schedules) if (schedule.step()) isGoing = true;
    await settle();
  }
  for (const schedule of schedules) {
    const wrong = schedule.wrong();
    if (wrong !== undefined) throw new Error(`--count 1 --seed ${schedule.seed}: ${wrong}`);
    cuts += schedule.cuts;
    for (const name of ['drains', 'answered', 'refused', 'cancelled'] as const) drained[name] += schedule.drained[name];
    for (const outcome of schedule.outcomes) outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1);
  }
}
const said = [...outcomes].sort().map(([outcome, times]) => `${outcome}: ${times}`);
process.stdout.write(`${count} schedules, ${cuts} cuts; calls by what they said of themselves: ${said.join(', ')}\n`);
process.stdout.write(`drains: ${JSON.stringify(drained)}\n`);
// A run in which one of them never comes shows nothing.
for (const needed of ['answered', 'no', 'maybe']) {
  if (count >= 100 && !outcomes.has(needed)) throw new Error(`no call was ${needed}`);
}
for (const [name, times] of Object.entries(drained)) {
  if (count >= 1_000 && times === 0) throw new Error(`no drain: ${name}`);
}
process.exit(0);
