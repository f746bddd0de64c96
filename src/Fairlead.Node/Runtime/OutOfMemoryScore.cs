using System.Globalization;

namespace Fairlead.Node.Runtime;

/// <summary>How likely the kernel is to kill a process when memory is short (proc_pid_oom_score_adj(5)), as far as this program may say.</summary>
internal static class OutOfMemoryScore
{
    /// <summary>Without CAP_SYS_RESOURCE, which root may lack in a container, no process can be made less likely to be killed than this one.</summary>
    public static bool MayLower { get; } = HasCapability(24);

    private static readonly int s_least = MayLower ? -1000 : Own();

    /// <summary>The score, or the nearest one that can be given.</summary>
    public static int Possible(int score) => Math.Max(score, s_least);

    private static bool HasCapability(int number)
    {
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("CapEff:", StringComparison.Ordinal));
        return line is not null && (Convert.ToUInt64(line["CapEff:".Length..].Trim(), 16) >> number & 1) == 1;
    }

    private static int Own() => int.TryParse(File.ReadAllText("/proc/self/oom_score_adj"), CultureInfo.InvariantCulture, out var score) ? score : 0;
}
