import type { RecordingLine } from '../inspect/record.js';
import { source, take } from './state.js';

const [FIRST_WAIT, LONGEST_WAIT] = [250, 4_000];

/** Takes in what the server streams; when it goes, its next stream is awaited, which begins anew. */
export function follow(url: URL): void {
  let wait = FIRST_WAIT;
  const connect = (): void => {
    const socket = new WebSocket(url);
    socket.addEventListener('message', ({ data }) => {
      wait = FIRST_WAIT;
      take(JSON.parse(String(data)) as RecordingLine[]);
    });
    socket.addEventListener('close', () => {
      if (source.peek() === 'file') return;
      source.value = source.peek() === 'connecting' ? 'connecting' : 'gone';
      setTimeout(connect, wait);
      wait = Math.min(LONGEST_WAIT, wait * 2);
    });
  };
  connect();
}
