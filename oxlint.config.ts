import { defineConfig } from 'oxlint'
import { common, mayKnow } from './architecture.ts'

const components = Object.keys(mayKnow)
const forbidden = (component: string): string[] =>
  components.filter(other => other !== component && !common.includes(other) && !mayKnow[component]!.includes(other))

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'node', 'react', 'jsx-a11y'],
  categories: { correctness: 'error' },
  ignorePatterns: ['dist/**', 'node_modules/**', '.trainyard/**'],
  rules: {
    'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
    'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
    'max-params': ['error', 4],
    'max-depth': ['error', 3],
    'no-console': 'error',
    // Types count: who may know whom holds for readers as much as for the machine.
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'node/no-process-env': 'error',
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'unicorn/prefer-node-protocol': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    // node:test's test() returns a promise that its runner awaits.
    'typescript/no-floating-promises': [
      'error',
      {
        allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'suite', 'before', 'after'] }],
      },
    ],
    // Interfaces here are objects of closures: no method reads `this`.
    'typescript/unbound-method': 'off',
    // A drawing is an svg with a role and a label.
    'jsx-a11y/prefer-tag-over-role': 'off',
    // Mistakes Fastify for Express.
    'oxc/no-async-endpoint-handlers': 'off',
  },
  overrides: [
    // A later override replaces the earlier options of the same rule: one entry for each component.
    ...components.map(component => ({
      files: [`src/${component}/**`],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: forbidden(component).map(other => `#${other}`),
                message: `${component} may not know this component: see architecture.ts.`,
              },
              { group: ['../*/**', '../../**'], message: 'Leave the component through a # door.' },
            ],
          },
        ] as never,
      },
    })),
    {
      files: ['web/vite.config.ts', 'examples/**', '*.config.ts'],
      rules: { 'import/no-default-export': 'off' },
    },
    // A store adapter is a list of statements, one short method each.
    { files: ['**/*.sql.ts'], rules: { 'max-lines-per-function': 'off' } },
    {
      files: ['**/*.test.ts', '**/*.test.tsx', '**/*.contract.ts', 'test/**'],
      rules: { 'max-lines-per-function': 'off' },
    },
    {
      files: ['scripts/**', 'benchmarks/**', 'examples/**', 'test/**'],
      rules: { 'no-console': 'off', 'node/no-process-env': 'off' },
    },
  ],
})
