/**
 * Which command tag a parsed statement has, as event triggers name it, so that the one command that
 * was captured is found in a text of several. Statements that fire no event trigger have none.
 */

/** A statement of libpg-query's tree: one property, named after the node. */
export type StatementNode = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const fixedTags: Readonly<Record<string, string>> = {
  CreateStmt: 'CREATE TABLE',
  CreateForeignTableStmt: 'CREATE FOREIGN TABLE',
  ViewStmt: 'CREATE VIEW',
  IndexStmt: 'CREATE INDEX',
  CreateSchemaStmt: 'CREATE SCHEMA',
  CreateSeqStmt: 'CREATE SEQUENCE',
  AlterSeqStmt: 'ALTER SEQUENCE',
  CompositeTypeStmt: 'CREATE TYPE',
  CreateEnumStmt: 'CREATE TYPE',
  CreateRangeStmt: 'CREATE TYPE',
  AlterEnumStmt: 'ALTER TYPE',
  AlterTypeStmt: 'ALTER TYPE',
  CreateDomainStmt: 'CREATE DOMAIN',
  AlterDomainStmt: 'ALTER DOMAIN',
  CommentStmt: 'COMMENT',
  SecLabelStmt: 'SECURITY LABEL',
  AlterDefaultPrivilegesStmt: 'ALTER DEFAULT PRIVILEGES',
  CreateTrigStmt: 'CREATE TRIGGER',
  RuleStmt: 'CREATE RULE',
  CreatePolicyStmt: 'CREATE POLICY',
  AlterPolicyStmt: 'ALTER POLICY',
  CreateExtensionStmt: 'CREATE EXTENSION',
  AlterExtensionStmt: 'ALTER EXTENSION',
  AlterExtensionContentsStmt: 'ALTER EXTENSION',
  RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW',
  CreateStatsStmt: 'CREATE STATISTICS',
  AlterStatsStmt: 'ALTER STATISTICS',
  CreateCastStmt: 'CREATE CAST',
  CreateConversionStmt: 'CREATE CONVERSION',
  CreateOpClassStmt: 'CREATE OPERATOR CLASS',
  CreateOpFamilyStmt: 'CREATE OPERATOR FAMILY',
  AlterOpFamilyStmt: 'ALTER OPERATOR FAMILY',
  AlterOperatorStmt: 'ALTER OPERATOR',
  CreateFdwStmt: 'CREATE FOREIGN DATA WRAPPER',
  AlterFdwStmt: 'ALTER FOREIGN DATA WRAPPER',
  CreateForeignServerStmt: 'CREATE SERVER',
  AlterForeignServerStmt: 'ALTER SERVER',
  CreateUserMappingStmt: 'CREATE USER MAPPING',
  AlterUserMappingStmt: 'ALTER USER MAPPING',
  DropUserMappingStmt: 'DROP USER MAPPING',
  ImportForeignSchemaStmt: 'IMPORT FOREIGN SCHEMA',
  CreatePLangStmt: 'CREATE LANGUAGE',
  CreateTransformStmt: 'CREATE TRANSFORM',
  CreateAmStmt: 'CREATE ACCESS METHOD',
  CreatePublicationStmt: 'CREATE PUBLICATION',
  AlterPublicationStmt: 'ALTER PUBLICATION',
  AlterTSDictionaryStmt: 'ALTER TEXT SEARCH DICTIONARY',
  AlterTSConfigurationStmt: 'ALTER TEXT SEARCH CONFIGURATION',
  AlterCollationStmt: 'ALTER COLLATION',
  DropOwnedStmt: 'DROP OWNED',
  ReassignOwnedStmt: 'REASSIGN OWNED',
};

/** Nodes whose tag is a verb and the kind of object, with the property that names the kind. */
const verbs: Readonly<Record<string, readonly [string, string]>> = {
  AlterTableStmt: ['ALTER', 'objtype'],
  AlterFunctionStmt: ['ALTER', 'objtype'],
  AlterObjectSchemaStmt: ['ALTER', 'objectType'],
  AlterOwnerStmt: ['ALTER', 'objectType'],
  AlterObjectDependsStmt: ['ALTER', 'objectType'],
  DropStmt: ['DROP', 'removeType'],
  DefineStmt: ['CREATE', 'kind'],
};

const objectWords: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'MATERIALIZED VIEW',
  OBJECT_TABCONSTRAINT: 'TABLE',
  OBJECT_DOMCONSTRAINT: 'DOMAIN',
  OBJECT_ATTRIBUTE: 'TYPE',
  OBJECT_FDW: 'FOREIGN DATA WRAPPER',
  OBJECT_FOREIGN_SERVER: 'SERVER',
  OBJECT_OPCLASS: 'OPERATOR CLASS',
  OBJECT_OPFAMILY: 'OPERATOR FAMILY',
  OBJECT_STATISTIC_EXT: 'STATISTICS',
  OBJECT_TSDICTIONARY: 'TEXT SEARCH DICTIONARY',
  OBJECT_TSTEMPLATE: 'TEXT SEARCH TEMPLATE',
  OBJECT_TSPARSER: 'TEXT SEARCH PARSER',
  OBJECT_TSCONFIGURATION: 'TEXT SEARCH CONFIGURATION',
};

/** The tag of the statement, or null when it fires no event trigger (or is not known to). */
export function commandTagOf(statement: StatementNode): string | null {
  const [entry] = Object.entries(statement);
  if (entry === undefined) return null;
  const [name, node] = entry;
  const fixed = fixedTags[name];
  if (fixed !== undefined) return fixed;
  const verb = verbs[name];
  if (verb !== undefined) return `${verb[0]} ${wordsOf(node[verb[1]])}`;
  switch (name) {
    case 'CreateTableAsStmt':
      if (node['objtype'] === 'OBJECT_MATVIEW') return 'CREATE MATERIALIZED VIEW';
      return node['is_select_into'] === true ? 'SELECT INTO' : 'CREATE TABLE AS';
    case 'SelectStmt':
      return node['intoClause'] === undefined ? null : 'SELECT INTO';
    case 'CreateFunctionStmt':
      return node['is_procedure'] === true ? 'CREATE PROCEDURE' : 'CREATE FUNCTION';
    case 'GrantStmt':
      return node['is_grant'] === true ? 'GRANT' : 'REVOKE';
    case 'RenameStmt':
      return `ALTER ${wordsOf(renamedKind(node))}`;
    default:
      return null;
  }
}

/** A renamed column or constraint belongs to a table, view or type: the tag names that one. */
function renamedKind(node: Readonly<Record<string, unknown>>): unknown {
  const type = node['renameType'];
  const isPart = type === 'OBJECT_COLUMN' || type === 'OBJECT_ATTRIBUTE';
  return isPart ? node['relationType'] : type;
}

function wordsOf(objectType: unknown): string {
  const name = typeof objectType === 'string' ? objectType : 'OBJECT_TABLE';
  return objectWords[name] ?? name.replace('OBJECT_', '').replaceAll('_', ' ');
}
