// A service over TLS: node:tls makes the connection at both ends, and streamLink makes a link of it. The codec is postcard
// and the service is on the root connection, so a Rust program could be either end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { accept, initiate, method, service } from 'roam-actors';
import { postcard, postcardPayload, t } from 'roam-actors/postcard';
import { streamLink } from 'roam-actors/tcp';

// A self-signed certificate for `localhost` and its key, which is no secret: both are for this example alone. Made by
// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYKSMycU9jqoImglB
vbpUhc+j3yfPHjshW3wJpei6aJuhRANCAASDDAQ9ERlo1XZTtbl91A43MhEIM2vr
q8xnIhpOLjSlxLno5vF0YZrlQddyqlN209Ek2jUXgCQdKOX97gjzAL7z
-----END PRIVATE KEY-----`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUaHA5bpEqghgJOoV0kF8aynL3ha8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDA2NTkwMVoYDzIxMjYxMTA2
MDY1OTAxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASDDAQ9ERlo1XZTtbl91A43MhEIM2vrq8xnIhpOLjSlxLno5vF0YZrl
QddyqlN209Ek2jUXgCQdKOX97gjzAL7zo2kwZzAdBgNVHQ4EFgQUdfHXgkDfpVtx
5CUL8sAn+BuPkcowHwYDVR0jBBgwFoAUdfHXgkDfpVtx5CUL8sAn+BuPkcowDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SQAwRgIhALVEq8kS6WWjDmrgQwyhJtwk/Yxw44Ffj6OibNbiZdbBAiEAg0Gq6/YW
C5QTKJlK2LWn69noalIj0y27g6qf4TrJBSA=
-----END CERTIFICATE-----`;

const Greeter = service(
  'Greeter',
  { greet: method({ args: t.args(t.string), result: t.string }) },
  { codec: postcardPayload },
);

const server = createServer({ key: KEY, cert: CERTIFICATE }, (socket) => {
  accept(streamLink(socket), { codec: postcard }).then(
    (session) =>
      session.root.serve(Greeter.handler({ greet: (name) => `Hello ${name}, over ${socket.getProtocol()}` })),
    (error: unknown) => console.error(error),
  );
});
// The server reports a client that speaks no TLS or does not trust the certificate.
server.on('tlsClientError', (error) => console.log(`refused: ${error.message}`));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

// The client trusts this certificate alone, and checks that it is for `localhost`.
const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: CERTIFICATE });
// This rejects when the handshake fails.
await once(socket, 'secureConnect');
const session = await initiate(streamLink(socket), { codec: postcard });
const greeter = Greeter.client(session.root);
const greeting = await greeter.greet('Ada');
console.log(greeting);
assert.equal(greeting, 'Hello Ada, over TLSv1.3');

session.shutdown();
console.log(`the session ended: ${(await session.closed).cause}`);

// A client that trusts other certificates does not get a session.
const stranger = connect({ port, host: '127.0.0.1', servername: 'localhost' });
await assert.rejects(once(stranger, 'secureConnect'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
console.log('a client without the certificate is not connected');
server.close();
