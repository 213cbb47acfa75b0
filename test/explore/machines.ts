import type { AnyStateMachine } from 'xstate';
import { connectionMachine, handshakeMachine, keepaliveMachine, sessionMachine } from '../../machines/index.js';
import { Local } from './local.js';
import type { Tables } from './runtime.js';

/** The machines of a peer: the shipped ones, or mutants of them. */
export type Machines = Record<keyof Tables, AnyStateMachine>;

export const SHIPPED: Machines = {
  session: sessionMachine,
  handshake: handshakeMachine,
  keepalive: keepaliveMachine,
  connection: connectionMachine,
};

export function tablesOf(machines: Machines): Tables {
  const local = (name: keyof Machines) => new Local(name, machines[name]);
  return {
    session: local('session'),
    handshake: local('handshake'),
    keepalive: local('keepalive'),
    connection: local('connection'),
  };
}
