/**
 * The network that counts as one peer: an IPv4 address, or the first 64 bits of an IPv6 address. One host can have any
 * number of IPv6 addresses within these.
 */
export function networkOf(address: string): string {
  // An address, no text that happens to have colons. An IPv4 address within an IPv6 address has dots.
  if (!/^[\da-f:]*:[\da-f:]*:[\da-f:]*(%[^.]*)?$/i.test(address)) return address;
  const [head = '', tail] = address.split('%', 1).join().split('::');
  const [before, after] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':'))) as [
    string[],
    string[],
  ];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
