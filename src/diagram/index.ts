/** Diagrams of any XState 5 machine, and of the messages between peers. They work in Node and in browsers. */
export {
  type Drawable,
  definitionOf,
  type InvokeDefinition,
  type Json,
  type MachineDefinition,
  type NamedDefinition,
  type StateDefinition,
  type TransitionDefinition,
} from './definition.js';
export { mermaid } from './mermaid.js';
export {
  type Sequence,
  type SequenceArrival,
  type SequenceMessage,
  type SequenceNote,
  type SequencePause,
  type SequenceStep,
  sequenceMermaid,
} from './sequence.js';
export { sequenceSvg } from './sequence-svg.js';
export { loadSvg, svg } from './svg.js';
