/**
 * What the linter checks: unsafe uses of promises and types, sizes, and which folder may import
 * which package. Arrows between folders are checked by test/tidy, which resolves every path.
 */
import tseslint from 'typescript-eslint';

const clientPackages = {
  pg: 'shared/pg',
  kafkajs: 'shared/kafka',
  '@platformatic/kafka': 'shared/kafka',
  ioredis: 'shared/redis',
  fastify: 'shared/http',
};

const clientFolders = [...new Set(Object.values(clientPackages))];

/**
 * Each folder of thin clients may import its own packages; all other folders none of them.
 * @param {string} [ownFolder]
 * @returns {import('eslint').Linter.RulesRecord}
 */
function clientPackageRule(ownFolder) {
  const foreign = Object.entries(clientPackages).filter(([, folder]) => folder !== ownFolder);
  const paths = foreign.map(([name, folder]) => ({
    name,
    message: `Only ${folder} imports ${name}.`,
    // Route files and plugins import Fastify's types.
    allowTypeImports: name === 'fastify',
  }));
  return { '@typescript-eslint/no-restricted-imports': ['error', { paths }] };
}

const coreGlobals = ['process', 'console', 'setTimeout', 'setInterval', 'setImmediate', 'Promise'];

export default tseslint.config(
  { ignores: ['node_modules/', '.meridian/', '.cache/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,js,mjs}'],
    extends: [tseslint.configs.base],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: process.cwd() },
    },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', 300],
      'max-params': ['error', 3],
      'no-eval': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ['services/**', 'shared/**', 'infra/**'],
    rules: {
      'max-lines-per-function': ['error', { max: 70 }],
      ...clientPackageRule(),
    },
  },
  ...clientFolders.map((folder) => ({
    files: [`${folder}/**`],
    rules: clientPackageRule(folder),
  })),
  {
    files: ['services/*/core/**', 'shared/core/**'],
    rules: {
      'no-restricted-globals': ['error', ...coreGlobals],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^(?!\\./|\\.\\./core/|(\\.\\./)+shared/core/)', message: 'Core is pure.' },
          ],
        },
      ],
    },
  },
  {
    // A folder within a core reaches the core around it.
    files: ['services/*/core/*/**', 'shared/core/*/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(?!\\./|\\.\\./([a-z-]+/)?[a-z-]+\\.ts$|(\\.\\./)+shared/core/)',
              message: 'Core is pure.',
            },
          ],
        },
      ],
    },
  },
  {
    // node:test collects the promises of test() and describe() itself.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
);
