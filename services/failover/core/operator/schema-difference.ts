/**
 * In which objects the schema of a region differs from the primary's, in words. Two descriptions
 * are compared only when both have seen the same captured commands: a region that has run fewer is
 * behind, not different.
 */
import { differencesShownMax } from '../../../../shared/core/drift/confirmed-differences.ts';

export interface SchemaObject {
  /** Its kind and qualified name, e.g. `column public.orders.note`. */
  readonly name: string;
  readonly definition: string;
  /** Name of the object that it comes and goes with; empty for one that stands alone. */
  readonly partOf: string;
}

export interface SchemaDescription {
  /** Number of the last captured command whose effect it shows. */
  readonly commands: bigint;
  /** Wholes before their parts. */
  readonly objects: readonly SchemaObject[];
}

/** A longer definition says nothing to a person who reads it in a line. */
const definitionShownMax = 60;

/** What is different in `own`; null when the two cannot be compared now. */
export function schemaDifferences(
  own: SchemaDescription,
  primary: SchemaDescription,
): readonly string[] | null {
  if (own.commands !== primary.commands) return null;
  const ours = new Map(own.objects.map((object) => [object.name, object]));
  const theirs = new Map(primary.objects.map((object) => [object.name, object]));
  const onlyOnPrimary = primary.objects.filter(({ name }) => !ours.has(name));
  const onlyHere = own.objects.filter(({ name }) => !theirs.has(name));
  const whole = new Set([...onlyOnPrimary, ...onlyHere].map(({ name }) => name));
  const words = (objects: readonly SchemaObject[], how: string): string[] =>
    objects.filter(({ partOf }) => !whole.has(partOf)).map(({ name }) => `${name} ${how}`);
  const changed = own.objects.flatMap(({ name, definition }) => {
    const other = theirs.get(name);
    if (other === undefined || other.definition === definition) return [];
    return [`${name} ${inWords(definition, other.definition)}`];
  });
  const found = [
    ...words(onlyOnPrimary, 'is missing there'),
    ...words(onlyHere, 'exists only there'),
    ...changed,
  ];
  return found.slice(0, differencesShownMax);
}

/**
 * The words for a region that has run a captured command which the primary, asked later, has not.
 */
export const foreignCommand = 'commands were captured there that the primary has not run';

function inWords(here: string, onPrimary: string): string {
  if (Math.max(here.length, onPrimary.length) > definitionShownMax) return 'is defined otherwise';
  return `is ${here === '' ? '-' : here}, not ${onPrimary === '' ? '-' : onPrimary}`;
}
