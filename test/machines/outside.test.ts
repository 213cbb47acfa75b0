import { describe } from '@jest/globals';
import { connectionPart } from './connection.part.js';
import { handshakePart } from './handshake.part.js';
import { keepalivePart } from './keepalive.part.js';
import { sessionPart } from './session.part.js';
import { outsideSuite } from './suite.js';

// This is a file of its own, so that Jest runs it in parallel with the others.

describe('handshake', () => outsideSuite(handshakePart));
describe('keepalive', () => outsideSuite(keepalivePart));
describe('connection', () => outsideSuite(connectionPart));
describe('session', () => outsideSuite(sessionPart));
