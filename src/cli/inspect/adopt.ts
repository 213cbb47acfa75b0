import type { ActorKey, InspectionRecord, Part, RecordingLine } from '../../inspect/record.js';

/**
 * Rewrites a record that a process made about itself as process 0, as a record of process `number`. So a process can't touch
 * the records of another. Returns undefined if the record is about another process, or is of a kind that processes may not
 * send. `hashes` maps the process's hash of each definition to ours.
 */
export function adopt(
  record: RecordingLine,
  number: number,
  at: number,
  hashes: ReadonlyMap<string, string>,
): InspectionRecord | undefined {
  const own = (key: ActorKey | undefined): ActorKey | undefined =>
    key?.startsWith('0/') === true ? `${number}/${key.slice(2)}` : undefined;
  switch (record.kind) {
    case 'process':
    case 'notice':
      return { ...record, at, process: number };
    case 'wire': {
      const session = own(record.session);
      return session === undefined ? undefined : { ...record, at, session };
    }
    case 'snapshot': {
      const actor = own(record.actor);
      return actor === undefined ? undefined : { ...record, at, actor };
    }
    case 'event': {
      const { source: sender, ...rest } = record;
      const [actor, source] = [own(record.actor), own(sender)];
      return actor === undefined ? undefined : { ...rest, at, actor, ...(source === undefined ? {} : { source }) };
    }
    case 'actor': {
      // The viewer itself finds out which sessions are peers, so `peer` is dropped.
      const { parent: above, part: place, definition: hash, peer: _, ...rest } = record;
      const [actor, parent] = [own(record.actor), own(above)];
      const part = place === undefined ? undefined : partOf(place, own);
      if (actor === undefined || (place !== undefined && part === undefined)) return undefined;
      const definition = hash === undefined ? undefined : hashes.get(hash);
      return {
        ...rest,
        at,
        actor,
        process: number,
        ...(parent === undefined ? {} : { parent }),
        ...(definition === undefined ? {} : { definition }),
        ...(part === undefined ? {} : { part }),
      };
    }
    default:
      return undefined;
  }
}

function partOf(part: Part, own: (key: ActorKey) => ActorKey | undefined): Part | undefined {
  if (part.part === 'session') return part;
  const session = own(part.session);
  return session === undefined ? undefined : { ...part, session };
}
