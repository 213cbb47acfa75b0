import { connectionPart } from './connection.part.js';
import { machineSuite } from './suite.js';

machineSuite(connectionPart);
