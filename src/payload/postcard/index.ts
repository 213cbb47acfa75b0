export { postcard } from '../../codec/postcard/postcard.js';
export { postcardPayload } from './payload.js';

export {
  type ChannelType,
  type ChannelTypeOptions,
  type OptionOf,
  type ResultValue,
  type Type,
  type TypeOf,
  t,
} from './types.js';
