using Fairlead.Linux.Processes;
using Xunit;

namespace Fairlead.Unit.Linux.Processes;

public sealed class ProgramPagesTests
{
    private const string Statistics = """
        00400000-00401000 r--p 00000000 fe:00 77                         /usr/bin/program
        Size:                  4 kB
        Rss:                   4 kB
        Anonymous:             0 kB
        VmFlags: rd mr mw me
        00401000-00500000 r-xp 00001000 fe:00 77                         /usr/bin/program with a blank
        Anonymous:             0 kB
        00500000-00501000 r--p 00100000 fe:00 77                         /usr/bin/program
        Anonymous:             4 kB
        00501000-00502000 rw-p 00101000 fe:00 77                         /usr/bin/program
        Anonymous:             0 kB
        01000000-01001000 r-xp 00000000 00:00 0
        Anonymous:             0 kB
        7ffd0000-7ffd1000 r-xp 00000000 00:00 0                          [vdso]
        Anonymous:             0 kB
        """;

    [Fact]
    public void Parse_Statistics_LeavesOutWhatIsWrittenOrNoFiles() =>
        Assert.Equal(
            [(0x400000, 0x1000, true), (0x401000, 0xFF000, true), (0x500000, 0x1000, false), (0x501000, 0x1000, false), (0x1000000, 0x1000, false), (0x7FFD0000, 0x1000, false)],
            ProgramPages.Parse(Statistics.Split('\n')).Select(mapping => ((long)mapping.Start, mapping.Length, mapping.IsUnchangedFile)));

    [Fact]
    public void GiveBack_OfThisProcess_GoesOnAsBefore()
    {
        Assert.True(ProgramPages.GiveBack() > 0);
        Assert.Equal(5050, Enumerable.Range(1, 100).Sum());
    }
}
