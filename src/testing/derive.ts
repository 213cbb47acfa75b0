import { bugs } from '../../spec/rows/bugs.js';
import { handshake } from '../../spec/rows/handshake.js';
import { inboundAnswers } from '../../spec/rows/inbound-answer.js';
import { inboundData } from '../../spec/rows/inbound-data.js';
import { inboundOpens } from '../../spec/rows/inbound-open.js';
import { localCloses } from '../../spec/rows/local-close.js';
import { localEnds } from '../../spec/rows/local-end.js';
import { localOpens } from '../../spec/rows/local-open.js';
import { mirrored } from '../../spec/rows/mirror.js';
import { modes } from '../../spec/rows/modes.js';
import { modesHandshake } from '../../spec/rows/modes-handshake.js';
import { runLoop } from '../../spec/rows/run-loop.js';
import type { Case, Decision, ExpectedMessage, Row, Step as RowStep } from '../../spec/rows/vocabulary.js';
import { type ConnectionId, opposite, type Parity, ROOT } from '../wire/id.js';
import type { ConnectionOpen, Message } from '../wire/message.js';
import { acceptOf, echoOf, heard, REJECT_PLEASE } from './phrases.js';
import { ACCUSATION, HELLO, handshakeWith, helloYourselfOf } from './scenes.js';
import type { Act, Answer, CaseSpec, Expected, Need, Step, World } from './vocabulary.js';

// Makes conformance cases of the rows in spec/. A case there says what one side has to do. Here that side is the peer under
// test, and the tester plays the other one: it sends what the other side sends, and expects what the peer has to send. What
// only the application of the peer sees is left out. A case ends before the first step that the tester can't cause.

type Input = Message | 'end';

/** The result of a step as the tester sees it, with the ids of the row's case. */
interface Demand {
  readonly wire: readonly Exclude<ExpectedMessage, { readonly violation: unknown }>[];
  readonly ends: boolean;
}

/** A step as far as the tester can cause it, with the ids of the row's case. */
interface Deed extends Demand {
  readonly act?: Act;
  /** The connection to close. */
  readonly at?: ConnectionId;
  readonly tell?: readonly Input[];
  readonly breaks?: true;
  readonly establishes?: true;
  /** The result in reference mode, where strict mode requires an accusation. */
  readonly tolerated?: Demand;
  /** True if the data behind an Open is in time only if the peer decides at once. */
  readonly races?: true;
}

/** A case of a row with the steps that the tester can cause. */
interface Draft {
  readonly row: Row;
  readonly scenario: Case;
  readonly rule: string;
  readonly deeds: readonly Deed[];
}

/**
 * The rows that a tester can play. Of those that are missing, claims.ts has what a peer says of itself: its keepalive, and its
 * limits. Calls and channels are the application's.
 */
const ROWS: readonly Row[] = [
  ...handshake,
  ...runLoop,
  ...inboundOpens,
  ...inboundAnswers,
  ...inboundData,
  ...localOpens,
  ...localCloses,
  ...localEnds,
  ...modesHandshake,
  ...modes,
  ...bugs,
];

/** Rows whose messages reach an application. It may make channels of its own, and then none of these was named. */
const DELIVERED: readonly string[] = ['5.05', '5.10', '5.14', '5.26'];

/** Rows about what only the application of the peer sees. */
const UNSEEN: readonly string[] = ['5 readable', '5.24'];

/** Returns the cases of all rows of sessions for a peer of that role. */
export function rowCases(role: World['role']): readonly CaseSpec[] {
  const drafts = ROWS.filter(({ layer, row }) => layer === 'session' && !UNSEEN.includes(row))
    .flatMap(draftsOf)
    .filter(({ scenario }) => isFor(role, scenario));
  const texts = drafts.map(({ scenario, deeds }) =>
    [scenario.given?.established === false, ...deeds].map((part) => `${JSON.stringify(part, withBigints)}\n`).join(''),
  );
  // Without its end, a case may be the same as another one, or its beginning.
  const isPart = (text: string, index: number) =>
    texts.some((other, at) => other.startsWith(text) && (other.length > text.length || at < index));
  return drafts.filter((_, index) => !isPart(texts[index] as string, index)).map((draft) => specOf(draft, role));
}

function withBigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

/** An established session is symmetric, so that its cases are for both roles. `[session.symmetry]` */
function isFor(role: World['role'], { given = {} }: Case): boolean {
  return given.established !== false || (given.role ?? 'initiator') === role;
}

