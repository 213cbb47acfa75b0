import { goLive, goTo, nextTheme, recording, step, stepActor, togglePause } from '../state.js';
import { saveRecording } from './download.js';
import { pickFile } from './file.js';

interface Shortcut {
  readonly keys: readonly string[];
  /** The text for the keys. */
  readonly shown: string;
  readonly does: string;
  act(): void;
}

const focus = (id: string) => (): void => document.getElementById(id)?.focus();

const SHORTCUTS: readonly Shortcut[] = [
  { keys: [' '], shown: 'Space', does: 'pause, and go on', act: togglePause },
  { keys: [','], shown: ',', does: 'one event back', act: () => step(-1) },
  { keys: ['.'], shown: '.', does: 'one event on', act: () => step(1) },
  { keys: ['['], shown: '[', does: 'back to what last happened to the selected actor', act: () => stepActor(-1) },
  { keys: [']'], shown: ']', does: 'on to what next happens to it', act: () => stepActor(1) },
  { keys: ['Home'], shown: 'Home', does: 'to the first event', act: () => goTo(recording.peek().start) },
  { keys: ['End', 'l'], shown: 'End  l', does: 'to the present', act: goLive },
  { keys: ['/'], shown: '/', does: 'find an actor', act: focus('find-actor') },
  { keys: ['f'], shown: 'f', does: 'find in the messages', act: focus('find-message') },
  { keys: ['1'], shown: '1', does: 'to the actors', act: focus('actors') },
  { keys: ['2'], shown: '2', does: 'to the statechart', act: focus('chart') },
  { keys: ['3'], shown: '3', does: 'to the messages', act: focus('wire') },
  { keys: ['4'], shown: '4', does: 'to the timeline', act: focus('track') },
  { keys: ['e'], shown: 'e', does: 'save the recording', act: saveRecording },
  { keys: ['o'], shown: 'o', does: 'open a recording', act: pickFile },
  { keys: ['t'], shown: 't', does: 'light, dark, or as the system has it', act: nextTheme },
  { keys: ['?'], shown: '?', does: 'these shortcuts', act: openShortcuts },
];

/** The keys of lists, trees and the chart, which handle them themselves. */
const IN_PLACE: readonly string[] = [
  'in the actors: ↑ ↓ choose, → unfolds, ← folds',
  'in the messages and events: ↑ ↓ go from one to the next',
  'in the statechart: arrows move it, + − bring it nearer and farther, 0 shows all, c follows the active state',
  'on the edge of a panel: arrows move it, Enter puts it back',
  'in the timeline: ← → step, with Shift by ten, Page Up and Down by a hundred',
];

export function openShortcuts(): void {
  const dialog = document.getElementById('shortcuts');
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}

export function Shortcuts() {
  return (
    <dialog id="shortcuts" aria-label="Keyboard shortcuts" closedby="any">
      <h2>Keyboard</h2>
      <table>
        <tbody>
          {SHORTCUTS.map(({ shown, does }) => (
            <tr key={shown}>
              <td>
                {shown.split('  ').map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </td>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul>
        {IN_PLACE.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

/** Handles a key, unless it is typed into a field, belongs to a list, or has a modifier. */
export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement;
  const isField = target instanceof HTMLInputElement && target.type !== 'checkbox';
  if (isField) {
    if (event.key === 'Escape') target.blur();
    return;
  }
  if (event.key === ' ' && target.closest('button, summary, input, dialog') !== null) return;
  if (document.querySelector('dialog[open]') !== null) return;
  const shortcut = SHORTCUTS.find(({ keys }) => keys.includes(event.key));
  if (shortcut === undefined) return;
  event.preventDefault();
  shortcut.act();
}
