using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Processes;
using Fairlead.Linux;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>What `up` needs of the machine, asked before anything is made, so that nothing half-started remains.</summary>
internal static class Preflight
{
    private static (string Tool, string Package)[] Tools(string? runtime) => runtime switch
    {
        null => [],
        "containerd" => [("runc", "runc"), ("containerd", "containerd"), ("ctr", "containerd")],
        _ => [(runtime, runtime), ("conmon", "conmon")],
    };

    /// <param name="runtime">runc, crun or containerd; null: one that runs already.</param>
    /// <exception cref="UserException">Something is missing; the message says what to do.</exception>
    public static void Check(string? runtime)
    {
        if (!ProcessHandle.IsRoot) throw new UserException("a cluster needs namespaces, mounts and kernel tables; run as root, for example with sudo");
        var missing = Tools(runtime).Where(tool => FindOnPath(tool.Tool) is null).Select(tool => tool.Package).Distinct().ToList();
        if (missing.Count > 0) throw new UserException($"{string.Join(" and ", missing)} not found; install with: apt-get install {string.Join(' ', missing)}");
        if (!File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("\toverlay", StringComparison.Ordinal)))
            throw new UserException("this kernel has no overlay filesystem; load it with: modprobe overlay");
        CheckNamespaces();
    }

    private static void CheckNamespaces()
    {
        try
        {
            NetworkNamespace.OpenCurrent().Dispose();
            using var tables = KernelNfTables.Open();
            tables.ReadGeneration();
        }
        catch (LinuxException e)
        {
            throw new UserException($"this kernel lacks network namespaces or nf_tables ({e.Message}); try: modprobe nf_tables");
        }
    }

    public static string? FindOnPath(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin").Split(':')
            .Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
}
