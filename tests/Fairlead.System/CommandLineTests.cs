using System.Text.Json;
using Xunit;

namespace Fairlead.System;

/// <summary>The commands look and speak alike: one line of error with what to do, colours on a terminal only, JSON for scripts.</summary>
public sealed class CommandLineTests(Cluster cluster)
{
    [Theory]
    [InlineData("doctr", 1, "Unrecognized command or argument 'doctr'; did you mean doctor? `PROGRAM --help` tells what there is")]
    [InlineData("up --node 2", 1, "Unrecognized command or argument '--node'; did you mean --nodes? `PROGRAM up --help` tells what there is")]
    [InlineData("up --nodes x", 1, "Cannot parse argument 'x' for option '--nodes'")]
    [InlineData("up --name Upper", 1, "\"Upper\" cannot name a cluster")]
    [InlineData("up --bgp-peer router,as=64512 --bgp-as 64513", 1, "--bgp-peer router,as=64512: \"router\" is not an address, or address:port")]
    [InlineData("up --bgp-peer 192.0.2.1", 1, "--bgp-as is needed with --bgp-peer: the nodes' own AS number; --bgp-peer 192.0.2.1: its AS is needed, for example 192.0.2.1,as=64512")]
    [InlineData("up --bgp-as 64513", 1, "--bgp-as needs --bgp-peer: a router to speak to")]
    [InlineData("image import", 1, "Required argument 'file' missing for command: 'import'; `PROGRAM image import --help` tells what there is")]
    [InlineData("image ls --name nobody", 1, "there is no cluster \"nobody\"; `PROGRAM up --name nobody` starts one")]
    [InlineData("node ls --name nobody", 1, "there is no cluster \"nobody\"; `PROGRAM up --name nobody` starts one")]
    [InlineData("status --name nobody", 1, "there is no cluster \"nobody\"; `PROGRAM up --name nobody` starts one")]
    [InlineData("node stop node1 --name nobody", 1, "cluster \"nobody\" does not run; start it with `PROGRAM up --name nobody`")]
    [InlineData("doctor -o yaml", 2, "Argument 'yaml' not recognized. Must be one of: 'text' 'json'; `PROGRAM doctor --help` tells what there is")]
    [InlineData("trace pod http://x --kubeconfig /nonexistent", 2, "kubeconfig /nonexistent cannot be used")]
    public async Task Error_OfAnyCommand_IsOneLineWithWhatToDo(string line, int code, string words)
    {
        var result = await Command.TryAsync(Command.Fairlead, line.Split(' '));

        Assert.Equal(code, result.Code);
        Assert.StartsWith("fairlead: " + words.Replace("PROGRAM", Command.Fairlead, StringComparison.Ordinal), result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("status --name CLUSTER")]
    [InlineData("doctor svc/kubernetes --kubeconfig KUBECONFIG")]
    public async Task Colours_OnATerminalOnly_AndNotWhereNobodyWantsThem(string line)
    {
        var command = $"{Command.Fairlead} {line.Replace("CLUSTER", cluster.Name, StringComparison.Ordinal).Replace("KUBECONFIG", cluster.Kubeconfig, StringComparison.Ordinal)}";
        async Task<string> RunAsync(string terminal, string noColor) => (await Command.TryAsync("script", ["-qec", command, "/dev/null"], environment: new Dictionary<string, string> { ["TERM"] = terminal, ["NO_COLOR"] = noColor })).Output;

        // What switches the keyboard's mode is of .NET.
        const string Colour = "\e[3";
        Assert.Contains($"{Colour}2m✓", await RunAsync("xterm", ""), StringComparison.Ordinal);
        Assert.DoesNotContain(Colour, await RunAsync("xterm", "1"), StringComparison.Ordinal);
        Assert.DoesNotContain(Colour, await RunAsync("dumb", ""), StringComparison.Ordinal);
        Assert.DoesNotContain("\e", (await Command.TryAsync("sh", ["-c", command])).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("status", "clusters")]
    [InlineData("image ls", "images")]
    [InlineData("node ls", "nodes")]
    public async Task Json_OfWhatIsListed_HasOneMember(string command, string member)
    {
        using var json = JsonDocument.Parse((await Command.RunAsync(Command.Fairlead, [.. command.Split(' '), "--name", cluster.Name, "--output", "json"])).Output);

        Assert.Equal(JsonValueKind.Array, json.RootElement.GetProperty(member).ValueKind);
    }

    [Fact]
    public async Task Up_Hints_WorkAsTyped()
    {
        await using var own = new OwnCluster("hint");

        var up = await Command.RunAsync(Command.Fairlead, "up", "--name", own.Name, "--kubeconfig", own.Kubeconfig);

        Assert.EndsWith($"\n  {Command.Fairlead} down --name {own.Name}\n", up.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\e", up.Output, StringComparison.Ordinal);
        await Command.RunAsync("sh", "-c", up.Lines[^1].Trim());
        Assert.False(Directory.Exists($"/var/lib/fairlead/{own.Name}"));
    }
}
