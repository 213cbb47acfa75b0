/** Exports: the recording, and the messages as a sequence diagram. */
import type { Sequence, SequenceStep } from '../../diagram/sequence.js';
import { recordsOf } from '../../inspect/history.js';
import { RECORDING_VERSION, type RecordingStart } from '../../inspect/record.js';
import { type Exchanged, type Row, textOf, textOfCut } from './exchange.js';
import type { Recording } from './recording.js';

/** Returns a recording as JSONL. It begins with the state before the first kept record. */
export function jsonlOf(recording: Recording): string[] {
  const before = recordsOf(recording.at(recording.start));
  const begin: RecordingStart = {
    kind: 'recording',
    version: RECORDING_VERSION,
    at: recording.begin?.at ?? 0,
    by: recording.begin?.by ?? 'roam-actors viewer',
    isLive: false,
    backlog: before.length,
  };
  return [begin, ...before, ...recording.records()].map((line) => `${JSON.stringify(line)}\n`);
}

/** The maximum number of rows in a picture. A picture of more rows is not readable. */
const MOST_DRAWN = 500;

/**
 * Returns the last rows of an exchange as a sequence: each message where it was sent, and its arrival if that came later. A
 * cut or a resume is a note on the end that has noticed it.
 */
export function sequenceOf(rows: readonly Row[], participants: readonly [left: string, right: string]): Sequence {
  const [left, right] = participants;
  const moments = rows.slice(-MOST_DRAWN).flatMap((row): [position: number, row: Row, isArrival: boolean][] => {
    if ('cut' in row) return [[row.position, row, false]];
    const { position, sent, received } = row;
    const isLater = sent !== undefined && received !== undefined && received > sent;
    return isLater
      ? [
          [sent, row, false],
          [received, row, true],
        ]
      : [[position, row, false]];
  });
  moments.sort(([one], [other]) => one - other);
  const steps: SequenceStep[] = [];
  const sentAs = new Map<Exchanged, number>();
  for (const [, row, isArrival] of moments) {
    if ('cut' in row) {
      steps.push({ type: 'note', over: row.isLeft ? left : right, text: textOfCut(row) });
      continue;
    }
    const of = sentAs.get(row);
    // A message that arrives before the next event is drawn as a horizontal arrow, without a separate arrival.
    if (isArrival && of !== undefined && of !== steps.length - 1) steps.push({ type: 'arrival', of });
    if (isArrival) continue;
    sentAs.set(row, steps.length);
    const [from, to] = row.fromLeft ? [left, right] : [right, left];
    steps.push({ type: 'message', from, to, text: textOf(row.record) });
  }
  return { participants, steps };
}
