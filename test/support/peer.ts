export { ScriptedPeer } from '../../src/testing/peer.js';
