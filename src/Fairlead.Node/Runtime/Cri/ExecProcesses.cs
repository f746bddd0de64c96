using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>
/// Ends a process that was started by an exec whose client has gone: CRI has no call for that, and a runtime lets it run on. It is found
/// among the container's processes by its command line; of several with the same, one that was started after us.
/// </summary>
internal sealed class ExecProcesses(string cgroup, ImmutableArray<string> command)
{
    /// <summary>Of proc_pid_stat(5), whose times are in hundredths of a second.</summary>
    private const int SessionField = 3, StartField = 19;
    private readonly TimeSpan _began = Uptime();

    public void Kill()
    {
        var processes = PodCgroups.Processes(cgroup).Select(pid => (Pid: pid, Stat: ProcessTable.Status(pid))).Where(process => process.Stat.Length > StartField).ToList();
        // The first process of the container is the oldest; an exec's is the leader of a session of its own.
        var found = processes
            .Where(process => process.Stat[SessionField] == Text(process.Pid) && Started(process.Stat) >= _began && CommandLine(process.Pid).SequenceEqual(command))
            .OrderBy(process => Started(process.Stat)).Select(process => process.Pid).FirstOrDefault();
        if (found == 0) return;
        foreach (var process in processes.Where(process => process.Stat[SessionField] == Text(found))) ProcessHandle.TrySignal(process.Pid, Signal.Kill);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static TimeSpan Started(string[] stat) => TimeSpan.FromMilliseconds(10 * double.Parse(stat[StartField], CultureInfo.InvariantCulture));

    /// <summary>Since the machine started, rounded down to the kernel's ticks.</summary>
    private static TimeSpan Uptime() =>
        TimeSpan.FromSeconds(double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture) - 0.01);

    private static string[] CommandLine(int pid) => ProcessTable.CommandLine(pid).Split('\0')[..^1];
}