/** Returns the cases of a row. Where the modes differ, the two cases of an offence become one with both answers. */
function draftsOf(row: Row): readonly Draft[] {
  const rule = row.rule ?? (row.row.startsWith('3') ? 'session.handshake' : 'session.message');
  return row.cases.flatMap((scenario): readonly Draft[] => {
    const { modes, steps, name } = scenario;
    if (modes.length > 1) {
      const deeds = deedsOf(scenario).map((deed) => {
        if (deed.tell === undefined || !DELIVERED.includes(row.row)) return deed;
        return deed.tell.some((input) => input !== 'end' && input.type === 'ChannelMessage')
          ? { ...deed, races: true as const }
          : deed;
      });
      return [{ row, scenario, rule, deeds }];
    }
    const at = steps.findIndex((step) => violationIn(step) !== undefined);
    const broken = violationIn(steps[at]);
    const tolerant = row.cases.find((one) => one !== scenario && causeOf(one, at) === causeOf(scenario, at));
    if (broken === undefined || tolerant === undefined) return [];
    const deeds = deedsOf(tolerant, at);
    if (!deeds.some(({ tolerated }) => tolerated !== undefined)) return [];
    return [
      { row, rule: broken, deeds, scenario: { ...tolerant, name: name.replace(/: (a violation|accuses)$/, '') } },
    ];
  });
}

function violationIn(step: RowStep | undefined): string | undefined {
  for (const message of step?.wire ?? []) if ('violation' in message) return message.violation;
  return undefined;
}

/** Returns everything of a case up to the action of one step, as text. */
function causeOf({ given, steps }: Case, at: number): string {
  const step = steps[at];
  const action = step !== undefined && 'peer' in step ? step.peer : step;
  return JSON.stringify([given, steps.slice(0, at), action], withBigints);
}

function parityOf({ given = {} }: Case): Parity {
  return given.parity ?? ((given.role ?? 'initiator') === 'initiator' ? 'odd' : 'even');
}

/** Returns the steps of a case until the first one that the tester can't cause. The step `offence` breaks a rule. */
function deedsOf(scenario: Case, offence?: number): readonly Deed[] {
  // With odd ids on the peer's side, cases that differ in nothing else are the same.
  const { given = {}, steps } = parityOf(scenario) === 'odd' ? scenario : (mirrored(scenario) ?? scenario);
  const { limits, keepalive, authenticate } = given;
  if (limits !== undefined || keepalive !== undefined || authenticate !== undefined) return [];
  const names = new Map<string, ConnectionId>();
  const deeds: Deed[] = [];
  for (const [index, step] of steps.entries()) {
    const deed = deedOf(step, names);
    if (deed === 'unseen') continue;
    if (deed === 'beyond') break;
    if (index === offence) {
      const { wire, ends, ...action } = deed;
      deeds.push({ ...action, wire: [], ends: true, tolerated: { wire, ends } });
    } else if ((deed.tell ?? []).some(isOpen)) {
      const decided = decidedBy(given.onConnection, deed);
      if (decided === 'beyond') break;
      // The control lasts for the whole session.
      deeds.push(...decided.filter(({ act }) => act !== 'defer' || !deeds.some((one) => one.act === act)));
    } else {
      deeds.push(deed);
    }
    if (deed.ends) break;
  }
  return deeds;
}

function isOpen(input: Input): boolean {
  return input !== 'end' && input.type === 'ConnectionOpen';
}

function isData(input: Input): boolean {
  return input !== 'end' && (input.type === 'RequestMessage' || input.type === 'ChannelMessage');
}

/** Returns what the tester does and sees of a step: `unseen` if that is nothing, `beyond` if the tester can't cause it. */
function deedOf(step: RowStep, names: Map<string, ConnectionId>): Deed | 'unseen' | 'beyond' {
  const wire = (step.wire ?? []).flatMap((message) => ('violation' in message ? [] : [message]));
  const demand: Demand = { wire, ends: step.ends !== undefined || step.linkClosed === true };
  if ('user' in step) return userDeed(step, demand, names);
  if (!('peer' in step) || wire.some((message) => isData(message) || message.type === 'Ping')) return 'beyond';
  const establishes = 'resolved' in (step.settled?.['session'] ?? {}) ? ({ establishes: true } as const) : {};
  const inputs = [step.peer].flat();
  if (inputs.length === 1 && isFailure(inputs[0])) return { ...demand, breaks: true };
  if (inputs.some((input) => isFailure(input) || input instanceof Uint8Array)) return 'beyond';
  return { ...demand, ...establishes, tell: inputs as Input[] };
}

