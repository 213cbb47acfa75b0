import {
  type AnyStateMachine,
  assign,
  cancel,
  createMachine,
  enqueueActions,
  log,
  not,
  raise,
  sendTo,
  stateIn,
} from 'xstate';

// Translates SCXML to machines of XState, as far as XState's own tests do.

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly elements: Element[];
}

interface Args {
  readonly context: object;
  readonly event: { readonly type: string };
}

const STATES: readonly string[] = ['state', 'parallel', 'final', 'history'];

/** Returns the machine of an SCXML document. `finish` is applied to it and to the machines that it invokes. */
export function machineOf(xml: string, finish: (machine: AnyStateMachine) => AnyStateMachine): AnyStateMachine {
  return machineAt(parse(xml), finish);
}

/** Returns the id that a state of SCXML has in XState, where a dot separates the names of a path. */
export function idOf(id: string): string {
  return id.replaceAll('.', '$');
}

function parse(xml: string): Element {
  const document: Element = { name: '', attributes: {}, elements: [] };
  const open = [document];
  const tags = /<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;
  for (const [, isEnd, name = '', attributes = '', isEmpty] of xml.replace(/<!--.*?-->/gs, '').matchAll(tags)) {
    if (isEnd) {
      open.pop();
      continue;
    }
    const pairs = [...attributes.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)];
    const element: Element = {
      name,
      attributes: Object.fromEntries(pairs.map(([, key = '', double, single = '']) => [key, plain(double ?? single)])),
      elements: [],
    };
    open.at(-1)?.elements.push(element);
    if (!isEmpty) open.push(element);
  }
  return document;
}

function plain(text: string): string {
  const characters: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(\w+);/g, (whole, name: string) => characters[name] ?? whole);
}

function childrenOf({ elements }: Element, ...names: readonly string[]): Element[] {
  return elements.filter(({ name }) => names.includes(name));
}

function machineAt(parent: Element, finish: (machine: AnyStateMachine) => AnyStateMachine): AnyStateMachine {
  const [scxml] = childrenOf(parent, 'scxml');
  if (scxml === undefined) throw new Error('there is no <scxml>');
  const data = childrenOf(scxml, 'datamodel').flatMap((model) => childrenOf(model, 'data'));
  const context = Object.fromEntries(
    data.map(({ attributes: { id = '', expr } }) => [id, expr === '_sessionid' ? undefined : evaluated(`(${expr})`)]),
  );
  return finish(createMachine({ ...stateOf(scxml, '(machine)', finish), context } as never) as AnyStateMachine);
}

function stateOf(element: Element, id: string, finish: (machine: AnyStateMachine) => AnyStateMachine): object {
  const { attributes, name } = element;
  if (name === 'history') {
    const [transition] = childrenOf(element, 'transition');
    return { id, type: 'history', history: attributes['type'] ?? 'shallow', target: targetsOf(transition)?.[0] };
  }
  const states = childrenOf(element, ...STATES).map((each): [string, Element] => [
    idOf(each.attributes['id'] ?? ''),
    each,
  ]);
  const [first] = childrenOf(element, 'initial').flatMap((each) => childrenOf(each, 'transition'));
  const initial = attributes['initial'] ?? first?.attributes['target'] ?? states[0]?.[0];
  const on: Record<string, object[]> = {};
  const always: object[] = [];
  for (const transition of childrenOf(element, 'transition')) {
    const { cond, event = '', type } = transition.attributes;
    const made = {
      target: targetsOf(transition),
      actions: actionsOf(transition),
      reenter: type !== 'internal',
      ...(cond === undefined ? {} : { guard: guardOf(cond) }),
    };
    if (event === '') always.push(made);
    else {
      for (const descriptor of event.split(/\s+/).map(descriptorOf)) {
        on[descriptor] ??= [];
        on[descriptor].push(made);
      }
    }
  }
  return {
    id: idOf(id),
    on,
    always,
    entry: childrenOf(element, 'onentry').flatMap(actionsOf),
    exit: childrenOf(element, 'onexit').flatMap(actionsOf),
    invoke: childrenOf(element, 'invoke').map((each) => {
      const [content] = childrenOf(each, 'content');
      if (content === undefined) throw new Error('an invocation without content');
      return { id: each.attributes['id'], src: machineAt(content, finish) };
    }),
    ...(states.length > 0
      ? { states: Object.fromEntries(states.map(([key, each]) => [key, stateOf(each, key, finish)])) }
      : {}),
    ...(name === 'parallel' ? { type: 'parallel' } : states.length > 0 ? { initial: idOf(initial ?? '') } : {}),
    ...(name === 'final' ? { type: 'final' } : {}),
  };
}

