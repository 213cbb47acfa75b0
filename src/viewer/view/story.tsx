import type { Traffic } from '../../inspect/record.js';
import type { ActorState } from '../../inspect/state.js';
import { bytes, duration, grouped } from '../model/numbers.js';
import { counterpartOf, transitionText } from '../model/story.js';
import { fullLabelOf, hasEnded, roleOf, standingOf, stateOf, titleOf } from '../model/tree.js';
import { filter, forest, moment, select, selected } from '../state.js';
import { Agreed, Limits } from './agreed.js';
import { Divider } from './divider.js';
import { Tree as JsonTree } from './json.js';
import { Mark } from './mark.js';
import { Section } from './section.js';
import { TimeInStates } from './stays.js';

/** Shows everything about the selected actor at the selected moment. */
export function Story() {
  const { state } = moment.value;
  const actor = selected.value === undefined ? undefined : state.actors.get(selected.value);
  return (
    <section class="panel story" aria-label="The selected actor">
      <Divider name="--story-width" edge="left" label="Width of the story" />
      {actor === undefined ? (
        <p class="empty">{selected.value === undefined ? 'No actor is chosen.' : 'It is not there at this moment.'}</p>
      ) : (
        <Told actor={actor} />
      )}
    </section>
  );
}

function Told({ actor }: { actor: ActorState }) {
  const { state, now } = moment.value;
  const { part } = actor;
  const other = counterpartOf(state, forest.value, actor);
  const process = state.processes.get(actor.process);
  const carries = part?.part === 'session' || part?.part === 'connection';
  const last = actor.transitions.at(-1);
  return (
    <>
      <header>
        <h2>
          <Mark standing={standingOf(actor)} /> {titleOf(actor)}
        </h2>
        <span class="quiet">{[roleOf(actor), process?.name].filter(Boolean).join(' · ')}</span>
      </header>
      <div class="scroll">
        <dl class="now">
          <dt>state</dt>
          <dd class="mono lit">
            {actor.value === undefined || hasEnded(actor) ? stateOf(actor) : fullLabelOf(actor.value)}
          </dd>
          <dt>for</dt>
          <dd class="number">{duration(now - actor.since)}</dd>
          <dt>by</dt>
          <dd class="mono">{last === undefined ? (actor.event ?? 'its creation') : transitionText(last)}</dd>
          {actor.error !== undefined && (
            <>
              <dt>error</dt>
              <dd class="failed">{JSON.stringify(actor.error)}</dd>
            </>
          )}
        </dl>
        {carries && <Links actor={actor} other={other} />}
        <TimeInStates actor={actor} now={now} />
        {carries && <Carried ours={actor.traffic} theirs={other?.traffic} />}
        {carries && <Agreed actor={actor} other={other} />}
        {carries && <Limits actor={actor} />}
        {actor.output !== undefined && (
          <Section name="Output">
            <JsonTree value={actor.output} />
          </Section>
        )}
        {actor.context !== undefined && (
          <Section name="Context" isFolded>
            <JsonTree value={actor.context} />
          </Section>
        )}
      </div>
    </>
  );
}

function Links({ actor, other }: { actor: ActorState; other: ActorState | undefined }) {
  const { part } = actor;
  const isAlone = part?.part === 'connection' && filter.value.connection === part.connection;
  return (
    <p class="links">
      {part?.part === 'connection' && (
        <button
          type="button"
          aria-pressed={isAlone}
          onClick={() => {
            filter.value = { ...filter.value, connection: isAlone ? undefined : part.connection };
          }}
        >
          {isAlone ? 'all connections in the wire' : 'alone in the wire'}
        </button>
      )}
      {other !== undefined && (
        <button type="button" onClick={() => select(other.key)}>
          the other end
        </button>
      )}
    </p>
  );
}

function Carried({ ours, theirs }: { ours: Traffic; theirs: Traffic | undefined }) {
  const line = (name: string, traffic: Traffic) => (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{grouped(traffic.sentMessages)}</td>
      <td class="number quiet">{bytes(traffic.sentBytes)}</td>
      <td class="number">{grouped(traffic.receivedMessages)}</td>
      <td class="number quiet">{bytes(traffic.receivedBytes)}</td>
    </tr>
  );
  return (
    <Section name="Messages and payload">
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col" colSpan={2}>
              sent
            </th>
            <th scope="col" colSpan={2}>
              received
            </th>
          </tr>
        </thead>
        <tbody>
          {line('this side', ours)}
          {theirs !== undefined && line('the other', theirs)}
        </tbody>
      </table>
    </Section>
  );
}
