import { pacingPart } from './pacing.part.js';
import { machineSuite, steppedSuite } from './suite.js';

machineSuite(pacingPart);
steppedSuite(pacingPart);
