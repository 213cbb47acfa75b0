import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import ts from 'typescript';

// Jest only transpiles, and `npm run types` checks types.test.ts. This test compiles that file by itself: once unchanged,
// and once with each of the tested types made wrong.

const root = fileURLToPath(new URL('../../', import.meta.url));
const file = `${root}test/service/types.test.ts`;
const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const sources = new Map<string, ts.SourceFile | undefined>();

/** Returns the compiler's errors in the file, with `right` replaced by `wrong` in one of the sources. */
function errorsWith(source?: string, right = '', wrong = ''): readonly string[] {
  const host = ts.createCompilerHost(options);
  const parse = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version, ...how) => {
    if (source !== undefined && name.endsWith(source)) {
      const text = readFileSync(name, 'utf8');
      expect(text).toContain(right);
      return ts.createSourceFile(name, text.replace(right, wrong), version, true);
    }
    if (!sources.has(name)) sources.set(name, parse(name, version, ...how));
    return sources.get(name);
  };
  const program = ts.createProgram([file], options, host);
  return program
    .getSemanticDiagnostics(program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('the tests of types hold', () => {
  expect(errorsWith()).toEqual([]);
});

test.each([
  ['ArgsOf', 'src/service/calls.ts', "ArgsOf<M> = TypesOf<M>['args']['sent']", 'ArgsOf<M> = any'],
  ['TakenArgsOf', 'src/service/calls.ts', "TakenArgsOf<M> = TypesOf<M>['args']['taken']", 'TakenArgsOf<M> = any'],
  ['ResultOf', 'src/service/calls.ts', "ResultOf<M> = TypesOf<M>['result']['taken']", 'ResultOf<M> = unknown'],
  ['AnswerOf', 'src/service/calls.ts', "AnswerOf<M> = TypesOf<M>['result']['sent']", 'AnswerOf<M> = any'],
  ['ErrorOf', 'src/service/calls.ts', "ErrorOf<M> = TypesOf<M>['error']['taken']", 'ErrorOf<M> = any'],
  ['LooksLikeOptions', 'src/service/client.ts', 'unknown extends T\n  ? true', 'unknown extends T\n  ? false'],
])('the tests of types fail where %s is wrong', (_, source, right, wrong) => {
  expect(errorsWith(source, right, wrong)).not.toEqual([]);
});
