/** Draws charts in a worker thread: a layout takes time, and the page must not wait for it. */
import { svg } from '../diagram/svg.js';
import type { Json } from '../inspect/record.js';

/** A request of the page for a picture. */
export interface DrawingRequest {
  readonly key: string;
  readonly definition: Json;
}

/** The reply: a picture, or the reason why there is none. */
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
