export { VirtualClock } from '../../src/testing/clock.js';
