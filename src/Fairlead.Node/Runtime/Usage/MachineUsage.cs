using System.Globalization;

namespace Fairlead.Node.Runtime.Usage;

/// <summary>
/// What the node uses as a whole. A node that is a machine: all that the machine uses. A node that is a network namespace among others on
/// one machine: its pods and its agent, for the rest of the machine is not its own.
/// </summary>
internal sealed class MachineUsage(string podsGroup, CgroupReader groups, bool isWholeMachine)
{
    /// <summary>USER_HZ, in which the kernel tells times to programs: a hundredth of a second on every architecture that .NET runs on.</summary>
    private const long TicksPerJiffy = TimeSpan.TicksPerSecond / 100;

    /// <summary>Whether this process is in the network namespace of the machine's first process.</summary>
    public static bool IsWholeMachine() =>
        new FileInfo("/proc/self/ns/net").LinkTarget is { } own && own == new FileInfo("/proc/1/ns/net").LinkTarget;

    public GroupUsage Read() => isWholeMachine ? OfMachine(File.ReadAllText("/proc/stat"), File.ReadAllText("/proc/meminfo")) : OfShare();

    private GroupUsage OfShare()
    {
        // Before the first pod there is no group.
        var pods = groups.Read(podsGroup) ?? new GroupUsage();
        var (cpu, resident) = (System.Environment.CpuUsage, System.Environment.WorkingSet);
        return pods with
        {
            Processor = pods.Processor + cpu.TotalTime,
            UserProcessor = pods.UserProcessor + cpu.UserTime,
            SystemProcessor = pods.SystemProcessor + cpu.PrivilegedTime,
            Memory = pods.Memory + resident,
            WorkingSet = pods.WorkingSet + resident,
            Resident = pods.Resident + resident,
        };
    }

    /// <param name="stat">proc(5): "cpu user nice system idle iowait irq softirq steal …", in USER_HZ.</param>
    /// <param name="meminfo">proc(5): "MemTotal: 12334492 kB".</param>
    internal static GroupUsage OfMachine(string stat, string meminfo)
    {
        var times = stat[..stat.IndexOf('\n', StringComparison.Ordinal)].Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(Number).ToArray();
        var (user, system) = (times[0] + times[1], times[2] + times[5] + times[6]);
        var memory = meminfo.Split('\n').Select(line => line.Split((char[])[' ', ':'], StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length >= 2).ToDictionary(words => words[0], words => Number(words[1]) * 1024);
        var used = memory["MemTotal"] - memory["MemFree"];
        return new GroupUsage
        {
            Processor = new TimeSpan((user + system) * TicksPerJiffy),
            UserProcessor = new TimeSpan(user * TicksPerJiffy),
            SystemProcessor = new TimeSpan(system * TicksPerJiffy),
            Memory = used,
            WorkingSet = Math.Max(0, used - memory.GetValueOrDefault("Inactive(file)")),
            Resident = memory.GetValueOrDefault("AnonPages"),
            PageCache = memory.GetValueOrDefault("Cached") + memory.GetValueOrDefault("Buffers"),
            Swap = memory.GetValueOrDefault("SwapTotal") - memory.GetValueOrDefault("SwapFree"),
        };
    }

    private static long Number(string word) => long.TryParse(word, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
