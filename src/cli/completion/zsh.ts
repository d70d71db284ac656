/**
 * @file The completion script for zsh.
 */
import { commands } from '../help/commands.ts';
import { optionsOf } from '../help/help.ts';
import { type CommandName, commandNames, type OptionSpec } from '../options/option-types.ts';
import { argumentWords, type Candidates, candidatesOf, describedFlags, quoted } from './candidates.ts';

/** The script, for `source` or for a folder of `$fpath`. */
export function zshScript(): string {
  const list = commandNames.map((name) => `    ${quoted(`${name}:${commands[name].summary}`)}`);
  return `#compdef gguf-embed
# Completion of gguf-embed for zsh: source <(gguf-embed completion zsh)
_gguf_embed() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commandNames.map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _gguf_embed ]]; then _gguf_embed "$@"; else compdef _gguf_embed gguf-embed; fi
`;
}

function commandCase(command: CommandName): string {
  const words = argumentWords[command];
  const argument = words === undefined ? '*:argument:_files' : `*:argument:{compadd -- ${words.join(' ')}; _files}`;
  const specs = [...optionsOf(command).flatMap(optionSpecs), quoted(argument)];
  return `    ${command}) _arguments -S \\\n${specs.map((spec) => `      ${spec}`).join(' \\\n')} ;;`;
}

/** Specifications of `_arguments`: `'*'{-m,--model=}'[help]:FILE:_files'`. With `=`, a value may also follow an equals sign. */
function optionSpecs(option: OptionSpec): string[] {
  const isSwitch = option.type === 'switch';
  const value = isSwitch ? '' : `:${option.value.replaceAll(':', '\\:')}:${actionOf(candidatesOf(option))}`;
  return describedFlags(option).map(({ flags, help }) => {
    const spelled = flags.map((flag) => (!isSwitch && flag.startsWith('--') ? `${flag}=` : flag));
    const names = spelled.length === 1 ? spelled[0] : `{${spelled.join(',')}}`;
    return `'*'${names}${quoted(`[${help.replaceAll(/[[\]\\]/g, '\\$&')}]${value}`)}`;
  });
}

function actionOf(candidates: Candidates): string {
  if (candidates === 'files') return '_files';
  if (candidates === 'folders') return '_files -/';
  return candidates === 'nothing' || candidates === undefined ? ' ' : `(${candidates.join(' ')})`;
}
