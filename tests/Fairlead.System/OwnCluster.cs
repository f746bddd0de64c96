namespace Fairlead.System;

/// <summary>A cluster that one test starts, harms and takes down; disposing takes down whatever is left of it.</summary>
public sealed class OwnCluster(string purpose) : IAsyncDisposable
{
    public string Name { get; } = $"{purpose}-{Environment.ProcessId}";

    /// <summary>Where its kubeconfig is, and nothing else.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("fairlead-system-").FullName;

    public string Kubeconfig => Path.Combine(Folder, "config");

    public Kubectl Kubectl => new(Kubeconfig, "default");

    public Task UpAsync(params string[] more) =>
        Command.RunAsync(Command.Fairlead, ["up", "--name", Name, "--kubeconfig", Kubeconfig, .. more]);

    public Task DownAsync() => Command.RunAsync(Command.Fairlead, "down", "--name", Name);

    public async ValueTask DisposeAsync()
    {
        await DownAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
