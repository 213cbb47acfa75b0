import { close } from '../feed.js';
import { clock, grouped } from '../model/numbers.js';
import { flaw, moment, nextTheme, opened, recording, type Source, source, theme } from '../state.js';
import { saveRecording } from './download.js';
import { FileField, pickFile } from './file.js';
import { IconButton } from './icon.js';
import { openShortcuts } from './shortcuts.js';

const WORDS: Readonly<Record<Source, string>> = {
  connecting: 'connecting',
  live: 'live',
  file: 'recording',
  gone: 'the server is gone',
};

export function Header() {
  const { state } = moment.value;
  const from = recording.value;
  let left = 0;
  for (const { left: when } of state.processes.values()) if (when !== undefined) left++;
  return (
    <header class="head">
      <h1>
        <svg viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">
          <path d="M7 9h12" />
          <circle cx="4.5" cy="9" r="3" />
          <circle cx="21.5" cy="9" r="3" class="lit" />
        </svg>
        roam-actors
      </h1>
      <span class="source" data-source={source.value} role="status">
        {WORDS[source.value]}
      </span>
      {opened.value !== undefined && (
        <>
          <span class="file" title={opened.value}>
            {opened.value}
          </span>
          <button type="button" title="Back to what the server shows" onClick={close}>
            Close
          </button>
        </>
      )}
      <span class="quiet number">
        {grouped(state.processes.size - left)} {state.processes.size - left === 1 ? 'process' : 'processes'} ·{' '}
        {grouped(from.end)} events
        {from.begin !== undefined && ` · since ${clock(from.timeAt(from.start)).slice(0, 8)}`}
      </span>
      <span class="space" />
      {flaw.value !== undefined && (
        <span class="flaw failed" role="alert" title={flaw.value}>
          {flaw.value}
        </span>
      )}
      <FileField />
      <button type="button" title="Open a recording (o), or drop one anywhere" onClick={pickFile}>
        Open recording
      </button>
      <button
        type="button"
        title="Save what there is as a recording (e)"
        disabled={from.end === 0}
        onClick={saveRecording}
      >
        Save recording
      </button>
      <button type="button" title="Theme (t)" onClick={nextTheme}>
        Theme: {theme.value}
      </button>
      <IconButton icon="help" name="Keyboard shortcuts" keys="?" onClick={openShortcuts} />
    </header>
  );
}
