import { handshakePart } from './handshake.part.js';
import { machineSuite } from './suite.js';

machineSuite(handshakePart);
