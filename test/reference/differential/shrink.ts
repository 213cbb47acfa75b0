import type { Script, Step } from './script.js';

/**
 * Returns the shortest script found, by leaving out steps, for which `fails` holds. Each script is tried only once, so a
 * failure by chance may not be found again.
 */
export async function shrunk(script: Script, fails: (script: Script) => Promise<boolean>): Promise<Script> {
  let best = script;
  for (const simpler of simplified(script)) if (await fails(simpler)) best = simpler;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; ) {
    const before = best.steps.length;
    for (let start = best.steps.length - size; start > -size; start -= size) {
      const from = Math.max(0, start);
      const steps = closed(best.steps.filter((_, index) => index < from || index >= from + size));
      const shorter = { ...best, steps };
      if (steps.length < best.steps.length && (await fails(shorter))) best = shorter;
    }
    if (size === 1 && best.steps.length === before) break;
    size = size > 1 ? Math.ceil(size / 2) : 1;
  }
  const apart = best.steps.map(({ more: _, ...step }) => step as Step);
  return (await fails({ ...best, steps: apart })) ? { ...best, steps: apart } : best;
}

/** Removes `more` from steps that no frame and no end of the link follows: such a step ends its group. */
function closed(steps: readonly Step[]): Step[] {
  return steps.map((step, index) => {
    const next = steps[index + 1]?.do;
    if (step.more !== true || next === 'frame' || next === 'end') return step;
    const { more: _, ...alone } = step;
    return alone;
  });
}

/** Yields the script without options that it may not need. */
function* simplified(script: Script): Generator<Script> {
  const { keepalive: _, ...unasked } = script;
  if (script.keepalive !== undefined) yield unasked;
}
