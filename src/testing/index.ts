/** What helps to test peers and applications: paths through a machine, yours or ours. */
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
