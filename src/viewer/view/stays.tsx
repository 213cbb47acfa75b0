import type { ActorState } from '../../inspect/state.js';
import { clock, duration } from '../model/numbers.js';
import { Stays } from '../model/story.js';
import { shortLeaf } from '../model/tree.js';
import { goTo, moment, recording } from '../state.js';
import { Section } from './section.js';

let stays: Stays | undefined;

/** Shows the time of an actor in each of its states, and its latest stays. */
export function TimeInStates({ actor, now }: { actor: ActorState; now: number }) {
  const from = recording.value;
  const { position } = moment.value;
  if (!stays?.reaches(actor.key, position)) stays = new Stays(actor.key);
  stays.advance(from.positionsOf(actor.key), position, (at) => from.record(at));
  const current = stays.stays.at(-1);
  if (current === undefined) return null;
  const totals = [...stays.totals(now)];
  const whole = totals.reduce((sum, [, ms]) => sum + ms, 0) / current.states.length || 1;
  return (
    <Section name="Time in each state">
      {current.states.length === 1 && (
        <div class="shares" aria-hidden="true">
          {totals.map(([state, ms], index) => (
            <i
              key={state}
              data-tone={index % 5}
              data-current={current.states.includes(state)}
              style={{ flexGrow: Math.max(ms / whole, 0.004) }}
            />
          ))}
        </div>
      )}
      <table>
        <tbody>
          {totals.map(([state, ms], index) => (
            <tr key={state} data-current={current.states.includes(state)}>
              <td>
                <i class="swatch" data-tone={index % 5} data-current={current.states.includes(state)} />
                <span class="mono">{shortLeaf(state)}</span>
              </td>
              <td class="number">{duration(ms)}</td>
              <td class="number quiet">{percent(ms / whole)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ol class="stays" aria-label="Its states in order">
        {stays.stays.slice(-8).map(({ position: at, from: since, entered, event }) => (
          <li key={at}>
            <button type="button" onClick={() => goTo(at)} title="Go to this moment">
              <time class="number">{clock(since)}</time>
              <span class="mono">{entered.map(shortLeaf).join(', ')}</span>
              <span class="quiet">{event}</span>
            </button>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function percent(share: number): string {
  return `${(100 * Math.min(1, share)).toFixed(share > 0.995 || share < 0.005 ? 1 : 0)} %`;
}
