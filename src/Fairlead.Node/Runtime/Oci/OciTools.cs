using System.Diagnostics;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>A thing that the agent cannot start without; the message says what to do.</summary>
public sealed class NodeStartException(string message) : Exception(message);

/// <summary>The programs that run containers.</summary>
internal sealed record OciTools(string Runtime, string Conmon, string Version)
{
    private static readonly string[] Folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <exception cref="NodeStartException">One is missing.</exception>
    public static async Task<OciTools> FindAsync(NodeAgentOptions options, CancellationToken cancel)
    {
        var name = options.Runtime == OciRuntimeKind.Crun ? "crun" : "runc";
        var runtime = Find(name, options.RuntimePath);
        var conmon = Find("conmon", options.ConmonPath);
        return new OciTools(runtime, conmon, await ReadVersionAsync(runtime, cancel));
    }

    private static string Find(string name, string? given)
    {
        if (given is not null) return File.Exists(given) ? given : throw new NodeStartException($"{given} does not exist; give the path of {name}");
        var folders = (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(Folders);
        return folders.Select(folder => $"{folder}/{name}").FirstOrDefault(File.Exists)
            ?? throw new NodeStartException($"{name} is not installed: install it (on Debian: apt-get install {name}) or give its path");
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
