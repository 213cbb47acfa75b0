import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { clock as clockText, duration, grouped } from '../model/numbers.js';
import type { Recording } from '../model/recording.js';
import { goLive, goTo, moment, recording, source, step, stepActor, togglePause } from '../state.js';
import { Choice } from './choice.js';
import { IconButton } from './icon.js';

const SPANS = { '10 s': 10_000, '1 min': 60_000, '10 min': 600_000, all: Number.POSITIVE_INFINITY } as const;

const span = signal<keyof typeof SPANS>('all');

/** Returns the visible span. Milliseconds since the epoch. It ends with the last record, so that silence takes no room. */
function windowOf(from: Recording): { begin: number; end: number } {
  const first = from.timeAt(from.start);
  const end = Math.max(from.timeAt(from.end), first + 1);
  return { begin: Math.max(first, end - SPANS[span.value]), end };
}

export function Timeline() {
  const { position, isLive } = moment.value;
  const from = recording.value;
  const isRunning = source.value === 'live';
  return (
    <footer class="timeline">
      <div class="transport">
        <IconButton icon="first" name="To the first event" keys="Home" onClick={() => goTo(from.start)} />
        <IconButton icon="backActor" name="The selected actor's event before" keys="[" onClick={() => stepActor(-1)} />
        <IconButton icon="back" name="One event back" keys="," onClick={() => step(-1)} />
        <button
          type="button"
          class="pause"
          aria-pressed={!isLive}
          title={isLive ? 'Pause (Space)' : 'To the present (Space)'}
          onClick={togglePause}
        >
          {isLive ? 'Pause' : isRunning ? 'Go live' : 'To the end'}
        </button>
        <IconButton icon="on" name="One event on" keys="." onClick={() => step(1)} />
        <IconButton icon="onActor" name="The selected actor's next event" keys="]" onClick={() => stepActor(1)} />
        <IconButton icon="last" name="To the present" keys="End" onClick={goLive} />
        <output class="position number" data-live={isLive && isRunning}>
          <b>{isLive && isRunning ? 'live' : clockText(from.timeAt(position))}</b>
          <span class="quiet">
            event {grouped(position)} of {grouped(from.end)}
            {from.start > 0 && `, the first ${grouped(from.start)} forgotten`}
          </span>
        </output>
        <Choice
          label="How much of the time to show"
          options={['10 s', '1 min', '10 min', 'all']}
          isOn={(option) => option === span.value}
          onChoose={(option) => {
            span.value = option;
          }}
        />
      </div>
      <Track />
    </footer>
  );
}

/** Shows the number of records over time, and the selected moment. */
function Track() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { position, isLive } = moment.value;
  const from = recording.value;
  const seen = windowOf(from);
  const at = from.timeAt(position);
  const share = isLive ? 1 : Math.min(1, Math.max(0, (at - seen.begin) / (seen.end - seen.begin)));

  useLayoutEffect(() => {
    if (canvas.current !== null) draw(canvas.current, from, seen, share);
  });

  const goToPointer = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    if (part >= 1 && source.peek() === 'live') goLive();
    else goTo(from.positionAt(seen.begin + part * (seen.end - seen.begin)));
  };
  return (
    <div
      id="track"
      class="track"
      role="slider"
      tabIndex={0}
      aria-label="The moment that is looked at"
      aria-valuemin={from.start}
      aria-valuemax={from.end}
      aria-valuenow={position}
      aria-valuetext={isLive ? 'the present' : `${clockText(at)}, event ${position} of ${from.end}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        goToPointer(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) goToPointer(event);
      }}
      onKeyDown={(event) => {
        const by = STEPS[event.key];
        if (by === undefined) return;
        event.preventDefault();
        step(by * (event.shiftKey ? 10 : 1));
      }}
    >
      <canvas ref={canvas} />
      <span class="from number">{clockText(seen.begin)}</span>
      <span class="span number">{duration(seen.end - seen.begin)}</span>
      <i class="needle" style={{ left: `${share * 100}%` }} data-live={isLive} />
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -100,
  PageUp: 100,
};

const BAR = 4;

/**
 * Draws a bar for each few pixels. Its height is the root of its number of records, so one record is visible beside a
 * thousand.
 */
function draw(canvas: HTMLCanvasElement, from: Recording, seen: { begin: number; end: number }, share: number): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  const style = getComputedStyle(canvas);
  // The colours are read from computed properties. A variable itself would give the text of the style sheet.
  const { color: past, outlineColor: future } = style;
  const bars = Math.max(1, Math.floor(width / BAR));
  const counts: number[] = [];
  let before = from.positionAt(seen.begin - 0.001);
  for (let bar = 1; bar <= bars; bar++) {
    const position = from.positionAt(seen.begin + ((seen.end - seen.begin) * bar) / bars);
    counts.push(position - before);
    before = position;
  }
  const most = Math.sqrt(Math.max(1, ...counts));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  for (const [bar, count] of counts.entries()) {
    if (count === 0) continue;
    const tall = Math.max(2, (Math.sqrt(count) / most) * (height - 20));
    context.fillStyle = (bar + 0.5) / bars <= share ? past : future;
    context.fillRect(bar * BAR, height - tall, BAR - 1, tall);
  }
}
