import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createMachine } from 'xstate';
import { paths } from '../../src/testing/index.js';

// The example in the documentation of `paths`, as an application would have it. The code under test is not the machine.

const door = createMachine({
  id: 'door',
  initial: 'closed',
  states: { closed: { on: { open: 'opened' } }, opened: { on: { close: 'closed' }, after: { 5000: 'closed' } } },
});

class Door {
  isOpen = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  open(): void {
    this.isOpen = true;
    this.#timer = setTimeout(() => this.close(), 5_000);
  }

  close(): void {
    this.isOpen = false;
    clearTimeout(this.#timer);
  }
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

for (const { name, steps } of paths(door, { events: [{ type: 'open' }, { type: 'close' }] })) {
  test(name, () => {
    const device = new Door();
    for (const { event, delay, snapshot } of steps) {
      if (delay !== undefined) jest.advanceTimersByTime(delay);
      else if (event.type === 'open') device.open();
      else device.close();
      expect(device.isOpen).toBe(snapshot.matches('opened'));
    }
  });
}
