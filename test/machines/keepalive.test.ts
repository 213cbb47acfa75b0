import { keepalivePart } from './keepalive.part.js';
import { machineSuite } from './suite.js';

machineSuite(keepalivePart);
