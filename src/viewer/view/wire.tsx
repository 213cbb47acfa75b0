import { signal } from '@preact/signals';
import { sequenceMermaid } from '../../diagram/sequence.js';
import type { ActorKey } from '../../inspect/record.js';
import type { ActorState } from '../../inspect/state.js';
import { type Cut, type Exchanged, KINDS, type Kind, kindOf, type Row as RowOf, textOfCut } from '../model/exchange.js';
import { sequenceOf } from '../model/export.js';
import { bytes, clock, duration, grouped } from '../model/numbers.js';
import { countBefore } from '../model/recording.js';
import { placeOf } from '../model/tree.js';
import { ends, filter, forest, goTo, messages, moment, recording, select } from '../state.js';
import { Choice } from './choice.js';
import { download } from './download.js';
import { VirtualList } from './virtual-list.js';

const ROW = 26;

/** Shows the messages between the two peers as a live sequence diagram. */
export function Wire() {
  const { rows } = messages.value;
  const { position, isLive } = moment.value;
  const present = isLive
    ? rows.length
    : countBefore(rows.length, (index) => (rows[index] as RowOf).position < position);
  const here = isLive ? undefined : present - 1;
  const isEmpty = ends.value === undefined;
  return (
    <div class="wire">
      <Filters />
      {isEmpty ? (
        <p class="empty">Choose an actor of a session to see what it says to its peer.</p>
      ) : (
        <>
          <Lifelines />
          <VirtualList
            id="wire"
            class="lanes"
            role="listbox"
            aria-label="Messages between the two peers"
            aria-activedescendant={here === undefined ? undefined : `message-${here}`}
            tabIndex={0}
            count={rows.length}
            rowHeight={ROW}
            anchor={here}
            isFollowing={isLive}
            row={(index) => (
              <Row
                key={index}
                index={index}
                row={rows[index] as RowOf}
                isHere={index === here}
                isFuture={index >= present}
                position={position}
              />
            )}
            onKeyDown={(event) => {
              const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
              if (by === undefined || rows.length === 0) return;
              event.preventDefault();
              const next = Math.min(Math.max((here ?? rows.length) + by, 0), rows.length - 1);
              goTo((rows[next] as RowOf).position + 1);
            }}
          />
          {rows.length === 0 && (
            <p class="empty">{recording.value.end === 0 ? 'Nothing yet.' : 'No message passes the filter.'}</p>
          )}
        </>
      )}
    </div>
  );
}

function Filters() {
  const { connection, hidden, text } = filter.value;
  const toggle = (kind: Kind) => {
    const next = new Set(hidden);
    if (!next.delete(kind)) next.add(kind);
    filter.value = { ...filter.value, hidden: next };
  };
  return (
    <search class="filters">
      <label class="field">
        connection
        <input
          type="text"
          inputMode="numeric"
          size={5}
          placeholder="all"
          aria-label="Only this connection"
          value={connection ?? ''}
          onInput={({ currentTarget: { value } }) => {
            filter.value = { ...filter.value, connection: /^\d+$/.test(value) ? Number(value) : undefined };
          }}
        />
      </label>
      <Choice label="Kinds of message" options={KINDS} isOn={(kind) => !hidden.has(kind)} onChoose={toggle} />
      <input
        id="find-message"
        type="search"
        aria-label="Messages with these words"
        placeholder="Find in messages"
        value={text}
        onInput={({ currentTarget: { value } }) => {
          filter.value = { ...filter.value, text: value };
        }}
      />
    </search>
  );
}

const isExporting = signal(false);

/** The buttons that save the shown messages. */
export function Exports() {
  const save = async (format: 'mermaid' | 'svg') => {
    isExporting.value = true;
    try {
      const sequence = sequenceOf(messages.peek().rows, namesOfEnds());
      if (format === 'mermaid') return download('sequence.mmd', 'text/plain', sequenceMermaid(sequence));
      const { sequenceSvg } = await import('../../diagram/sequence-svg.js');
      download('sequence.svg', 'image/svg+xml', sequenceSvg(sequence));
    } finally {
      isExporting.value = false;
    }
  };
  return (
    <span class="exports">
      <span class="quiet number">{grouped(messages.value.rows.length)} shown, save as</span>
      <button type="button" disabled={isExporting.value} onClick={() => void save('mermaid')}>
        Mermaid
      </button>
      <button type="button" disabled={isExporting.value} onClick={() => void save('svg')}>
        SVG
      </button>
    </span>
  );
}

