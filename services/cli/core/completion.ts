/** Completion scripts for bash, zsh and fish, made from the verbs that the program has. */

export interface VerbWords {
  /** Words of the verb, e.g. `region up`; empty for the program itself. */
  readonly path: string;
  /** What may follow: verbs below it and its options. */
  readonly next: readonly string[];
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A script to be evaluated by the shell's start-up file. */
export function completionScript(shell: Shell, verbs: readonly VerbWords[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(verbs);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(verbs)}`;
    case 'fish':
      return fishScript(verbs);
  }
}

function bashScript(verbs: readonly VerbWords[]): string {
  const cases = verbs.map(({ path, next }) => `    '${path}') words='${next.join(' ')}' ;;`);
  return [
    '_meridian() {',
    '  local path="" words="" word',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) path="${path:+$path }$word" ;; esac',
    '  done',
    '  case "$path" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _meridian meridian',
    '',
  ].join('\n');
}

function fishScript(verbs: readonly VerbWords[]): string {
  const lines = verbs.flatMap(({ path, next }) => {
    const words = path.split(' ').filter((word) => word !== '');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const when = words.length === 0 ? '__fish_use_subcommand' : seen;
    return next.map((word) =>
      word.startsWith('--')
        ? `complete -c meridian -n '${when}' -l ${word.slice(2)}`
        : `complete -c meridian -f -n '${when}' -a ${word}`,
    );
  });
  return `${lines.join('\n')}\n`;
}