/** Returns a descriptor of XState. In SCXML, `a` also stands for `a.b`. */
function descriptorOf(event: string): string {
  const name = event.replace(/^done\.state\b/, 'xstate.done.state').replace(/^done\.invoke\b/, 'xstate.done.actor');
  return name.endsWith('*') ? name : `${name}.*`;
}

function targetsOf(transition: Element | undefined): string[] | undefined {
  return transition?.attributes['target']?.split(/\s+/).map((target) => `#${idOf(target)}`);
}

function guardOf(condition: string): never {
  const [, isNot, id] = /^\s*(!?)In\('(.*)'\)/.exec(condition) ?? [];
  if (id === undefined) return (({ context, event }: Args) => evaluated(condition, context, event)) as never;
  return (isNot ? not(stateIn(`#${id}`)) : stateIn(`#${id}`)) as never;
}

function actionsOf({ elements }: Element): never[] {
  return elements.map((element) => actionOf(element) as never);
}

function actionOf(element: Element): unknown {
  const { cond, delay, delayexpr, event, eventexpr, expr, id, label, location, sendid, target } = element.attributes;
  switch (element.name) {
    case 'raise':
      return raise({ type: event as string } as never);
    case 'assign':
      // The location first: it throws if there is no such variable.
      return assign(({ context, event: cause }: Args) => ({
        [location as string]: evaluated(`(${location}, ${expr})`, context, cause),
      }));
    case 'cancel':
      return cancel(sendid as string);
    case 'log':
      return log(({ context, event: cause }: Args) => evaluated(expr as string, context, cause), label);
    case 'send': {
      if (childrenOf(element, 'content').length > 0) throw new Error('the content of a message');
      const params = childrenOf(element, 'param').map(
        ({ attributes }) => `${attributes['name']}: ${attributes['expr']}`,
      );
      const type = event === undefined ? eventexpr : JSON.stringify(event);
      const sent = ({ context, event: cause }: Args) =>
        evaluated(`({ ${[`type: ${type}`, ...params].join(', ')} })`, context, cause) as { type: string };
      if (target === '#_internal') return raise(sent as never);
      const wait =
        delayexpr === undefined
          ? millisecondsOf(delay)
          : ({ context, event: cause }: Args) => millisecondsOf(String(evaluated(delayexpr, context, cause)));
      return sendTo(
        (target ?? (({ self }: { self: unknown }) => self)) as never,
        sent as never,
        { id, delay: wait } as never,
      );
    }
    case 'if': {
      const branches: { readonly condition: string | undefined; readonly actions: unknown[] }[] = [
        { condition: cond, actions: [] },
      ];
      for (const each of element.elements) {
        if (each.name === 'elseif' || each.name === 'else')
          branches.push({ condition: each.attributes['cond'], actions: [] });
        else branches.at(-1)?.actions.push(actionOf(each));
      }
      return enqueueActions(({ enqueue, check }) => {
        const chosen = branches.find(({ condition }) => condition === undefined || check(guardOf(condition)));
        for (const action of chosen?.actions ?? []) enqueue(action as never);
      });
    }
    default:
      throw new Error(`<${element.name}>`);
  }
}

function millisecondsOf(delay: string | undefined): number | undefined {
  if (delay === undefined) return undefined;
  return Number.parseFloat(delay) * (delay.endsWith('ms') ? 1 : 1_000);
}

/** Evaluates an expression of the data model. */
function evaluated(expression: string, context: object = {}, event: { readonly type: string } = { type: '' }): unknown {
  const body = `with (context) { return ${expression}; }`;
  return new Function('context', '_event', '_sessionid', body)(context, { name: event.type, data: event }, '');
}
