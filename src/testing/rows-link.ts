import { open } from './phrases.js';
import { ALIVE, ASKED, handshakeWith, MINE } from './scenes.js';
import type { CaseSpec, Step, World } from './vocabulary.js';

// 5 and 3.05: the link breaks, as when a machine fails. No message can come over that link. So the peer's control must say
// that its session is over, and its next session shows that it took no harm.

const BROKEN: Step = { breaks: true, ends: true };

export function linkCases(role: World['role']): readonly CaseSpec[] {
  const greeted = handshakeWith(role);
  const cited = { row: '5', rule: 'session.message' };
  const again = [...greeted, MINE, ALIVE];
  return [
    {
      ...cited,
      name: 'session: the link breaks, whatever is open: that ends the session',
      needs: ['ended'],
      steps: [...greeted, MINE, BROKEN],
    },
    {
      ...cited,
      name: "session: the link breaks while the peer's open is unanswered",
      needs: ['ended', 'open'],
      steps: [...greeted, ASKED, BROKEN],
    },
    {
      ...cited,
      name: 'session: the link breaks while the peer has not decided on an open',
      needs: ['ended', 'defer'],
      steps: [...greeted, { act: 'defer' }, { tell: (w) => [open(w.mine())] }, BROKEN],
    },
    {
      ...cited,
      name: 'session: after a link that broke in the handshake the peer has another session',
      steps: [...greeted.slice(0, -1), BROKEN],
      again,
    },
    {
      ...cited,
      name: 'session: after a link that broke while a connection was open the peer has another session',
      steps: [...greeted, MINE, BROKEN],
      again,
    },
  ];
}
