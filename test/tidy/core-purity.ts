/** Core decides without clock, chance, waiting or the outside world. */
import ts from 'typescript';
import { parse } from './imports.ts';
import type { SourceFile } from './source-tree.ts';

const forbiddenNames = new Set([
  'AsyncGenerator',
  'AsyncIterable',
  'Promise',
  'PromiseLike',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);
const forbiddenMembers = new Set(['Date.now', 'Math.random', 'import.meta']);
const asyncSyntax = new Set([ts.SyntaxKind.AsyncKeyword, ts.SyntaxKind.AwaitKeyword]);

export function findImpurities(file: SourceFile): readonly string[] {
  const source = parse(file);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const name = impurityOf(node);
    if (name !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${file.path}:${line + 1}: ${name}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function impurityOf(node: ts.Node): string | undefined {
  if (asyncSyntax.has(node.kind) || ts.isAwaitExpression(node)) return 'async';
  if (ts.isMetaProperty(node)) return 'import.meta';
  if (ts.isPropertyAccessExpression(node)) {
    const member = `${node.expression.getText()}.${node.name.text}`;
    return forbiddenMembers.has(member) ? member : undefined;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return node.arguments?.length ? undefined : 'new Date()';
  }
  if (!ts.isIdentifier(node) || !forbiddenNames.has(node.text)) return undefined;
  return isNameOfMember(node) ? undefined : node.text;
}

/** `effect.process` and `{ process: … }` name something else than the global. */
function isNameOfMember(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent)) &&
    parent.name === node
  );
}
