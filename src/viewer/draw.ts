/** Draws charts in a thread of its own: a layout takes its time, and the page goes on meanwhile. */
import { svg } from '../diagram/svg.js';
import type { Json } from '../inspect/record.js';

/** What the page asks for. */
export interface DrawingRequest {
  readonly key: string;
  readonly definition: Json;
}

/** What it gets: a picture, or why there is none. */
export interface DrawingReply {
  readonly key: string;
  readonly svg?: string;
  readonly error?: string;
}

addEventListener('message', async ({ data: { key, definition } }: MessageEvent<DrawingRequest>) => {
  let reply: DrawingReply;
  try {
    reply = { key, svg: await svg(definition as never) };
  } catch (error) {
    reply = { key, error: error instanceof Error ? error.message : String(error) };
  }
  postMessage(reply);
});
