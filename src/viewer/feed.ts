import type { RecordingLine } from '../inspect/record.js';
import { parseRecording } from '../inspect/recording.js';
import { flaw, opened, source, take } from './state.js';

const [FIRST_WAIT, LONGEST_WAIT] = [250, 4_000];

/** Ends the stream from the server, before the page shows another recording. */
let leave = (): void => {};
/** Shows again what the page showed before a file was opened. */
let back = (): void => {};

/** Follows the stream from the server. When the stream breaks, the page connects again, and the new stream begins anew. */
export function follow(url: URL): void {
  back = () => follow(url);
  let wait = FIRST_WAIT;
  let timer = 0;
  const connect = (): void => {
    const socket = new WebSocket(url);
    const leaving = new AbortController();
    leave = () => {
      leaving.abort();
      clearTimeout(timer);
      socket.close();
    };
    const { signal } = leaving;
    socket.addEventListener(
      'message',
      ({ data }) => {
        wait = FIRST_WAIT;
        take(JSON.parse(String(data)) as RecordingLine[]);
      },
      { signal },
    );
    socket.addEventListener(
      'close',
      () => {
        if (source.peek() === 'file') return;
        source.value = source.peek() === 'connecting' ? 'connecting' : 'gone';
        timer = setTimeout(connect, wait);
        wait = Math.min(LONGEST_WAIT, wait * 2);
      },
      { signal },
    );
  };
  connect();
}

/**
 * Shows a file of the user instead of the stream. A file that is no recording changes nothing, and the page shows its error.
 */
export async function open(file: File): Promise<void> {
  try {
    const { start, records } = parseRecording(await file.text());
    leave();
    take([{ ...start, isLive: false }, ...records]);
    opened.value = file.name;
    flaw.value = undefined;
  } catch (error) {
    flaw.value = `${file.name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Shows a recording from the page's own server instead of a stream. The page shows an error of the recording. */
export async function fetchRecording(url: URL): Promise<void> {
  back = () => void fetchRecording(url);
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    await open(new File([await response.blob()], name));
    // No stream came before this recording, so the page offers no way back.
    opened.value = undefined;
  } catch (error) {
    flaw.value = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Returns from a file to the stream or recording that the page showed before. */
export function close(): void {
  opened.value = undefined;
  flaw.value = undefined;
  source.value = 'connecting';
  back();
}
