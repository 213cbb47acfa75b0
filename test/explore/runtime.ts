/**
 * Runs the actors of one peer as XState does. Each has a mailbox. An event is taken only when the one before it is done.
 * Custom effects run at once, and all other actions when the actor has its new state. The actions come from tables: see
 * local.ts. The effects about connection actors do the same as src/session/connection-actors.ts.
 */
import { type Action, type Event, type Local, Opaque } from './local.js';

/** The machines of a peer, by the names of the actor slots that they fill. */
export interface Tables {
  readonly session: Local;
  readonly handshake: Local;
  readonly keepalive: Local;
  readonly connection: Local;
}

const STOP: Event = { type: 'xstate.stop' };
const CONNECTIONS = 'connections';

interface Cell {
  readonly path: string;
  readonly table: Local;
  readonly parent: Cell | undefined;
  local: number;
  status: 'made' | 'starting' | 'running' | 'stopped';
  isBusy: boolean;
  mailbox: Event[];
  /** The actions of the actor's start. */
  initial: readonly Action[];
}

/** The functions that a runtime needs from its host. */
export interface RuntimeHost {
  effect(name: string, params: unknown): void;
  emit(event: Event): void;
  /** Called for an event to an actor that does not exist. */
  lost(path: string, event: Event): void;
  /** Called when an actor is created at the path of a living one. */
  doubled(path: string): void;
}

/** The maximum number of events of one input. A step with more never ends. */
const ENDLESS = 200;

/** The error of a step that does not end. */
export class Endless extends Error {}

export class Runtime {
  readonly #tables: Tables;
  readonly #host: RuntimeHost;
  readonly #cells = new Map<string, Cell>();
  readonly #timers: Set<string>;
  readonly #port = new Opaque('port');
  readonly #conformance: string;
  #taken = 0;

  constructor(tables: Tables, conformance: string, host: RuntimeHost) {
    this.#tables = tables;
    this.#conformance = conformance;
    this.#host = host;
    this.#timers = new Set();
  }

  /** Starts a session. */
  start(input: object): void {
    const session = this.#make('session', this.#tables.session, { ...input, port: this.#port }, undefined);
    this.#start(session);
  }

