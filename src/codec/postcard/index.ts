export { postcard } from './postcard.js';
