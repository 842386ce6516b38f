/** Traces of one particular machine that have no place in the repository. */
import type { SourceFile } from './source-tree.ts';

const homePath = /(?<![\w.:/-])\/(?:work|root|home\/\w+|Users\/\w+)(?:\/|(?=["'`\s,;)]|$))/;
const registryHost =
  /\b(?:registry\.(?:npmjs|yarnpkg)\.\w+|repo1?\.maven\.\w+|pypi\.org|(?:artifactory|nexus)\.)/i;
const address = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]|\/\d)/g;
const privateNetwork = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.)/;
/** Networks by name and their first addresses: what rules and their samples speak of. */
const sampleAddress = /^(?:10\.0\.0\.|192\.168\.0\.|172\.16\.0\.)/;

export function findMachineTraces({ path, text }: SourceFile): readonly string[] {
  return text.split('\n').flatMap((line, index) => {
    const traces = [
      homePath.exec(line)?.[0],
      registryHost.exec(line)?.[0],
      ...[...line.matchAll(address)]
        .map(([found]) => found)
        .filter((found) => privateNetwork.test(found) && !sampleAddress.test(found)),
    ];
    return traces
      .filter((trace) => trace !== undefined)
      .map((trace) => `${path}:${index + 1}: ${trace.trim()}`);
  });
}
