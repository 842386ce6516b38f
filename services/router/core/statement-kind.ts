/**
 * What a statement does, going by the parse tree of PostgreSQL's own parser (libpg-query, JSON
 * form). Whether the functions it calls write, the catalog says; this file only lists them.
 */
import { findAll, field, isRecord, textOf } from './parse-tree.ts';

export interface ReadStatement {
  readonly kind: 'read';
  /** Called functions and used operators as written, `schema.name` or `name`, each once. */
  readonly functions: readonly string[];
  readonly operators: readonly string[];
  readonly touchesSession: boolean;
  /** A cursor can be opened for it. */
  readonly isQuery: boolean;
}

export interface WriteStatement {
  readonly kind: 'write';
  readonly why: string;
  /** PostgreSQL refuses it inside a transaction block. */
  readonly isAlone: boolean;
  /** It may leave settings, locks or temporary tables behind in the session. */
  readonly touchesSession: boolean;
}

export interface RefusedStatement {
  readonly kind: 'refused';
  readonly why: string;
  readonly hint: string;
}

export type StatementKind = ReadStatement | WriteStatement | RefusedStatement;

const writingNodes = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];
const sessionNodes = [
  'ListenStmt',
  'UnlistenStmt',
  'PrepareStmt',
  'ExecuteStmt',
  'DeallocateStmt',
  'DiscardStmt',
  'LoadStmt',
  'DoStmt',
  'CallStmt',
  'DeclareCursorStmt',
];
const aloneNodes = [
  'VacuumStmt',
  'ReindexStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'AlterSystemStmt',
  'CreateTableSpaceStmt',
  'DropTableSpaceStmt',
];
/** Built-in functions that leave something behind in the session. */
const sessionFunctions = /^(pg_catalog\.)?(set_config|pg_(try_)?advisory_lock(_shared)?|dblink.*)$/;

/** The kind of the one statement in `tree`, as `parse` of libpg-query returned it. */
export function statementKindOf(tree: unknown): StatementKind {
  const statements = field(tree, 'stmts');
  if (!Array.isArray(statements) || statements.length === 0) {
    return refused('the text holds no statement', 'Send one SQL statement.');
  }
  if (statements.length > 1) {
    const hint = 'Send several statements with POST /v1/transaction.';
    return refused('the text holds several statements', hint);
  }
  const statement = field(statements[0], 'stmt');
  const [name, body] = isRecord(statement) ? (Object.entries(statement)[0] ?? []) : [];
  if (name === undefined) return refused('the text holds no statement', 'Send one SQL statement.');
  return kindOf(name, body);
}

function kindOf(name: string, body: unknown): StatementKind {
  switch (name) {
    case 'SelectStmt':
      return kindOfSelect(body);
    case 'VariableShowStmt':
      return plainRead(false);
    case 'ExplainStmt': {
      const [inner, query] = Object.entries(asRecord(field(body, 'query')))[0] ?? [];
      if (inner === undefined) return write('EXPLAIN', name, body);
      const explained = kindOf(inner, query);
      return explained.kind === 'read' ? { ...explained, isQuery: false } : explained;
    }
    case 'TransactionStmt':
      return kindOfTransactionControl(body);
    case 'VariableSetStmt':
      return kindOfSet(body);
    case 'CopyStmt':
      return refused('COPY has no HTTP form', 'Use INSERT … SELECT unnest(…), or psql.');
    default:
      return write(name, name, body);
  }
}

function kindOfSelect(body: unknown): StatementKind {
  const found = findAll(body, (key) => writingNodes.includes(key))[0];
  if (found !== undefined) return write(`${found.key} inside the query`, 'SelectStmt', body);
  if (findAll(body, (key) => key === 'lockingClause').length > 0) {
    return write('it locks rows', 'SelectStmt', body);
  }
  if (findAll(body, (key) => key === 'intoClause').length > 0) {
    return write('SELECT INTO makes a table', 'SelectStmt', body);
  }
  const functions = functionsIn(body);
  const operators = findAll(body, (key) => key === 'A_Expr' || key === 'SubLink').map(({ value }) =>
    qualifiedName(field(value, 'name') ?? field(value, 'operName')),
  );
  return {
    kind: 'read',
    functions,
    // BETWEEN and its kin are syntax for operators of the B-tree class, which may not be volatile.
    operators: unique(operators).filter((name) => !/[A-Za-z]$/.test(name)),
    touchesSession: functions.some((one) => sessionFunctions.test(one)),
    isQuery: true,
  };
}

function kindOfTransactionControl(body: unknown): StatementKind {
  const kind = textOf(field(body, 'kind')).replace('TRANS_STMT_', '');
  if (['SAVEPOINT', 'RELEASE', 'ROLLBACK_TO'].includes(kind)) {
    return plainRead(false);
  }
  const hint = 'POST /v1/transaction runs a whole transaction, POST /v1/transactions opens one.';
  return refused(`${kind} belongs to Meridian here`, hint);
}

const guardedSettings: Readonly<Record<string, string>> = {
  role: 'The role comes from the access token.',
  session_authorization: 'The role comes from the access token.',
  synchronous_commit: 'Choose the durability with the header meridian-durability.',
};

function kindOfSet(body: unknown): StatementKind {
  const name = textOf(field(body, 'name')).toLowerCase();
  const hint = guardedSettings[name];
  if (hint !== undefined) return refused(`${name} belongs to Meridian here`, hint);
  const isLocal = field(body, 'is_local') === true || name.startsWith('transaction');
  return plainRead(!isLocal);
}

function plainRead(touchesSession: boolean): ReadStatement {
  return { kind: 'read', functions: [], operators: [], touchesSession, isQuery: false };
}

function write(why: string, name: string, body: unknown): WriteStatement {
  const isTemporary = findAll(body, (key) => key === 'relpersistence').some(
    ({ value }) => value === 't',
  );
  const isConcurrent = findAll(body, (key) => key === 'concurrent').some(
    ({ value }) => value === true,
  );
  const touchesSession =
    isTemporary ||
    sessionNodes.includes(name) ||
    functionsIn(body).some((one) => sessionFunctions.test(one));
  const isAlone = aloneNodes.includes(name) || (isConcurrent && name !== 'RefreshMatViewStmt');
  return { kind: 'write', why, isAlone, touchesSession };
}

function refused(why: string, hint: string): RefusedStatement {
  return { kind: 'refused', why, hint };
}

function functionsIn(body: unknown): string[] {
  const calls = findAll(body, (key) => key === 'FuncCall');
  return unique(calls.map(({ value }) => qualifiedName(field(value, 'funcname'))));
}

/** A list of `String` nodes as `schema.name` or `name`. */
function qualifiedName(parts: unknown): string {
  if (!Array.isArray(parts)) return '';
  return parts.map((part: unknown) => textOf(field(field(part, 'String'), 'sval'))).join('.');
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => name !== '').toSorted();
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
