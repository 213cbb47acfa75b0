// A service and its client in one file: both come of one definition, and nothing is generated.
import assert from 'node:assert/strict';
import { accept, channel, fail, initiate, method, type Rx, routes, service, withContext } from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';

interface DivisionByZero {
  readonly dividend: number;
}

const Calculator = service('Calculator', {
  add: method<[a: number, b: number], number>(),
  sum: method<[numbers: Rx<number>], number>(),
  divide: method<[dividend: number, divisor: number], number, DivisionByZero>(),
  think: method<[milliseconds: number], string>(),
});

const handler = Calculator.handler(
  {
    add: (a, b) => a + b,
    sum: async (numbers) => {
      let sum = 0;
      for await (const number of numbers) sum += number;
      return sum;
    },
    divide: (dividend, divisor) => (divisor === 0 ? fail<DivisionByZero>({ dividend }) : dividend / divisor),
    think: withContext(
      ({ signal }, milliseconds) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => resolve('42'), milliseconds);
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            reject(signal.reason);
          });
        }),
    ),
  },
  {
    interceptors: [
      async (call, next) => {
        console.log(`${call.service}.${call.method} is called`);
        return next(call);
      },
    ],
  },
);

const [link, peerLink] = memoryLinkPair();
const accepting = accept(peerLink, { onConnection: routes([handler]) });
const session = await initiate(link);
const calculator = await session.open(Calculator);

const added = await calculator.add(3, 5);
console.log(`3 + 5 = ${added}`);
assert.equal(added, 8);

// The handler receives from an Rx. We pass the Rx, and keep the Tx.
const [tx, rx] = channel<number>();
const sum = calculator.sum(rx);
for (let number = 1; number <= 100; number++) await tx.send(number);
await tx.close();
console.log(`1 + … + 100 = ${await sum}`);
assert.equal(await sum, 5050);

try {
  await calculator.divide(1, 0);
} catch (error) {
  assert(Calculator.isErrorOf('divide', error));
  // Typed, as the service declares it.
  console.log(`can't divide ${error.error.dividend} by zero`);
}

await assert.rejects(calculator.think(60_000, { timeout: 50 }), { code: 'limit', limit: 'timeout' });
console.log('it did not take a minute to think');

session.shutdown();
await (await accepting).closed;
