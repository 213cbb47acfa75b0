import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Json } from '../../inspect/record.js';
import type { ActorState } from '../../inspect/state.js';
import type { DrawingReply, DrawingRequest } from '../draw.js';
import { activePaths, outlineKey, outlineOf, transitionKey } from '../model/chart.js';
import { transitionText } from '../model/story.js';
import { roleOf, titleOf } from '../model/tree.js';
import { moment, recording, selected } from '../state.js';
import { Choice } from './choice.js';
import { Viewport } from './viewport.js';

/** True if the chart shows actions and transitions that stay in a state. False for the outline. */
const isFull = signal(false);

interface Drawing {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** The drawn charts, by the definition's hash and the form. The text of an error stands for a chart that can't be drawn. */
const drawings = signal<ReadonlyMap<string, Drawing | string>>(new Map());
const asked = new Set<string>();
let worker: Worker | undefined;

/** Requests the picture of a definition, once. */
function ask(request: DrawingRequest): void {
  if (asked.has(request.key)) return;
  asked.add(request.key);
  if (worker === undefined) {
    worker = new Worker(new URL('draw.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data: { key, svg, error = '' } }: MessageEvent<DrawingReply>) => {
      const [, width, height] = /viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"/.exec(svg ?? '') ?? [];
      const drawing = svg === undefined ? error : { svg, width: Number(width), height: Number(height) };
      drawings.value = new Map(drawings.value).set(key, drawing);
    });
  }
  worker.postMessage(request);
}

/** Shows the statechart of the selected actor, with its active states highlighted and the last transition marked. */
export function Chart() {
  const { state } = moment.value;
  const key = selected.value;
  const actor = key === undefined ? undefined : (state.actors.get(key) ?? recording.value.now.actors.get(key));
  const isThere = actor !== undefined && state.actors.has(actor.key);
  const definition = actor?.definition === undefined ? undefined : state.definitions.get(actor.definition);
  const last = isThere ? actor.transitions.at(-1) : undefined;
  return (
    <section class="panel chart" aria-label="Statechart">
      <header>
        <h2>{actor === undefined ? 'Statechart' : titleOf(actor)}</h2>
        <span class="quiet">{actor === undefined ? '' : roleOf(actor)}</span>
        <span class="last" role="status">
          {last !== undefined && transitionText(last)}
          {actor !== undefined && !isThere && 'not there at this moment'}
        </span>
        <Choice
          label="How much of the chart"
          options={['outline', 'full']}
          isOn={(option) => (option === 'full') === isFull.value}
          onChoose={(option) => {
            isFull.value = option === 'full';
          }}
        />
      </header>
      {actor === undefined || definition === undefined ? (
        <p class="empty">
          {actor === undefined
            ? 'No actor is chosen.'
            : 'This actor is no state machine, or has not told of its definition.'}
        </p>
      ) : (
        <Picture actor={actor} definition={definition} isThere={isThere} />
      )}
    </section>
  );
}

function Picture({ actor, definition, isThere }: { actor: ActorState; definition: Json; isThere: boolean }) {
  const form = isFull.value ? 'full' : 'outline';
  const key = `${form} ${actor.definition}`;
  useEffect(() => ask({ key, definition: isFull.peek() ? definition : outlineOf(definition) }), [key]);
  const drawing = drawings.value.get(key);
  if (drawing === undefined) return <p class="empty">Drawing …</p>;
  if (typeof drawing === 'string') return <p class="empty">{drawing}</p>;
  return (
    <Viewport
      key={key}
      width={drawing.width}
      height={drawing.height}
      focus=".active:not(:has(.active))"
      occasion={isThere ? actor.value : undefined}
    >
      <Lit drawing={drawing} actor={actor} definition={definition} isThere={isThere} isFull={isFull.value} />
    </Viewport>
  );
}

interface LitProps {
  readonly drawing: Drawing;
  readonly actor: ActorState;
  readonly definition: Json;
  readonly isThere: boolean;
  readonly isFull: boolean;
}

function Lit({ drawing, actor, definition, isThere, isFull }: LitProps) {
  const ref = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const holder = ref.current;
    if (holder === null) return;
    // The picture is parsed as a document of its own: texts of a definition stay text, and never become markup of this page.
    const parsed = new DOMParser().parseFromString(drawing.svg, 'image/svg+xml').documentElement;
    parsed.setAttribute('width', String(drawing.width));
    parsed.setAttribute('height', String(drawing.height));
    holder.replaceChildren(document.importNode(parsed, true));
  }, [drawing]);

  useLayoutEffect(() => {
    const picture = ref.current?.firstElementChild;
    if (picture === null || picture === undefined) return;
    for (const lit of picture.querySelectorAll('.active, .taken')) lit.classList.remove('active', 'taken');
    if (!isThere) return;
    for (const path of activePaths(actor.value)) {
      picture.querySelector(`[data-state="${CSS.escape(path)}"]`)?.classList.add('active');
    }
    for (const taken of actor.transitions) {
      const name = isFull ? transitionKey(taken) : outlineKey(taken, definition);
      const mark = name === undefined ? null : picture.querySelector(`[data-transition="${CSS.escape(name)}"]`);
      mark?.classList.add('taken');
      mark?.closest('[data-source]')?.classList.add('taken');
    }
  }, [drawing, actor.value, actor.transitions, isThere]);

  return <div ref={ref} class="drawing" />;
}
