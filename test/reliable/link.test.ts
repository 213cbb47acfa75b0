import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectTcp, listenTcp } from '../../src/link/tcp.js';
import { reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import { describeLink, type Pair } from '../link/contract.js';

// A dialer that was aborted does not come back, so its session ends when its grace is over.
const SHORT = { helloTimeout: 50, grace: 300 };

/** Two ends of a reliable link over links in memory. */
async function overMemory(swap: boolean): Promise<Pair> {
  const accepted: Link[] = [];
  const acceptor = reliableAcceptor({ ...SHORT, onLink: (link) => void accepted.push(link) });
  const dialer = await reliableLink({
    connect: async () => {
      const [ours, theirs] = memoryLinkPair();
      acceptor.take(theirs);
      return ours;
    },
  });
  return pairOf(dialer, accepted[0] as Link, swap, () => acceptor.close());
}

async function overTcp(swap: boolean): Promise<Pair> {
  const accepted: Link[] = [];
  const acceptor = reliableAcceptor({ ...SHORT, onLink: (link) => void accepted.push(link) });
  const listener = await listenTcp({ port: 0 }, (link, socket) => acceptor.take(link, socket));
  const dialer = await reliableLink({ connect: (signal) => connectTcp({ port: listener.port, signal }) });
  return pairOf(dialer, accepted[0] as Link, swap, async () => {
    acceptor.close();
    await listener.close();
  });
}

function pairOf(dialer: Link, accepted: Link, swap: boolean, dispose: () => unknown): Pair {
  return swap ? { left: accepted, right: dialer, dispose } : { left: dialer, right: accepted, dispose };
}

describeLink('a reliable link in memory, sent from the dialer,', () => overMemory(false));
describeLink('a reliable link in memory, sent from the acceptor,', () => overMemory(true));
describeLink('a reliable link over TCP, sent from the dialer,', () => overTcp(false));
describeLink('a reliable link over TCP, sent from the acceptor,', () => overTcp(true));
