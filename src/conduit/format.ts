// A peer may use another format than this session. Both sides would then find the other's first frame malformed, and
// their errors would not say why. The known formats differ in the beginning of a first frame.

interface Format {
  /** The name of this library's codec for the format, if there is one. */
  readonly codec?: string;
  readonly matches: (first: number, second: number, text: string) => boolean;
  /** Returns the text of an error: which format the peer uses, and a remedy. `own` is the session's codec. */
  readonly says: (own: string) => string;
}

const sameCodec = (name: string, own: string, option: string) =>
  `the peer speaks ${name}, and this session ${own}: both ends need the same codec (here: ${option})`;

const FORMATS: readonly Format[] = [
  {
    codec: 'msgpack',
    matches: (first) => (first >= 0x90 && first < 0xa0) || first === 0xdc,
    says: (own) => sameCodec('MessagePack', own, 'codec: messagePack, which is the default'),
  },
  {
    // A Hello or a HelloYourself on the root.
    codec: 'postcard',
    matches: (first, second) => first === 0 && (second === 0 || second === 1),
    says: (own) =>
      sameCodec('postcard, as the official peers of roam 7', own, 'codec: postcard of roam-actors/postcard'),
  },
  {
    matches: (_first, _second, text) => text === 'ROCH' || text === 'ROSH',
    says: (own) =>
      `the peer speaks the stable conduit of roam 7, which is not supported, and this session ${own} without it: have the peer use a bare conduit`,
  },
  {
    matches: (_first, _second, text) => /VOT[HAR]/.test(text),
    says: (own) =>
      `the peer speaks vox, the successor of roam, which is not compatible, and this session roam 7 in ${own}: the peer needs a version of roam 7`,
  },
];

/**
 * Names the format of a peer's first frame, which the codec `own` could not read.
 *
 * @returns undefined where it is in no known format, or in that of `own`.
 */
export function otherFormat(frame: Uint8Array, own: string): string | undefined {
  const [first = -1, second = -1] = frame;
  const text = String.fromCharCode(...frame.subarray(0, 4));
  const format = FORMATS.find(({ matches }) => matches(first, second, text));
  return format === undefined || format.codec === own ? undefined : format.says(own);
}
