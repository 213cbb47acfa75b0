import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type NetworkEvent, watchNetwork } from '../../src/client/network.js';

/** The parts of a page that tell of the network, and what was told. */
class Page {
  readonly told: NetworkEvent[] = [];
  readonly window = new EventTarget();
  readonly document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  /** The time of day: it goes on while a device sleeps, and timers do not. */
  time = 0;
  readonly stop: () => void;

  constructor() {
    const { window, document } = this;
    this.stop = watchNetwork(
      (event) => void this.told.push(event),
      () => this.time,
      {
        addEventListener: (type, listener) => window.addEventListener(type, listener as EventListener),
        removeEventListener: (type, listener) => window.removeEventListener(type, listener as EventListener),
        document: document as never,
      },
    );
  }

  /** Goes on awake. */
  pass(time: number): void {
    for (let left = time; left > 0; left -= 1_000) {
      this.time += Math.min(left, 1_000);
      jest.advanceTimersByTime(Math.min(left, 1_000));
    }
  }

  show(state: 'visible' | 'hidden'): void {
    this.document.visibilityState = state;
    this.document.dispatchEvent(new Event('visibilitychange'));
  }
}

describe('the network of a client', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('is online and offline as the browser says', () => {
    const page = new Page();
    for (const type of ['offline', 'online']) page.window.dispatchEvent(new Event(type));
    expect(page.told).toEqual(['network.offline', 'network.online']);
    page.stop();
  });

  test('is suspect when a page comes back from the cache, and not when it is shown first', () => {
    const page = new Page();
    page.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
    expect(page.told).toEqual([]);
    page.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(page.told).toEqual(['network.suspect']);
    page.stop();
  });

  test('is suspect when a page goes on that the browser had frozen', () => {
    const page = new Page();
    page.document.dispatchEvent(new Event('freeze'));
    expect(page.told).toEqual([]);
    page.document.dispatchEvent(new Event('resume'));
    expect(page.told).toEqual(['network.suspect']);
    page.stop();
    page.document.dispatchEvent(new Event('resume'));
    expect(page.told).toEqual(['network.suspect']);
  });

  test.each([
    [29_999, []],
    [30_000, ['network.suspect']],
    [30_001, ['network.suspect']],
  ])('when a page is shown that was hidden for %i ms, is %j', (time, told) => {
    const page = new Page();
    page.show('hidden');
    page.pass(time - 1);
    // Hidden again: the time goes on.
    page.show('hidden');
    page.pass(1);
    page.show('visible');
    expect(page.told).toEqual(told);
    page.show('visible');
    expect(page.told).toEqual(told);
    page.stop();
  });

  test.each([
    [29_000, []],
    [30_000, ['network.suspect']],
  ])('when a device has slept for %i ms, is %j within a second', (time, told) => {
    const page = new Page();
    page.pass(60_000);
    page.time += time;
    page.pass(1_000);
    expect(page.told).toEqual(told);
    page.pass(60_000);
    expect(page.told).toEqual(told);
    page.stop();
  });

  test('is watched no longer after the end', () => {
    const page = new Page();
    page.show('hidden');
    page.stop();
    expect(jest.getTimerCount()).toBe(0);
    page.time += 60_000;
    page.show('visible');
    for (const type of ['offline', 'online']) page.window.dispatchEvent(new Event(type));
    page.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(page.told).toEqual([]);
  });

  test('is watched where there is no page', () => {
    const told: NetworkEvent[] = [];
    let time = 0;
    const stop = watchNetwork(
      (event) => void told.push(event),
      () => time,
      {},
    );
    time = 60_000;
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(['network.suspect']);
    stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