  /** Restores a peer from its state. */
  restore(actors: Readonly<Record<string, number>>, timers: readonly string[]): void {
    const session = this.#restore('session', this.#tables.session, actors['session'], undefined);
    for (const [path, local] of Object.entries(actors)) {
      if (path === 'session') continue;
      const [slot, id] = path.split('.');
      this.#restore(
        path,
        id === undefined ? this.#tables[slot as keyof Tables] : this.#tables.connection,
        local,
        session,
      );
    }
    for (const timer of timers) this.#timers.add(timer);
  }

  get actors(): Record<string, number> {
    const living = [...this.#cells.values()].filter(({ status }) => status === 'running');
    return Object.fromEntries(living.map(({ path, local }) => [path, local]));
  }

  get timers(): string[] {
    return [...this.#timers].sort();
  }

  /** Sends an event to the session from outside, and returns when all its effects are over. */
  send(event: Event): void {
    const session = this.#cells.get('session');
    if (session !== undefined) this.#send(session, event);
  }

  /** Fires a timer. */
  fire(timer: string): void {
    this.#timers.delete(timer);
    const [path, type] = timer.split(' ') as [string, string];
    const cell = this.#cells.get(path);
    if (cell !== undefined) this.#send(cell, { type });
  }

  #restore(path: string, table: Local, local: number | undefined, parent: Cell | undefined): Cell {
    const status = local === undefined ? 'stopped' : 'running';
    const cell: Cell = {
      path,
      table,
      parent,
      local: local ?? 0,
      status,
      isBusy: false,
      mailbox: [],
      initial: [],
    };
    this.#cells.set(path, cell);
    return cell;
  }

  #make(path: string, table: Local, input: unknown, parent: Cell | undefined): Cell {
    const { state, actions } = table.start(input);
    const cell: Cell = {
      path,
      table,
      parent,
      local: state,
      status: 'made',
      isBusy: false,
      mailbox: [],
      initial: actions,
    };
    this.#cells.set(path, cell);
    return cell;
  }

  #start(cell: Cell): void {
    if (cell.status !== 'made') return;
    cell.status = 'starting';
    this.#run(cell, cell.initial);
    if (cell.status !== 'starting') return;
    cell.status = 'running';
    this.#flush(cell);
  }

  #send(cell: Cell, event: Event): void {
    if (cell.status === 'stopped') return;
    cell.mailbox.push(event);
    if (cell.status === 'running' && !cell.isBusy) this.#flush(cell);
  }

  #flush(cell: Cell): void {
    cell.isBusy = true;
    for (let event = cell.mailbox.shift(); event !== undefined; event = cell.mailbox.shift()) this.#take(cell, event);
    cell.isBusy = false;
  }

  #take(cell: Cell, event: Event): void {
    this.#taken++;
    if (this.#taken > ENDLESS) throw new Endless(`a step goes on for ever: ${cell.path} takes ${event.type}`);
    if (event.type === STOP.type) {
      this.#settle(cell);
    } else {
      const { state, actions } = cell.table.step(cell.local, event);
      cell.local = state;
      this.#run(cell, actions);
    }
  }

  /** Performs the actions of a step: effects at once, then all others in order. */
  #run(cell: Cell, actions: readonly Action[]): void {
    const deferred: (() => void)[] = [];
    for (const action of actions) this.#perform(cell, action, (later) => deferred.push(later));
    for (const later of deferred) later();
    const { status, output } = cell.table.snapshot(cell.local);
    if (status !== 'done') return;
    this.#settle(cell);
    const { parent, path } = cell;
    const [slot, id] = path.split('.') as [string, string?];
    if (parent === undefined) this.#host.effect('stopConduit', undefined);
    else if (id !== undefined) this.#send(parent, { type: 'connections.ended', id: Number(id), output } as Event);
    else this.#send(parent, { type: `xstate.done.actor.${slot}`, output, actorId: slot } as Event);
  }

  #perform(cell: Cell, action: Action, defer: (later: () => void) => void): void {
    switch (action.kind) {
      case 'effect':
        this.#effect(cell, action.name, action.params, defer);
        return;
      case 'emit':
        defer(() => this.#host.emit(action.event));
        return;
      case 'send':
        defer(() => this.#relay(action.to, action.event));
        return;
      case 'schedule': {
        const { id, event } = action;
        if (id !== event.type) throw new Error('only timers of `after` are modelled');
        defer(() => this.#timers.add(`${cell.path} ${id}`));
        return;
      }
      case 'cancel':
        defer(() => this.#timers.delete(`${cell.path} ${action.id}`));
        return;
      case 'spawn': {
        const child = this.#make(action.id, this.#tables[action.src as keyof Tables], action.input, cell);
        defer(() => this.#start(child));
        return;
      }
      case 'stop': {
        const child = this.#cells.get(action.id);
        if (child?.status === 'made') child.status = 'stopped';
        else if (child !== undefined) defer(() => this.#stop(child));
        return;
      }
    }
  }

  #relay(path: string, event: Event): void {
    const target = this.#cells.get(path);
    if (target === undefined) this.#host.lost(path, event);
    else this.#send(target, event);
  }

  #stop(cell: Cell): void {
    if (cell.status === 'stopped') return;
    cell.mailbox = [];
    this.#send(cell, STOP);
  }

  /** Ends an actor, with its timers and its waiting events. */
  #settle(cell: Cell): void {
    cell.status = 'stopped';
    cell.mailbox = [];
    for (const timer of this.#timers) if (timer.startsWith(`${cell.path} `)) this.#timers.delete(timer);
  }

  /** Carries out an effect. Those about connection actors are the runtime's: see src/session/connection-actors.ts. */
  #effect(session: Cell, name: string, params: unknown, defer: (later: () => void) => void): void {
    const { id, event } = (params ?? {}) as { id: number; event: Event };
    const path = `${CONNECTIONS}.${id}`;
    switch (name) {
      case 'spawn':
        defer(() => {
          const more = { port: this.#port, conformance: this.#conformance, parent: new Opaque('session') };
          if (this.#isLiving(path)) this.#host.doubled(path);
          this.#start(this.#make(path, this.#tables.connection, { ...(params as object), ...more }, session));
        });
        return;
      case 'forward':
        defer(() => (this.#isLiving(path) ? this.#relay(path, event) : this.#host.lost(path, event)));
        return;
      case 'finish':
        for (const cell of this.#cells.values()) if (cell.path.startsWith(`${CONNECTIONS}.`)) this.#stop(cell);
        break;
      default:
    }
    this.#host.effect(name, params);
  }

  #isLiving(path: string): boolean {
    const status = this.#cells.get(path)?.status;
    return status !== undefined && status !== 'stopped';
  }
}