function isFailure(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'fail' in input;
}

/** Does the same for a step of the peer's application. The tester can cause only what `Control` has. */
function userDeed(
  step: Extract<RowStep, { readonly user: unknown }>,
  demand: Demand,
  names: Map<string, ConnectionId>,
): Deed | 'unseen' | 'beyond' {
  const { wire, ends } = demand;
  const [first] = wire;
  switch (step.user) {
    case 'start':
      return first === undefined ? 'unseen' : demand;
    case 'open':
      if (wire.length !== 1 || first?.type !== 'ConnectionOpen') return 'beyond';
      names.set(step.as, first.connectionId);
      return { ...demand, act: 'open' };
    case 'close':
    case 'closeHandle': {
      const id = step.user === 'close' ? step.id : (names.get(step.on) ?? Number(step.on.replace(/^\D*/, '')));
      return id === ROOT ? 'unseen' : { ...demand, act: 'close', at: id };
    }
    case 'shutdown':
      return { ...demand, act: 'shutdown' };
    // Data is the business of the application, and the state of the session does not depend on it.
    case 'send':
    case 'sendResponse':
      return ends || !wire.every(isData) ? 'beyond' : 'unseen';
    case 'read':
    case 'caller':
    case 'decide':
      return ends || wire.length > 0 ? 'beyond' : 'unseen';
    default:
      return 'beyond';
  }
}

/** Returns a step in which the tester opens, after what makes the peer decide as in the case. */
function decidedBy(decision: Decision | 'pending' | undefined, deed: Deed): readonly Deed[] | 'beyond' {
  const { tell = [], wire } = deed;
  const control = (act: Act): Deed => ({ act, wire: [], ends: false });
  if (decision === 'pending') return [control('defer'), deed];
  if (typeof decision === 'object' && 'accept' in decision) {
    const { settings, setup } = decision.accept;
    if (settings !== undefined || setup !== undefined) return 'beyond';
    return [tell.some(isData) ? { ...deed, races: true } : deed];
  }
  const isOne = tell.filter(isOpen).length === 1 && wire.some(({ type }) => type === 'ConnectionReject');
  if (decision === 'throw' || !isOne || deed.establishes) return 'beyond';
  const told = tell.map((input) => (isOpen(input) ? { ...(input as Message), metadata: REJECT_PLEASE } : input));
  return [control('rejectNext'), { ...deed, tell: told as Input[] }];
}

function specOf({ row, scenario, rule, deeds }: Draft, role: World['role']): CaseSpec {
  const isEstablished = scenario.given?.established !== false;
  const ids = new Ids(isEstablished ? 'odd' : parityOf(scenario));
  const steps = deeds.map((deed) => stepOf(deed, ids));
  const needs = new Set(
    deeds.flatMap(({ act, breaks }): Need[] => [...(act ? [act] : []), ...(breaks ? ['ended' as const] : [])]),
  );
  return {
    name: fromOutside(scenario.name),
    row: row.row,
    rule,
    ...(needs.size === 0 ? {} : { needs: [...needs] }),
    steps: isEstablished ? [...handshakeWith(role), ...steps] : steps,
  };
}

/** In the name of a row's case, "we" are the peer under test, and "the peer" is the tester. */
function fromOutside(name: string): string {
  const words: Readonly<Record<string, string>> = {
    we: 'the peer',
    us: 'the peer',
    our: 'the peer’s',
    'our own': 'the peer’s own',
    ours: 'the peer’s',
    'the peer': 'the tester',
    'a peer': 'the tester',
  };
  return name.replace(/\b(we|us|our own|our|ours|the peer|a peer)\b/g, (word) => words[word] as string);
}

function stepOf(deed: Deed, ids: Ids): Step {
  const { act, at, tell = [], breaks, establishes, tolerated, races } = deed;
  const inputs = tell.map((input) => (input === 'end' ? () => input : ids.message(input)));
  const idToClose = at === undefined ? undefined : ids.of(at);
  const step: Step = {
    ...(act === undefined ? {} : { act }),
    ...(idToClose === undefined ? {} : { at: idToClose }),
    ...(inputs.length === 0 ? {} : { tell: (world) => inputs.map((input) => input(world)) }),
    ...(breaks ? { breaks } : {}),
    ...(establishes ? { establishes } : {}),
    ...(races
      ? { or: { ...ACCUSATION, ...(deed.wire.length === 0 ? {} : { maybe: answerOf(deed, ids, tell).hear }) } }
      : {}),
    ...(tolerated === undefined ? answerOf(deed, ids, tell) : { tolerated: answerOf(tolerated, ids, tell) }),
  };
  for (const message of deed.wire) if (message.type === 'ConnectionOpen') ids.opened(message);
  return step;
}

