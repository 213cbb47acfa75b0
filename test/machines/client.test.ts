import { clientPart } from './client.part.js';
import { machineSuite } from './suite.js';

machineSuite(clientPart, {});
