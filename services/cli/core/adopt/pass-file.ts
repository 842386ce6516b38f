/** A libpq password file (manual, section "The Password File"). */

export interface PassFor {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** The password of the first line that fits; null: none does. */
export function passwordIn(text: string, wanted: PassFor): string | null {
  const { host, port, database, user } = wanted;
  // Sockets in a folder count as localhost there.
  const place = host.startsWith('/') ? [host, 'localhost'] : [host];
  const fits = [place, [String(port)], [database], [user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line);
    const password = fields[4];
    if (password === undefined) continue;
    const isFit = fits.every((names, index) => {
      const field = fields[index] ?? '';
      return field === '*' || names.includes(field.replaceAll(/\\(.)/g, '$1'));
    });
    if (isFit) return password.replaceAll(/\\(.)/g, '$1');
  }
  return null;
}

/** Between colons; a backslash takes a colon or another backslash along. */
function fieldsOf(line: string): string[] {
  return line.match(/(?<=^|:)(?:\\.|[^:\\])*(?=:|$)/g) ?? [];
}
