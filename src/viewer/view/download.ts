import { jsonlOf } from '../model/export.js';
import { recording } from '../state.js';

/** Hands a text to the user as a file. */
export function download(name: string, type: string, text: string | Blob): void {
  const url = URL.createObjectURL(text instanceof Blob ? text : new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // By then the browser has read the URL.
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}

/** Saves all kept records as a recording. */
export function saveRecording(): void {
  download('recording.jsonl', '', new Blob(jsonlOf(recording.peek()), { type: 'application/jsonl' }));
}
