import type { AnyActorRef, InspectionEvent } from 'xstate';
import { InvalidArgument } from '../base/errors.js';
import { rootOf } from '../compile/internals.js';
import { ATTACH } from '../session/observation.js';
import type { InspectionRecord, ProcessRecord } from './record.js';
import type { Messages } from './sampler.js';
import { type Connect, Sender } from './sender.js';
import { StatelyDialect, type StatelyInspectionEvent } from './stately.js';
import { Watcher } from './watcher.js';

/**
 * The part of an inspector of `@statelyai/inspect` that we use. `createBrowserInspector` and similar functions return one.
 */
export interface StatelyInspector {
  readonly adapter: { send(event: never): void };
}

/** Options of {@link createInspector}. One of `url` and `to` is needed. */
export interface InspectorOptions {
  /**
   * The server that gets the records: the URL that `roam-actors inspect` prints, or any server that speaks Stately's
   * protocol. `http:` and `https:` count as `ws:` and `wss:`.
   */
  readonly url?: string | URL;
  /**
   * An inspector of `@statelyai/inspect` that gets the records instead of a server. Its window shows as much as its protocol
   * can express.
   */
  readonly to?: StatelyInspector;
  /** The name of the process in the viewer. By default the process's own, or the page's title. */
  readonly name?: string;
  /**
   * The data messages that are reported: `'all'`, `'none'`, or a number from 1 to 2^31 − 1. With a number, one record stands
   * for that many messages on each connection and direction, with their count and bytes.
   *
   * @defaultValue 'all'
   */
  readonly messages?: Messages;
  /** Decides on each inspection event. An event is not reported if it returns false. */
  readonly filter?: (event: InspectionEvent) => boolean;
  /**
   * Called with texts that the user should know, each once: the server refuses us, or the filter threw.
   *
   * @defaultValue `console.warn`
   */
  readonly onReport?: (text: string) => void;
}

/** The result of {@link createInspector}. */
export interface Inspector {
  /**
   * For the option `inspect` of `initiate`, `accept` and `createActor`, for any number of sessions and actors. Never throws.
   * While no server listens, a session of `initiate` or `accept` runs as if it were not inspected. With `createActor`,
   * XState builds every event even then: see {@link attach}.
   */
  readonly inspect: (event: InspectionEvent) => void;
  /**
   * Shows an actor and all others of its system, instead of the option `inspect` of `createActor`. It costs nothing while no
   * server listens. Call it before the actor starts or while it runs. For a session inside a statechart, call it before the
   * session opens connections, so that their calls are shown too.
   *
   * @throws InvalidArgument when it is no actor.
   *
   * @example
   * const actor = createActor(page);
   * inspector.attach(actor);
   * actor.start();
   */
  attach(actor: AnyActorRef): void;
  /**
   * Sends the remaining records and closes the socket. Resolves when they have left, or after a second. A process can end
   * without this call: an inspector does not keep it alive.
   */
  stop(): Promise<void>;
}

/** The process's own name, runtime and id. */
export interface Self {
  readonly name: string;
  readonly runtime: NonNullable<ProcessRecord['runtime']>;
  readonly pid?: number;
}

export interface Surroundings {
  readonly connect: Connect;
  readonly self: () => Self;
}

