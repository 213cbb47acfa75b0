/** The bytes that begin each line: groups of hexadecimal digits with one space between; the remark comes after more. */
export function hexOf(dump: string): string {
  return dump
    .trimEnd()
    .split('\n')
    .map((line) => {
      const bytes = /^ *((?:[0-9a-f]{2})+(?: (?:[0-9a-f]{2})+)*) {2,}\S/.exec(line)?.[1];
      if (bytes === undefined) throw new Error(`not a line of bytes and a remark: ${line}`);
      return bytes.replaceAll(' ', '');
    })
    .join('');
}
