using System.Text;
using Fairlead.ApiServer.Security.Audit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security.Audit;

public sealed class RotatingFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero));

    private string LogFile => Path.Combine(_folder.FullName, "audit.log");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Write_FileIsFull_IsPutAsideUnderItsTime_AndTheOldestGo()
    {
        using (var file = new RotatingFile(LogFile, maxBytes: 10, maxBackups: 2, maxDays: 0, _time))
        {
            foreach (var line in (string[])["one.....\n", "two.....\n", "three...\n", "four....\n"])
            {
                file.Write(Encoding.UTF8.GetBytes(line));
                _time.Advance(TimeSpan.FromSeconds(1));
            }
        }

        Assert.Equal(["audit-2026-11-23T10-00-02.000.log=two.....", "audit-2026-11-23T10-00-03.000.log=three...", "audit.log=four...."], Contents());
    }

    [Fact]
    public void Open_FilesOlderThanTheirDays_Go_AndOthersStay()
    {
        foreach (var name in (string[])["audit-2026-11-01T00-00-00.000.log", "audit-2026-11-22T00-00-00.000.log", "audit-notes.log"]) File.WriteAllText(Path.Combine(_folder.FullName, name), "x\n");

        using (new RotatingFile(LogFile, maxBytes: 0, maxBackups: 0, maxDays: 7, _time))
        {
        }

        Assert.Equal(["audit-2026-11-22T00-00-00.000.log=x", "audit-notes.log=x", "audit.log="], Contents());
    }

    [Fact]
    public void Open_ThereIsALog_GoesOnInIt_ReadableByItsOwnerAlone()
    {
        using (var file = new RotatingFile(LogFile, 0, 0, 0, _time)) file.Write("a\n"u8);
        using (var file = new RotatingFile(LogFile, 0, 0, 0, _time)) file.Write("b\n"u8);

        Assert.Equal("a\nb\n", File.ReadAllText(LogFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogFile));
    }

    private string[] Contents() => [.. _folder.EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => $"{file.Name}={File.ReadAllText(file.FullName).Trim()}")];
}
