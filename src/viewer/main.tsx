import '@preact/signals';
import { render } from 'preact';
import { follow } from './feed.js';
import { start } from './state.js';
import { App } from './view/app.js';
import { takeDrops } from './view/file.js';
import { onKey } from './view/shortcuts.js';

start();
render(<App />, document.body);
addEventListener('keydown', onKey);
takeDrops();

const url = new URL('view', location.href);
url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
url.search = location.search;
follow(url);
