import { expect, test } from '@jest/globals';
import { type AnyActor, type AnyEventObject, createActor, type InspectionEvent } from 'xstate';
import { accept, handle, InvalidArgument, initiate, sessionLogic } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { settle } from '../support/settle.js';

/** Opens, uses and ends a session, and returns all that an inspector sees of the initiator. */
async function inspected(interpreter: 'compiled' | 'xstate' | undefined): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  const [near, far] = memoryLinkPair();
  const acceptor = accept(far, {
    onConnection: () => ({ type: 'accept', setup: () => {} }),
    ...(interpreter ? { interpreter } : {}),
  });
  const inspect = (inspection: InspectionEvent) => {
    const { type, actorRef, event, snapshot } = inspection as unknown as {
      type: string;
      actorRef: AnyActor;
      event?: AnyEventObject;
      snapshot?: { value?: unknown; status: string };
    };
    const id = actorRef.id.replace(/^x:\d+$/, 'session');
    seen.push([type, id, event?.type, snapshot?.status, JSON.stringify(snapshot?.value)]);
  };
  const input = { role: 'initiator' as const, link: near, ...(interpreter ? { interpreter } : {}) };
  const actor = createActor(sessionLogic, { input, inspect }).start();
  await acceptor;
  const session = handle(actor);
  const connection = await session.open();
  await connection.close();
  session.shutdown();
  await settle();
  seen.push(actor.getSnapshot().status);
  return seen;
}

test('an inspector sees the same of a compiled session as of an interpreted one', async () => {
  const [byDefault, compiled, interpreted] = [
    await inspected(undefined),
    await inspected('compiled'),
    await inspected('xstate'),
  ];
  expect(compiled).toEqual(interpreted);
  expect(byDefault).toEqual(interpreted);
  expect(interpreted.length).toBeGreaterThan(50);
});

test('the session and its actors run the machines that were asked for', () => {
  const machineOf = (interpreter: 'compiled' | 'xstate') => {
    const actor = createActor(sessionLogic, { input: { role: 'initiator', link: memoryLinkPair()[0], interpreter } });
    return actor.getSnapshot().machine;
  };
  expect(machineOf('compiled')).not.toBe(machineOf('xstate'));
  expect(machineOf('xstate')).toBe(machineOf('xstate'));
});

test('another interpreter is refused at once', async () => {
  const wrong = { interpreter: 'fast' as never };
  const text = "interpreter must be 'compiled' or 'xstate', not fast";
  await expect(initiate(memoryLinkPair()[0], wrong)).rejects.toThrow(new InvalidArgument(text));
});
