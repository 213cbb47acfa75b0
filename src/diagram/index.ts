/**
 * Diagrams of any XState 5 machine, and of what two peers say to each other; in Node and in browsers.
 */
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
export { loadSvg, svg } from './svg.js';
