/**
 * @file The completion script for bash, version 3.2 (of macOS) and newer.
 */
import { optionsOf } from '../help/help.ts';
import { type CommandName, commandNames, flagsOf, type OptionSpec } from '../options/option-types.ts';
import { argumentWords, candidatesOf, quoted } from './candidates.ts';

/** The script. Where it offers nothing, bash completes file names. */
export function bashScript(): string {
  return `# Completion of gguf-embed for bash: source <(gguf-embed completion bash)
_gguf_embed() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" flags= words= values=
  # Bash splits --flag=value into three words.
  if [[ $current == '=' ]]; then current=
  elif [[ $previous == '=' ]]; then previous="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quoted(commandNames.join(' '))} -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commandNames.map(commandCase).join('\n')}
    *) return ;;
  esac
  case "$values" in
    -) ;;
    files) return ;;
    folders) compopt -o dirnames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")); return ;;
    nothing) compopt +o default +o bashdefault 2>/dev/null; return ;;
    *) COMPREPLY=($(compgen -W "$values" -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -o default -o bashdefault -F _gguf_embed gguf-embed
`;
}

function commandCase(command: CommandName): string {
  const options = optionsOf(command);
  const values = options.filter(({ type }) => type !== 'switch').map(valueCase);
  return `    ${command})
      flags=${quoted(options.flatMap(flagsOf).join(' '))}
      words=${quoted((argumentWords[command] ?? []).join(' '))}
      case "$previous" in
${values.join('\n')}
        *) values=- ;;
      esac ;;`;
}

function valueCase(option: OptionSpec): string {
  const candidates = candidatesOf(option);
  const value = typeof candidates === 'string' ? candidates : quoted((candidates ?? []).join(' '));
  return `        ${flagsOf(option).join('|')}) values=${value} ;;`;
}
