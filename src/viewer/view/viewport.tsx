import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { IconButton } from './icon.js';

interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

interface ViewportProps {
  readonly width: number;
  readonly height: number;
  /**
   * A selector for the elements to keep visible when the whole picture does not fit. It is applied again when `occasion`
   * changes.
   */
  readonly focus: string;
  readonly occasion: unknown;
  readonly children: ComponentChildren;
}

const [LEAST, MOST] = [0.1, 4];
/** Below this scale text can't be read. A readable part of the picture is shown instead. */
const LEGIBLE = 0.72;
const EDGE = 12;

/** A picture that fits its box or follows its focus, until the user moves or zooms it by pointer, wheel or keys. */
export function Viewport({ width, height, focus, occasion, children }: ViewportProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  /** The mode: `whole` shows all, `focus` keeps the focus visible, `moved` keeps the user's view. */
  const mode = useRef<'whole' | 'focus' | 'moved'>('focus');

  const arrange = (next: 'whole' | 'focus'): void => {
    mode.current = next;
    const box = ref.current;
    if (box === null) return;
    const room = { width: box.clientWidth - 2 * EDGE, height: box.clientHeight - 2 * EDGE };
    const least = next === 'whole' ? LEAST : LEGIBLE;
    const scale = Math.max(least, Math.min(1.1, room.width / width, room.height / height));
    const middle = middleOf(box, focus) ?? { x: width / 2, y: height / 2 };
    setView({
      scale,
      x: placed(box.clientWidth, width * scale, middle.x * scale),
      y: placed(box.clientHeight, height * scale, middle.y * scale),
    });
  };
  const rearrange = (): void => {
    if (mode.current !== 'moved') arrange(mode.current);
  };

  useLayoutEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const observer = new ResizeObserver(rearrange);
    observer.observe(box);
    return () => observer.disconnect();
  }, [width, height]);

  useLayoutEffect(rearrange, [width, height, occasion]);

  const move = (change: (view: View) => View): void => {
    mode.current = 'moved';
    setView(change);
  };
  /** Zooms by a factor. The point (x, y) of the box stays where it is. */
  const zoom = (factor: number, x?: number, y?: number): void =>
    move((from) => {
      const box = ref.current;
      const [cx, cy] = [x ?? (box?.clientWidth ?? 0) / 2, y ?? (box?.clientHeight ?? 0) / 2];
      const scale = Math.min(MOST, Math.max(LEAST, from.scale * factor));
      const by = scale / from.scale;
      return { scale, x: cx - (cx - from.x) * by, y: cy - (cy - from.y) * by };
    });

  return (
    <div class="viewport">
      <div
        id="chart"
        ref={ref}
        class="stage"
        role="img"
        aria-label="The statechart; arrows move it, + and − bring it nearer and farther, 0 shows all of it, c follows the active state"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved by keys.
        tabIndex={0}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
          const { movementX, movementY } = event;
          move(({ x, y, scale }) => ({ scale, x: x + movementX, y: y + movementY }));
        }}
        onWheel={(event) => {
          event.preventDefault();
          const box = event.currentTarget.getBoundingClientRect();
          zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
        }}
        onDblClick={() => arrange('focus')}
        onKeyDown={(event) => {
          const by = MOVES[event.key];
          if (by !== undefined) move(({ x, y, scale }) => ({ scale, x: x + by[0], y: y + by[1] }));
          else if (event.key === '+' || event.key === '=') zoom(1.25);
          else if (event.key === '-') zoom(0.8);
          else if (event.key === '0') arrange('whole');
          else if (event.key === 'c') arrange('focus');
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      >
        <div class="moved" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}>
          {children}
        </div>
      </div>
      <div class="zoom">
        <IconButton icon="plus" name="Nearer" keys="+" onClick={() => zoom(1.25)} />
        <IconButton icon="minus" name="Farther" keys="−" onClick={() => zoom(0.8)} />
        <IconButton icon="fit" name="Whole" keys="0" onClick={() => arrange('whole')} />
        <IconButton icon="focus" name="Follow the active state" keys="c" onClick={() => arrange('focus')} />
      </div>
    </div>
  );
}

/** Returns the start of a picture in its box so that `middle` is in the middle, as far as no room is wasted. */
function placed(room: number, size: number, middle: number): number {
  if (size <= room - 2 * EDGE) return (room - size) / 2;
  return Math.min(EDGE, Math.max(room - size - EDGE, room / 2 - middle));
}

/** Returns the middle of the selected elements, in the picture's own pixels. */
function middleOf(box: Element, selector: string): { x: number; y: number } | undefined {
  const picture = box.querySelector('svg');
  const matrix = picture?.getScreenCTM()?.inverse();
  if (picture === null || matrix === undefined) return undefined;
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  for (const element of picture.querySelectorAll(selector)) {
    const bounds = element.getBoundingClientRect();
    const [from, to] = [new DOMPoint(bounds.left, bounds.top), new DOMPoint(bounds.right, bounds.bottom)].map((point) =>
      point.matrixTransform(matrix),
    ) as [DOMPoint, DOMPoint];
    [left, top] = [Math.min(left, from.x), Math.min(top, from.y)];
    [right, bottom] = [Math.max(right, to.x), Math.max(bottom, to.y)];
  }
  return right <= left ? undefined : { x: (left + right) / 2, y: (top + bottom) / 2 };
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [40, 0],
  ArrowRight: [-40, 0],
  ArrowUp: [0, 40],
  ArrowDown: [0, -40],
};
