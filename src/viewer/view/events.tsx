import { signal } from '@preact/signals';
import type { ActorKey, InspectionRecord } from '../../inspect/record.js';
import type { State } from '../../inspect/state.js';
import { textOf } from '../model/exchange.js';
import { clock } from '../model/numbers.js';
import { countBelow } from '../model/recording.js';
import { transitionText } from '../model/story.js';
import { labelOf, roleOf, titleOf } from '../model/tree.js';
import { goTo, moment, recording, select, selected } from '../state.js';
import { Choice } from './choice.js';
import { VirtualList } from './virtual-list.js';

const ROW = 24;

/** True if only the events of the selected actor are shown. */
const isNarrow = signal(false);

/** Shows all records, one line each. */
export function Events() {
  const from = recording.value;
  const { position, isLive, state } = moment.value;
  const actor = selected.value;
  const positions = isNarrow.value && actor !== undefined ? from.positionsOf(actor) : undefined;
  const count = positions?.length ?? from.end - from.start;
  const positionOf = (index: number): number =>
    positions === undefined ? from.start + index : (positions[index] ?? 0);
  const here = isLive
    ? undefined
    : (positions === undefined ? position - from.start : countBelow(positions, position)) - 1;
  return (
    <div class="events">
      <div class="filters">
        <Choice
          label="Whose events"
          options={['all actors', 'selected actor']}
          isOn={(option) => (option === 'selected actor') === isNarrow.value}
          onChoose={(option) => {
            isNarrow.value = option === 'selected actor';
          }}
        />
        <span class="quiet number">{count}</span>
      </div>
      <VirtualList
        id="events"
        class="log"
        role="listbox"
        aria-label="Events"
        aria-activedescendant={here === undefined ? undefined : `event-${positionOf(here)}`}
        tabIndex={0}
        count={count}
        rowHeight={ROW}
        anchor={here}
        isFollowing={isLive}
        row={(index) => {
          const at = positionOf(index);
          const record = from.record(at);
          return record === undefined ? null : (
            <Row
              key={at}
              at={at}
              record={record}
              state={from.now}
              then={state}
              isHere={index === here}
              isFuture={at >= position}
            />
          );
        }}
        onKeyDown={(event) => {
          const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[event.key];
          if (by === undefined || count === 0) return;
          event.preventDefault();
          goTo(positionOf(Math.min(Math.max((here ?? count) + by, 0), count - 1)) + 1);
        }}
      />
    </div>
  );
}

interface RowProps {
  readonly at: number;
  readonly record: InspectionRecord;
  readonly state: State;
  readonly then: State;
  readonly isHere: boolean;
  readonly isFuture: boolean;
}

function Row({ at, record, state, then, isHere, isFuture }: RowProps) {
  const key = record.kind === 'wire' ? record.session : 'actor' in record ? record.actor : undefined;
  const actor = key === undefined ? undefined : (state.actors.get(key) ?? then.actors.get(key));
  const [sign, text, more] = told(record, state);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the row as its active descendant.
    <div
      id={`event-${at}`}
      role="option"
      class="event"
      data-kind={record.kind}
      aria-selected={isHere}
      data-future={isFuture}
      onClick={() => goTo(at + 1)}
      onDblClick={() => key !== undefined && select(key)}
    >
      <time class="number">{clock(record.at)}</time>
      <span class="who">{actor === undefined ? '' : `${titleOf(actor)} ${roleOf(actor)}`}</span>
      <span class="sign">{sign}</span>
      <span class="text">
        {text} <span class="quiet">{more}</span>
      </span>
    </div>
  );
}

/** Describes a record in words. */
function told(record: InspectionRecord, state: State): [sign: string, text: string, more: string] {
  const nameOf = (key: ActorKey | undefined): string => {
    const actor = key === undefined ? undefined : state.actors.get(key);
    return actor === undefined ? '' : `from ${titleOf(actor)}`;
  };
  switch (record.kind) {
    case 'event':
      return ['→', record.event.type, nameOf(record.source)];
    case 'snapshot': {
      const { snapshot, transitions = [], event } = record;
      const value = snapshot.value === undefined ? snapshot.status : labelOf(snapshot.value);
      const last = transitions.at(-1);
      return ['●', value, last === undefined ? event : transitionText(last)];
    }
    case 'wire':
      return [record.direction === 'sent' ? '↑' : '↓', textOf(record), ''];
    case 'actor':
      return ['+', 'created', ''];
    case 'definition':
      return ['', 'a machine’s definition', ''];
    case 'process':
      return ['+', record.name, 'connected'];
    case 'left':
      return ['×', state.processes.get(record.process)?.name ?? `process ${record.process}`, 'has gone'];
    case 'notice':
      return ['!', record.text, ''];
  }
}
