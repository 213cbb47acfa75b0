import type { Parity } from '../../../src/wire/id.js';
import type { ConnectionSettings, DataMessage, Message } from '../../../src/wire/message.js';
import type { Metadata, MetadataEntry } from '../../../src/wire/metadata.js';
import { Sensitive } from '../../../src/wire/sensitive.js';
import { type Live, Model } from './model.js';
import type { Random } from './random.js';
import { hexOf, received, type Script, type Step } from './script.js';
import { Traffic } from './traffic.js';

/** Bytes that no peer decodes: cut short, or with a number that has no meaning. */
const MALFORMED = ['', '00', '000b', '0003', '00030240', '0007', '0007010300', '0008010400', '0007010001'];

/** Bytes that only the reference decodes: an id or a number beyond its range, or more than one message. */
const LENIENT = [
  // A Pong on connection 2⁵³.
  '80808080808080100a00',
  // A Cancel of request 2⁵³ on the root.
  '000780808080808080100200',
  // A Pong, and a byte behind it.
  '020a0000',
  // A Close of connection 2 with an entry more than we take.
  `020641${'00020000'.repeat(65)}`,
];

/** Returns the greeting of a peer that allows this number of calls in flight on the root. */
function limited(greeting: Message, maxConcurrentRequests: number): Message {
  if (!('connectionSettings' in greeting)) return greeting;
  const { parity } = greeting.connectionSettings;
  return { ...greeting, connectionSettings: { parity, maxConcurrentRequests } };
}

/** The use of a script's connections: they are read bare, they have drivers, or two of them are proxied to each other. */
export type Kind = 'bare' | 'calls' | 'proxies';

/** A message without effects. */
const PONG = hexOf({ type: 'Pong', connectionId: 0, nonce: 0n });

/** Builds one script, step by step: what is next depends on what is in use. */
export class ScriptBuilder {
  readonly #random: Random;
  readonly #model: Model;
  readonly #script: Script & { steps: Step[] };
  readonly #kind: Kind;
  readonly #traffic: Traffic;
  /** The parity in all offers of a script with a proxy: ids can be kept only between two parities. */
  readonly #parity: Parity | undefined;
  #lastRef = 0;
  /** Ids that have been in use. */
  readonly #known = new Set<number>([0]);