/** Returns the names of the two ends: the names of their processes if those differ. */
function namesOfEnds(): [left: string, right: string] {
  const pair = ends.peek();
  const { state } = moment.peek();
  const nameOf = (key: ActorKey | undefined): string | undefined => {
    const actor = key === undefined ? undefined : (recording.peek().now.actors.get(key) ?? state.actors.get(key));
    return actor?.part?.part === 'session' ? actor.part.role : actor?.name;
  };
  const left = nameOf(pair?.left) ?? 'peer';
  return [left, nameOf(pair?.right) ?? (left === 'acceptor' ? 'initiator' : 'acceptor')];
}

function Lifelines() {
  const pair = ends.value;
  const { state } = moment.value;
  const [left, right] = namesOfEnds();
  const end = (key: ActorKey | undefined, name: string, side: string) => {
    const actor: ActorState | undefined = key === undefined ? undefined : state.actors.get(key);
    const process = actor === undefined ? undefined : state.processes.get(actor.process);
    return (
      <button
        type="button"
        class={`end ${side}`}
        disabled={key === undefined}
        onClick={() => key !== undefined && select(key)}
      >
        <b>{name}</b>
        <span class="quiet">{key === undefined ? 'not inspected' : (process?.name ?? '')}</span>
      </button>
    );
  };
  return (
    <div class="lifelines">
      {end(pair?.left, left, 'left')}
      {end(pair?.right, right, 'right')}
    </div>
  );
}

interface RowProps {
  readonly index: number;
  readonly row: RowOf;
  readonly isHere: boolean;
  readonly isFuture: boolean;
  readonly position: number;
}

function Row({ row, ...props }: RowProps) {
  return 'cut' in row ? <CutRow row={row} {...props} /> : <MessageRow row={row} {...props} />;
}

/** A cut or a resume: a line at the end that has noticed it. */
function CutRow({ index, row, isHere, isFuture }: RowProps & { readonly row: Cut }) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the row as its active descendant.
    <div
      id={`message-${index}`}
      role="option"
      class="message"
      aria-selected={isHere}
      data-cut={row.cut}
      data-future={isFuture}
      onClick={() => goTo(row.position + 1)}
    >
      <time class="number">{clock(row.at)}</time>
      <span class={`cut ${row.isLeft ? 'left' : 'right'}`}>{textOfCut(row)}</span>
    </div>
  );
}

function MessageRow({ index, row, isHere, isFuture, position }: RowProps & { readonly row: Exchanged }) {
  const { record, fromLeft, sent, received, sentAt, receivedAt } = row;
  const { message, connection, id, count, bytes: size, at } = record;
  const isOnItsWay = sent !== undefined && received !== undefined && !(sent < position && received < position);
  const took = sentAt === undefined || receivedAt === undefined ? undefined : receivedAt - sentAt;
  const showConnection = () => {
    const key =
      ends.peek() === undefined ? undefined : forest.peek().connections.get(placeOf(record.session, connection));
    if (key !== undefined) select(key);
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the row as its active descendant.
    <div
      id={`message-${index}`}
      role="option"
      class="message"
      aria-selected={isHere}
      data-kind={kindOf(message)}
      data-message={message}
      data-future={isFuture}
      data-underway={isOnItsWay && !isFuture}
      onClick={() => goTo(row.position + 1)}
      onDblClick={showConnection}
    >
      <time class="number">{clock(at)}</time>
      <span class={`arrow ${fromLeft ? 'right' : 'left'}`}>
        <span class="label">
          <b>{message}</b>
          {id !== undefined && <span class="id">#{id}</span>}
          {(connection !== 0 || kindOf(message) === 'request') && <span class="on">on {connection}</span>}
          {count > 1 && <span class="count">×{count}</span>}
          {size > 0 && <span class="size">{bytes(size)}</span>}
          <Detail detail={record.detail} />
        </span>
      </span>
      <span class="took number quiet">{took === undefined ? '' : took >= 0 ? duration(took) : ''}</span>
    </div>
  );
}

function Detail({ detail }: { detail: { readonly [key: string]: unknown } | undefined }) {
  // A nonce is a bigint. Plain data writes it as `3n`.
  const nonce = detail?.['nonce'];
  const text = detail?.['description'] ?? (nonce === undefined ? undefined : String(nonce).replace(/n$/, ''));
  return text === undefined ? null : <span class="detail">{String(text)}</span>;
}
