import { type SessionLogic, sessionLogic } from '../../src/session/logic.js';

/**
 * The session logic without its fast path: the same machine, with the same effects and the same input, but with the
 * machine's own `transition`. It stands right behind `sessionLogic`, which overrides three of its methods.
 */
export const plainLogic: SessionLogic = Object.assign(
  Object.create(Object.getPrototypeOf(sessionLogic) as object) as SessionLogic,
  { getInitialSnapshot: sessionLogic.getInitialSnapshot },
);
