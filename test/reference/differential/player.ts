import {
  type Acceptance,
  accept,
  type Connection,
  type DataMessage,
  type HandshakeError,
  initiate,
  LimitExceeded,
  LinkError,
  type Message,
  type OpenRequest,
  ProtocolError,
  proxyConnections,
  type Rejection,
  type Session,
  type SessionClosedReason,
  type StartOptions,
} from '../../../src/index.js';
import { postcard } from '../../../src/payload/postcard/index.js';
import type { Interpreter } from '../../../src/session/options.js';
import { opposite } from '../../../src/wire/id.js';
import { VirtualClock } from '../../support/clock.js';
import { settle } from '../../support/settle.js';
import { Driven, type Shared } from './driven.js';
import { ScriptLink } from './link.js';
import { bytesOf, type Event, hexOf, messageOf, partsOf, type Script, type Step } from './script.js';

/** Timeouts that no script reaches, and limits above all that a script does. */
const LIMITS = {
  handshakeTimeout: 2 ** 31 - 1,
  acceptTimeout: 2 ** 31 - 1,
  openTimeout: 2 ** 31 - 1,
  unreadTimeout: 2 ** 31 - 1,
};

/** Lets a reader pass while it is open. */
class Door {
  isOpen = true;
  #pass: (() => void) | undefined;

  through(): Promise<void> | undefined {
    if (this.isOpen) return undefined;
    return new Promise((resolve) => {
      this.#pass = resolve;
    });
  }

  open(): void {
    this.isOpen = true;
    this.#pass?.();
  }
}

/** A connection that is read bare. */
class Bare {
  readonly connection: Connection;
  readonly door = new Door();
  readonly #player: Player;
  readonly #reader: AsyncIterableIterator<DataMessage, undefined>;
  #isDropped = false;

  constructor(player: Player, connection: Connection) {
    this.#player = player;
    this.connection = connection;
    this.#reader = connection[Symbol.asyncIterator]();
    void this.#read();
    void this.#watchFailures();
  }

  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    void this.#reader.return?.();
  }

  async #read(): Promise<void> {
    const { id } = this.connection;
    for (;;) {
      await this.door.through();
      const { value, done } = await this.#reader.next();
      if (this.#isDropped) return;
      if (done === true) break;
      this.#player.log({ ev: 'message', id, hex: hexOf({ ...value, connectionId: id }) });
    }
    this.#player.log({ ev: 'inbox-ended', id });
  }

  async #watchFailures(): Promise<void> {
    const { id, failures } = this.connection;
    for await (const { requestId, reason } of failures) {
      this.#player.log({ ev: 'failure', id, request: requestId, reason });
    }
  }
}

