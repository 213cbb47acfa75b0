import type {
  ActorKey,
  ActorRecord,
  InspectionRecord,
  Json,
  Part,
  ProcessRecord,
  SnapshotRecord,
  WireRecord,
} from '../../src/inspect/record.js';
import { Recording } from '../../src/viewer/model/recording.js';

/** Builds records by hand. Each is one millisecond after the last, from 1 000 on, unless it has a time of its own. */
export class Script {
  readonly recording = new Recording();
  #at = 999;

  add<T extends Omit<InspectionRecord, 'seq' | 'at'>>(record: T & { readonly at?: number }): this {
    this.#at = record.at ?? this.#at + 1;
    this.recording.push({ seq: this.recording.end + 1, ...record, at: this.#at } as unknown as InspectionRecord);
    return this;
  }

  process(process: number, name: string): this {
    return this.add<Omit<ProcessRecord, 'seq' | 'at'>>({ kind: 'process', process, name });
  }

  actor(actor: ActorKey, more: Partial<Omit<ActorRecord, 'kind' | 'actor'>> = {}): this {
    const [process = '0', id = ''] = actor.split('/');
    return this.add<Omit<ActorRecord, 'seq' | 'at'>>({
      kind: 'actor',
      process: Number(process),
      actor,
      id,
      name: id,
      snapshot: { status: 'active' },
      ...more,
    });
  }

  session(actor: ActorKey, role: 'initiator' | 'acceptor', more: { readonly peer?: ActorKey } = {}): this {
    const part: Part = { part: 'session', role, conformance: 'reference', limits: { frame: 1_024 } };
    return this.actor(actor, { part, ...more });
  }

  connection(session: ActorKey, connection: number, value: Json = 'opening'): this {
    return this.actor(connectionOf(session, connection), {
      parent: session,
      part: { part: 'connection', session, connection },
      definition: 'connection',
      snapshot: { status: 'active', value },
    });
  }

  state(actor: ActorKey, value: Json, event = 'go', more: Partial<SnapshotRecord> = {}): this {
    return this.add<Omit<SnapshotRecord, 'seq' | 'at'>>({
      kind: 'snapshot',
      actor,
      event,
      snapshot: { status: 'active', value },
      ...more,
    });
  }

  wire(session: ActorKey, direction: 'sent' | 'received', message: string, more: Partial<WireRecord> = {}): this {
    return this.add<Omit<WireRecord, 'seq' | 'at'>>({
      kind: 'wire',
      session,
      direction,
      message,
      connection: 0,
      count: 1,
      bytes: 0,
      ...more,
    });
  }
}

export function connectionOf(session: ActorKey, connection: number): ActorKey {
  return `${session}.${connection}`;
}
