import { expect, test } from '@jest/globals';
import { SharedIds } from '../../src/calls/shared-ids.js';
import type { DataMessage } from '../../src/wire/message.js';

const item = (id: number): DataMessage => ({
  type: 'ChannelMessage',
  connectionId: 0,
  id,
  body: { type: 'Item', item: new Uint8Array() },
});

const request = (id: number, type: 'Call' | 'Response' | 'Cancel'): DataMessage =>
  ({ type: 'RequestMessage', connectionId: 0, id, body: { type } }) as never;

test('ids of ours are allocated once among all connections, and lead back to theirs until they are free', () => {
  const ids = new SharedIds();
  const { requests } = ids;
  expect([requests.allocate('odd', 3), requests.allocate('odd', 5), requests.allocate('even', 7)]).toEqual([1, 3, 2]);
  expect([1, 3, 2].map((id) => ids.connectionOf(request(id, 'Response')))).toEqual([3, 5, 7]);
  requests.free(1, 5);
  expect(ids.connectionOf(request(1, 'Response'))).toBe(3);
  requests.free(1, 3);
  requests.free(2, 7);
  expect(requests.allocate('odd', 3)).toBe(5);
});

test('a message for an id of ours that is over has no connection, and one for an id that was never ours is the root’s', () => {
  const ids = new SharedIds();
  for (const owners of [ids.requests, ids.channels]) {
    owners.allocate('odd', 3);
    owners.allocate('odd', 3);
    owners.free(1, 3);
    owners.free(3, 3);
    owners.free(owners.allocate('even', 3), 3);
  }
  const of = (id: number) => [ids.connectionOf(request(id, 'Response')), ids.connectionOf(item(id))];
  expect([1, 3, 2, 5, 4].map(of)).toEqual([
    [undefined, undefined],
    [undefined, undefined],
    [undefined, undefined],
    [0, 0],
    [0, 0],
  ]);
});

test('calls of the peer are the root’s, and channels that it names belong to the first connection', () => {
  const ids = new SharedIds();
  ids.requests.allocate('odd', 3);
  expect([ids.connectionOf(request(1, 'Call')), ids.connectionOf(request(1, 'Cancel'))]).toEqual([0, 0]);
  ids.channels.own(2, 3);
  ids.channels.own(2, 5);
  expect(ids.connectionOf(item(2))).toBe(3);
  ids.channels.free(2, 5);
  expect(ids.connectionOf(item(2))).toBe(3);
  ids.channels.free(2, 3);
  expect(ids.connectionOf(item(2))).toBe(0);
});
