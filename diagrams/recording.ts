import type { Sequence, SequenceStep } from '../src/diagram/index.js';
import { type Link, type LinkEvents, messagePack } from '../src/index.js';
import { memoryLinkPair } from '../src/link/memory.js';
import { ControlledLink, inWords, settle, VirtualClock } from '../src/testing/index.js';

const GENEROUS = { metadataEntries: 1_000, metadataBytes: 1_000_000 };

/** What peers really say to each other, over links within this process and on a clock that stands still. */
export class Recording {
  readonly clock = new VirtualClock();
  readonly #participants: string[] = [];
  readonly #steps: SequenceStep[] = [];
  readonly #links: [sender: string, link: ControlledLink][] = [];
  /** The messages that have been sent and have not arrived, by their steps. */
  readonly #underWay = new Set<number>();
  #isOver = false;

  /** A pair of links, whose ends belong to these two. */
  connect(left: string, right: string): [Link, Link] {
    for (const name of [left, right]) if (!this.#participants.includes(name)) this.#participants.push(name);
    const [near, far] = memoryLinkPair().map((link) => new ControlledLink(link)) as [ControlledLink, ControlledLink];
    this.#links.push([left, near], [right, far]);
    const [there, back] = [new Direction(left, right), new Direction(right, left)];
    return [new Tap(near, this, there, back), new Tap(far, this, back, there)];
  }

  /** Everything that `action` sets off is sent before any of it arrives. */
  async atOnce(action: () => void): Promise<void> {
    for (const [, link] of this.#links) link.hold();
    action();
    await settle();
    for (const [, link] of this.#links) link.take();
    await settle();
  }

  /** From now on what `name` sends is lost. */
  lose(name: string): void {
    for (const [sender, link] of this.#links) if (sender === name) link.hold();
  }

  /** What was said so far is of no interest. */
  skip(): void {
    this.#steps.length = 0;
  }

  note(over: string, text: string): void {
    this.#add({ type: 'note', over, text });
  }

  async pass(time: number, what: string): Promise<void> {
    this.#add({ type: 'pause', text: `${time / 1000} s later: ${what}` });
    await this.clock.advance(time);
  }

  /** What was recorded so far; from now on nothing is. */
  end(): Sequence {
    this.#isOver = true;
    const steps = this.#steps.map((step, at) =>
      this.#underWay.has(at) ? ({ ...step, isLost: true } as SequenceStep) : step,
    );
    return { participants: this.#participants, steps };
  }

  sent(direction: Direction, text: string): void {
    direction.underWay.push(this.#steps.length);
    this.#underWay.add(this.#steps.length);
    this.#add({ type: 'message', from: direction.from, to: direction.to, text });
  }

  arrived({ underWay, to }: Direction): void {
    const of = underWay.shift();
    if (of === undefined || this.#isOver) return;
    this.#underWay.delete(of);
    // Where the receiver has said something meanwhile, the two cross; otherwise nobody can tell when it arrived.
    const since = this.#steps.slice(of + 1);
    if (since.some((step) => step.type === 'message' && step.from === to)) this.#add({ type: 'arrival', of });
  }

  #add(step: SequenceStep): void {
    if (!this.#isOver) this.#steps.push(step);
  }
}

class Direction {
  readonly from: string;
  readonly to: string;
  readonly underWay: number[] = [];

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }
}

/** A link that tells what passes. */
class Tap implements Link {
  readonly #inner: ControlledLink;
  readonly #recording: Recording;
  readonly #out: Direction;
  readonly #in: Direction;
  #isOver = false;

  constructor(inner: ControlledLink, recording: Recording, out: Direction, incoming: Direction) {
    this.#inner = inner;
    this.#recording = recording;
    this.#out = out;
    this.#in = incoming;
  }

  get buffered(): number {
    return this.#inner.buffered;
  }

  start(events: LinkEvents): void {
    this.#inner.start({
      message: (bytes) => {
        this.#recording.arrived(this.#in);
        events.message(bytes);
      },
      drained: events.drained,
      ended: () => {
        this.#over();
        events.ended();
      },
      failed: (error) => {
        this.#over();
        events.failed(error);
      },
    });
  }

  send(bytes: Uint8Array): void {
    this.#recording.sent(this.#out, inWords(messagePack.decode(bytes, GENEROUS)));
    this.#inner.send(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(): void {
    this.#end('end of the stream');
    this.#inner.close();
  }

  abort(): void {
    this.#end('the link breaks');
    this.#inner.abort();
  }

  #end(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#recording.sent(this.#out, text);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#recording.arrived(this.#in);
  }
}
