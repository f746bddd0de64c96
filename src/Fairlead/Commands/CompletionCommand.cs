using System.CommandLine;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead completion`: a script for a shell that completes commands and options, and needs no other tool.</summary>
internal static class CompletionCommand
{
    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a completion script: source <(fairlead completion bash).") { shell };
        command.SetAction(parse =>
        {
            Console.Write(CompletionScript.Write(parse.RootCommandResult.Command, parse.GetValue(shell)!));
            return 0;
        });
        return command;
    }
}
