import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InputQueue } from '../../src/conduit/input-queue.js';

interface Local {
  readonly name: string;
}

function frame(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

/** Makes a queue that notes its inputs and then calls `onTake`. If `onTake` returns false, the frame is not taken. */
function queue(onTake: (name: string, it: InputQueue<Local>) => unknown = () => {}): {
  it: InputQueue<Local>;
  taken: string[];
} {
  const taken: string[] = [];
  const take = (name: string): boolean => {
    taken.push(name);
    const isTaken = onTake(name, it) !== false;
    taken.push(`${name} ${isTaken ? 'done' : 'refused'}`);
    return isTaken;
  };
  const it: InputQueue<Local> = new InputQueue<Local>(
    (bytes) => take(`frame ${bytes.join()}`),
    ({ name }) => take(name),
    (error) => taken.push(`crashed: ${String(error)}`),
  );
  return { it, taken };
}

/** The notes of inputs that are taken one after the other, each done before the next one begins. */
function whole(...names: string[]): string[] {
  return names.flatMap((name) => [name, `${name} done`]);
}

describe('an input queue', () => {
  test('hands nothing on before it opens, and then everything in order', () => {
    const { it, taken } = queue();
    it.frame(frame(1));
    it.push({ name: 'a' });
    it.afterFrames({ name: 'end' });
    it.frame(frame(2));
    expect(taken).toEqual([]);
    it.open();
    it.open();
    expect(taken).toEqual(whole('frame 1', 'a', 'end', 'frame 2'));
  });

  test('hands on one input only when the one before it is through', () => {
    const { it, taken } = queue((name, inside) => {
      if (name !== 'frame 1') return;
      inside.push({ name: 'asked in the midst' });
      inside.frame(frame(2));
    });
    it.open();
    it.frame(frame(1));
    expect(taken).toEqual(whole('frame 1', 'asked in the midst', 'frame 2'));
  });

  // Section 5, the inbox
  test('keeps a frame that has no room, counts it, and hands it on before everything else of the stream', () => {
    let room = 1;
    const { it, taken } = queue((name, inside) => {
      if (!name.startsWith('frame') || room-- > 0) return true;
      inside.pause();
      return false;
    });
    it.open();
    it.frame(frame(1));
    it.frame(frame(2, 2));
    it.frame(frame(3));
    it.push({ name: 'local' });
    expect(taken.splice(0)).toEqual([...whole('frame 1'), 'frame 2,2', 'frame 2,2 refused', ...whole('local')]);
    expect(it.bytes).toBe(2 + 64 + 1 + 64);
    room = 0;
    it.resume();
    expect(taken.splice(0)).toEqual(['frame 2,2', 'frame 2,2 refused']);
    expect(it.bytes).toBe(2 + 64 + 1 + 64);
    room = 2;
    it.resume();
    expect(taken).toEqual(whole('frame 2,2', 'frame 3'));
    expect(it.bytes).toBe(0);
  });

  test('keeps the bytes of a frame that has no room, and none of what the link read with it', () => {
    const chunk = new Uint8Array(65_536).fill(7);
    const kept: number[] = [];
    let hasRoom = false;
    const it = new InputQueue<Local>(
      (bytes) => {
        if (!hasRoom) it.pause();
        else kept.push(bytes.buffer.byteLength);
        return hasRoom;
      },
      () => {},
      () => {},
    );
    it.open();
    it.frame(chunk.subarray(3, 5));
    hasRoom = true;
    it.resume();
    expect(kept).toEqual([2]);
  });

  describe('with a budget for each turn', () => {
    /** Makes a queue whose frames take a millisecond each. The test decides when a turn begins. */
    function timed(milliseconds: number) {
      let now = 0;
      const turns: (() => void)[] = [];
      const taken: string[] = [];
      let resumed = 0;
      const it = new InputQueue<Local>(
        (bytes) => {
          now++;
          taken.push(`frame ${bytes.join()}`);
          return true;
        },
        ({ name }) => taken.push(name),
        () => {},
        {
          now: () => now,
          milliseconds,
          nextTask: (callback) => turns.push(callback),
          resumed: () => resumed++,
        },
      );
      it.open();
      const nextTurn = (): void => {
        for (const turn of turns.splice(0)) turn();
      };
      const take = (): number => taken.splice(0).length;
      return { it, nextTurn, take, taken, turns, resumed: () => resumed };
    }

    test('takes 8 frames untimed, then as many as the budget has time for, and the rest in the turns that follow', () => {
      const { it, nextTurn, take, turns, resumed } = timed(20);
      for (let at = 0; at < 80; at++) it.frame(frame(at));
      // The clock is looked at with every second frame.
      expect({ taken: take(), isYielding: it.isYielding }).toEqual({ taken: 28, isYielding: true });
      expect(it.bytes).toBe(52 * 65);
      nextTurn();
      expect({ taken: take(), isYielding: it.isYielding }).toEqual({ taken: 28, isYielding: true });
      expect(resumed()).toBe(0);
      nextTurn();
      expect({ taken: take(), isYielding: it.isYielding, bytes: it.bytes }).toEqual({
        taken: 24,
        isYielding: false,
        bytes: 0,
      });
      expect(resumed()).toBe(1);
      nextTurn();
      // Nothing waits, so nothing is scheduled.
      expect(turns).toEqual([]);
    });

    test('keeps the order of the stream, its end included, and lets local inputs go on', () => {
      const { it, nextTurn, taken } = timed(1);
      for (let at = 0; at < 60; at++) it.frame(frame(at));
      it.afterFrames({ name: 'end' });
      it.push({ name: 'local' });
      expect(taken.at(-1)).toBe('local');
      while (it.isYielding) nextTurn();
      const stream = Array.from({ length: 60 }, (_, at) => `frame ${at}`);
      expect(taken.filter((name) => name !== 'local')).toEqual([...stream, 'end']);
    });

    test('counts the frames of turns that brought fewer than it takes untimed', () => {
      const { it, nextTurn, take } = timed(8);
      for (let at = 0; at < 7; at++) it.frame(frame(at));
      nextTurn();
      for (let at = 0; at < 15; at++) it.frame(frame(at));
      expect({ taken: take(), isYielding: it.isYielding }).toEqual({ taken: 16, isYielding: true });
      nextTurn();
      expect(take()).toBe(6);
    });

    test('goes on at once when it is told to hurry', () => {
      const { it, take } = timed(8);
      for (let at = 0; at < 60; at++) it.frame(frame(at));
      expect(take()).toBe(16);
      it.hurry();
      expect(take()).toBe(8);
      expect(it.isYielding).toBe(true);
    });

    test('schedules nothing while it is paused, and goes on in order', () => {
      const { it, nextTurn, taken, turns } = timed(8);
      for (let at = 0; at < 60; at++) it.frame(frame(at));
      it.pause();
      nextTurn();
      for (let at = 60; at < 80; at++) it.frame(frame(at));
      expect({ taken: taken.length, turns: turns.length }).toEqual({ taken: 16, turns: 0 });
      it.resume();
      while (it.isYielding) nextTurn();
      expect(taken).toEqual(Array.from({ length: 80 }, (_, at) => `frame ${at}`));
    });

    test('looks at the clock with every second frame, and not before the first 8', () => {
      let readings = 0;
      const it = new InputQueue<Local>(
        () => true,
        () => {},
        () => {},
        {
          now: () => {
            readings++;
            return 0;
          },
          milliseconds: 1,
          nextTask: () => {},
        },
      );
      it.open();
      for (let at = 0; at < 7; at++) it.frame(frame(at));
      expect(readings).toBe(0);
      for (let at = 7; at < 18; at++) it.frame(frame(at));
      expect(readings).toBe(6);
    });

    test('says that it goes on only if it has waited', () => {
      const { it, nextTurn, resumed } = timed(100);
      for (let at = 0; at < 20; at++) it.frame(frame(at));
      nextTurn();
      expect(resumed()).toBe(0);
    });

    test('gets no new budget by a hurry while nothing waits', () => {
      const { it, take } = timed(10);
      for (let at = 0; at < 12; at++) it.frame(frame(at));
      it.hurry();
      for (let at = 12; at < 40; at++) it.frame(frame(at));
      expect({ taken: take(), isYielding: it.isYielding }).toEqual({ taken: 18, isYielding: true });
    });

    test('goes on in the next turn, told or not', () => {
      const turns: (() => void)[] = [];
      let now = 0;
      const it = new InputQueue<Local>(
        () => {
          now++;
          return true;
        },
        () => {},
        () => {},
        { now: () => now, milliseconds: 8, nextTask: (callback) => turns.push(callback) },
      );
      it.open();
      for (let at = 0; at < 20; at++) it.frame(frame(at));
      expect(it.isYielding).toBe(true);
      for (const turn of turns.splice(0)) turn();
      expect({ isYielding: it.isYielding, bytes: it.bytes }).toEqual({ isYielding: false, bytes: 0 });
    });

    test('forgets what waits for the next turn when it is closed', () => {
      const { it, nextTurn, take } = timed(8);
      for (let at = 0; at < 60; at++) it.frame(frame(at));
      take();
      it.close();
      nextTurn();
      expect({ taken: take(), bytes: it.bytes }).toEqual({ taken: 0, bytes: 0 });
    });
  });

  test('puts what belongs to the step under way before everything that waits', () => {
    const { it, taken } = queue((name, inside) => {
      if (name !== 'frame 1') return;
      inside.push({ name: 'later' });
      inside.pushNext({ name: 'first' });
      inside.pushNext({ name: 'second' });
    });
    it.open();
    it.frame(frame(1));
    expect(taken).toEqual(whole('frame 1', 'first', 'second', 'later'));
  });

  test('keeps frames, and what comes after them, while paused; local inputs go on', () => {
    const { it, taken } = queue();
    it.open();
    it.pause();
    expect(it.isPaused).toBe(true);
    it.frame(frame(1));
    it.push({ name: 'a' });
    it.frame(frame(2));
    it.afterFrames({ name: 'end' });
    it.push({ name: 'b' });
    expect(taken).toEqual(whole('a', 'b'));
    it.resume();
    expect(it.isPaused).toBe(false);
    expect(taken).toEqual(whole('a', 'b', 'frame 1', 'frame 2', 'end'));
  });

  test('lets an event of the link pass frames that came before it, if it is told to', () => {
    const { it, taken } = queue();
    it.open();
    it.pause(true);
    it.frame(frame(1));
    it.afterFrames({ name: 'end' });
    expect(taken).toEqual(whole('end'));
    it.resume();
    expect({ isPaused: it.isPaused, passesEvents: it.passesEvents }).toEqual({ isPaused: false, passesEvents: false });
    expect(taken).toEqual(whole('end', 'frame 1'));
  });

  test('keeps the order when it is paused again while it hands on what it kept', () => {
    const { it, taken } = queue((name, inside) => {
      if (name === 'frame 1') inside.pause();
    });
    it.open();
    it.pause();
    for (let number = 1; number <= 3; number++) it.frame(frame(number));
    it.resume();
    it.frame(frame(4));
    expect(taken).toEqual(whole('frame 1'));
    it.resume();
    expect(taken).toEqual(whole('frame 1', 'frame 2', 'frame 3', 'frame 4'));
  });

  test('keeps the order of frames that arrive in the midst of the step that pauses it', () => {
    const { it, taken } = queue((name, inside) => {
      if (name === 'start') {
        inside.frame(frame(1));
        inside.frame(frame(2));
      }
      if (name === 'frame 1') {
        inside.pause();
        inside.frame(frame(3));
      }
    });
    it.open();
    it.push({ name: 'start' });
    it.resume();
    expect(taken).toEqual(whole('start', 'frame 1', 'frame 2', 'frame 3'));
  });

  test('counts what waits as no less than it costs, also when a frame is empty', () => {
    const { it } = queue();
    it.open();
    expect(it.bytes).toBe(0);
    it.pause();
    it.frame(new Uint8Array(1_000));
    const one = it.bytes;
    expect(one).toBeGreaterThanOrEqual(1_000);
    it.frame(new Uint8Array(0));
    expect(it.bytes).toBeGreaterThan(one);
    it.resume();
    expect(it.bytes).toBe(0);
  });

  test('holds everything back while a user is called, and until the microtask after', async () => {
    const { it, taken } = queue();
    it.open();
    it.hold(() => {
      it.push({ name: 'asked by the user' });
      it.hold(() => it.push({ name: 'asked further in' }));
      it.frame(frame(1));
      expect(taken).toEqual([]);
    });
    it.push({ name: 'asked behind it' });
    expect(taken).toEqual([]);
    await Promise.resolve();
    expect(taken).toEqual(whole('asked by the user', 'asked further in', 'frame 1', 'asked behind it'));
  });

  test('calls a user at once in the midst of a step, and takes what he asks for after it', () => {
    const { it, taken } = queue((name, inside) => {
      if (name === 'frame 1') inside.hold(() => inside.push({ name: 'asked by the user' }));
    });
    it.open();
    it.frame(frame(1));
    expect(taken).toEqual(whole('frame 1', 'asked by the user'));
  });

  test('forgets what waits when it closes, and takes nothing any more', async () => {
    const { it, taken } = queue((name, inside) => {
      if (name === 'last') inside.close();
    });
    it.open();
    it.pause();
    it.frame(frame(1));
    it.hold(() => {
      it.push({ name: 'last' });
      it.push({ name: 'too late' });
    });
    await Promise.resolve();
    it.resume();
    it.frame(frame(2));
    it.push({ name: 'b' });
    it.pushNext({ name: 'c' });
    it.afterFrames({ name: 'd' });
    it.open();
    expect(taken).toEqual(whole('last'));
    expect(it.bytes).toBe(0);
  });

  test('stays closed once it is, also if it never opened', () => {
    const { it, taken } = queue();
    it.close();
    it.open();
    it.push({ name: 'a' });
    it.frame(frame(1));
    expect(taken).toEqual([]);
  });

  test('keeps no refused frame of a step that closes it', () => {
    const { it, taken } = queue((name, inside) => {
      if (name !== 'frame 1') return true;
      inside.close();
      return false;
    });
    it.open();
    it.frame(frame(1));
    it.resume();
    expect(taken).toEqual(['frame 1', 'frame 1 refused']);
  });

  test('keeps the order of frames, and that of local inputs, in any order of events', () => {
    const act = fc.oneof(
      { weight: 4, arbitrary: fc.constant('frame') },
      { weight: 3, arbitrary: fc.constant('local') },
      fc.constantFrom('pause', 'resume'),
    );
    // `within` has the steps that each input performs when it is taken.
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 40 }),
        fc.array(fc.array(act, { maxLength: 3 }), { maxLength: 20 }),
        (acts, within) => {
          const sent = { frame: 0, local: 0 };
          const plans = [...within];
          let depth = 0;
          const perform = (what: string, on: InputQueue<Local>) => {
            if (what === 'pause') on.pause();
            else if (what === 'resume') on.resume();
            else if (what === 'frame') on.frame(frame(sent.frame, sent.frame++ >> 8));
            else on.push({ name: `local ${sent.local++}` });
          };
          const { it, taken } = queue((_, inside) => {
            depth += 1;
            expect(depth).toBe(1);
            for (const what of plans.shift() ?? []) perform(what, inside);
            depth -= 1;
          });
          it.open();
          for (const what of acts) perform(what, it);
          plans.length = 0;
          it.resume();
          const names = taken.filter((name) => !name.endsWith('done'));
          const frames = names.filter((name) => name.startsWith('frame'));
          expect(frames).toEqual(frames.map((_, index) => `frame ${index},${index >> 8}`));
          expect(frames).toHaveLength(sent.frame);
          const locals = names.filter((name) => name.startsWith('local'));
          expect(locals).toEqual(locals.map((_, index) => `local ${index}`));
          expect(locals).toHaveLength(sent.local);
          expect(it.bytes).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('says what was thrown in the midst of a step, and hands nothing on any more', () => {
    const { it, taken } = queue((name) => {
      if (name === 'bad') throw new Error('torn');
    });
    it.open();
    it.push({ name: 'bad' });
    it.push({ name: 'late' });
    it.frame(new Uint8Array([1]));
    expect(taken).toEqual(['bad', 'crashed: Error: torn']);
  });

  test('says what was thrown in the step of a frame that had not to wait, and hands nothing on any more', () => {
    const { it, taken } = queue((name, inside) => {
      if (name !== 'frame 1') return;
      inside.push({ name: 'asked in the midst' });
      throw new Error('torn');
    });
    it.open();
    it.frame(frame(1));
    it.frame(frame(2));
    it.push({ name: 'late' });
    expect(taken).toEqual(['frame 1', 'crashed: Error: torn']);
  });

  test('takes a frame of another realm for what it is, also when it has to wait', () => {
    const { it, taken } = queue();
    it.frame(runInNewContext('new Uint8Array([7])'));
    it.open();
    expect(taken).toEqual(whole('frame 7'));
  });
});
