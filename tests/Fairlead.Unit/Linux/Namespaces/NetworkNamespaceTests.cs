using Fairlead.Linux;
using Fairlead.Linux.Mounts;
using Fairlead.Linux.Namespaces;
using Xunit;

namespace Fairlead.Unit.Linux.Namespaces;

public sealed class NetworkNamespaceTests
{
    [Fact]
    public void Create_WithUtsAndIpc_KeepsEachAndDeletesWithoutTrace()
    {
        string folder = Directory.CreateTempSubdirectory("ut-ns").FullName;
        var paths = new NamespacePaths { Network = folder + "/net", Uts = folder + "/uts", Ipc = folder + "/ipc", HostName = "pod-7" };
        string before = Environment.MachineName;
        try
        {
            NetworkNamespace.Create(paths).Dispose();
            Assert.Equal(3, MountTable.Under(folder).Count);
            Assert.Equal(before, File.ReadAllText("/proc/sys/kernel/hostname").Trim());
        }
        finally
        {
            NetworkNamespace.Delete(paths.Network);
            NetworkNamespace.Delete(paths.Uts);
            NetworkNamespace.Delete(paths.Ipc);
            NetworkNamespace.Delete(paths.Network);
            Assert.Empty(MountTable.Under(folder));
            Directory.Delete(folder);
        }
    }

    [Fact]
    public void Create_TakenPath_FailsAndLeavesTheOtherAlone()
    {
        using var taken = new TestNamespace("taken");
        LinuxException failure = Assert.Throws<LinuxException>(() => NetworkNamespace.Create(taken.Path));
        Assert.Equal(Errno.Exists, failure.Errno);
        NetworkNamespace.Open(taken.Path).Dispose();
    }

    [Fact]
    public void Run_Afterwards_CallersThreadIsWhereItWas()
    {
        using var inner = new TestNamespace("inner");
        string before = File.ResolveLinkTarget("/proc/thread-self/ns/net", false)!.Name;
        string inside = inner.Network.Run(() => File.ResolveLinkTarget("/proc/thread-self/ns/net", false)!.Name);
        Assert.NotEqual(before, inside);
        Assert.Equal(before, File.ResolveLinkTarget("/proc/thread-self/ns/net", false)!.Name);
    }

    [Fact]
    public void Run_Throwing_ThrowsAtTheCaller()
    {
        using var inner = new TestNamespace("inner");
        Assert.Throws<InvalidDataException>(() => inner.Network.Run(() => throw new InvalidDataException("inside")));
    }

    [Fact]
    public void Sysctl_InNamespace_DoesNotTouchTheOther()
    {
        using var inner = new TestNamespace("inner");
        using var other = new TestNamespace("other");
        inner.Network.Run(() => Sysctl.Write("net/ipv4/ip_forward", "1"));
        other.Network.Run(() => Sysctl.Write("net/ipv4/ip_forward", "0"));
        Assert.Equal("1", inner.Network.Run(() => Sysctl.Read("net/ipv4/ip_forward")));
    }
}
