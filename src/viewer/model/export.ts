/** What can be taken away: the recording, and the messages as a sequence. */
import type { Sequence, SequenceStep } from '../../diagram/sequence.js';
import { recordsOf } from '../../inspect/history.js';
import { RECORDING_VERSION, type RecordingStart } from '../../inspect/record.js';
import { type Exchanged, textOf } from './exchange.js';
import type { Recording } from './recording.js';

/** A recording as JSONL that begins with how things stood when the first kept record came. */
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

/** A picture of more than this is none. */
const MOST_DRAWN = 500;

/** The last rows of an exchange, to be drawn: each message where it was sent, and its arrival where that was later. */
export function sequenceOf(rows: readonly Exchanged[], participants: readonly [left: string, right: string]): Sequence {
  const [left, right] = participants;
  const moments = rows.slice(-MOST_DRAWN).flatMap((row): [position: number, row: Exchanged, isArrival: boolean][] => {
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
    const of = sentAs.get(row);
    // One that arrives before anything else happens is drawn straight.
    if (isArrival && of !== undefined && of !== steps.length - 1) steps.push({ type: 'arrival', of });
    if (isArrival) continue;
    sentAs.set(row, steps.length);
    const [from, to] = row.fromLeft ? [left, right] : [right, left];
    steps.push({ type: 'message', from, to, text: textOf(row.record) });
  }
  return { participants, steps };
}
