/** The strokes of each icon in a square of 16 by 16. */
const PATHS = {
  first: 'M4 4v8M12 4l-5 4 5 4',
  backActor: 'M8 4 4 8l4 4M12 4 8 8l4 4',
  back: 'M10 4 6 8l4 4',
  on: 'M6 4l4 4-4 4',
  onActor: 'M4 4l4 4-4 4M8 4l4 4-4 4',
  last: 'M12 4v8M4 4l5 4-5 4',
  plus: 'M8 4v8M4 8h8',
  minus: 'M4 8h8',
  fit: 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3',
  focus: 'M8 2.5v3M8 10.5v3M2.5 8h3M10.5 8h3M10.5 8a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0',
  help: 'M6 6.2a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1v.4M8 11.8v.1',
} as const;

interface IconButtonProps {
  readonly icon: keyof typeof PATHS;
  readonly name: string;
  /** The text of its shortcut. */
  readonly keys: string;
  onClick(): void;
}

export function IconButton({ icon, name, keys, onClick }: IconButtonProps) {
  return (
    <button type="button" class="icon" aria-label={name} title={`${name} (${keys})`} onClick={onClick}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d={PATHS[icon]} />
      </svg>
    </button>
  );
}
