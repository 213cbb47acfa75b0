/**
 * Read without a type check, which would cost more than a second at every start; `npm run types` checks this file too.
 *
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"transpileOnly": true, "compilerOptions": {"module": "CommonJS", "moduleResolution": "Bundler"}}
 */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Copies of this directory that `npm run mutate` works on.
  modulePathIgnorePatterns: ['<rootDir>/coverage/'],
  // Transpiles file by file (`isolatedModules` in tsconfig.json); types are checked by `npm run types`.
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true, diagnostics: false }] },
  // `development` gives XState's own warnings, which the tests want to see.
  testEnvironmentOptions: { customExportConditions: ['node', 'node-addons', 'development'] },
  maxWorkers: 2,
  // A worker keeps the modules of every file that it has run: a collection of its heap would come to take seconds.
  workerIdleMemoryLimit: '800MB',
  // What takes longer hangs, on a busy machine too.
  testTimeout: 60_000,
};

export default config;
