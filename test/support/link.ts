export { ControlledLink } from '../../src/testing/faults.js';
