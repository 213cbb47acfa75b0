import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { accept, type Codec, initiate, type Link, messagePack } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { listenTcp } from '../../src/link/tcp.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { ScriptedPeer, settle } from '../../src/testing/index.js';
import { json } from '../support/json-codec.js';

// The first frames are those of roam-wire.md §3, §10 and §13, and not of this library's codecs.

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

const HELLO = { msgpack: '95 00 00 07 92 00 40 90', postcard: '00 00 07 00 40 00' };
const HELLO_YOURSELF = { msgpack: '94 00 01 92 01 40 90', postcard: '00 01 01 40 00' };

const MSGPACK = (own: string) =>
  `the peer speaks MessagePack, and this session ${own}: both ends need the same codec (here: codec: messagePack, which is the default)`;
const POSTCARD = (own: string) =>
  `the peer speaks postcard, as the official peers of roam 7, and this session ${own}: both ends need the same codec (here: codec: postcard of roam-actors/postcard)`;
const STABLE = (own: string) =>
  `the peer speaks the stable conduit of roam 7, which is not supported, and this session ${own} without it: have the peer use a bare conduit`;
const VOX = (own: string) =>
  `the peer speaks vox, the successor of roam, which is not compatible, and this session roam 7 in ${own}: the peer needs a version of roam 7`;

type Row = readonly [string, 'acceptor' | 'initiator', Codec, string, (own: string) => string];

const ROWS: readonly Row[] = [
  ['a Hello in MessagePack', 'acceptor', postcard, HELLO.msgpack, MSGPACK],
  ['a Hello in a longer array of MessagePack', 'acceptor', postcard, 'dc 00 05 00 00 07 92 00 40 90', MSGPACK],
  ['a HelloYourself in MessagePack', 'initiator', postcard, HELLO_YOURSELF.msgpack, MSGPACK],
  ['a Hello in MessagePack', 'acceptor', json, HELLO.msgpack, MSGPACK],
  ['a Hello in postcard', 'acceptor', messagePack, HELLO.postcard, POSTCARD],
  ['a HelloYourself in postcard', 'initiator', messagePack, HELLO_YOURSELF.postcard, POSTCARD],
  ...[messagePack, postcard].flatMap((codec): Row[] => [
    ['a hello of the stable conduit', 'acceptor', codec, `52 4f 43 48 ${'00'.repeat(21)}`, STABLE],
    ['an answer of the stable conduit', 'initiator', codec, `52 4f 53 48 ${'00'.repeat(21)}`, STABLE],
    ['a prologue of vox', 'acceptor', codec, '56 4f 54 48 09 00 00 00', VOX],
    ['the answer to a prologue of vox', 'initiator', codec, '56 4f 54 41 09 00 00 00', VOX],
    ['the refusal of a prologue of vox', 'initiator', codec, '56 4f 54 52 09 01 00 00', VOX],
  ]),
];

const begin = (role: Row[1], link: Link, codec: Codec, conformance: 'strict' | 'reference') =>
  (role === 'acceptor' ? accept : initiate)(link, { codec, conformance, onReport: () => {} }).catch(
    (error: unknown) => error,
  );

