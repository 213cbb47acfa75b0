import type { RecordingLine } from '../inspect/record.js';
import { parseRecording } from '../inspect/recording.js';
import { flaw, opened, source, take } from './state.js';

const [FIRST_WAIT, LONGEST_WAIT] = [250, 4_000];

/** What the server streams, for as long as nothing else is looked at. */
let leave = (): void => {};
/** Shows again what the page showed before a file was opened. */
let back = (): void => {};

/** Takes in what the server streams; when it goes, its next stream is awaited, which begins anew. */
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

/** Shows a file of the user's in place of the stream; one that is no recording changes nothing, and is said so. */
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

/** Shows a recording from the page's own server, in place of a stream. The page says what is wrong with it. */
export async function fetchRecording(url: URL): Promise<void> {
  back = () => void fetchRecording(url);
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    await open(new File([await response.blob()], name));
    // There is nothing to go back to.
    opened.value = undefined;
  } catch (error) {
    flaw.value = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Back from a file to what the page showed before. */
export function close(): void {
  opened.value = undefined;
  flaw.value = undefined;
  source.value = 'connecting';
  back();
}
