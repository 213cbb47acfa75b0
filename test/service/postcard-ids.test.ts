import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { postcard, postcardPayload, t } from '../../src/payload/postcard/index.js';
import { kebab, Signature } from '../../src/payload/postcard/signature.js';
import type { WireType } from '../../src/payload/postcard/types.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { DEFAULT_LIMITS } from '../support/messages.js';
import { Node, Testbed, Types } from './testbed.js';

// r[rpc.method-id]
describe('the id of a method', () => {
  it.each([
    ['echo', 0x9aabc4ba61fd5df3n],
    ['divide', 0xc3964cbee4b1d590n],
    ['lookup', 0xe71a0faedd014e59n],
    ['sum', 0x855b3a25d97bfefdn],
    ['generate', 0x54d2273d8cdb9c38n],
    ['transform', 0x5d9895604eb18b19n],
    ['echoPoint', 0x453fa9bf6932528cn],
    ['shapeArea', 0x6e706354167c00c2n],
    ['processMessage', 0xed1dc0c625889d30n],
    ['getPoints', 0x5c8707f5ae4ccbccn],
    ['swapPair', 0xacd19a29fe0d470cn],
  ] as const)('is what the official macros compute: %s', (name, id) => {
    expect(Testbed.ids[name]).toBe(id);
  });

  it('is that of every method that was called in the recordings', () => {
    const frames: string[] = JSON.parse(
      readFileSync(new URL('../codec/postcard-frames.json', import.meta.url), 'utf8'),
    );
    const called = new Set<bigint>();
    for (const hex of frames) {
      const message = postcard.decode(Buffer.from(hex, 'hex'), DEFAULT_LIMITS);
      if (message.type === 'RequestMessage' && message.body.type === 'Call') called.add(message.body.methodId);
    }
    const known = new Set<bigint>([...Object.values(Testbed.ids), ...Object.values(Types.ids)]);
    const unknown = [...called].filter((id) => !known.has(id));
    // The methods with channels within structs, `nested` and `nested_only`, which `t` refuses, and an id that no method has.
    expect(unknown.map((id) => id.toString(16)).sort()).toEqual(['5470c6ef5797d7b2', 'cd9f2d29f909cf0d', 'dead']);
    expect(called.size - unknown.length).toBe(53);
  });

  it('given by hand wins', () => {
    const own = service('Testbed', { echo: method({ id: 7n, args: t.args(t.string), result: t.string }) }, CODEC);
    expect(own.ids).toEqual({ echo: 7n });
  });

  it('is the same for both spellings of a name, and for each credit', () => {
    const echo = method({ args: t.args(t.rx(t.i32, { credit: 3 })), result: t.i64 });
    expect(service('testbed', { sum: echo }, CODEC).ids.sum).toBe(Testbed.ids.sum);
    const points = method({ args: t.args(t.u32), result: t.list(t.struct({ x: t.i32, y: t.i32 })) });
    expect(service('Testbed', { get_points: points }, CODEC).ids.get_points).toBe(Testbed.ids.getPoints);
  });
});

const CODEC = { codec: postcardPayload };

describe('kebab case', () => {
  it.each([
    ['loadTemplate', 'load-template'],
    ['load_template', 'load-template'],
    ['HTTP2Server', 'http2-server'],
    ['XMLHttpRequest', 'xml-http-request'],
    ['get2Points', 'get2-points'],
    ['SHOUTY_SNAKE_CASE', 'shouty-snake-case'],
    ['ABc', 'a-bc'],
    ['getHTTP2Value', 'get-http2-value'],
    ['__a  b--c', 'a-b-c'],
    ['ÄpfelUndÖl', 'äpfel-und-öl'],
    ['x', 'x'],
    ['', ''],
  ])('of %s is %s', (name, expected) => {
    expect(kebab(name)).toBe(expected);
  });
});

function signatureOf(type: unknown): string {
  const signature = new Signature();
  (type as WireType).sign(signature);
  return Buffer.from(signature.finish()).toString('hex');
}

describe('the signature', () => {
  it.each([
    ['a list of u8, which is Vec<u8>', t.list(t.u8), '11'],
    ['a Result of any types', t.result(t.u8, t.string), '10'],
    ['a set of an array', t.set(t.array(t.u8, 300)), '2422ac0202'],
    ['a map of options', t.map(t.char, t.option(t.f32)), '230e210c'],
    ['a newtype', t.newtype(t.u32), '250104'],
    ['a refinement', t.check(t.u32, t.u32), '04'],
    ['a variant of two', t.enum({ A: [t.u8, t.bool], B: t.unit }), '31020141020201300201310101420110'],
    ['a struct that contains itself', Node, '30020576616c756504046e657874213200'],
    [
      'a struct that contains itself within another, and a tuple',
      (() => {
        const Outer: ReturnType<typeof t.struct> = t.struct({
          inner: t.struct({ pair: t.tuple(t.u8, t.list(t.lazy(() => Outer))) }),
        });
        return Outer;
      })(),
      '300105696e6e657230010470616972250202203202',
    ],
  ])('of %s', (_, type, hex) => {
    expect(signatureOf(type)).toBe(hex);
  });
});