/** Plays a script on the session that ships, and returns the events of each group of steps. */
export class Player {
  readonly #script: Script;
  readonly #interpreter: Interpreter;
  readonly #clock = new VirtualClock();
  readonly #link: ScriptLink;
  readonly #handles = new Map<number, (Bare | Driven)[]>();
  readonly #opens = new Map<number, AbortController>();
  readonly #shared: Shared = {
    log: (event) => this.log(event),
    held: [],
    sinks: new Map(),
    aborts: new Map(),
  };
  #waiting: Connection | undefined;
  #session: Session | undefined;
  readonly #log: Event[] = [];

  constructor(script: Script, interpreter: Interpreter) {
    this.#script = script;
    this.#interpreter = interpreter;
    this.#link = new ScriptLink((bytes) => {
      this.log({ ev: 'frame', hex: Buffer.from(bytes).toString('hex') });
    }, script.refusing === true);
  }

  /** Returns the events before the first step, and those of each group of steps. */
  async play(groups: readonly (readonly Step[])[]): Promise<Event[][]> {
    void this.#start();
    await settle();
    const seen = [this.#taken()];
    for (const group of groups) {
      for (const step of group) {
        if (step.do === 'advance') await this.#clock.advance(step.ms);
        else this.#do(step);
      }
      await settle();
      seen.push(this.#taken());
    }
    this.#link.fail();
    await settle();
    return seen;
  }

  log(event: Event): void {
    this.#log.push(event);
  }

  #taken(): Event[] {
    return this.#log.splice(0);
  }

  async #start(): Promise<void> {
    const { role, hello, keepalive } = this.#script;
    const { settings, metadata } = partsOf(hello);
    const options: StartOptions = {
      codec: postcard,
      interpreter: this.#interpreter,
      clock: this.#clock,
      limits: LIMITS,
      onReport: () => {},
      maxConcurrentRequests: settings.maxConcurrentRequests,
      metadata,
      ...(role === 'initiator' ? { parity: settings.parity } : {}),
      ...(keepalive === undefined ? {} : { keepalive: { pingInterval: keepalive[0], pongTimeout: keepalive[1] } }),
      ...(this.#script.accept === undefined ? {} : { onConnection: this.#decide }),
    };
    try {
      const session = await (role === 'initiator' ? initiate : accept)(this.#link, options);
      const { localSettings: local, peerSettings: peer } = session.root;
      this.log({ ev: 'established', local: settingsOf(local), peer: settingsOf(peer) });
      this.#session = session;
      this.#take(session.root);
      void session.closed.then((reason) => this.log({ ev: 'session-ended', why: causeOf(reason) }));
    } catch (error) {
      this.log({ ev: 'handshake-failed', text: failureOf(error as HandshakeError) });
    }
  }

  readonly #decide = ({ id, peerSettings, metadata }: OpenRequest): Acceptance | Rejection => {
    const { accept: acceptance = '', reject: rejection = '' } = this.#script;
    const hex = hexOf({ type: 'ConnectionReject', connectionId: id, metadata });
    this.log({ ev: 'asked', id, peer: settingsOf(peerSettings), hex });
    if (metadata.some(({ key }) => key === 'no')) return { type: 'reject', metadata: partsOf(rejection).metadata };
    const { settings, metadata: own } = partsOf(acceptance);
    const asksSame = metadata.some(({ key }) => key === 'same');
    const parity = asksSame ? peerSettings.parity : opposite(peerSettings.parity);
    return {
      type: 'accept',
      settings: { parity, maxConcurrentRequests: settings.maxConcurrentRequests },
      metadata: own,
      setup: (connection) => {
        this.log({ ev: 'delivered', id, parity: connection.parity });
        this.#take(connection);
      },
    };
  };

  #take(connection: Connection): void {
    const { id } = connection;
    if (this.#script.proxied?.includes(id) === true) {
      const first = this.#waiting;
      this.#waiting = first === undefined ? connection : undefined;
      if (first !== undefined) this.#proxy(first, connection);
      return;
    }
    const handles = this.#handles.get(id) ?? [];
    this.#handles.set(id, handles);
    handles.push(this.#script.calls === true ? new Driven(this.#shared, connection) : new Bare(this, connection));
    void connection.closed.then(() => this.log({ ev: 'conn-closed', id }));
  }

  #proxy(left: Connection, right: Connection): void {
    proxyConnections(left, right).then(
      () => this.log({ ev: 'proxy-ended' }),
      (error: Error) => this.log({ ev: 'proxy-failed', text: error.message }),
    );
  }

  #do(step: Exclude<Step, { do: 'advance' }>): void {
    switch (step.do) {
      case 'frame':
        this.#link.receive(bytesOf(step.hex));
        return;
      case 'end':
        this.#link.end();
        return;
      case 'fail':
        this.#link.fail();
        return;
      case 'refuse':
        this.#link.refuse();
        return;
      default:
        if (this.#session === undefined) this.log({ ev: 'no-session' });
        else this.#ask(this.#session, step);
    }
  }

  #ask(session: Session, step: Exclude<Step, { do: 'advance' | 'frame' | 'end' | 'fail' | 'refuse' }>): void {
    switch (step.do) {
      case 'open':
        this.#open(session, step);
        return;
      case 'abandon':
        this.#opens.get(step.ref)?.abort();
        return;
      case 'close':
        session.close(step.id, { metadata: partsOf(step.hex).metadata }).then(
          () => this.log({ ev: 'close-ok', id: step.id }),
          (error: Error) => this.log({ ev: 'close-failed', id: step.id, text: error.message }),
        );
        return;
      case 'shutdown':
        session.shutdown();
        return;
      case 'answer':
        this.#shared.held.shift()?.();
        return;
      case 'give-up':
        this.#shared.aborts.get(step.ref)?.abort();
        return;
      case 'item':
      case 'close-channel':
        this.#useSink(step);
        return;
      default:
        if ('id' in step) this.#use(step);
    }
  }

  #open(session: Session, { ref, hex }: { readonly ref: number; readonly hex: string }): void {
    const { settings, metadata } = partsOf(hex);
    const abort = new AbortController();
    this.#opens.set(ref, abort);
    session.open({ ...settings, metadata, signal: abort.signal }).then(
      (connection) => {
        this.log({ ev: 'open-ok', ref, id: connection.id, parity: connection.parity });
        this.#take(connection);
      },
      (error: Error & { code: string; metadata?: Extract<Message, { type: 'ConnectionReject' }>['metadata'] }) => {
        if (error.metadata === undefined) this.log({ ev: 'open-failed', ref, text: textOf(error) });
        else {
          const rejection: Message = { type: 'ConnectionReject', connectionId: 0, metadata: error.metadata };
          this.log({ ev: 'open-rejected', ref, hex: hexOf(rejection) });
        }
      },
    );
  }

  #useSink({ do: kind, channel, hex }: Step & { readonly do: 'item' | 'close-channel' }): void {
    const tx = this.#shared.sinks.get(channel);
    if (tx === undefined) {
      this.log({ ev: 'no-channel' });
      return;
    }
    (kind === 'item' ? tx.send(bytesOf(hex)) : tx.close()).then(
      () => this.log({ ev: 'channel-sent', channel }),
      () => this.log({ ev: 'channel-failed', channel }),
    );
  }

  #use(step: Step & { readonly id: number; readonly which?: number }): void {
    const { id, which = 0 } = step;
    const all = this.#handles.get(id) ?? [];
    const handle = all[Math.max(0, all.length - 1 - which)];
    if (handle === undefined) {
      this.log({ ev: 'no-handle', id });
      return;
    }
    if (handle instanceof Driven) {
      if (step.do === 'release' || step.do === 'call' || step.do === 'call-tx' || step.do === 'call-rx')
        handle.use(step);
      else this.log({ ev: 'no-handle', id });
      return;
    }
    const { connection, door } = handle;
    switch (step.do) {
      case 'send': {
        const message = messageOf(step.hex) as DataMessage;
        connection.send(message).catch(() => this.log({ ev: 'send-failed', id }));
        return;
      }
      case 'release':
        if (connection.isConnected) connection.caller().release();
        return;
      case 'hold':
        door.isOpen = false;
        return;
      case 'read':
        door.open();
        return;
      case 'drop':
        handle.drop();
        return;
      case 'failure':
        connection.markFailure(step.request, 'no reply sent');
        return;
      default:
    }
  }
}

function settingsOf({ parity, maxConcurrentRequests }: { parity: string; maxConcurrentRequests: number }): unknown {
  return { parity, max: maxConcurrentRequests };
}

/** Returns the reason of a failed handshake, in words that do not depend on the decoder. */
function failureOf({ message, cause }: HandshakeError): string {
  if (cause instanceof LinkError && !message.startsWith('failed to send')) return 'link failed';
  if (cause instanceof LimitExceeded) return 'malformed';
  const { rule, side } = cause instanceof ProtocolError ? cause : {};
  return side === 'remote' && rule === 'session.message' ? 'malformed' : message;
}

function causeOf({ cause, error }: SessionClosedReason): string {
  if (cause !== 'protocol') return cause;
  return error?.code === 'protocol' && error.side === 'local' ? 'accused' : 'violation';
}

function textOf({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === 'session-closed') return 'session closed';
  return code === 'connection-closed' ? 'connection closed' : message;
}
