import type { ActorState } from '../../inspect/state.js';
import { bytes, compact, duration } from '../model/numbers.js';
import { contextOf, type Entry, entriesOf, Metadata, settingsOf } from '../model/story.js';
import { moment, recording } from '../state.js';
import { Section } from './section.js';

/** Shows the settings and metadata of both sides for the connection, or for the session's root. */
export function Agreed({ actor, other }: { actor: ActorState; other: ActorState | undefined }) {
  const local = settingsOf(contextOf(actor, 'localSettings') ?? contextOf(other, 'peerSettings'));
  const peer = settingsOf(contextOf(actor, 'peerSettings') ?? contextOf(other, 'localSettings'));
  const names = [...new Set([...local, ...peer].map(([name]) => name))];
  return (
    <>
      {names.length > 0 && (
        <Section name="Settings">
          <table>
            <thead>
              <tr>
                <td />
                <th scope="col">this side</th>
                <th scope="col">the peer</th>
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="number">{valueIn(local, name)}</td>
                  <td class="number">{valueIn(peer, name)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
      <Said actor={actor} />
    </>
  );
}

function valueIn(settings: readonly (readonly [string, string])[], name: string): string {
  return settings.find(([own]) => own === name)?.[1] ?? '—';
}

let metadata: Metadata | undefined;

/** Shows the metadata that both sides have sent. If no record of it is left, shows the metadata in the machine's context. */
function Said({ actor }: { actor: ActorState }) {
  const { part, key } = actor;
  const from = recording.value;
  const { position } = moment.value;
  if (part?.part !== 'session' && part?.part !== 'connection') return null;
  const [session, connection] = part.part === 'session' ? [key, 0] : [part.session, part.connection];
  if (!metadata?.reaches(session, connection, position)) metadata = new Metadata(session, connection);
  metadata.advance(from.wiresOf(session), position, (at) => from.record(at));
  const { words } = metadata;
  const known = entriesOf(contextOf(actor, 'metadata'));
  if (words.length === 0 && known.length === 0) return null;
  return (
    <Section name="Metadata">
      {words.map(({ isSent, message, entries }, index) => (
        <Entries key={index} entries={entries} caption={`${isSent ? 'this side' : 'the peer'}, with ${message}`} />
      ))}
      {words.length === 0 && <Entries entries={known} caption="" />}
    </Section>
  );
}

function Entries({ entries, caption }: { entries: readonly Entry[]; caption: string }) {
  return (
    <table>
      <caption>{caption}</caption>
      <tbody>
        {entries.map(({ key, value, isSensitive, isPrivate }, index) => (
          <tr key={index}>
            <th scope="row" class="mono">
              {key}
            </th>
            <td class="value">
              {isSensitive ? <span class="chip sealed">sensitive</span> : <span class="mono">{value}</span>}
              {isPrivate && <span class="chip">not propagated</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Shows the limits that each side keeps. */
export function Limits({ actor }: { actor: ActorState }) {
  const { actors } = moment.value.state;
  const { part } = actor;
  const session = part === undefined || part.part === 'session' ? actor : actors.get(part.session);
  const peer = session?.peer === undefined ? undefined : actors.get(session.peer);
  const limitsOf = (side: ActorState | undefined) => (side?.part?.part === 'session' ? side.part.limits : undefined);
  const [ours, theirs] = [limitsOf(session), limitsOf(peer)];
  if (ours === undefined) return null;
  return (
    <Section name="Limits" isFolded>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">this side</th>
            {theirs !== undefined && <th scope="col">the peer</th>}
          </tr>
        </thead>
        <tbody>
          {Object.entries(ours).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{limitText(name, value)}</td>
              {theirs !== undefined && <td class="number">{limitText(name, theirs[name])}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function limitText(name: string, value: number | undefined): string {
  if (value === undefined) return '—';
  if (name.endsWith('Timeout')) return duration(value);
  return name.endsWith('Bytes') || name === 'frame' ? bytes(value) : compact(value);
}
