using System.Globalization;
using Fairlead.ApiServer.Storage.Etcd;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>One etcd of one member for all tests that need no other; each gets a prefix of its own in it.</summary>
public sealed class EtcdFixture : IAsyncLifetime
{
    private static int s_last;

    public EtcdCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await EtcdCluster.StartAsync([Loopback.Next()]);

    public async ValueTask DisposeAsync() => await Cluster.DisposeAsync();

    /// <summary>Options with a prefix that nobody else has.</summary>
    public EtcdOptions NewOptions() => OptionsOf(Cluster) with { Prefix = "/test" + Interlocked.Increment(ref s_last).ToString(CultureInfo.InvariantCulture) };

    public static EtcdOptions OptionsOf(EtcdCluster cluster) => new() { Servers = EtcdOptions.ParseServers(cluster.Servers) };

    public static EtcdStore Open(EtcdOptions options) => new(options, NullLoggerFactory.Instance, TimeProvider.System);
}

[CollectionDefinition("etcd")]
public sealed class EtcdCollection : ICollectionFixture<EtcdFixture>;
