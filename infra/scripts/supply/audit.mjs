/**
 * Known vulnerabilities of the locked packages, by `npm audit`: none, some, or nobody knows. A
 * registry that answers no audit is never taken for a clean one.
 */
import { spawn } from 'node:child_process';
import { repositoryFolder } from '../parts.mjs';

/**
 * @typedef {{ name: string, severity: string, why: string }} Vulnerability
 * @typedef {{ kind: 'clean', packages: number }
 *   | { kind: 'vulnerable', vulnerabilities: Vulnerability[] }
 *   | { kind: 'unanswered', why: string }} AuditResult
 */

/**
 * Asks the registry that npm is set to, or `registry`.
 * @param {{ registry?: string, timeoutMs?: number }} [options]
 * @returns {Promise<AuditResult>}
 */
export function auditPackages({ registry, timeoutMs = 30_000 } = {}) {
  const args = ['audit', '--json', '--fetch-retries=0', `--fetch-timeout=${String(timeoutMs)}`];
  if (registry !== undefined) args.push(`--registry=${registry}`);
  return new Promise((resolve) => {
    const child = spawn('npm', args, { cwd: repositoryFolder, timeout: 2 * timeoutMs });
    child.stderr.resume();
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.once('error', (error) => resolve({ kind: 'unanswered', why: error.message }));
    child.once('close', () => resolve(judgeAudit(text)));
  });
}

/**
 * @param {string} text What `npm audit --json` printed.
 * @returns {AuditResult}
 */
export function judgeAudit(text) {
  const report = parsed(text);
  if (report?.auditReportVersion !== 2 || report.metadata === undefined) {
    return { kind: 'unanswered', why: report?.message ?? 'npm audit printed no report' };
  }
  const found = Object.values(report.vulnerabilities ?? {}).map(({ name, severity, via }) => ({
    name,
    severity,
    why: via.map((one) => (typeof one === 'string' ? `through ${one}` : one.title)).join('; '),
  }));
  if (found.length > 0) return { kind: 'vulnerable', vulnerabilities: found };
  return { kind: 'clean', packages: report.metadata.dependencies?.total ?? 0 };
}

/**
 * @param {string} text
 * @returns {{
 *   auditReportVersion?: number,
 *   message?: string,
 *   vulnerabilities?: Record<string, {
 *     name: string, severity: string, via: (string | { title: string })[] }>,
 *   metadata?: { dependencies?: { total?: number } },
 * } | null}
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
