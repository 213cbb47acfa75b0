// The page as a statechart: it connects, holds a session as one of its actors, and informs the user. When the session ends
// for any reason, the page says so and connects again. Questions that the user asks meanwhile wait for the next session.

import {
  callerOf,
  channel,
  handle,
  type Link,
  method,
  reasonOf,
  type Session,
  type SessionActorRef,
  type SessionClosedReason,
  service,
  sessionLogic,
  type Tx,
} from 'roam-actors';
import { connectWebSocket } from 'roam-actors/websocket';
import {
  type ActorSystem,
  assign,
  type EventObject,
  fromCallback,
  fromPromise,
  type SnapshotFrom,
  setup,
} from 'xstate';

/** One line of the page's log. */
export interface Line {
  readonly from: 'user' | 'server' | 'page';
  readonly text: string;
}

interface PageContext {
  readonly server: string;
  /** The WebSocket of the present session. */
  readonly link: Link | undefined;
  /** Attempts to connect since the last session. */
  readonly attempts: number;
  /** The user's questions without an answer from the server yet. */
  readonly questions: readonly string[];
  readonly lines: readonly Line[];
}

/** The events of the user. */
export type UserEvent = { type: 'user.asks'; text: string } | { type: 'user.leaves' } | { type: 'user.returns' };

/** The part of `roam-actors serve`'s service that the page needs. */
const Demo = service('Demo', {
  echo: method<[text: string], string>(),
  generate: method<[count: number, numbers: Tx<number>], void, string>(),
});

/** The events of a call for a question. */
type AnswerEvent = { type: 'server.says'; text: string } | { type: 'server.done' } | { type: 'server.failed' };

/** The session that the chart invokes, by its name in the actor system. */
function sessionIn(system: ActorSystem<{ actors: Record<string, SessionActorRef> }>): SessionActorRef {
  return system.get('session') as SessionActorRef;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4_000;

export const pageMachine = setup({
  types: {
    context: {} as PageContext,
    input: {} as { server: string },
    events: {} as UserEvent | AnswerEvent | { type: 'established' },
  },
  actors: {
    dial: fromPromise<Link, string>(({ input, signal }) => connectWebSocket(input, { signal })),
    session: sessionLogic,
    /** The only event of the session that this chart needs. */
    established: fromCallback(({ system, sendBack }) => {
      const subscription = sessionIn(system).on('established', () => sendBack({ type: 'established' }));
      return () => subscription.unsubscribe();
    }),
    /** Leaving the state that invokes it cancels the call. */
    ask: fromCallback<EventObject, string>(({ input, system, sendBack }) => {
      const giveUp = new AbortController();
      const tell = (event: AnswerEvent) => sendBack(event);
      ask(handle(sessionIn(system)), input, giveUp.signal, (text) => tell({ type: 'server.says', text })).then(
        () => tell({ type: 'server.done' }),
        () => tell({ type: 'server.failed' }),
      );
      return () => giveUp.abort();
    }),
  },
  actions: {
    tell: assign({ lines: ({ context }, line: Line) => [...context.lines, line] }),
    queue: assign({ questions: ({ context }, text: string) => [...context.questions, text] }),
    /** The server has answered the oldest question. */
    answered: assign({ questions: ({ context }) => context.questions.slice(1) }),
  },
  guards: {
    hasQuestion: ({ context }) => context.questions.length > 0,
  },
  delays: {
    untilNextAttempt: ({ context }) => Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** context.attempts),
  },
}).createMachine({
  id: 'page',
  context: ({ input }) => ({ server: input.server, link: undefined, attempts: 0, questions: [], lines: [] }),
  initial: 'connecting',
  on: {
    'user.asks': {
      actions: [
        { type: 'queue', params: ({ event }) => event.text },
        { type: 'tell', params: ({ event }) => ({ from: 'user', text: event.text }) },
      ],
    },
    'user.leaves': { target: '.offline', actions: { type: 'tell', params: { from: 'page', text: 'You left.' } } },
  },
  states: {
    connecting: {
      invoke: {
        src: 'dial',
        input: ({ context }) => context.server,
        onDone: { target: 'online', actions: assign({ link: ({ event }) => event.output }) },
        onError: { target: 'waiting', actions: assign({ attempts: ({ context }) => context.attempts + 1 }) },
      },
    },

    // Leaving this state in any way stops the session and closes its link.
    online: {
      invoke: [
        {
          src: 'session',
          id: 'session',
          systemId: 'session',
          input: ({ context: { link } }) => {
            if (link === undefined) throw new Error('the page is online without a link');
            return { role: 'initiator', link, metadata: [{ key: 'name', value: 'browser example', flags: 0n }] };
          },
          onDone: {
            target: 'waiting',
            actions: {
              type: 'tell',
              params: ({ event }) => ({ from: 'page', text: farewell(reasonOf(event.output)) }),
            },
          },
          onError: {
            target: 'waiting',
            actions: { type: 'tell', params: ({ event }) => ({ from: 'page', text: String(event.error) }) },
          },
        },
        { src: 'established' },
      ],
      exit: assign({ link: undefined }),
      initial: 'handshaking',
      states: {
        handshaking: {
          on: {
            established: {
              target: 'idle',
              actions: [
                assign({ attempts: 0 }),
                { type: 'tell', params: { from: 'page', text: 'Connected: a session is established.' } },
              ],
            },
          },
        },
        idle: { always: { guard: 'hasQuestion', target: 'asking' } },
        asking: {
          invoke: {
            src: 'ask',
            input: ({ context }) => context.questions[0] ?? '',
          },
          on: {
            'server.says': { actions: { type: 'tell', params: ({ event }) => ({ from: 'server', text: event.text }) } },
            'server.done': { target: 'idle', actions: 'answered' },
            // If the session has ended, its own event follows with the reason. If it lives on, the question is asked again.
            'server.failed': 'retrying',
          },
        },
        retrying: { after: { 500: 'idle' } },
      },
    },

    waiting: {
      after: { untilNextAttempt: 'connecting' },
    },

    offline: {
      on: { 'user.returns': 'connecting' },
    },
  },
});

export type PageSnapshot = SnapshotFrom<typeof pageMachine>;

/**
 * Makes one call on a connection of its own. The server returns the text. If the text is a number, the server counts that
 * far on a channel.
 */
async function ask(
  session: Session,
  question: string,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const client = await session.open(Demo, { signal });
  try {
    if (!/^\d+$/.test(question)) return say(await client.echo(question, { signal }));
    const [tx, rx] = channel<number>();
    const told = (async () => {
      for await (const number of rx) say(String(number));
    })();
    // The call reports why a stream has ended early.
    told.catch(() => {});
    await client.generate(Number(question), tx, { signal });
    await told;
  } catch (error) {
    if (!Demo.isErrorOf('generate', error)) throw error;
    say(error.error);
  } finally {
    callerOf(client).release();
  }
}

/** Returns a text for the user that says why the session has ended. */
function farewell({ cause, error }: SessionClosedReason): string {
  if (cause === 'peer') return 'The server ended the session. Connecting again …';
  return `The session ended: ${error?.message ?? cause}. Connecting again …`;
}
