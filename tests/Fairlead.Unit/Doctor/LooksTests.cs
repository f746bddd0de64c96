using System.Net;
using Fairlead.Doctor.Observe;
using Fairlead.Doctor.Snapshot;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Doctor;

/// <summary>What many services share is looked at once, so that the cost grows with what is there, not with its square.</summary>
public sealed class LooksTests
{
    private const string Here = "/proc/self/ns/net";

    [Fact]
    public void Kernel_ManyServices_IsReadOnceANode()
    {
        var cluster = new CountingCluster();
        using var looks = new Looks(cluster, new Exchange(TimeProvider.System), TimeProvider.System);

        for (var i = 0; i < 1000; i++)
        {
            foreach (var node in cluster.Nodes) Assert.Equal(7, looks.Kernel(node, Given.Healthy()).Wanted);
        }

        Assert.Equal(2, cluster.Reads);
    }

    [Fact]
    public async Task DnsServer_ThatIsSilent_IsNotAskedForOtherNames()
    {
        var cluster = new CountingCluster();
        using var looks = new Looks(cluster, new Exchange(TimeProvider.System), TimeProvider.System);
        using var nobody = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var server = (IPEndPoint)nobody.LocalEndPoint!;
        var start = TimeProvider.System.GetTimestamp();

        for (var i = 0; i < 100; i++)
        {
            var answer = await looks.AskAsync(cluster.Nodes[0], server, $"s{i}", TestContext.Current.CancellationToken);
            Assert.Equal((DnsOutcome.Silent, $"s{i}"), (answer.Outcome, answer.Name));
        }

        // Two seconds of patience for the first, none for the others.
        Assert.InRange(TimeProvider.System.GetElapsedTime(start).TotalSeconds, 1.9, 20);
    }

    private sealed class CountingCluster : ILocalCluster, IKernelView
    {
        public int Reads { get; private set; }

        public string NameOption => "";

        public IReadOnlyList<LocalNode> Nodes { get; } = [new LocalNode("node1", "127.0.0.1", Here, true), new LocalNode("node2", "127.0.0.2", Here, true)];

        public IReadOnlyList<string> Stopped => [];

        public LocalPod? FindPod(V1Pod pod) => null;

        public IKernelView ReadKernel(LocalNode node)
        {
            Reads++;
            return this;
        }

        public KernelComparison Compare(V1Service service, IReadOnlyList<V1EndpointSlice> slices) => new(7, []);
    }
}
