export { postcardPayload } from './payload.js';
export { postcard } from './postcard.js';

export {
  type ChannelType,
  type ChannelTypeOptions,
  type OptionOf,
  type ResultValue,
  type Type,
  type TypeOf,
  t,
} from './types.js';
