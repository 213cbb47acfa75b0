import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { FramePool } from '../../src/conduit/frame-pool.js';
import type { Link } from '../../src/link/link.js';

const LONG = 1024 + 1;

/** A link that holds its bytes until the test says how many have left. It notes the memory that came back to the codec. */
class World {
  given = 0;
  buffered = 0;
  readonly frames: { readonly frame: Uint8Array; readonly end: number }[] = [];
  readonly released: Uint8Array[] = [];
  readonly pool: FramePool;

  constructor(link: Partial<Link> = { releasesSent: true }, codec: object = {}) {
    const world = this;
    const observed = {
      get releasesSent() {
        return link.releasesSent;
      },
      get retained() {
        return link.retained;
      },
      get buffered() {
        return world.buffered;
      },
    } as Link;
    this.pool = new FramePool(observed, {
      ...messagePack,
      release: (frame) => void this.released.push(frame),
      ...codec,
    });
  }

  send(length: number): void {
    const frame = new Uint8Array(length);
    this.given += length;
    this.buffered += length;
    this.frames.push({ frame, end: this.given });
    this.pool.add(frame, this.given);
  }

  /** Lets this number of bytes leave. */
  leave(bytes: number): void {
    this.buffered = Math.max(0, this.buffered - bytes);
    this.pool.reclaim(this.given);
  }

  /** Returns the long frames that have left completely. */
  get left(): Uint8Array[] {
    return this.frames
      .filter(({ frame, end }) => frame.length >= LONG && end <= this.given - this.buffered)
      .map(({ frame }) => frame);
  }
}

describe('frames that the link has sent', () => {
  test('go back to the codec once each, when their last byte has left and not before, in pieces of any size', () => {
    const step = fc.oneof(
      fc.record({ send: fc.constantFrom(1, LONG - 1, LONG, 20_000, 70_000) }),
      fc.record({ leave: fc.nat({ max: 40_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const world = new World();
        for (const of of steps) {
          if ('send' in of) world.send(of.send);
          else world.leave(of.leave);
          if ('leave' in of) expect(world.released.length).toBe(world.left.length);
          expect(world.released.every((frame, index) => frame === world.left[index])).toBe(true);
        }
        world.leave(world.buffered);
        expect(world.released.length).toBe(world.left.length);
      }),
    );
  });

  test('are tracked if they are long, until all have left', () => {
    const world = new World();
    world.send(LONG - 1);
    expect(world.pool.isEmpty).toBe(true);
    world.send(LONG);
    world.send(LONG);
    expect(world.pool.isEmpty).toBe(false);
    world.leave(2 * LONG - 1);
    expect(world.pool.isEmpty).toBe(false);
    world.leave(world.buffered);
    expect(world.pool.isEmpty).toBe(true);
  });

  test('are not kept hold of by the hundred where the link never tells', () => {
    const world = new World();
    for (let sent = 0; sent < 1_000; sent++) {
      world.buffered = 0;
      world.send(LONG);
    }
    expect(world.released.length).toBeGreaterThan(900);
  });

  test('go back with the next frame, however many have left before the link tells of it', () => {
    const world = new World();
    for (let sent = 0; sent < 40; sent++) world.send(LONG);
    expect(world.released).toEqual([]);
    world.buffered = 0;
    world.send(LONG);
    expect(world.released.length).toBe(40);
  });

  test('stay as they are, and are not kept hold of, once a link goes on over another one that may still have them', () => {
    const link = { releasesSent: true, retained: 0 };
    const world = new World(link);
    for (let sent = 0; sent < 10; sent++) world.send(LONG);
    world.leave(world.buffered);
    expect(world.released.length).toBe(10);
    // As a reliable link does: nothing counts as released any more.
    link.releasesSent = false;
    for (let sent = 0; sent < 100; sent++) {
      link.retained += LONG;
      world.send(LONG);
      expect(world.pool.isEmpty).toBe(true);
      world.leave(world.buffered);
    }
    expect(world.pool.isEmpty).toBe(true);
    expect(world.released.length).toBe(10);
  });

  test.each([
    ['the link may still have them', {}, {}],
    ['the link says that it may still have them', { releasesSent: false }, {}],
    ['the codec does not want them', { releasesSent: true }, { release: undefined }],
  ])('stay as they are: %s', (_, link, codec) => {
    const world = new World(link, codec);
    for (let sent = 0; sent < 100; sent++) world.send(LONG);
    expect(world.pool.isEmpty).toBe(true);
    world.leave(world.buffered);
    expect(world.released).toEqual([]);
  });
});
