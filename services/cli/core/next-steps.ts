/** What a person may do with a cluster that has just come up. */

export interface NextSteps {
  /** Gateway of the first region. */
  readonly gatewayUrl: string;
  /** A region that is not primary. */
  readonly other: string | null;
  readonly isForeground: boolean;
}

/** A few commands, each with what it does. */
export function renderNextSteps(steps: NextSteps): string {
  const lines = [
    ['npx meridian status --watch', 'watch the regions'],
    ['npm run demo', 'load data, send traffic, switch over, compare'],
    ...(steps.other === null
      ? []
      : [[`npx meridian switchover ${steps.other}`, 'make another region the primary']]),
    ["npx meridian psql -- -c 'SELECT 1'", 'SQL on the primary'],
  ].map(([command = '', does = '']) => `  ${command.padEnd(40)} ${does}`);
  const curl = [
    `  curl ${steps.gatewayUrl}/v1/query \\`,
    '    -H "authorization: Bearer $(npx meridian token --scope data:write)" \\',
    '    -H \'content-type: application/json\' -d \'{"sql": "SELECT now()"}\'',
  ];
  const end = steps.isForeground
    ? 'Ctrl-C stops everything and keeps the data.'
    : 'npx meridian down stops everything and keeps the data.';
  return ['Try next:', ...lines, ...curl, '', end].join('\n');
}
