import { useSignal } from '@preact/signals';

/** The distance that an arrow key moves a divider, in pixels. */
const STEP = 16;

/** For each edge of a panel: the size for a position of the pointer, and the keys that make the panel larger and smaller. */
const EDGES = {
  right: { size: (x: number, _: number, of: DOMRect) => x - of.left, more: 'ArrowRight', less: 'ArrowLeft' },
  left: { size: (x: number, _: number, of: DOMRect) => of.right - x, more: 'ArrowLeft', less: 'ArrowRight' },
  top: { size: (_: number, y: number, of: DOMRect) => of.bottom - y, more: 'ArrowUp', less: 'ArrowDown' },
} as const;

/**
 * One edge of the panel that contains it. Dragging or arrow keys resize the panel. A double click or Enter restores the
 * first size. The style sheet uses the variable `name` and bounds it.
 */
export function Divider({ name, edge, label }: { name: `--${string}`; edge: keyof typeof EDGES; label: string }) {
  const percent = useSignal(50);
  const { size, more, less } = EDGES[edge];
  const isTop = edge === 'top';

  const note = (divider: HTMLElement): void => {
    const { width, height } = panelOf(divider);
    percent.value = Math.round((100 * (isTop ? height : width)) / (isTop ? innerHeight : innerWidth));
  };
  const set = (divider: HTMLElement, pixels: number | undefined): void => {
    if (pixels === undefined) document.body.style.removeProperty(name);
    else document.body.style.setProperty(name, `${Math.max(0, pixels)}px`);
    note(divider);
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule divides, and can't be moved.
    <div
      class={`divider ${edge}`}
      role="separator"
      aria-label={label}
      aria-orientation={isTop ? 'horizontal' : 'vertical'}
      aria-valuenow={percent.value}
      tabIndex={0}
      onFocus={({ currentTarget }) => note(currentTarget)}
      onDblClick={({ currentTarget }) => set(currentTarget, undefined)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={({ currentTarget, pointerId, clientX, clientY }) => {
        if (currentTarget.hasPointerCapture(pointerId)) {
          set(currentTarget, size(clientX, clientY, panelOf(currentTarget)));
        }
      }}
      onKeyDown={(event) => {
        const { key, currentTarget } = event;
        if (key !== more && key !== less && key !== 'Enter') return;
        event.preventDefault();
        const { width, height } = panelOf(currentTarget);
        if (key === 'Enter') set(currentTarget, undefined);
        else set(currentTarget, (isTop ? height : width) + (key === more ? STEP : -STEP));
      }}
    />
  );
}

function panelOf(divider: HTMLElement): DOMRect {
  return (divider.parentElement ?? divider).getBoundingClientRect();
}
