using Fairlead.Linux.Mounts;
using Xunit;

namespace Fairlead.Unit.Linux.Mounts;

public sealed class MountTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ut-mount").FullName;

    public void Dispose()
    {
        MountTable.UnmountUnder(_folder);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Overlay_OverTmpfs_WritesToTheUpperOnly()
    {
        Mount.Tmpfs(_folder, sizeBytes: 1 << 20);
        foreach (string name in new[] { "low", "up", "work", "root,a:b" })
        {
            Directory.CreateDirectory(Path.Combine(_folder, name));
        }
        File.WriteAllText(_folder + "/low/file", "low");
        Mount.Overlay(_folder + "/root,a:b", [_folder + "/low"], _folder + "/up", _folder + "/work");
        File.WriteAllText(_folder + "/root,a:b/file", "changed");
        Assert.Equal("low", File.ReadAllText(_folder + "/low/file"));
        Assert.Equal("changed", File.ReadAllText(_folder + "/up/file"));
        Assert.Equal(["tmpfs", "overlay"], MountTable.Under(_folder).Select(entry => entry.Type));
        MountTable.UnmountUnder(_folder);
        Assert.Empty(MountTable.Under(_folder));
    }

    [Fact]
    public void Bind_ReadOnly_RefusesWrites()
    {
        string source = Directory.CreateDirectory(_folder + "/source").FullName;
        string target = Directory.CreateDirectory(_folder + "/tar get").FullName;
        Mount.Bind(source, target, readOnly: true);
        Assert.ThrowsAny<Exception>(() => File.WriteAllText(target + "/file", "x"));
        Assert.Equal(target, Assert.Single(MountTable.Under(target)).Target);
        Assert.True(Mount.Unmount(target));
        Assert.False(Mount.Unmount(target));
    }
}
