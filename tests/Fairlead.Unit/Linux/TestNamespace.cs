using Fairlead.Linux.Namespaces;

namespace Fairlead.Unit.Linux;

/// <summary>A network namespace of the test's own, gone with it.</summary>
public sealed class TestNamespace : IDisposable
{
    private static int s_count;

    public TestNamespace(string name)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"ut-{Environment.ProcessId}-{name}-{Interlocked.Increment(ref s_count)}");
        Network = NetworkNamespace.Create(Path);
    }

    public string Path { get; }

    public NetworkNamespace Network { get; }

    public void Dispose()
    {
        Network.Dispose();
        NetworkNamespace.Delete(Path);
    }
}