// r[session.handshake]
describe('a first frame in another format is named, with what this session speaks and what to do:', () => {
  test.each(ROWS)('%s, to the %s', async (_what, role, codec, hex, text) => {
    for (const conformance of ['reference', 'strict'] as const) {
      const [near, far] = memoryLinkPair();
      const peer = new ScriptedPeer(far, { codec });
      const starting = begin(role, near, codec, conformance);
      peer.say(bytesOf(hex));
      const message = text(codec.name);
      expect(await starting).toMatchObject({ name: 'HandshakeError', message });
      await settle();
      // In strict mode the peer gets a ProtocolError that it cannot decode. A person at the other end may be able to read
      // it.
      const descriptions = peer.take().flatMap((each) => (each.type === 'ProtocolError' ? [each.description] : []));
      expect(descriptions).toEqual(conformance === 'strict' ? [`session.message: ${message}`] : []);
    }
  });

  test.each([
    [messagePack, '95 00 00 07 92 02 40 90', 'malformed Hello: unknown parity 2'],
    [postcard, '00 00 07 02 40 00', 'malformed Hello: unknown parity 2'],
    [messagePack, 'c1', 'malformed message: not an array'],
    [postcard, '01 0b', 'malformed message: unknown tag 11'],
    [messagePack, '00', 'malformed message: not an array'],
    [messagePack, '00 02', 'malformed message: not an array'],
    [messagePack, '01 00', 'malformed message: not an array'],
    [messagePack, '52 4f 53', 'malformed message: not an array'],
    [postcard, '8f 01 0b', 'malformed message: unknown tag 11'],
    [postcard, 'a0 01 0b', 'malformed message: unknown tag 11'],
    [postcard, 'dd 01 0b', 'malformed message: unknown tag 11'],
    [postcard, '', 'malformed message: it ends within connectionId'],
  ])('not one in this format, and none of no format: %#', async (codec, hex, message) => {
    const [near, far] = memoryLinkPair();
    const starting = begin('acceptor', near, codec, 'reference');
    new ScriptedPeer(far).say(bytesOf(hex));
    expect(await starting).toMatchObject({ name: 'HandshakeError', message });
  });

  test('and not a later one: that is malformed', async () => {
    const [near, far] = memoryLinkPair();
    const peer = new ScriptedPeer(far);
    const starting = accept(near, { conformance: 'strict', onReport: () => {} });
    peer.say(bytesOf(HELLO.msgpack));
    const session = await starting;
    peer.say(bytesOf(HELLO.postcard));
    expect(await session.closed).toMatchObject({
      cause: 'protocol',
      error: { name: 'ProtocolError', message: expect.stringContaining('malformed message') },
    });
  });

  test('in each of two sessions of different codecs', async () => {
    const [near, far] = memoryLinkPair();
    const accepting = begin('acceptor', near, messagePack, 'reference');
    const initiating = begin('initiator', far, postcard, 'reference');
    expect(await accepting).toMatchObject({ message: POSTCARD('msgpack') });
    expect(await initiating).toMatchObject({ name: 'HandshakeError' });
  });
});

const HTTP = (text: string) =>
  `the peer speaks HTTP ("${text}"), as a WebSocket does at first, and this link expects messages with their length: use the same kind of link at both ends`;
const TLS =
  'the peer speaks TLS, and this link does not: use TLS at both ends, with the decrypted stream in streamLink, or at none';

describe('over TCP, a peer that speaks another protocol is named:', () => {
  test.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), HTTP('GET ')],
    ['another one', Buffer.from('POST /rpc HTTP/1.1\r\n\r\n'), HTTP('POST')],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), HTTP('PRI ')],
    ['TLS', bytesOf('16 03 01 02 00 01 00 01 fc 03 03'), TLS],
    ['TLS, in a short record', bytesOf('16 03 01 00 f4 01 00 00 f0 03 03'), TLS],
    ['a text', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), 'the peer sent the text "SSH-" where a length is expected'],
  ])('%s', async (_, sent, message) => {
    const errors: unknown[] = [];
    let told: () => void = () => {};
    const failed = new Promise<void>((resolve) => {
      told = resolve;
    });
    const onError = (error: unknown) => {
      errors.push(error);
      told();
    };
    const listener = await listenTcp({ port: 0, onError }, async (link) => {
      await accept(link, { codec: postcard, onReport: () => {} });
    });
    const socket = connect(listener.port);
    socket.on('error', () => {});
    socket.write(sent);
    await failed;
    expect(errors).toMatchObject([{ name: 'HandshakeError', message }]);
    socket.destroy();
    await listener.close();
  });

  test('a server that answers in HTTP, to the initiator', async () => {
    const { createServer } = await import('node:net');
    const { connectTcp } = await import('../../src/link/tcp.js');
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const link = await connectTcp({ port });
    await expect(initiate(link, { codec: postcard })).rejects.toMatchObject({ message: HTTP('HTTP') });
    server.close();
  });
});
