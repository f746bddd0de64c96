using System.Diagnostics;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>The programs that run containers.</summary>
internal sealed record OciTools(string Runtime, string Conmon, string Version)
{
    private static readonly string[] Folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <exception cref="NodeStartException">One is missing.</exception>
    public static async Task<OciTools> FindAsync(NodeAgentOptions options, CancellationToken cancel)
    {
        var name = options.Runtime == RuntimeKind.Crun ? "crun" : "runc";
        var runtime = Find(name, options.RuntimePath);
        var conmon = Find("conmon", options.ConmonPath);
        return new OciTools(runtime, conmon, await ReadVersionAsync(runtime, cancel));
    }

    internal static string Find(string name, string? given = null)
    {
        if (given is not null) return File.Exists(given) ? given : throw new NodeStartException($"{given} does not exist; give the path of {name}");
        return TryFind(name) ?? throw new NodeStartException($"{name} is not installed: install it (on Debian: apt-get install {(name == "ctr" ? "containerd" : name)}) or give its path");
    }

    /// <summary>Its path; null: it is not installed.</summary>
    internal static string? TryFind(string name)
    {
        var folders = (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(Folders);
        return folders.Select(folder => $"{folder}/{name}").FirstOrDefault(File.Exists);
    }

    /// <summary>The first line is "runc version 1.1.5+ds1": its number without what the packager added.</summary>
    private static async Task<string> ReadVersionAsync(string runtime, CancellationToken cancel)
    {
        using var process = Process.Start(new ProcessStartInfo(runtime, ["--version"]) { RedirectStandardOutput = true })
            ?? throw new NodeStartException($"{runtime} did not start");
        var line = await process.StandardOutput.ReadLineAsync(cancel) ?? "";
        await process.WaitForExitAsync(cancel);
        return line.Split(' ').Last().Split('+')[0];
    }
}
