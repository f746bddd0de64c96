using System.CommandLine;
using System.Text;

namespace Fairlead.Terminal;

/// <summary>Completion scripts, from the commands as System.CommandLine knows them. The words are in the script, so completing runs nothing.</summary>
internal static class CompletionScript
{
    /// <summary>Options whose value is a file's name, as a pattern of a shell's case.</summary>
    private const string FileOptions = "--kubeconfig|--data-dir|--conf|--root|--program";

    /// <param name="shell">bash, zsh or fish.</param>
    public static string Write(Command root, string shell) => shell switch
    {
        "fish" => Fish(root),
        "zsh" => Zsh(root),
        _ => Bash(root),
    };

    /// <summary>Each command by its words, the root's being empty.</summary>
    private static IEnumerable<(string Words, Command Command)> All(Command root, string words = "")
    {
        yield return (words, root);
        foreach (var child in root.Subcommands.Where(child => !child.Hidden).SelectMany(child => All(child, $"{words} {child.Name}".Trim()))) yield return child;
    }

    /// <summary>Long names: short ones are quicker typed than completed.</summary>
    private static IEnumerable<string> Options(Command command) =>
        command.Options.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name)).Where(name => name.StartsWith("--", StringComparison.Ordinal)).Distinct();

    private static string Bash(Command root)
    {
        var cases = new StringBuilder();
        foreach (var (words, command) in All(root))
            cases.Append($"        '{words}') words='{string.Join(' ', command.Subcommands.Select(child => child.Name).Concat(Values(command)).Concat(Options(command)))}' ;;\n");
        return $$"""
            # Completion of fairlead: source <(fairlead completion bash)
            _fairlead() {
                local word command='' words='' current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} i
                for ((i = 1; i < COMP_CWORD; i++)); do
                    word=${COMP_WORDS[i]}
                    case " {{string.Join(' ', All(root).Skip(1).Select(item => item.Words.Replace(' ', '/')))}} " in
                        *" ${command:+${command// //}/}$word "*) command="${command:+$command }$word" ;;
                    esac
                done
                case $previous in
                    {{FileOptions}}) COMPREPLY=($(compgen -f -- "$current")); return ;;
                esac
                case $command in
            {{cases.ToString().TrimEnd('\n')}}
                esac
                COMPREPLY=($(compgen -W "$words" -- "$current"))
            }
            complete -o default -F _fairlead fairlead

            """;
    }

    /// <summary>Works sourced, and as the file _fairlead in a folder of $fpath, where the package puts it.</summary>
    private static string Zsh(Command root)
    {
        var cases = new StringBuilder();
        foreach (var (words, command) in All(root))
        {
            var names = command.Subcommands.Where(child => !child.Hidden).Select(child => Item(child.Name, child.Description)).Concat(Values(command).Select(value => $"'{value}'"));
            var options = command.Options.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name).Where(name => name.StartsWith("--", StringComparison.Ordinal)).Distinct().Select(name => Item(name, option.Description)));
            cases.Append($"        '{words}') names=({string.Join(' ', names)}) options=({string.Join(' ', options)}) ;;\n");
        }
        return $$"""
            #compdef fairlead
            # Completion of fairlead: source <(fairlead completion zsh)
            _fairlead() {
                local word command='' i
                local -a names options
                for ((i = 2; i < CURRENT; i++)); do
                    word=${words[i]}
                    case " {{string.Join(' ', All(root).Skip(1).Select(item => item.Words.Replace(' ', '/')))}} " in
                        *" ${command:+${command// //}/}$word "*) command="${command:+$command }$word" ;;
                    esac
                done
                case ${words[CURRENT-1]} in
                    {{FileOptions}}) _files; return ;;
                esac
                case $command in
            {{cases.ToString().TrimEnd('\n')}}
                esac
                if [[ $PREFIX == -* ]]; then _describe -o option options
                elif (( $#names )); then _describe command names
                else _files
                fi
            }
            if [[ ${funcstack[1]} == _fairlead ]]; then
                _fairlead "$@"
            else
                (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
                compdef _fairlead fairlead
            fi

            """;
    }

    /// <summary>A name and what it does, as _describe takes them.</summary>
    private static string Item(string name, string? description) => $"'{name}:{Quote(description)}'";

    private static string Fish(Command root)
    {
        var script = new StringBuilder("# Completion of fairlead: fairlead completion fish | source\n");
        var top = string.Join(' ', root.Subcommands.Select(child => child.Name));
        foreach (var (words, command) in All(root))
        {
            // A command is on while its words have been given and none of those below it has.
            var below = string.Join(' ', command.Subcommands.Select(child => child.Name));
            var given = string.Join("; and ", words.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => $"__fish_seen_subcommand_from {word}"));
            var none = below.Length == 0 ? "" : $"not __fish_seen_subcommand_from {(words.Length == 0 ? top : below)}";
            // `fairlead install proxy` is not `fairlead proxy`.
            var others = words.Contains(' ', StringComparison.Ordinal) ? [] : root.Subcommands.Where(parent => parent.Subcommands.Any(child => child.Name == words)).Select(parent => parent.Name).ToList();
            var notBelow = others.Count == 0 ? "" : $"not __fish_seen_subcommand_from {string.Join(' ', others)}";
            var on = string.Join("; and ", new[] { given, none, notBelow }.Where(part => part.Length > 0));
            foreach (var child in command.Subcommands) script.Append($"complete -c fairlead -f -n '{on}' -a {child.Name} -d '{Quote(child.Description)}'\n");
            foreach (var value in Values(command)) script.Append($"complete -c fairlead -f -n '{on}' -a {value}\n");
            foreach (var option in command.Options.Where(option => !option.Hidden))
            {
                foreach (var name in option.Aliases.Prepend(option.Name).Distinct().Where(name => name.StartsWith("--", StringComparison.Ordinal)))
                    script.Append($"complete -c fairlead -n '{on}' -l {name[2..]} -d '{Quote(option.Description)}'\n");
            }
        }
        return script.ToString();
    }

    /// <summary>What an argument may be, where that is a closed list.</summary>
    private static IEnumerable<string> Values(Command command) =>
        command.Arguments.SelectMany(argument => argument.GetCompletions(System.CommandLine.Completions.CompletionContext.Empty)).Select(item => item.Label);

    private static string Quote(string? text) => (text ?? "").Replace("'", "", StringComparison.Ordinal);
}
