/** What a reply needs of a statement's result; the port's StatementResult has this shape. */
export interface SqlResult {
  readonly command: string;
  readonly rowCount: number;
  readonly fields: readonly { readonly name: string; readonly typeOid: number }[];
  /** PostgreSQL's text form, or null. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly isCutOff: boolean;
}
