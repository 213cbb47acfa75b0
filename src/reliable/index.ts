/** Links that outlive the links beneath them: exactly once, in order, across any number of cuts. */
export {
  type AcceptedLink,
  type ReliableAcceptor,
  type ReliableAcceptorOptions,
  type ResumeRequest,
  reliableAcceptor,
} from './acceptor.js';
export type { ReliableClock, ReliableLink, ReliableState } from './end.js';
export { type ReliableLinkOptions, reliableLink } from './link.js';
export type { ReliableOptions } from './options.js';
