/**
 * Heavy work in a thread of its own: the worker offers a service, and the main thread calls it and stays free. In a browser the
 * same two functions connect a page with its worker.
 *
 *     node examples/worker.mjs
 */
import assert from 'node:assert/strict';
import { isMainThread, Worker } from 'node:worker_threads';
import { accept, channel, initiate, isLost, method, routes, service } from 'roam-actors';
import { parentLink, workerLink } from 'roam-actors/ports';

const Primes = service('Primes', { count: method(), list: method() });

const isPrime = (number) => {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
};

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const session = await initiate(workerLink(worker));
  const primes = await session.open(Primes);

  assert.equal(await primes.count(1_000_000), 78_498);
  console.log('there are 78498 primes below a million');

  // A stream with backpressure: the worker is never far ahead.
  const first = [];
  const [tx, rx] = channel();
  void primes.list(tx).catch(() => {});
  for await (const prime of rx) if (first.push(prime) === 10) break;
  assert.deepEqual(first, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
  console.log(`the first ones are ${first.join(', ')}`);

  // A thread that ends takes its calls with it, and says so.
  const call = primes.count(1e15).catch((error) => error);
  await worker.terminate();
  assert(isLost(await call));
  console.log('the worker is gone, and so is its last call');
} else {
  const link = await parentLink();
  await accept(link, {
    onConnection: routes([
      Primes.handler({
        count(below) {
          let count = 0;
          for (let number = 2; number < below; number++) if (isPrime(number)) count++;
          return count;
        },
        async list(to) {
          for (let number = 2; ; number++) if (isPrime(number)) await to.send(number);
        },
      }),
    ]),
  });
}
