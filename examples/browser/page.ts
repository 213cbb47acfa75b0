// Shows the statechart's context, and sends it the user's events.
import { createInspector } from 'roam-actors/inspect';
import { createActor } from 'xstate';
import { type Line, type PageSnapshot, pageMachine } from './machine.js';

const given = new URLSearchParams(location.search);
const server = given.get('server') ?? 'ws://127.0.0.1:9000';
// The viewer shows the page's statechart as well as the session in it.
const url = given.get('inspector');
const actor = createActor(pageMachine, { input: { server } });
if (url !== null) createInspector({ url }).attach(actor);

const form = element('form', HTMLFormElement);
const question = element('#question', HTMLInputElement);
const status = element('#status', HTMLElement);
const states = element('#states', HTMLElement);
const lines = element('#lines', HTMLOListElement);
const presence = element('#presence', HTMLButtonElement);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text !== '') actor.send({ type: 'user.asks', text });
  question.value = '';
});
presence.addEventListener('click', () => {
  actor.send({ type: actor.getSnapshot().matches('offline') ? 'user.returns' : 'user.leaves' });
});
actor.subscribe(draw);
actor.start();
// Shuts the session down when the page is left. Otherwise the peer would only notice by a missing Pong.
addEventListener('pagehide', () => actor.stop());

function draw(snapshot: PageSnapshot): void {
  const [top = '', inner = ''] =
    typeof snapshot.value === 'string' ? [snapshot.value] : (Object.entries(snapshot.value)[0] ?? []);
  document.body.dataset['state'] = inner === '' ? top : `${top}.${inner}`;
  status.textContent = statusOf(snapshot);
  states.textContent = document.body.dataset['state'];
  presence.textContent = snapshot.matches('offline') ? 'Connect' : 'Leave';
  for (const line of snapshot.context.lines.slice(lines.childElementCount)) lines.append(itemOf(line));
  lines.lastElementChild?.scrollIntoView({ block: 'nearest' });
}

function statusOf({ value, context }: PageSnapshot): string {
  const { server, attempts, questions } = context;
  const left = questions.length === 0 ? '' : ` ${questions.length} not answered yet.`;
  switch (value) {
    case 'connecting':
      return attempts === 0 ? `Connecting to ${server} …` : `Connecting to ${server}, attempt ${attempts + 1} …${left}`;
    case 'waiting':
      return `No server answers at ${server}. The next attempt follows by itself.${left}`;
    case 'offline':
      return `Not connected.${left}`;
    default:
      return `Connected to ${server}.`;
  }
}

function itemOf({ from, text }: Line): HTMLLIElement {
  const item = document.createElement('li');
  item.dataset['from'] = from;
  item.textContent = text;
  return item;
}

function element<T extends Element>(selector: string, type: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the page has no ${selector}`);
  return found;
}
