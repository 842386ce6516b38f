/**
 * Runs a script of this repository with the project's Node, whatever Node npm itself runs on:
 *
 *   node infra/scripts/run-node.mjs <entry.ts> [arguments]
 */
import { runWithProjectNode } from './node-child.mjs';

const [entryFile, ...args] = process.argv.slice(2);
if (entryFile === undefined) {
  process.stderr.write('usage: run-node.mjs <entry.ts> [arguments]\n');
  process.exit(2);
}
runWithProjectNode(entryFile, args);
