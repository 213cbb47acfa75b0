// A user's program against the packed package: type-checked by check-package.mjs with each of TypeScript's ways to
// resolve modules, the library's own declarations included. Never run.
import { accept, createServer, handle, initiate, ProtocolError, type RoamError, sessionLogic } from 'roam-actors';
import * as client from 'roam-actors/client';
import * as core from 'roam-actors/core';
import * as diagram from 'roam-actors/diagram';
import * as inspect from 'roam-actors/inspect';
import * as machines from 'roam-actors/machines';
import * as memory from 'roam-actors/memory';
import * as ports from 'roam-actors/ports';
import * as postcard from 'roam-actors/postcard';
import * as reliable from 'roam-actors/reliable';
import * as tcp from 'roam-actors/tcp';
import * as testing from 'roam-actors/testing';
import * as websocket from 'roam-actors/websocket';

export const everything = [
  accept,
  createServer,
  handle,
  initiate,
  sessionLogic,
  client,
  core,
  diagram,
  inspect,
  machines,
  memory,
  ports,
  postcard,
  reliable,
  tcp,
  testing,
  websocket,
];

/** The declarations are there, not just `any`: a number is none of these. */
export const checked = [
  // @ts-expect-error -- a function
  (): number => initiate,
  // @ts-expect-error -- a function
  (): number => createServer,
  // @ts-expect-error -- a namespace
  (): number => client,
  // @ts-expect-error -- a namespace
  (): number => core,
  // @ts-expect-error -- a namespace
  (): number => diagram,
  // @ts-expect-error -- a namespace
  (): number => inspect,
  // @ts-expect-error -- a namespace
  (): number => machines,
  // @ts-expect-error -- a namespace
  (): number => memory,
  // @ts-expect-error -- a namespace
  (): number => ports,
  // @ts-expect-error -- a namespace
  (): number => postcard,
  // @ts-expect-error -- a namespace
  (): number => reliable,
  // @ts-expect-error -- a namespace
  (): number => tcp,
  // @ts-expect-error -- a namespace
  (): number => testing,
  // @ts-expect-error -- a namespace
  (): number => websocket,
];

/** `code` and `instanceof` both tell the errors apart. */
export function sides(error: RoamError): unknown {
  return [error.code === 'protocol' && error.side, error instanceof ProtocolError && error.side];
}
