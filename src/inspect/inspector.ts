import type { AnyActorRef, InspectionEvent } from 'xstate';
import { InvalidArgument } from '../base/errors.js';
import { rootOf } from '../compile/internals.js';
import { ATTACH } from '../session/attachment.js';
import type { InspectionRecord, ProcessRecord } from './record.js';
import type { Messages } from './sampler.js';
import { type Connect, Sender } from './sender.js';
import { type StatelyInspectionEvent, StatelyTongue } from './stately.js';
import { Watcher } from './watcher.js';

/** An inspector of `@statelyai/inspect`, as far as it is used: what `createBrowserInspector` and its like return. */
export interface StatelyInspector {
  readonly adapter: { send(event: never): void };
}

/** Options of {@link createInspector}. One of `url` and `to` is needed. */
export interface InspectorOptions {
  /**
   * Where to tell: what `roam-actors inspect` prints, or any server that speaks Stately's protocol. `http:` and `https:`
   * count for `ws:` and `wss:`.
   */
  readonly url?: string | URL;
  /** An inspector of `@statelyai/inspect` to tell instead: its window shows what ours would, as far as it can. */
  readonly to?: StatelyInspector;
  /** What the process is called where it is shown; by default what it says of itself. */
  readonly name?: string;
  /**
   * How much of the hot path is told: `'all'` data messages, `'none'`, or one record for every so many on each connection
   * and direction, from 1 to 2^31 − 1, which says how many and how much they were.
   *
   * @defaultValue 'all'
   */
  readonly messages?: Messages;
  /** Looks at each inspection event before anything is made of it; what it does not want is not told. */
  readonly filter?: (event: InspectionEvent) => boolean;
  /**
   * Told what the user should know, each thing once: the server refuses us, or the filter threw.
   *
   * @defaultValue `console.warn`
   */
  readonly onReport?: (text: string) => void;
}

/** What {@link createInspector} returns. */
export interface Inspector {
  /**
   * For `inspect` of `initiate`, `accept` and `createActor`; of any number of sessions and actors. Never throws. A session of
   * `initiate` or `accept` runs as if it were not there while nobody listens; for `createActor`, XState builds every event
   * even then: see {@link attach}.
   */
  readonly inspect: (event: InspectionEvent) => void;
  /**
   * Shows an actor, with all others of its system, in place of `inspect` of `createActor`: it costs nothing while nobody
   * listens. Before the actor starts or while it runs; for a session inside a statechart, before that opens connections, so
   * that its calls are shown, too.
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
   * Tells what is left to tell, and hangs up. Resolves when that has left, or after a second. Without it, a process ends
   * all the same: nothing here keeps it alive.
   */
  stop(): Promise<void>;
}

/** What a process knows of itself. */
export interface Self {
  readonly name: string;
  readonly runtime: NonNullable<ProcessRecord['runtime']>;
  readonly pid?: number;
}

export interface Surroundings {
  readonly connect: Connect;
  readonly self: () => Self;
}

/** The one clock that two processes of a machine share, finer than `Date.now`. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** `createInspector`, for whoever brings the sockets. */
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
    const tongue = new StatelyTongue();
    push = (record) => {
      const event = tongue.of(record);
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
    // A filter that throws something else each time is not to fill the memory either.
    if (said.has(text) || said.size >= 10) return;
    said.add(text);
    try {
      report(text);
    } catch {
      // A reporter that throws has nobody left to tell.
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
  // Not quoted: it holds a token.
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
  // biome-ignore lint/suspicious/noConsole: whoever wants it elsewhere gives onReport.
  console.warn(`roam-actors: ${text}`);
}
