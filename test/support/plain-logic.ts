import { sessionLogic } from '../../src/session/default-codec.js';
import { type SessionLogic, step } from '../../src/session/logic.js';

/** The session logic without its fast path: each message is an event of the machines. */
export const plainLogic: SessionLogic = Object.assign(Object.create(sessionLogic) as SessionLogic, {
  transition: step,
});
