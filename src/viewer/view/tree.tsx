import type { ActorState } from '../../inspect/state.js';
import { compact, duration, grouped, shortDuration } from '../model/numbers.js';
import { countsOf, hasEnded, roleOf, standingOf, stateOf, type TreeRow, titleOf } from '../model/tree.js';
import { fold, forest, moment, narrowing, rows, select, selected } from '../state.js';
import { Divider } from './divider.js';
import { Mark } from './mark.js';
import { VirtualList } from './virtual-list.js';

const ROW = 26;

export function Tree() {
  const list = rows.value;
  const chosen = list.findIndex(({ actor }) => actor !== undefined && actor === selected.value);
  return (
    <section class="panel tree" aria-label="Actors">
      <Divider name="--tree-width" edge="right" label="Width of the actors" />
      <header>
        <h2>Actors</h2>
        <Total />
        <label class="check" title="Hide actors that have ended">
          <input
            type="checkbox"
            checked={narrowing.value.isHidingEnded}
            onChange={({ currentTarget }) => {
              narrowing.value = { ...narrowing.value, isHidingEnded: currentTarget.checked };
            }}
          />
          hide ended
        </label>
      </header>
      <input
        id="find-actor"
        class="find"
        type="search"
        aria-label="Find an actor by name or state"
        placeholder="Find by name or state"
        value={narrowing.value.text}
        onInput={({ currentTarget }) => {
          narrowing.value = { ...narrowing.value, text: currentTarget.value };
        }}
      />
      <VirtualList
        id="actors"
        role="tree"
        aria-label="Actors"
        aria-activedescendant={chosen < 0 ? undefined : rowId(list[chosen])}
        tabIndex={0}
        count={list.length}
        rowHeight={ROW}
        anchor={chosen}
        row={(index) => <Row key={list[index]?.key} row={list[index] as TreeRow} />}
        onKeyDown={(event) => {
          if (move(event.key, list, chosen)) event.preventDefault();
        }}
      />
      {list.length === 0 && (
        <p class="empty">{narrowing.value.text === '' ? 'No process is connected.' : 'None is called so.'}</p>
      )}
    </section>
  );
}

function Total() {
  const { actors } = moment.value.state;
  return <span class="quiet number">{grouped(actors.size)}</span>;
}

function Row({ row }: { row: TreeRow }) {
  const { state, now } = moment.value;
  const actor = row.actor === undefined ? undefined : state.actors.get(row.actor);
  const isSelected = row.actor !== undefined && row.actor === selected.value;
  const process = state.processes.get(row.process);
  const open = () => row.isExpanded !== undefined && fold(row.key, !row.isExpanded);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys, as a tree does.
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and names the row as its active descendant.
    <div
      id={rowId(row)}
      role="treeitem"
      class="row"
      data-ended={actor !== undefined && hasEnded(actor)}
      aria-level={row.depth + 1}
      aria-selected={isSelected}
      aria-expanded={row.isExpanded}
      style={{ paddingLeft: `${8 + row.depth * 14}px` }}
      onClick={() => (row.actor === undefined ? open() : select(row.actor))}
      onDblClick={open}
    >
      <button
        type="button"
        class="chevron"
        tabIndex={-1}
        aria-hidden="true"
        data-open={row.isExpanded}
        hidden={row.isExpanded === undefined}
        onClick={(event) => {
          event.stopPropagation();
          open();
        }}
      />
      {actor === undefined ? (
        <>
          <span class="process">{process?.name ?? `process ${row.process}`}</span>
          <span class="quiet">
            {process === undefined ? '' : [process.runtime, process.pid].filter(Boolean).join(' ')}
          </span>
          {process?.left !== undefined && <span class="chip failed">gone</span>}
        </>
      ) : (
        <Facts actor={actor} row={row} now={now} />
      )}
    </div>
  );
}

function Facts({ actor, row, now }: { actor: ActorState; row: TreeRow; now: number }) {
  const { sentMessages, receivedMessages } = actor.traffic;
  const carries = actor.part?.part === 'session' || actor.part?.part === 'connection';
  return (
    <>
      <Mark standing={standingOf(actor)} />
      <span class="title">
        {titleOf(actor)} {actor.part?.part === 'session' && <span class="quiet">{roleOf(actor)}</span>}
      </span>
      {row.isExpanded === false ? <Folded row={row} /> : <span class="state">{stateOf(actor)}</span>}
      {carries && (
        <span class="traffic number" title={`${sentMessages} sent, ${receivedMessages} received`}>
          ↑{compact(sentMessages)} ↓{compact(receivedMessages)}
        </span>
      )}
      <span class="age number" title={`in this state for ${duration(now - actor.since)}`}>
        {shortDuration(now - actor.since)}
      </span>
    </>
  );
}

/** Shows the number of children of a folded row, by state. */
function Folded({ row }: { row: TreeRow }) {
  const below = row.actor === undefined ? [] : (forest.value.children.get(row.actor) ?? []);
  const counts = countsOf(moment.value.state, below);
  return (
    <span class="counts">
      {counts.slice(0, 3).map(([label, count]) => (
        <span key={label} class="chip">
          <b class="number">{grouped(count)}</b> {label}
        </span>
      ))}
    </span>
  );
}

function rowId(row: TreeRow | undefined): string {
  return `row-${row?.key.replace(/[^\w]/g, '-') ?? 'none'}`;
}

/** Handles a key in the tree. Returns true if the key has an effect. */
function move(key: string, list: readonly TreeRow[], chosen: number): boolean {
  const row = list[chosen];
  const go = (index: number, by: 1 | -1): boolean => {
    for (let at = index; at >= 0 && at < list.length; at += by) {
      const actor = list[at]?.actor;
      if (actor === undefined) continue;
      select(actor);
      return true;
    }
    return true;
  };
  switch (key) {
    case 'ArrowDown':
      return go(chosen + 1, 1);
    case 'ArrowUp':
      return go(chosen - 1, -1);
    case 'Home':
      return go(0, 1);
    case 'End':
      return go(list.length - 1, -1);
    case 'PageDown':
      return go(Math.min(chosen + 20, list.length - 1), -1);
    case 'PageUp':
      return go(Math.max(chosen - 20, 0), 1);
    case 'ArrowRight':
      if (row?.isExpanded === false) fold(row.key, true);
      else if (row?.isExpanded) return go(chosen + 1, 1);
      return true;
    case 'ArrowLeft': {
      if (row?.isExpanded) fold(row.key, false);
      else if (row !== undefined)
        return go(
          list.findLastIndex((above, at) => at < chosen && above.depth < row.depth),
          -1,
        );
      return true;
    }
    default:
      return false;
  }
}
