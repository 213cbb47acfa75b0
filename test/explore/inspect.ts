import type { SessionContext } from '../../machines/index.js';
import { canonical } from './canonical.js';
import type { Monitor } from './monitor.js';
import type { PeerState } from './peer.js';
import type { Tables } from './runtime.js';

/** The maximum number of actors and of timers of a peer. */
const MOST = 32;

/** Checks the properties of a peer between two steps. */
export function inspect({ actors, timers, port, memory }: PeerState, tables: Tables, monitor: Monitor): void {
  const paths = Object.keys(actors);
  if (paths.length > MOST || timers.length > MOST) monitor.found('bounded', `${paths.length} actors`);
  const session = actors['session'];
  if (session === undefined) {
    const left = [
      ...paths,
      ...timers,
      ...port.waiting,
      ...port.decisions,
      ...port.handles,
      ...port.parked,
      ...port.held,
    ];
    if (left.length > 0) monitor.found('nothing-left', `left behind: ${canonical(left)}`);
    if (port.link !== 'over') monitor.found('nothing-left', 'the link is not let go of');
    if (port.end === undefined) monitor.found('nothing-left', 'the application was not told of the end');
    return;
  }
  const snapshot = tables.session.snapshot(session);
  // Connections exist only while the session runs.
  if (!snapshot.matches('running')) return;
  const { live: counted } = snapshot.context as SessionContext;
  const live = [...counted.toJSON()].map((id) => `connections.${id}`).sort();
  const living = paths.filter((path) => path.startsWith('connections.') && path !== 'connections.0').sort();
  if (live.join() !== living.join()) monitor.found('books-agree', `counted: ${live}, living: ${living}`);
  if (!paths.includes('connections.0')) monitor.found('books-agree', 'the root is gone');
  inspectBooks({ actors, timers, port, memory }, tables, monitor);
}

/** Checks that the user's handles match the connections. */
function inspectBooks({ actors, port }: PeerState, tables: Tables, monitor: Monitor): void {
  const phases: Record<string, number[]> = { opening: [], deciding: [], active: [], unread: [] };
  for (const [path, local] of Object.entries(actors)) {
    if (!path.startsWith('connections.')) continue;
    const phase = String(tables.connection.snapshot(local).value);
    phases[phase]?.push(Number(path.slice('connections.'.length)));
  }
  const agree = (what: string, held: readonly (number | undefined)[], living: readonly number[] = []) => {
    const [one, other] = [[...held].sort().join(), [...living].sort().join()];
    if (one !== other) monitor.found('books-agree', `${what} held: ${one || 'none'}, living: ${other || 'none'}`);
  };
  const opens = port.waiting.filter(({ kind }) => kind === 'open');
  agree('questions', port.decisions, phases['deciding']);
  agree(
    'opens',
    opens.map(({ id }) => id),
    phases['opening'],
  );
  const handles = port.handles.map(({ id }) => id);
  // After a refused message the link makes no new handles.
  if (!port.isBroken) agree('handles', handles, [...(phases['active'] ?? []), ...(phases['unread'] ?? [])]);
  if (opens.length < port.waiting.length) monitor.found('settles-once', 'a close is not settled in its own step');
}
