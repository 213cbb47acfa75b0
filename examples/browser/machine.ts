// The page as a statechart: it connects, holds a session as one of its actors, and tells the user what goes on. When the
// session ends, whyever, it says so and connects again; what the user asks in the meantime waits for the next session.

import {
  handle,
  type Link,
  reasonOf,
  type Session,
  type SessionActorRef,
  type SessionClosedReason,
  sessionLogic,
} from 'roam-actors';
import { connectWebSocket } from 'roam-actors/websocket';
import { type ActorSystem, assign, fromCallback, fromPromise, type SnapshotFrom, setup } from 'xstate';

/** One line of what the page has to tell. */
export interface Line {
  readonly from: 'user' | 'server' | 'page';
  readonly text: string;
}

interface PageContext {
  readonly server: string;
  /** The WebSocket of the session that is on. */
  readonly link: Link | undefined;
  /** Attempts to connect since the last session. */
  readonly attempts: number;
  /** What the user has asked, and the server has not answered. */
  readonly questions: readonly string[];
  readonly lines: readonly Line[];
}

/** What the user does. */
export type UserEvent = { type: 'user.asks'; text: string } | { type: 'user.leaves' } | { type: 'user.returns' };

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
    events: {} as UserEvent | { type: 'established' },
  },
  actors: {
    dial: fromPromise<Link, string>(({ input, signal }) => connectWebSocket(input, { signal })),
    session: sessionLogic,
    /** The one thing that the session emits and this chart wants to know. */
    established: fromCallback(({ system, sendBack }) => {
      const subscription = sessionIn(system).on('established', () => sendBack({ type: 'established' }));
      return () => subscription.unsubscribe();
    }),
    ask: fromPromise<string, string>(({ input, system }) => ask(handle(sessionIn(system)), input)),
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

    // Leaving this state, by whichever way, stops the session and closes its link.
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
            onDone: {
              target: 'idle',
              actions: ['answered', { type: 'tell', params: ({ event }) => ({ from: 'server', text: event.output }) }],
            },
            // The session's own end comes next and says why; if it lives on, the question is asked again.
            onError: 'retrying',
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

/** One Call on a connection of its own. */
async function ask(session: Session, question: string): Promise<string> {
  const connection = await session.open({ metadata: [{ key: 'purpose', value: 'one question', flags: 0n }] });
  try {
    const args = new TextEncoder().encode(question);
    const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args } as const;
    await connection.send({ type: 'RequestMessage', id: 1, body });
    for await (const message of connection) {
      if (message.body.type === 'Response') return new TextDecoder().decode(message.body.ret);
    }
    throw new Error('the connection closed before an answer came');
  } finally {
    void connection.close().catch(() => {});
  }
}

/** Why there is no session any more, for the user. */
function farewell({ cause, error }: SessionClosedReason): string {
  if (cause === 'peer') return 'The server ended the session. Connecting again …';
  return `The session ended: ${error?.message ?? cause}. Connecting again …`;
}
