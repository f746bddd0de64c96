using Fairlead.Node.Runtime.Usage;
using Xunit;

namespace Fairlead.Unit.Node.Metrics;

/// <summary>The kernel's accounts, as three layouts of cgroups have them.</summary>
public sealed class UsageTests : IDisposable
{
    private readonly string _mount = Directory.CreateTempSubdirectory("fairlead-cgroups-").FullName;

    public void Dispose() => Directory.Delete(_mount, recursive: true);

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName($"{_mount}/{path}")!);
        File.WriteAllText($"{_mount}/{path}", text);
    }

    private void WriteV1()
    {
        Write("cpuacct/g/cpuacct.usage", "1500000000\n");
        Write("cpuacct/g/cpuacct.usage_user", "1000000000\n");
        Write("cpuacct/g/cpuacct.usage_sys", "500000000\n");
        Write("cpu/g/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 250000000\n");
        Write("pids/g/pids.current", "3\n");
    }

    [Fact]
    public void Read_V1_WorkingSetIsWithoutInactiveFiles()
    {
        WriteV1();
        Write("memory/g/memory.usage_in_bytes", "10000\n");
        Write("memory/g/memory.limit_in_bytes", "9223372036854771712\n");
        Write("memory/g/memory.stat", "cache 1\ninactive_file 1\ntotal_cache 6000\ntotal_rss 4000\ntotal_swap 0\ntotal_inactive_file 2500\ntotal_pgfault 7\ntotal_pgmajfault 1\n");

        Assert.Equal(new GroupUsage
        {
            Processor = TimeSpan.FromSeconds(1.5),
            UserProcessor = TimeSpan.FromSeconds(1),
            SystemProcessor = TimeSpan.FromSeconds(0.5),
            Memory = 10000,
            WorkingSet = 7500,
            Resident = 4000,
            PageCache = 6000,
            PageFaults = 7,
            MajorPageFaults = 1,
            Threads = 3,
            Periods = 10,
            ThrottledPeriods = 4,
            Throttled = TimeSpan.FromMilliseconds(250),
        }, new CgroupReader(_mount).Read("/g"));
    }

    private void WriteUnifiedMemory(string prefix)
    {
        Write($"{prefix}g/memory.current", "10000\n");
        Write($"{prefix}g/memory.max", "20000\n");
        Write($"{prefix}g/memory.swap.current", "100\n");
        Write($"{prefix}g/memory.stat", "anon 4000\nfile 6000\ninactive_file 2500\npgfault 7\npgmajfault 1\n");
    }

    [Fact]
    public void Read_V2_TellsTheSame()
    {
        Write("cgroup.controllers", "cpu memory pids\n");
        Write("g/cpu.stat", "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 250000\n");
        Write("g/pids.current", "3\n");
        WriteUnifiedMemory("");

        var usage = new CgroupReader(_mount).Read("/g")!;

        Assert.Equal((TimeSpan.FromSeconds(1.5), 7500, 4000, 100, 20000L), (usage.Processor, usage.WorkingSet, usage.Resident, usage.Swap, usage.MemoryLimit));
        Assert.Equal((TimeSpan.FromMilliseconds(250), 3L), (usage.Throttled, usage.Threads));
    }

    [Fact]
    public void Read_Hybrid_TakesEachControllerWhereItIs()
    {
        WriteV1();
        WriteUnifiedMemory("unified/");

        var usage = new CgroupReader(_mount).Read("/g")!;

        Assert.Equal((TimeSpan.FromSeconds(1.5), 7500, 3L), (usage.Processor, usage.WorkingSet, usage.Threads));
    }

    [Fact]
    public void Read_NoSuchGroup_IsNothing()
    {
        WriteV1();
        Assert.Null(new CgroupReader(_mount).Read("/other"));
    }

    [Fact]
    public void Parse_Interfaces_LoopbackIsLeftOut()
    {
        const string Text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:     500       5    0    0    0     0          0         0      500       5    0    0    0     0       0          0
              eth0: 1234567    1000    1    2    0     0          0         0   765432     900    3    4    0     0       0          0
            """;
        Assert.Equal([new InterfaceUsage("eth0", 1234567, 1000, 1, 2, 765432, 900, 3, 4)], InterfaceUsage.Parse(Text));
    }

    [Fact]
    public void OfMachine_IdleIsNoUse()
    {
        var usage = MachineUsage.OfMachine(
            "cpu  100 10 50 99999 77 5 5 9 0 0\ncpu0 1 2 3\n",
            "MemTotal:       1000 kB\nMemFree:         400 kB\nBuffers:          10 kB\nCached:          200 kB\nInactive(file):   150 kB\nAnonPages:       250 kB\nSwapTotal:       0 kB\nSwapFree:        0 kB\nHugePages_Total:       0\n");
        Assert.Equal((TimeSpan.FromSeconds(1.7), 600 * 1024, 450 * 1024), (usage.Processor, usage.Memory, usage.WorkingSet));
    }
}
