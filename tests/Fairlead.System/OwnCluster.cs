using Xunit;

namespace Fairlead.System;

/// <summary>A cluster that one test starts, harms and takes down; disposing takes down whatever is left of it.</summary>
public sealed class OwnCluster(string purpose) : IAsyncDisposable
{
    private static int s_count;

    // Tests of one purpose may run beside each other, and so may two runs of the tests.
    public string Name { get; } = $"{purpose}-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";

    /// <summary>Where its kubeconfig is, and nothing else.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("fairlead-system-").FullName;

    public string Kubeconfig => Path.Combine(Folder, "config");

    public Kubectl Kubectl => new(Kubeconfig, "default");

    /// <summary>Variables that its processes get beside those of the tests.</summary>
    public IReadOnlyDictionary<string, string>? Variables { get; init; }

    public async Task UpAsync(params string[] more)
    {
        var result = await Command.TryAsync(Command.Fairlead, ["up", "--name", Name, "--kubeconfig", Kubeconfig, .. more], environment: Variables);
        Assert.True(result.Code == 0, $"fairlead up ended with {result.Code}: {result.Error}{result.Output}");
    }

    public Task DownAsync() => Command.RunAsync(Command.Fairlead, "down", "--name", Name);

    public async ValueTask DisposeAsync()
    {
        await DownAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
