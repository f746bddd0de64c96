using Xunit;

namespace Fairlead.System;

/// <summary>The completion scripts in the shells that they are for.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("fairlead do", "down doctor")]
    [InlineData("fairlead image p", "pull")]
    [InlineData("fairlead completion ", "bash fish zsh")]
    [InlineData("fairlead install load", "loadbalancer")]
    [InlineData("fairlead up --w", "--wait")]
    public async Task Bash_KnowsCommandsAndOptions(string line, string expected)
    {
        var script = $"source <({Command.Fairlead} completion bash); line='{line}'; read -ra COMP_WORDS <<< \"$line\"; [[ $line == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _fairlead; echo \"${{COMPREPLY[@]}}\"";

        Assert.Equal(expected + "\n", (await Command.RunAsync("bash", "--norc", "-c", script)).Output);
    }

    [Theory]
    [InlineData("fairlead do", "doctor down")]
    [InlineData("fairlead image p", "pull")]
    [InlineData("fairlead completion ", "bash fish zsh")]
    [InlineData("fairlead install load", "loadbalancer")]
    [InlineData("fairlead install proxy --", "--enable --kubeconfig --now --print --program --root")]
    [InlineData("fairlead proxy --h", "--healthz-bind-address --hostname-override")]
    [InlineData("fairlead up --w", "--wait")]
    public async Task Fish_KnowsCommandsAndOptions(string line, string expected)
    {
        var found = await Command.RunAsync("fish", "--no-config", "-c", $"{Command.Fairlead} completion fish | source; complete -C '{line}'");

        Assert.Equal(expected, string.Join(' ', found.Lines.Select(candidate => candidate.Split('\t')[0])));
    }

    /// <summary>As a user does it: the line and a tabulator, in a shell on a terminal. What it becomes is executed, by a function that tells it.</summary>
    [Theory]
    [InlineData("fairlead doct", "doctor")]
    [InlineData("fairlead image pu", "image pull")]
    [InlineData("fairlead completion z", "completion zsh")]
    [InlineData("fairlead install load", "install loadbalancer")]
    [InlineData("fairlead up --wai", "up --wait")]
    public async Task Zsh_CompletesAtTheTabulator(string line, string expected)
    {
        const string Script = """
            zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell "unsetopt beep; autoload -Uz compinit && compinit -u -D; source <($1 completion zsh)"
            zpty -w shell 'fairlead() { print -r -- "got<$*>" }; print ready$((6*7))'
            zpty -r shell seen '*ready42*' && zpty -n -w shell "$2"$'\t\n'
            zpty -r shell seen '*got<*>*'
            print -r -- "$seen"
            """;

        var result = await Command.TryAsync("zsh", ["-f", "-c", Script, "zsh", Command.Fairlead, line], environment: new Dictionary<string, string> { ["TERM"] = "dumb" });

        Assert.Contains($"got<{expected}>", result.Output, StringComparison.Ordinal);
    }
}
