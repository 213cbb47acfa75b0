import { sessionPart } from './session.part.js';
import { machineSuite } from './suite.js';

machineSuite(sessionPart);
