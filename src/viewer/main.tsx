import '@preact/signals';
import { render } from 'preact';
import { fetchRecording, follow } from './feed.js';
import { start } from './state.js';
import { App } from './view/app.js';
import { takeDrops } from './view/file.js';
import { onKey } from './view/shortcuts.js';

start();
render(<App />, document.body);
addEventListener('keydown', onKey);
takeDrops();

// The parameter names a file beside the page, as the documentation uses it. Other addresses are refused: the page may be a
// trusted one.
const recording = new URLSearchParams(location.search).get('recording');
if (recording !== null && /^[\w-]+\.jsonl$/.test(recording)) {
  void fetchRecording(new URL(recording, location.href));
} else {
  const url = new URL('view', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = location.search;
  follow(url);
}