  constructor(random: Random, kind: Kind) {
    this.#random = random;
    this.#kind = kind;
    const role = random.pick(['initiator', 'acceptor'] as const);
    this.#parity = kind === 'proxies' ? random.pick(['odd', 'even'] as const) : undefined;
    const ours = (role === 'initiator') === (this.#parity === 'odd') ? 1 : 2;
    const theirs = 3 - ours;
    const legs = random.oneIn(3) ? [0, role === 'initiator' ? theirs : ours] : [ours, theirs];
    this.#script = {
      role,
      hello: hexOf({ type: 'ConnectionOpen', connectionId: 0, ...this.#offer() }),
      ...(random.oneIn(8)
        ? {}
        : {
            accept: hexOf({ type: 'ConnectionOpen', connectionId: 0, ...this.#offer() }),
            reject: hexOf({ type: 'ConnectionReject', connectionId: 0, metadata: this.#metadata() }),
          }),
      ...(random.oneIn(6) ? { keepalive: [random.from(1, 6) * 10, random.from(1, 6) * 10] as const } : {}),
      ...(kind === 'bare' && random.oneIn(100) ? { refusing: true as const } : {}),
      ...(kind === 'calls' ? { calls: true as const } : {}),
      ...(kind === 'proxies' ? { proxied: legs as [number, number] } : {}),
      steps: [],
    };
    this.#model = new Model(this.#script);
    this.#traffic = new Traffic(random, this.#model);
  }

  make(): Script {
    const random = this.#random;
    if (random.oneIn(40)) this.#push(this.#local());
    this.#push(this.#greeting());
    const length = random.weighted([
      [1, random.from(2, 8)],
      [6, random.from(8, 30)],
      [4, random.from(30, 70)],
    ]);
    let extra = 3;
    // Attempts without a step count too, so the loop always ends.
    for (let left = 2 * length; this.#script.steps.length < length && extra > 0 && left > 0; left--) {
      if (this.#model.phase === 'over') extra--;
      this.#next();
    }
    const { steps } = this.#script;
    const last = steps.at(-1);
    if (last?.more === true) {
      const { more: _, ...alone } = last;
      steps[steps.length - 1] = alone;
    }
    return this.#script;
  }

  #push(...steps: readonly Step[]): void {
    for (const step of steps) {
      if (this.#endsAtOnce(step) && !this.#random.oneIn(4)) continue;
      this.#model.take(step);
      this.#script.steps.push(step);
    }
    for (const id of this.#model.live.keys()) this.#known.add(id);
  }

  /**
   * True if the step releases a root that nothing else keeps. The script would be over then, earlier than it needs to be.
   */
  #endsAtOnce(step: Step): boolean {
    if (step.do !== 'release' || step.id !== 0 || this.#model.phase !== 'running') return false;
    return this.#model.live.size <= 1 && this.#model.live.get(0)?.calls?.isHeld !== true;
  }

  #next(): void {
    const random = this.#random;
    // A proxy works in tasks of its own after a step, so its next step must wait.
    const canBurst = this.#kind !== 'proxies' && !this.#model.isRefusing;
    const burst = canBurst && random.oneIn(5) ? random.from(1, 6) : 0;
    for (let left = burst; left > 0; left--) this.#push({ ...this.#burstFrame(), more: true });
    if (burst > 0) this.#push(random.oneIn(60) ? { do: 'end' } : this.#burstFrame());
    else if (this.#kind === 'bare' && this.#script.keepalive === undefined && random.oneIn(60)) this.#fill();
    else if (
      this.#script.keepalive !== undefined &&
      !this.#model.isBlocked &&
      random.oneIn(this.#model.isPinging ? 12 : 4)
    )
      this.#push(this.#advance());
    else this.#push(random.oneIn(this.#kind === 'calls' ? 2 : 3) ? this.#local() : this.#frame());
  }

  /** Stops a reader, and sends as much as its inbox holds, or one more or less. */
  #fill(): void {
    const live = this.#active();
    if (live === undefined || this.#model.isRefusing || live.isReaderGone) return;
    const random = this.#random;
    this.#push({ do: 'hold', id: live.id });
    const room = 64 - live.unread + (live.isWaiting ? 1 : 0);
    for (let left = room + random.from(-1, 2); left > 0; left--) {
      this.#push({ do: 'frame', hex: hexOf(this.#bareData(live.id)), more: true });
    }
    this.#push(this.#frame());
    for (let left = random.below(5); left > 0; left--) this.#push(random.oneIn(2) ? this.#frame() : this.#local());
    if (!random.oneIn(4)) this.#push({ do: 'read', id: live.id });
  }

  #advance(): Step {
    return { do: 'advance', ms: this.#random.from(1, 8) * 10 };
  }

  // ---- What the peer sends ----

  #greeting(): Step {
    const random = this.#random;
    const connectionId = random.oneIn(20) ? random.below(4) : 0;
    const hello: Message = { type: 'Hello', connectionId, version: random.oneIn(40) ? 6 : 7, ...this.#offer() };
    const yourself: Message = { type: 'HelloYourself', connectionId, ...this.#offer() };
    const right = this.#script.role === 'acceptor' ? hello : yourself;
    if (this.#kind === 'calls' && random.oneIn(12))
      return { do: 'frame', hex: hexOf(limited(right, random.from(1, 2))) };
    return random.weighted<() => Step>([
      [60, () => ({ do: 'frame', hex: hexOf(right) })],
      [1, () => ({ do: 'frame', hex: hexOf(right === hello ? yourself : hello) })],
      [1, () => ({ do: 'frame', hex: hexOf({ type: 'ProtocolError', connectionId, description: 'go away' }) })],
      [1, () => this.#frame()],
      [1, () => ({ do: random.pick(['end', 'fail', this.#kind === 'bare' ? 'refuse' : 'end'] as const) })],
    ])();
  }

  #frame(): Step & { do: 'frame' } {
    const random = this.#random;
    if (random.oneIn(700)) return { do: 'frame', hex: random.pick(MALFORMED) };
    if (random.oneIn(700)) return { do: 'frame', hex: random.pick(LENIENT), lenient: true };
    return { do: 'frame', hex: hexOf(this.#message()) };
  }

  /**
   * Returns a frame of a burst. The reference leaves to chance the order in which drivers take frames that come together,
   * and the work that they drop at the end, so bursts to drivers contain no such frames.
   */
  #burstFrame(): Step & { do: 'frame' } {
    const step = this.#frame();
    const type = received(step.hex)?.type;
    const isData = type === 'RequestMessage' || type === 'ChannelMessage';
    const isShut = type === 'ConnectionClose';
    return this.#kind === 'calls' && (isData || isShut) ? { do: 'frame', hex: PONG } : step;
  }

  #message(): Message {
    const random = this.#random;
    return random.weighted<() => Message>([
      [10, () => ({ type: 'ConnectionOpen', connectionId: this.#openId(), ...this.#offer() })],
      [8, () => ({ type: 'ConnectionAccept', connectionId: this.#answeredId(), ...this.#offer() })],
      [4, () => ({ type: 'ConnectionReject', connectionId: this.#answeredId(), metadata: this.#metadata() })],
      [6, () => ({ type: 'ConnectionClose', connectionId: this.#closedId(), metadata: this.#metadata() })],
      [this.#kind === 'bare' ? 12 : 50, () => this.#data(this.#usedId())],
      [4, () => ({ type: 'Ping', connectionId: random.oneIn(5) ? this.#anyId() : 0, nonce: this.#nonce() })],
      [this.#model.isPinging ? 20 : 1, () => this.#pong()],
      [1, () => this.#misplaced()],
    ])();
  }

  #pong(): Message {
    const random = this.#random;
    const nonce = random.oneIn(5) ? BigInt(random.below(8)) : this.#model.lastNonce;
    return { type: 'Pong', connectionId: random.oneIn(8) ? this.#anyId() : 0, nonce };
  }

  #misplaced(): Message {
    const random = this.#random;
    const connectionId = random.oneIn(2) ? 0 : this.#anyId();
    if (random.oneIn(10)) return { type: 'ProtocolError', connectionId, description: 'you broke a rule' };
    return random.oneIn(2)
      ? { type: 'Hello', connectionId, version: 7, ...this.#offer() }
      : { type: 'HelloYourself', connectionId, ...this.#offer() };
  }

  #data(connectionId: number): Message {
    const live = this.#model.live.get(connectionId);
    if (live?.calls === undefined) return this.#bareData(connectionId);
    return this.#traffic.message(live) ?? { type: 'Ping', connectionId: 0, nonce: 7n };
  }

  #bareData(connectionId: number): DataMessage {
    const random = this.#random;
    const id = random.below(6);
    const metadata = this.#metadata();
    const channels = random.oneIn(4) ? [random.below(9), random.below(9)] : [];
    return random.pick<() => DataMessage>([
      () => {
        const body = { type: 'Call', methodId: this.#nonce(), channels, metadata, args: random.bytes(6) } as const;
        return { type: 'RequestMessage', connectionId, id, body };
      },
      () => {
        const body = { type: 'Response', channels, metadata, ret: random.bytes(6) } as const;
        return { type: 'RequestMessage', connectionId, id, body };
      },
      () => ({ type: 'RequestMessage', connectionId, id, body: { type: 'Cancel', metadata } }),
      () => ({ type: 'ChannelMessage', connectionId, id, body: { type: 'Item', item: random.bytes(6) } }),
      () => ({ type: 'ChannelMessage', connectionId, id, body: { type: 'Close', metadata } }),
      () => ({ type: 'ChannelMessage', connectionId, id, body: { type: 'Reset', metadata } }),
      () => {
        const additional = random.pick([0, 1, 7, 0xffff_ffff]);
        return { type: 'ChannelMessage', connectionId, id, body: { type: 'GrantCredit', additional } };
      },
    ])();
  }

  // ---- What we ask ----

  #local(): Step {
    const random = this.#random;
    const model = this.#model;
    const handles = [...model.handles.values()];
    if (this.#kind === 'calls' && handles.length > 0 && !random.oneIn(4)) {
      const live = random.pick(handles).at(-1);
      return (live && this.#traffic.step(live)) ?? { do: 'advance', ms: 0 };
    }
    const isBare = this.#kind !== 'calls';
    const id = this.#usedId();
    const which = random.oneIn(4) ? { which: random.below(3) } : {};
    return random.weighted<() => Step>([
      [10, () => ({ do: 'open', ref: ++this.#lastRef, hex: this.#openHex() })],
      [this.#lastRef === 0 ? 0 : 4, () => ({ do: 'abandon', ref: this.#abandoned() })],
      [5, () => ({ do: 'close', id: this.#closedId(), hex: this.#closeHex() })],
      [isBare ? 8 : 0, () => ({ do: 'send', id, hex: hexOf(this.#bareData(0)), ...which })],
      [isBare ? (random.oneIn(3) ? 5 : 2) : 0, () => ({ do: 'release', id: random.oneIn(6) ? 0 : id, ...which })],
      [isBare ? 3 : 0, () => ({ do: 'hold', id, ...which })],
      [isBare ? (model.isBlocked ? 9 : 3) : 0, () => ({ do: 'read', id, ...which })],
      [isBare ? 2 : 0, () => ({ do: 'drop', id, ...which })],
      [isBare ? 3 : 0, () => ({ do: 'failure', id, request: random.below(9), ...which })],
      [this.#script.steps.length < 10 ? 0 : 1, () => this.#ending()],
      [this.#kind === 'bare' && !model.isBlocked && random.oneIn(3) ? 1 : 0, () => ({ do: 'refuse' })],
    ])();
  }

  #ending(): Step {
    const model = this.#model;
    // While an inbox is full, the reference does not notice the end of the link.
    if (model.isBlocked) return { do: 'shutdown' };
    return { do: this.#random.pick(['shutdown', 'end', 'fail', this.#kind === 'bare' ? 'refuse' : 'end'] as const) };
  }

  #abandoned(): number {
    const pending = [...this.#model.opens.values()].filter(({ state }) => state === 'pending');
    const { ref } = pending.length > 0 && !this.#random.oneIn(4) ? this.#random.pick(pending) : { ref: undefined };
    return ref ?? this.#random.from(1, this.#lastRef);
  }

  #openHex(): string {
    return hexOf({ type: 'ConnectionOpen', connectionId: 0, ...this.#offer() });
  }

  #closeHex(): string {
    return hexOf({ type: 'ConnectionClose', connectionId: 0, metadata: this.#metadata() });
  }

  // ---- Ids ----

  #active(): Live | undefined {
    const active = [...this.#model.live.values()].filter(({ state }) => state === 'active');
    return active.length === 0 ? undefined : this.#random.pick(active);
  }

  /** Mostly returns an id that the peer may open; also ids that are free, in use, closed, or of our own parity. */
  #openId(): number {
    const first = this.#model.parity === 'odd' ? 2 : 1;
    const id = this.#random.oneIn(6) ? this.#anyId() : first + 2 * this.#random.below(4);
    // A leg that is opened again would be proxied to itself.
    return this.#script.proxied?.includes(id) === true && this.#known.has(id) ? first + 8 : id;
  }

  /** Mostly returns an id that waits for an answer. */
  #answeredId(): number {
    const pending = [...this.#model.live.values()].filter(({ state }) => state === 'pending');
    return pending.length === 0 || this.#random.oneIn(6) ? this.#anyId() : this.#random.pick(pending).id;
  }

  /** Mostly returns an id that is in use and not the root. */
  #closedId(): number {
    const live = [...this.#model.live.keys()].filter((id) => id !== 0);
    const id = live.length === 0 || this.#random.oneIn(6) ? this.#anyId() : this.#random.pick(live);
    // A Close of the root ends the script.
    return id === 0 && !this.#random.oneIn(8) ? 3 : id;
  }

  /** Mostly returns an id that is active. */
  #usedId(): number {
    return this.#random.oneIn(8) ? this.#anyId() : (this.#active()?.id ?? this.#anyId());
  }

  #anyId(): number {
    const random = this.#random;
    if (random.oneIn(20)) return random.pick([300, 2 ** 31, Number.MAX_SAFE_INTEGER]);
    return random.oneIn(2) ? random.pick([...this.#known]) : random.below(10);
  }

  // ---- Values ----

  #offer(): { connectionSettings: ConnectionSettings; metadata: Metadata } {
    const random = this.#random;
    const parity: Parity = this.#parity ?? random.pick(['odd', 'even'] as const);
    // The reference does not keep its own limit of requests: the example of 9b.14.
    const maxConcurrentRequests = this.#kind === 'calls' ? 64 : random.pick([64, 64, 0, 1, 0xffff_ffff]);
    return { connectionSettings: { parity, maxConcurrentRequests }, metadata: this.#metadata() };
  }

  #metadata(): Metadata {
    const random = this.#random;
    if (!random.oneIn(3)) return [];
    return Array.from({ length: random.from(1, 3) }, (): MetadataEntry => {
      const flags = random.pick([0n, 0n, 1n, 2n, 3n, 8n, 2n ** 64n - 1n]);
      const value = random.pick<string | bigint | Uint8Array>(['', 'é\u{1F600}', this.#nonce(), random.bytes(5)]);
      const key = random.pick(['', 'no', 'key', 'key', 'ключ']);
      return { key, value: (flags & 1n) === 0n ? value : new Sensitive(value), flags };
    });
  }

  #nonce(): bigint {
    return this.#random.pick([0n, 1n, 2n, 127n, 128n, 2n ** 32n, 2n ** 64n - 1n]);
  }
}
