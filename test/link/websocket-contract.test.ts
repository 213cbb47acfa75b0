import { WebSocket } from 'ws';
import type { Link } from '../../src/link/link.js';
import { connectWebSocket, webSocketLink } from '../../src/link/websocket-node.js';
import { describeLink, type Pair } from './contract.js';
import { Host, StandardFacade } from './peers.js';

async function over(connect: (url: string) => Promise<Link>, swap = false): Promise<Pair> {
  const host = await Host.listen({ handshakeBytes: 4 * 2 ** 20 });
  const [server, client] = await Promise.all([host.next(), connect(host.url)]);
  const dispose = async () => {
    await StandardFacade.terminateAll();
    await host.close();
  };
  return swap ? { left: server, right: client, dispose } : { left: client, right: server, dispose };
}

const standard = async (url: string): Promise<Link> => {
  const facade = new StandardFacade(url);
  await new Promise((resolve) => facade.ws.once('open', resolve));
  return webSocketLink(facade);
};

const ownSocket = async (url: string): Promise<Link> => {
  const ws = new WebSocket(url);
  await new Promise((resolve) => ws.once('open', resolve));
  return webSocketLink(ws);
};

describeLink('a WebSocket link, sent from the client,', () => over(connectWebSocket));
describeLink('a WebSocket link, sent from the server,', () => over(connectWebSocket, true));
describeLink("a link over the user's own ws", () => over(ownSocket));
describeLink('a link over a standard WebSocket', () => over(standard), { cuts: false });
describeLink('a link to a standard WebSocket', () => over(standard, true), { pauses: false });
