namespace Fairlead.Node.Runtime.Containerd;

/// <summary>Where a node's own containerd keeps things; nothing of it is where another containerd of the machine would.</summary>
internal sealed class ContainerdPaths(NodePaths paths)
{
    /// <summary>Where shims put their sockets, whatever containerd's own folders are (containerd, runtime/v2/shim/util_unix.go).</summary>
    public const string ShimSockets = "/run/containerd/s";

    /// <summary>Every command line of it has this in it.</summary>
    public string Run { get; } = $"{paths.Run}/containerd/";

    public string Root { get; } = $"{paths.Root}/containerd";

    public string State => $"{Run}state";

    public string Socket => $"{Run}containerd.sock";

    public string Config => $"{Run}config.toml";

    /// <summary>Network plugins: links to this program.</summary>
    public string Plugins => $"{Run}cni/bin";

    public string Networks => $"{Run}cni/net.d";

    public string RuntimeState => $"{Run}runc";

    public string Log => $"{paths.LogRoot}/containerd.log";

    /// <summary>The files of shims' sockets, which stay when a shim is killed.</summary>
    public IEnumerable<string> ShimFiles()
    {
        var tasks = $"{State}/io.containerd.runtime.v2.task/k8s.io";
        if (!Directory.Exists(tasks)) return [];
        return Directory.EnumerateDirectories(tasks).Select(folder => $"{folder}/address").Where(File.Exists)
            .Select(file => File.ReadAllText(file).Trim().Replace("unix://", "", StringComparison.Ordinal))
            .Where(socket => socket.StartsWith(ShimSockets + "/", StringComparison.Ordinal)).Distinct();
    }
}
