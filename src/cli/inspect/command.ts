import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseRecording, type Recording, RecordingError } from '../../inspect/recording.js';
import { Failure } from '../failure.js';
import { type Command, integer } from '../options.js';
import { stopAtSignal } from '../signals.js';
import { filesIn } from './files.js';
import { InspectServer } from './server.js';
import { Store } from './store.js';

/** The default port: ROAM on the keys of a telephone. */
const PORT = 7626;

const HELP = `roam-actors inspect: shows sessions and other actors, live, in a page of this machine

Usage: roam-actors inspect [options]

Prints a URL with a token: open it in a browser, and give it to the processes that are to be seen.

  import { createInspector } from 'roam-actors/inspect';
  const { inspect } = createInspector({ url });        // the URL that is printed
  const session = await initiate(link, { inspect });   // or accept, or createActor of any XState machine

Any application with @statelyai/inspect is seen too: createWebSocketInspector({ url }), with ws: for http:. Nothing leaves
this machine. SIGINT or SIGTERM ends it.

Options:
  --port N             the TCP port; ${PORT} by default, 0 takes any free one
  --host HOST          the address to listen on; 127.0.0.1 by default
  --replay FILE        shows a recording instead: what \`roam-actors demo --record FILE\` writes, or the page's export`;

export const inspect: Command = {
  summary: 'shows sessions and other actors, live, in a page of this machine',
  help: HELP,
  async run(args) {
    const options = {
      port: { type: 'string', default: String(PORT) },
      host: { type: 'string', default: '127.0.0.1' },
      replay: { type: 'string' },
    } as const;
    const { values } = parseArgs({ args, options });
    const port = integer('port', values.port, 0, 65_535);
    const recording = values.replay === undefined ? undefined : readRecording(values.replay);
    const server = await openViewer({ port, host: values.host, ...(recording === undefined ? {} : { recording }) });
    if (recording === undefined) console.log(`open, and give to createInspector({ url }):\n${server.url}`);
    else console.log(`${recording.records.length} records of ${values.replay}, to open:\n${server.url}`);
    await new Promise<void>((resolve) => {
      stopAtSignal(resolve);
    });
    await server.close();
  },
};

/** Starts the server of the viewer, with its page and a token that can't be guessed. */
export async function openViewer({
  port,
  host = '127.0.0.1',
  recording,
  store = new Store(by(), Date.now, recording === undefined ? {} : { recording }),
  onPages,
}: {
  port: number;
  host?: string;
  recording?: Recording;
  store?: Store;
  onPages?: (count: number) => void;
}): Promise<InspectServer> {
  const token = randomBytes(18).toString('base64url');
  const files = filesIn(join(dirname(packageFile()), 'dist', 'viewer'));
  const takesProcesses = recording === undefined;
  try {
    return await InspectServer.listen({
      host,
      port,
      token,
      store,
      files,
      takesProcesses,
      ...(onPages === undefined ? {} : { onPages }),
    });
  } catch (error) {
    throw failureOf(error as NodeJS.ErrnoException, `${host}:${port}`);
  }
}

function failureOf({ code, message }: NodeJS.ErrnoException, where: string): Failure {
  const why = code === 'EADDRINUSE' ? 'the port is in use: try --port 0' : message;
  return new Failure(`cannot listen on ${where}: ${why}`);
}

function readRecording(path: string): Recording {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure(`cannot read the recording: ${(error as Error).message}`, { cause: error });
  }
  try {
    return parseRecording(text);
  } catch (error) {
    if (error instanceof RecordingError)
      throw new Failure(`${path} is no recording: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Finds package.json by the package's own name, which works from the sources and from the build. */
function packageFile(): string {
  return createRequire(import.meta.url).resolve('roam-actors/package.json');
}

/** Returns the author of a recording: this package and its version. */
export function by(): string {
  const { version } = JSON.parse(readFileSync(packageFile(), 'utf8')) as { version: string };
  return `roam-actors ${version}`;
}