/** Returns milliseconds since the epoch, by the clock that all processes of a machine share. It is finer than `Date.now`. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Implements `createInspector` for an environment, which supplies the sockets. */
export function createInspectorWith({ connect, self }: Surroundings, options: InspectorOptions): Inspector {
  const { messages, filter, to, url, name, report } = checked(options);
  let push: (record: InspectionRecord) => void = () => {};
  const once = onceEach(report);
  const guarded = (event: InspectionEvent): boolean => {
    try {
      return filter?.(event) ?? true;
    } catch (error) {
      once(`the inspector's filter threw: ${String(error)}`);
      return false;
    }
  };
  const failed = (error: unknown): void => {
    once(`the inspector failed: ${error instanceof Error ? error.message : String(error)}`);
  };
  const next = (event: InspectionEvent, isAttached: boolean): void => {
    try {
      watcher.next(event, isAttached);
    } catch (error) {
      failed(error);
    }
  };
  const watcher = new Watcher(
    { messages, filter: guarded, now },
    (record) => push(record),
    (event) => next(event, true),
  );
  const watch = (root: AnyActorRef): void => {
    try {
      watcher.attach(root);
    } catch (error) {
      failed(error);
    }
  };
  const inspect = Object.assign((event: InspectionEvent): void => next(event, false), { [ATTACH]: watch });
  const attach = (actor: AnyActorRef): void => watch(checkedRootOf(actor));
  if (to !== undefined) {
    const dialect = new StatelyDialect();
    push = (record) => {
      const event = dialect.of(record);
      if (event !== undefined) (to.adapter as { send(event: StatelyInspectionEvent): void }).send(event);
    };
    watcher.listen(true);
    return { inspect, attach, stop: async () => watcher.end() };
  }
  const introduce = () =>
    push({ kind: 'process', seq: 0, at: now(), process: 0, ...self(), ...(name === undefined ? {} : { name }) });
  const sender = new Sender(url as string, connect, {
    listen: (isListening) => watcher.listen(isListening),
    tellAll: (isNew, lost) => {
      if (isNew) introduce();
      if (lost > 0)
        push({
          kind: 'notice',
          seq: 0,
          at: now(),
          process: 0,
          text: `${lost} records were lost here: too many at once`,
        });
      watcher.tellAll();
    },
    flushing: () => watcher.tellFailures(),
    report: once,
  });
  push = (record) => sender.push(record);
  sender.start();
  introduce();
  return {
    inspect,
    attach,
    stop: () => {
      if (watcher.isListening) watcher.tellFailures();
      watcher.end();
      return sender.stop();
    },
  };
}

function checkedRootOf(actor: AnyActorRef): AnyActorRef {
  if (typeof actor?.getSnapshot !== 'function' || typeof actor.system?.inspect !== 'function') {
    throw new InvalidArgument('what an inspector is attached to must be an actor');
  }
  return rootOf(actor);
}

function onceEach(report: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    // The limit bounds the memory for a filter that throws another text each time.
    if (said.has(text) || said.size >= 10) return;
    said.add(text);
    try {
      report(text);
    } catch {
      // An error of the reporter itself can't be reported.
    }
  };
}

function checked(options: InspectorOptions) {
  if (typeof options !== 'object' || options === null) throw new InvalidArgument('an inspector needs a url');
  const { url, to, name, messages = 'all', filter, onReport = warn } = options;
  if ((url === undefined) === (to === undefined)) throw new InvalidArgument('an inspector needs one of url and to');
  if (to !== undefined && typeof to?.adapter?.send !== 'function') {
    throw new InvalidArgument('to must be an inspector of @statelyai/inspect');
  }
  if (name !== undefined && typeof name !== 'string') throw new InvalidArgument('name must be a string');
  if (filter !== undefined && typeof filter !== 'function') throw new InvalidArgument('filter must be a function');
  if (typeof onReport !== 'function') throw new InvalidArgument('onReport must be a function');
  const isRate = typeof messages === 'number' && Number.isInteger(messages) && messages >= 1 && messages < 2 ** 31;
  if (messages !== 'all' && messages !== 'none' && !isRate) {
    throw new InvalidArgument(`messages must be 'all', 'none' or an integer from 1, not ${String(messages)}`);
  }
  return { messages, filter, to, name, report: onReport, url: url === undefined ? undefined : urlOf(url) };
}

function urlOf(url: string | URL): string {
  // The URL is not quoted in the error: it holds a token.
  if (!URL.canParse(url)) throw new InvalidArgument('url is not a URL');
  const parsed = new URL(url);
  parsed.protocol = parsed.protocol.replace('http', 'ws');
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw new InvalidArgument(`url must begin with ws:, wss:, http: or https:, not ${parsed.protocol}`);
  }
  parsed.hash = '';
  return parsed.href;
}

function warn(text: string): void {
  // biome-ignore lint/suspicious/noConsole: the option onReport sends reports elsewhere.
  console.warn(`roam-actors: ${text}`);
}
