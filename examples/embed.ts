// A statechart of the application that invokes a session. It opens a connection when the session is established, starts
// again when the peer has ended the session, and ends the session simply by leaving the state that invokes it.
import assert from 'node:assert/strict';
import {
  accept,
  type Connection,
  handle,
  type Link,
  type Session,
  type SessionActorRef,
  type SessionEmitted,
  sessionLogic,
} from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';
import { type ActorSystem, assign, createActor, fromCallback, fromPromise, setup, waitFor } from 'xstate';

/** The session that the chart below invokes, by its name in the actor system. */
function sessionIn(system: ActorSystem<{ actors: Record<string, SessionActorRef> }>): SessionActorRef {
  return system.get('session') as SessionActorRef;
}

const client = setup({
  types: {
    context: {} as { dial: () => Link; attempts: number; history: string[] },
    input: {} as { dial: () => Link },
    events: {} as SessionEmitted | { type: 'user.leaves' },
  },
  actors: {
    session: sessionLogic,
    /** The events that the session emits become events of the chart. */
    emissions: fromCallback(({ system, sendBack }) => {
      const subscription = sessionIn(system).on('*', sendBack);
      return () => subscription.unsubscribe();
    }),
    ask: fromPromise<string, string>(({ input, system }) => ask(handle(sessionIn(system)), input)),
  },
  actions: {
    note: assign({ history: ({ context }, line: string) => [...context.history, line] }),
  },
}).createMachine({
  id: 'client',
  context: ({ input }) => ({ ...input, attempts: 0, history: [] }),
  initial: 'online',
  states: {
    online: {
      entry: assign({ attempts: ({ context }) => context.attempts + 1 }),
      invoke: [
        {
          src: 'session',
          systemId: 'session',
          input: ({ context }) => ({ role: 'initiator', link: context.dial() }),
          // The session's output says why it ended.
          onDone: [
            {
              guard: ({ event }) => event.output.cause === 'peer',
              target: 'online',
              reenter: true,
              actions: { type: 'note', params: 'the peer ended the session: once more' },
            },
            { target: 'offline', actions: { type: 'note', params: ({ event }) => `ended: ${event.output.cause}` } },
          ],
        },
        { src: 'emissions' },
      ],
      on: {
        connectionOpened: {
          actions: { type: 'note', params: ({ event }) => `connection ${event.id} opened` },
        },
        connectionClosed: {
          actions: { type: 'note', params: ({ event }) => `connection ${event.id} closed by ${event.by}` },
        },
        'user.leaves': { target: 'offline', actions: { type: 'note', params: 'the user leaves' } },
      },
      initial: 'connecting',
      states: {
        connecting: {
          on: {
            established: {
              target: 'asking',
              actions: { type: 'note', params: ({ event }) => `established, ${event.localSettings.parity}` },
            },
          },
        },
        asking: {
          invoke: {
            src: 'ask',
            input: ({ context }) => `question ${context.attempts}`,
            onDone: { target: 'idle', actions: { type: 'note', params: ({ event }) => `answer: ${event.output}` } },
            onError: 'idle',
          },
        },
        idle: {},
      },
    },
    /** Entering this state leaves `online`, which ends the session. */
    offline: { type: 'final' },
  },
});

/** One Call on a connection of its own. */
async function ask(session: Session, question: string): Promise<string> {
  await using connection = await session.open();
  const args = new TextEncoder().encode(question);
  const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args } as const;
  await connection.send({ type: 'RequestMessage', id: 1, body });
  for await (const message of connection) {
    if (message.body.type === 'Response') return new TextDecoder().decode(message.body.ret);
  }
  throw new Error('no answer');
}

async function echo(connection: Connection): Promise<void> {
  for await (const { id, body } of connection) {
    if (body.type === 'Call') await connection.sendResponse(id, { channels: [], metadata: [], ret: body.args });
  }
}

/** The peers, one for each connection attempt of the client. */
const servers: Promise<Session>[] = [];
function dial(): Link {
  const [ours, theirs] = memoryLinkPair();
  servers.push(
    accept(theirs, { onConnection: () => ({ type: 'accept', setup: (connection) => void echo(connection) }) }),
  );
  return ours;
}

const actor = createActor(client, { input: { dial } });
actor.start();

await waitFor(actor, (snapshot) => snapshot.matches({ online: 'idle' }));
const first = await servers[0];
first?.shutdown();

await waitFor(actor, (snapshot) => snapshot.context.attempts === 2 && snapshot.matches({ online: 'idle' }));
const session = handle(sessionIn(actor.system));
actor.send({ type: 'user.leaves' });

const { history } = actor.getSnapshot().context;
console.log(history.join('\n'));
const [ours, theirs] = [await session.closed, await (await servers[1])?.closed];
console.log(`our session: ${ours.cause}; the peer's: ${theirs?.cause}`);

assert.deepEqual(history, [
  'established, odd',
  'connection 1 opened',
  'connection 1 closed by local',
  'answer: question 1',
  'the peer ended the session: once more',
  'established, odd',
  'connection 1 opened',
  'connection 1 closed by local',
  'answer: question 2',
  'the user leaves',
]);
assert.equal(ours.cause, 'stopped');
