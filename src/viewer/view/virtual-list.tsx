import type { ComponentChildren, HTMLAttributes } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps extends Omit<HTMLAttributes<HTMLDivElement>, 'onScroll'> {
  readonly count: number;
  /** The height of each row in pixels. All rows have the same. */
  readonly rowHeight: number;
  row(index: number): ComponentChildren;
  /** The row to keep visible. */
  readonly anchor?: number | undefined;
  /** True to stay at the end as rows come, until the user scrolls away from it. */
  readonly isFollowing?: boolean;
}

/** The number of rows drawn before and after the visible ones. */
const MARGIN = 6;

/** A list of any length. Only its visible rows are in the document. */
export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, row, anchor, isFollowing = false, class: name = '', ...attributes } = props;
  const ref = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const [view, setView] = useState({ top: 0, height: 600 });

  useLayoutEffect(() => {
    const list = ref.current;
    if (list === null) return;
    const look = () => setView({ top: list.scrollTop, height: list.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(list);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const list = ref.current;
    if (list !== null && isFollowing && isAtEnd.current) list.scrollTop = list.scrollHeight;
  }, [count, isFollowing, view.height]);

  useLayoutEffect(() => {
    const list = ref.current;
    if (list === null || anchor === undefined || anchor < 0) return;
    const top = anchor * rowHeight;
    if (top < list.scrollTop || top + rowHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = top - (list.clientHeight - rowHeight) / 2;
    }
  }, [anchor, rowHeight]);

  const first = Math.max(0, Math.floor(view.top / rowHeight) - MARGIN);
  const last = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + MARGIN);
  const rows: ComponentChildren[] = [];
  for (let index = first; index < last; index++) rows.push(row(index));
  return (
    <div
      {...attributes}
      ref={ref}
      class={`list ${String(name)}`}
      onScroll={({ currentTarget: list }) => {
        isAtEnd.current = list.scrollTop + list.clientHeight >= list.scrollHeight - rowHeight;
        setView({ top: list.scrollTop, height: list.clientHeight });
      }}
    >
      <div class="rows" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        <div role="presentation" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
