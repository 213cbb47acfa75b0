/** Lines of roam-core 7.3.0 that no script reaches, and why. */
export const UNREACHABLE: readonly {
  readonly file: 'session/mod.rs' | 'driver.rs';
  /** The first and the last line. */
  readonly lines: readonly [number, number];
  readonly why: string;
}[] = [
  { file: 'session/mod.rs', lines: [258, 262], why: 'nothing prints a pending open' },
  { file: 'session/mod.rs', lines: [274, 274], why: 'a message that was received has its payload as bytes' },
  { file: 'session/mod.rs', lines: [422, 422], why: 'the only value that is ever sent is true' },
  { file: 'session/mod.rs', lines: [497, 497], why: 'nothing makes an Io error' },
  { file: 'session/mod.rs', lines: [744, 744], why: 'the branch is off without keepalive' },
  { file: 'session/mod.rs', lines: [858, 858], why: 'there is no tick without keepalive' },
  { file: 'driver.rs', lines: [499, 499], why: 'only Responses are sent to a call' },
  { file: 'driver.rs', lines: [516, 516], why: 'the only value that is ever sent is true' },
  { file: 'driver.rs', lines: [653, 653], why: 'two threads would have to make the first caller at once' },
  { file: 'driver.rs', lines: [663, 663], why: 'every handle has what closes its connection' },
  { file: 'driver.rs', lines: [770, 770], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [776, 776], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [798, 798], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [823, 823], why: 'a request message is a Call, a Response or a Cancel' },
  { file: 'driver.rs', lines: [839, 839], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [847, 847], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [862, 862], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [869, 869], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [886, 886], why: 'the kind of the message was tested before' },
  { file: 'driver.rs', lines: [893, 893], why: 'the kind of the message was tested before' },
];
