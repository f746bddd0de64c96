using System.Collections.Concurrent;
using System.Diagnostics;

namespace Fairlead.System;

/// <summary>`fairlead dns` alone, on addresses of its own.</summary>
public sealed class DnsProcess : IAsyncDisposable
{
    private const int Port = 53, HealthPort = 8181;
    private readonly Process _process;
    private readonly string[] _prefix;
    private readonly ConcurrentQueue<string> _lines = new();

    /// <param name="address">To answer at, port 53; /ready is at its port 8181.</param>
    /// <param name="netns">The network namespace to be in; null: this machine's.</param>
    public DnsProcess(string address, string? netns, params string[] arguments) : this(address, netns, null, arguments)
    {
    }

    /// <param name="environment">Variables besides those of this process.</param>
    public DnsProcess(string address, string? netns, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        Address = address;
        _prefix = netns is null ? [] : ["nsenter", $"--net={netns}"];
        string[] line = [.. _prefix, Command.Fairlead, "dns", "--listen", $"{address}:{Port}", "--health-address", $"{address}:{HealthPort}", .. arguments];
        _process = Command.Start(line[0], line[1..], environment);
        _process.ErrorDataReceived += (_, data) => _lines.Enqueue(data.Data ?? "");
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public string Address { get; }

    public IEnumerable<string> Log => _lines;

    /// <summary>What /ready says.</summary>
    public async Task<string> ReadyAsync()
    {
        string[] line = [.. _prefix, "curl", "-s", $"http://{Address}:{HealthPort}/ready"];
        return (await Command.TryAsync(line[0], line[1..])).Output;
    }

    public Task<string> UntilReadyAsync() => Until.AsyncHolds(ReadyAsync, ready => ready == "OK", "the DNS is ready");

    /// <summary>Lines of dig +short.</summary>
    public async Task<IReadOnlyList<string>> ShortAsync(params string[] question) => (await DigAsync(["+short", .. question])).Lines;

    public Task<CommandResult> DigAsync(params string[] question)
    {
        string[] line = [.. _prefix, "dig", $"@{Address}", "+tries=1", "+time=5", .. question];
        return Command.TryAsync(line[0], line[1..]);
    }

    public async ValueTask DisposeAsync()
    {
        // nsenter becomes the program that it starts.
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
