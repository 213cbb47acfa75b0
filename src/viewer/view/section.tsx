import type { ComponentChildren } from 'preact';

/** A part of an actor's panel that can be folded. */
export function Section({
  name,
  isFolded,
  children,
}: {
  name: string;
  isFolded?: boolean;
  children: ComponentChildren;
}) {
  return (
    <details class="section" open={isFolded !== true}>
      <summary>{name}</summary>
      {children}
    </details>
  );
}
