import { type Socket, Socket as TcpSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import type { Link } from '../../src/link/link.js';
import { connectWebSocket, webSocketLink } from '../../src/link/websocket-node.js';
import { numbered, turns } from './contract.js';
import { frame, Host, rawPeer, StandardFacade } from './peers.js';
import { drainsAtRest, type Recorder, readSome, record } from './recorder.js';

describe('a WebSocket link', () => {
  let host: Host;

  beforeEach(async () => {
    host = await Host.listen({ maxFrame: 1000, closeTimeout: 50 });
  });

  afterEach(async () => {
    await host.close();
    expect(host.errors).toEqual([]);
  });

  /** A raw peer, and the link at the server to it. */
  async function raw(): Promise<{ link: Link; events: Recorder; socket: Socket; received: () => Buffer }> {
    const [link, peer] = await Promise.all([host.next(), rawPeer(host.listener.port)]);
    return { link, events: record(link), ...peer };
  }

  /** Counts the writes of a socket while `act` runs. `act` ends when the peer has the data. */
  async function writesOf(socket: Socket, act: () => Promise<void>): Promise<number> {
    const one = jest.spyOn(socket, '_write');
    const many = jest.spyOn(socket as Socket & { _writev: () => void }, '_writev');
    await act();
    return one.mock.calls.length + many.mock.calls.length;
  }

  test.each([true, false])('sends 100 messages of one tick in writes of 32 (raw socket known: %p)', async (known) => {
    const client = new WebSocket(host.url);
    const socketOf = new Promise<Socket>((resolve) => client.once('upgrade', (response) => resolve(response.socket)));
    const [server, socket] = await Promise.all([host.next(), socketOf]);
    const link = webSocketLink(client, known ? { socket } : {});
    const [atClient, atServer] = [record(link), record(server)];

    const fromClient = await writesOf(socket, async () => {
      for (const bytes of numbered(100)) link.send(bytes);
      await atServer.received(100);
    });
    const fromServer = await writesOf(host.sockets[0] as Socket, async () => {
      for (const bytes of numbered(100)) server.send(bytes);
      await atClient.received(100);
    });
    expect([fromClient, fromServer]).toEqual([known ? 4 : 100, 4]);
    link.abort();
  });

  test('says so where more pings come at once than are answered', async () => {
    const { events, socket } = await raw();
    socket.write(Buffer.concat([frame(2, Uint8Array.of(1)), ...Array.from({ length: 61 }, () => frame(9))]));
    expect(await events.end()).toEqual(
      new LinkError('more WebSocket pings came at once than `ws` answers: it ended the connection'),
    );
    expect(events.messages.map((message) => [...message])).toEqual([[1]]);
  });

  test('answers 60 pings at once, and reads on', async () => {
    const { events, socket, received } = await raw();
    socket.write(Buffer.concat([...Array.from({ length: 60 }, () => frame(9)), frame(2, Uint8Array.of(1))]));
    await events.received(1);
    while (received().length < 120) await turns(1);
    expect(received()).toEqual(Buffer.alloc(120, Uint8Array.of(0x8a, 0)));
    socket.destroy();
    await events.end();
  });

  test('that connectWebSocket made sends 100 messages of one tick in writes of 32', async () => {
    const [server, client] = await Promise.all([host.next(), connectWebSocket(host.url)]);
    const atServer = record(server);
    record(client);
    const writes: unknown[] = [];
    const { _write, _writev } = TcpSocket.prototype as unknown as Record<'_write' | '_writev', () => void>;
    const count = (original: (...args: unknown[]) => void) =>
      function (this: Socket, ...args: unknown[]) {
        if (this.remotePort === host.listener.port) writes.push(args);
        original.apply(this, args);
      };
    Object.assign(TcpSocket.prototype, { _write: count(_write), _writev: count(_writev) });
    for (const bytes of numbered(100)) client.send(bytes);
    await atServer.received(100);
    Object.assign(TcpSocket.prototype, { _write, _writev });
    expect(writes).toHaveLength(4);
    client.abort();
  });

  test('sends in one write what promise callbacks of one tick send, one after the other', async () => {
    const [server, client] = await Promise.all([host.next(), connectWebSocket(host.url)]);
    record(server);
    const atClient = record(client);
    const writes = await writesOf(host.sockets[0] as Socket, async () => {
      for (const bytes of numbered(20)) {
        server.send(bytes);
        await Promise.resolve();
      }
      await atClient.received(20);
    });
    expect(writes).toBe(1);
    client.abort();
  });

  test('sends 128 KiB of one tick, and what goes beyond, in a write of their own', async () => {
    const [server, client] = await Promise.all([host.next(), connectWebSocket(host.url)]);
    record(server);
    const atClient = record(client);
    const writes = await writesOf(host.sockets[0] as Socket, async () => {
      // 40 KiB each: the fourth message passes the limit of a write, and is the last one of its write.
      for (const bytes of numbered(6, 40 * 1024)) server.send(bytes);
      await atClient.received(6);
    });
    expect(writes).toBe(2);
    client.abort();
  });

  test('says drained as a big backlog leaves, not only when all of it has left', async () => {
    const [server, client] = await Promise.all([host.next(), connectWebSocket(host.url)]);
    const atServer = record(server);
    const levels: number[] = [];
    atServer.drained = () => void levels.push(server.buffered);
    const atClient = record(client);
    client.pause();
    for (const bytes of numbered(20_000, 1000)) server.send(bytes);
    client.resume();
    await atClient.received(20_000);
    await turns(5);
    expect(levels.length).toBeGreaterThan(5);
    expect(levels).toEqual([...levels].sort((a, b) => b - a));
    expect(levels.at(-1)).toBe(0);
    client.abort();
  });

  test('says drained when a part of one big message has left, and only then', async () => {
    const { link, events, socket } = await raw();
    socket.removeAllListeners('data').pause();
    link.send(new Uint8Array(48 * 2 ** 20));
    // The system's buffers take the first bytes at once. Then there must be no more `drained`: a link that reports it
    // without progress never falls silent.
    const drains = await drainsAtRest(events);
    expect(events.drains).toBe(drains);
    readSome(socket);
    await events.until(() => events.drains > drains);
    expect(link.buffered).toBeGreaterThan(48 * 2 ** 20);
    link.abort();
  });

  test('takes a message of twice maxFrame; one byte more fails it, and the peer is told 1009', async () => {
    const { link, events, socket, received } = await raw();
    socket.write(frame(2, new Uint8Array(2000)));
    await events.received(1);
    socket.write(frame(2, new Uint8Array(2001)));
    expect(await events.end()).toEqual(
      new LinkError('the peer sent a message that is too long: at most 2000 bytes are taken'),
    );
    expect(received().readUInt16BE(2)).toBe(1009);
    expect(() => link.send(new Uint8Array(1))).toThrow(LinkError);
  });

  test('holds fragments to the same limit', async () => {
    const { events, socket } = await raw();
    socket.write(frame(2, new Uint8Array(1500), false));
    socket.write(frame(0, new Uint8Array(501), false));
    expect(await events.end()).toBeInstanceOf(LinkError);
    expect(events.messages).toEqual([]);
  });

  test('fails on a text frame, tells the peer 1003, and takes nothing after it', async () => {
    const { events, socket, received } = await raw();
    socket.write(Buffer.concat([frame(2), frame(1, Buffer.from('hello')), frame(2)]));
    expect(await events.end()).toEqual(new LinkError('the peer sent a text message; only binary messages are taken'));
    expect(events.messages).toHaveLength(1);
    expect(received().readUInt16BE(2)).toBe(1003);
  });

  test.each([
    ['bytes that are no frame', Buffer.from('\xff\xff nonsense', 'latin1')],
    ['a frame without a mask', Buffer.of(0x82, 0x01, 0x00)],
    ['a continuation of nothing', frame(0, new Uint8Array(1))],
    ['a reserved opcode', frame(3)],
    ['a fragmented ping', frame(9, new Uint8Array(1), false)],
    ['a close frame of one byte', frame(8, new Uint8Array(1))],
    ['a length above 2^53', Buffer.of(0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ])('fails on %s', async (_what, bytes) => {
    const { events, socket } = await raw();
    socket.write(bytes);
    expect(await events.end()).toBeInstanceOf(LinkError);
    expect(events.messages).toEqual([]);
  });

  test('answers pings, and cuts a peer that floods it with them and does not read', async () => {
    const { link, events, socket, received } = await raw();
    socket.write(frame(9, Buffer.from('ping')));
    await new Promise((resolve) => socket.once('data', resolve));
    expect(received()).toEqual(Buffer.concat([Buffer.of(0x8a, 4), Buffer.from('ping')]));
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 100_000 }, () => frame(9, new Uint8Array(125)))));
    expect(await events.end()).toBeInstanceOf(LinkError);
    expect(link.buffered).toBe(0);
  });

  test('fails when the connection is lost, with the cause', async () => {
    const { events, socket } = await raw();
    socket.resetAndDestroy();
    const end = (await events.end()) as LinkError;
    expect(end).toEqual(new LinkError('the connection was lost without a closing handshake'));
    expect(end.cause).toMatchObject({ code: 'ECONNRESET' });
  });

  test('fails when the peer ends the connection without a close frame', async () => {
    const { events, socket } = await raw();
    socket.end(frame(2));
    expect(await events.end()).toBeInstanceOf(LinkError);
    expect(events.messages).toHaveLength(1);
  });

  test.each([
    [1000, 'ended'],
    [1001, 'ended'],
    [1011, new LinkError('the peer closed the WebSocket with code 1011: "out\\nof order"')],
    [4321, new LinkError('the peer closed the WebSocket with code 4321: "out\\nof order"')],
  ] as const)('tells what close code %p means', async (code, outcome) => {
    const { events, socket } = await raw();
    const payload = Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from('out\nof order')]);
    socket.write(frame(8, payload));
    expect(await events.end()).toEqual(outcome);
  });

  test('takes a close frame without a code for an orderly end', async () => {
    const { events, socket } = await raw();
    socket.write(frame(8));
    expect(await events.end()).toBe('ended');
  });

  test('close is cut after closeTimeout when the peer does not answer', async () => {
    const { link, events } = await raw();
    link.close();
    expect(await events.end()).toEqual(new LinkError('the peer did not complete the closing handshake within 50 ms'));
  });

  test('close is cut after closeTimeout when the peer does not read', async () => {
    const { link, events, socket } = await raw();
    socket.pause();
    for (const bytes of numbered(512, 64 * 1024)) link.send(bytes);
    link.close();
    expect(await events.end()).toBeInstanceOf(LinkError);
  });

  test('a violation is over after closeTimeout though the peer goes on', async () => {
    // A ws of the user's own: its closing handshake would last 30 s.
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    const connected = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
    const { socket } = await rawPeer((server.address() as { port: number }).port);
    const events = record(webSocketLink(await connected, { closeTimeout: 50 }));
    server.close();
    const flood = setInterval(() => socket.write(frame(2, new Uint8Array(100))), 1);
    socket.write(frame(1));
    expect(await events.end()).toBeInstanceOf(LinkError);
    clearInterval(flood);
    expect(events.messages).toEqual([]);
  });

  test('what is sent after the peer has left is lost, and the end is told as it was', async () => {
    const { link, events, socket } = await raw();
    socket.write(Buffer.concat([frame(2), frame(8)]));
    events.onMessage = () => setImmediate(() => events.ends.length === 0 && link.send(new Uint8Array(10)));
    expect(await events.end()).toBe('ended');
  });

  test('is not made of a WebSocket that is not open yet', async () => {
    const ws = new WebSocket(host.url);
    expect(() => webSocketLink(ws)).toThrow(InvalidArgument);
    await new Promise((resolve) => ws.once('open', resolve));
    ws.terminate();
    await new Promise((resolve) => ws.once('close', resolve));
    for (const closed of [ws, new StandardFacade(ws)]) {
      expect(await record(webSocketLink(closed)).end()).toBeInstanceOf(LinkError);
    }
  });

  test.each([0, -1, Number.NaN, 2 ** 31])('refuses a closeTimeout of %p', async (closeTimeout) => {
    const ws = new WebSocket(host.url);
    await new Promise((resolve) => ws.once('open', resolve));
    expect(() => webSocketLink(ws, { closeTimeout })).toThrow(
      new InvalidArgument(`closeTimeout must be from 1 to 2^31 - 1 milliseconds, not ${closeTimeout}`),
    );
    ws.terminate();
  });

  test('leaves no listener at its WebSocket', async () => {
    for (const end of ['close', 'abort'] as const) {
      const ws = new WebSocket(host.url);
      const [server] = await Promise.all([host.next(), new Promise((resolve) => ws.once('open', resolve))]);
      const before = ws.eventNames();
      const link = webSocketLink(ws);
      record(link);
      const atServer = record(server);
      const closed = new Promise((resolve) => ws.once('close', resolve));
      link[end]();
      await Promise.all([closed, atServer.end()]);
      expect(ws.eventNames()).toEqual(before);
    }
  });

  describe('over a standard WebSocket', () => {
    async function facade(
      closeTimeout = 50,
    ): Promise<{ ws: WebSocket; link: Link; events: Recorder; peer: WebSocket }> {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      await new Promise((resolve) => server.once('listening', resolve));
      const peerOf = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
      const ws = new WebSocket(`ws://127.0.0.1:${String((server.address() as { port: number }).port)}`);
      await new Promise((resolve) => ws.once('open', resolve));
      const link = webSocketLink(new StandardFacade(ws), { closeTimeout });
      const peer = await peerOf;
      server.close();
      return { ws, link, events: record(link), peer };
    }

    test('fails on a text frame, with a code that a browser allows', async () => {
      const { events, peer } = await facade();
      const code = new Promise((resolve) => peer.once('close', resolve));
      peer.send('text');
      expect(await events.end()).toEqual(new LinkError('the peer sent a text message; only binary messages are taken'));
      expect(await code).toBe(4003);
    });

    test('looks at bufferedAmount only while something is buffered', async () => {
      const { ws, link, events, peer } = await facade();
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const before = timers();
      link.send(new Uint8Array(1000));
      expect(timers()).toBe(before);
      peer.pause();
      for (const bytes of numbered(512, 64 * 1024)) link.send(bytes);
      expect(timers()).toBe(before + 1);
      peer.resume();
      await events.until(() => ws.bufferedAmount === 0 && events.drains > 0);
      await turns(2);
      expect(timers()).toBe(before);
      peer.pause();
      for (const bytes of numbered(512, 64 * 1024)) link.send(bytes);
      expect(timers()).toBe(before + 1);
      ws.terminate();
      await events.end();
      expect(timers()).toBe(before);
      peer.terminate();
    });

    test('close is over after closeTimeout when the peer does not answer', async () => {
      const { ws, link, events, peer } = await facade();
      peer.pause();
      link.close();
      expect(await events.end()).toEqual(new LinkError('the peer did not complete the closing handshake within 50 ms'));
      ws.terminate();
      peer.terminate();
    });

    test('abort tells the peer that it was no orderly end', async () => {
      const { link, events, peer } = await facade();
      const code = new Promise((resolve) => peer.once('close', resolve));
      link.abort();
      expect(await code).toBe(4000);
      expect(events.events).toBe(0);
    });
  });
});