function answerOf({ wire, ends }: Demand, ids: Ids, tell: readonly Input[]): Answer {
  const expected = wire.map((message) => ids.expected(message));
  const hear = (world: World) => expected.map((one) => one(world));
  // The tester has closed its end, so that the answers may be lost.
  const messages = wire.length === 0 ? {} : tell.includes('end') ? { maybe: hear } : { hear };
  return { ...messages, ...(ends ? { ends } : {}) };
}

/** The ids of a case in a session: the peer chooses its parity, and the ids that it opens. */
class Ids {
  /** The parity of the peer's ids in the case. */
  readonly #parity: Parity;
  /** The Opens of the peer so far, as the case has them. */
  #opened: readonly ConnectionOpen[] = [];

  constructor(parity: Parity) {
    this.#parity = parity;
  }

  opened(open: ConnectionOpen): void {
    this.#opened = [...this.#opened, open];
  }

  /** Returns the id in a session. */
  of(id: ConnectionId): (world: World) => ConnectionId {
    if (id === ROOT) return () => ROOT;
    const n = Math.ceil(id / 2);
    if (this.#isTesters(id)) return (world) => world.mine(n);
    const opened = this.#opened.map(({ connectionId }) => connectionId);
    return (world) => {
      const known = world.opens[opened.indexOf(id)];
      if (known !== undefined) return known.id;
      // The peer has not opened this id. It is as far from the last one that the peer opened as in the case.
      const last = world.opens[opened.length - 1];
      return last === undefined ? world.theirs(n) : last.id + id - (opened.at(-1) as ConnectionId);
    };
  }

  message(message: Message): (world: World) => Message {
    if (message.type === 'Hello') return () => message;
    const idOf = this.of(message.connectionId);
    const parityOf = this.#parityIn(message);
    return (world) => {
      const connectionId = message.type === 'HelloYourself' ? message.connectionId : idOf(world);
      if (isData(message)) return this.#data({ ...message, connectionId } as Message, world);
      if (!('connectionSettings' in message)) return { ...message, connectionId };
      const connectionSettings = { ...message.connectionSettings, parity: parityOf(world) };
      return { ...message, connectionId, connectionSettings };
    };
  }

  /** Returns what the peer has to send. Its settings, its metadata and the ids of its opens are its own. */
  expected(message: Demand['wire'][number]): (world: World) => Expected {
    const idOf = this.of(message.connectionId);
    switch (message.type) {
      case 'Hello':
        return () => HELLO;
      case 'HelloYourself':
        return () => helloYourselfOf();
      case 'ConnectionAccept': {
        const { parity } = message.connectionSettings;
        return (world) => acceptOf(idOf(world), opposite(this.#turned(parity, world)));
      }
      case 'Pong':
        return (world) => echoOf(message.nonce, idOf(world));
      default:
        return (world) => heard(message.type, idOf(world));
    }
  }

  /** Returns the parity in the settings of the tester's message. An Accept depends on the Open that it answers. */
  #parityIn(message: Message): (world: World) => Parity {
    const parity = 'connectionSettings' in message ? message.connectionSettings.parity : 'odd';
    const index = this.#opened.findIndex(({ connectionId }) => connectionId === message.connectionId);
    const asked = this.#opened[index]?.connectionSettings.parity;
    return (world) => {
      const open = message.type === 'ConnectionAccept' ? world.opens[index] : undefined;
      if (open === undefined) return this.#turned(parity, world);
      return parity === asked ? open.parity : opposite(open.parity);
    };
  }

  /** Exchanges the ids of requests and channels if the parities are not those of the case. */
  #data(message: Message, world: World): Message {
    if (!this.#isTurned(world) || !('id' in message)) return message;
    return { ...message, id: message.id % 2 === 1 ? message.id + 1 : message.id - 1 } as Message;
  }

  #turned(parity: Parity, world: World): Parity {
    return this.#isTurned(world) ? opposite(parity) : parity;
  }

  #isTurned({ parity }: World): boolean {
    return parity === this.#parity;
  }

  #isTesters(id: ConnectionId): boolean {
    return (id % 2 === 1) !== (this.#parity === 'odd');
  }
}
