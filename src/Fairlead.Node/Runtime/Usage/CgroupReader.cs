using System.Globalization;

namespace Fairlead.Node.Runtime.Usage;

/// <summary>
/// Reads the accounts of cgroups(7): of v1's hierarchies, of v2's single one, or of both where a controller is in either (systemd's hybrid
/// layout). Kernel documentation: "Control Group v2", cgroup-v1/cpuacct and cgroup-v1/memory.
/// </summary>
internal sealed class CgroupReader
{
    /// <summary>What v1 calls no limit is the largest number of whole pages.</summary>
    private const long NoLimit = long.MaxValue / 2;

    private readonly string? _accounts;
    private readonly string? _processor;
    private readonly string? _memory;
    private readonly string? _threads;
    private readonly string? _unified;

    /// <param name="mount">Where the hierarchies are mounted.</param>
    public CgroupReader(string mount = "/sys/fs/cgroup")
    {
        if (File.Exists($"{mount}/cgroup.controllers")) _unified = mount;
        else
        {
            (_accounts, _processor, _memory, _threads) = (Find("cpuacct"), Find("cpu"), Find("memory"), Find("pids"));
            _unified = Find("unified");
        }

        string? Find(string controller) => Directory.Exists($"{mount}/{controller}") ? $"{mount}/{controller}" : null;
    }

    /// <param name="group">Path of the group in its hierarchies, with a leading slash.</param>
    /// <returns>Null: there is no such group.</returns>
    public GroupUsage? Read(string group)
    {
        var usage = _accounts is { } accounts ? ReadAccounts(accounts + group) : _unified is { } unified ? ReadUnifiedProcessor(unified + group) : null;
        if (usage is null) return null;
        if (_processor is { } processor) usage = WithThrottling(usage, ReadTable($"{processor}{group}/cpu.stat"), "throttled_time", 1);
        if (_memory is { } memory) usage = WithMemory(usage, memory + group);
        else if (_unified is { } above) usage = WithUnifiedMemory(usage, above + group);
        return usage with { Threads = (_threads ?? _unified) is { } threads ? ReadNumber($"{threads}{group}/pids.current") : null };
    }

    private static GroupUsage? ReadAccounts(string folder) => ReadNumber($"{folder}/cpuacct.usage") is not { } total ? null : new GroupUsage
    {
        Processor = Nanoseconds(total),
        UserProcessor = Nanoseconds(ReadNumber($"{folder}/cpuacct.usage_user") ?? 0),
        SystemProcessor = Nanoseconds(ReadNumber($"{folder}/cpuacct.usage_sys") ?? 0),
    };

    private static GroupUsage? ReadUnifiedProcessor(string folder)
    {
        var table = ReadTable($"{folder}/cpu.stat");
        if (!table.TryGetValue("usage_usec", out var total)) return null;
        var usage = new GroupUsage
        {
            Processor = Nanoseconds(total * 1000),
            UserProcessor = Nanoseconds(table.GetValueOrDefault("user_usec") * 1000),
            SystemProcessor = Nanoseconds(table.GetValueOrDefault("system_usec") * 1000),
        };
        return WithThrottling(usage, table, "throttled_usec", 1000);
    }

    private static GroupUsage WithThrottling(GroupUsage usage, Dictionary<string, long> table, string time, long scale) => usage with
    {
        Periods = table.GetValueOrDefault("nr_periods"),
        ThrottledPeriods = table.GetValueOrDefault("nr_throttled"),
        Throttled = Nanoseconds(table.GetValueOrDefault(time) * scale),
    };

    private static GroupUsage WithMemory(GroupUsage usage, string folder)
    {
        var all = ReadNumber($"{folder}/memory.usage_in_bytes") ?? 0;
        var table = ReadTable($"{folder}/memory.stat");
        return usage with
        {
            Memory = all,
            WorkingSet = Math.Max(0, all - table.GetValueOrDefault("total_inactive_file")),
            Resident = table.GetValueOrDefault("total_rss"),
            PageCache = table.GetValueOrDefault("total_cache"),
            Swap = table.GetValueOrDefault("total_swap"),
            PageFaults = table.GetValueOrDefault("total_pgfault"),
            MajorPageFaults = table.GetValueOrDefault("total_pgmajfault"),
            MemoryLimit = ReadNumber($"{folder}/memory.limit_in_bytes") is { } limit and < NoLimit ? limit : null,
        };
    }

    private static GroupUsage WithUnifiedMemory(GroupUsage usage, string folder)
    {
        var all = ReadNumber($"{folder}/memory.current") ?? 0;
        var table = ReadTable($"{folder}/memory.stat");
        return usage with
        {
            Memory = all,
            WorkingSet = Math.Max(0, all - table.GetValueOrDefault("inactive_file")),
            Resident = table.GetValueOrDefault("anon"),
            PageCache = table.GetValueOrDefault("file"),
            Swap = ReadNumber($"{folder}/memory.swap.current") ?? 0,
            PageFaults = table.GetValueOrDefault("pgfault"),
            MajorPageFaults = table.GetValueOrDefault("pgmajfault"),
            // The word "max" is no number.
            MemoryLimit = ReadNumber($"{folder}/memory.max"),
        };
    }

    private static TimeSpan Nanoseconds(long count) => new(count / TimeSpan.NanosecondsPerTick);

    private static long? ReadNumber(string path) =>
        long.TryParse(ReadText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>A name and a number a line.</summary>
    private static Dictionary<string, long> ReadTable(string path)
    {
        var table = new Dictionary<string, long>();
        foreach (var line in ReadText(path).AsSpan().EnumerateLines())
        {
            var space = line.IndexOf(' ');
            if (space > 0 && long.TryParse(line[(space + 1)..], CultureInfo.InvariantCulture, out var number)) table[line[..space].ToString()] = number;
        }
        return table;
    }

    /// <summary>Empty where there is none: a group may go while it is read.</summary>
    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
