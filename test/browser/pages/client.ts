import { connect } from '../../../src/client/client-browser.js';
import { channel, isLost } from '../../../src/index.js';
import { Counter } from './counter.js';

// The page of client.browser.ts: counts on through all that happens to its session.

const numbers: number[] = [];
const states: string[] = [];
let error = '';

function start(url: string, token: string, resume: 'auto' | false): void {
  const client = connect(url, { lazy: false, resume, credentials: () => ({ token }) });
  client.status.subscribe(() => {
    const { state, reason } = client.status.current;
    if (states.at(-1) !== state) states.push(state);
    if (state === 'failed') error = String(reason);
  });
  const counter = client.use(Counter);
  const follow = async (): Promise<void> => {
    for (;;) {
      const [tx, rx] = channel<number>();
      void counter.count(numbers.length, tx);
      try {
        for await (const number of rx) numbers.push(number);
      } catch (lost) {
        if (!isLost(lost)) throw lost;
      }
    }
  };
  follow().catch(() => {});
}

/** Sets the time of day forward, as if the device had slept: timers have stood still. */
function sleep(milliseconds: number): void {
  const { now } = Date;
  Date.now = () => now.call(Date) + milliseconds;
}

Object.assign(globalThis, { page: { numbers, states, start, sleep, error: () => error } });
