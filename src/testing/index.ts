/**
 * Helpers for tests of peers and applications: paths through any machine, and the peer, the link and the clock of this
 * library's own tests.
 */
export type { SuiteCase } from './assert.js';
export { VirtualClock } from './clock.js';
export { type TestCodecOptions, testCodec } from './codec-suite.js';
export { conformance } from './conformance.js';
export type { PeerKind } from './deviations.js';
export { inWords, type Said, toMermaid, type Word } from './exchange.js';
export { ControlledLink } from './faults.js';
export { type LinkPair, type TestLinkOptions, testLink } from './link-suite.js';
export type { ConformanceOptions, ConformanceResult, ConformanceTimeouts, Control } from './options.js';
export {
  doneEvent,
  errorEvent,
  type InternalEvent,
  type Path,
  type PathEvent,
  type PathStep,
  type PathsOptions,
  paths,
  serializeSnapshot,
} from './paths.js';
export { type PeerInput, ScriptedPeer, type ScriptedPeerOptions } from './peer.js';
export { settle } from './settle.js';
export type { Citation } from './vocabulary.js';
