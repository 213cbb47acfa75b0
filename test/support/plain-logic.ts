import { type SessionLogic, sessionLogic } from '../../src/session/logic.js';

/**
 * The session logic without its fast path: the same machine, with the same effects and the same input, but with the
 * machine's own `transition`. Its prototype is that of `sessionLogic`, which overrides three of the prototype's methods.
 */
export const plainLogic: SessionLogic = Object.assign(
  Object.create(Object.getPrototypeOf(sessionLogic) as object) as SessionLogic,
  { getInitialSnapshot: sessionLogic.getInitialSnapshot },
);
