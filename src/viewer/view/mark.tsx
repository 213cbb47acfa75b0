import type { Standing } from '../model/tree.js';

const MEANINGS: Readonly<Record<Standing, string>> = {
  pending: 'under way',
  active: 'active',
  ended: 'ended',
  failed: 'failed',
};

/** Shows a condition by shape and colour: a ring, a disc, a hollow dash, a cross. */
export function Mark({ standing }: { standing: Standing }) {
  return (
    <span
      class="standing"
      data-standing={standing}
      role="img"
      aria-label={MEANINGS[standing]}
      title={MEANINGS[standing]}
    />
  );
}
