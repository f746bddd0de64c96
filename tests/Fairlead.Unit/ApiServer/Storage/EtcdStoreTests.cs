using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Storage.Etcd;
using Fairlead.Unit.ApiServer.HTTP;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>What is etcd's own; the rest is in <see cref="StoreTests"/>.</summary>
[Collection("etcd")]
public sealed class EtcdStoreTests(EtcdFixture etcd)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private IPEndPoint Member => IPEndPoint.Parse(new Uri(etcd.Cluster.Servers).Authority);

    [Fact]
    public async Task TwoStores_WritingAtOnce_AreToldTheSameInTheSameOrder()
    {
        var options = etcd.NewOptions();
        await using var one = await OpenedStore.Of(EtcdFixture.Open(options));
        await using var two = await OpenedStore.Of(EtcdFixture.Open(options));

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => (i % 2 == 0 ? one : two).PutAsync($"/registry/k{i % 50}", $"{i}", 0)));
        await UntilAsync(() => one.Told.Count == 50 && two.Told.Count == 50);

        Assert.Equal(one.Told.Select(change => (change.Key, change.Revision)), two.Told.Select(change => (change.Key, change.Revision)));
        Assert.Equal(one.State(), two.State());
    }

    [Fact]
    public async Task CatchUp_AfterAnothersWrite_HasIt()
    {
        var options = etcd.NewOptions();
        await using var one = await OpenedStore.Of(EtcdFixture.Open(options));
        var store = EtcdFixture.Open(options);
        await using var two = await OpenedStore.Of(store);
        for (var i = 0; i < 20; i++)
        {
            var written = await one.PutAsync($"/registry/k{i}", "1", 0);
            Assert.Equal(TimeSpan.Zero, await store.CatchUpAsync(default));
            Assert.Contains(two.Told, change => change.Revision == written.Revision);
        }
    }

    [Fact]
    public async Task Write_RefusedForAnothersWrite_AnswersAfterTheSinkHasSeenThat()
    {
        var options = etcd.NewOptions();
        await using var one = await OpenedStore.Of(EtcdFixture.Open(options));
        await using var two = await OpenedStore.Of(EtcdFixture.Open(options));
        for (var i = 0; i < 20; i++)
        {
            var first = await one.PutAsync($"/registry/k{i}", "1", 0);
            var second = await two.PutAsync($"/registry/k{i}", "2", 0);
            Assert.Equal(new StoreResult(false, first.Revision), second);
            Assert.Contains(two.Told, change => change.Revision == first.Revision);
        }
    }

    [Fact]
    public async Task Claims_OfOneThing_OneHasItUntilItGivesItBack()
    {
        var options = etcd.NewOptions();
        await using var one = await OpenedStore.Of(EtcdFixture.Open(options));
        await using var two = await OpenedStore.Of(EtcdFixture.Open(options));

        var results = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => (i % 2 == 0 ? one : two).PutAsync($"/registry/s{i}", "1", 0, "clusterips/10.96.0.9")));
        var winner = Assert.Single(Enumerable.Range(0, 40), i => results[i].Written);
        // Refused as a whole, though the key itself was free.
        Assert.All(Enumerable.Range(0, 40).Where(i => i != winner), i => Assert.Equal(new StoreResult(false, 0), results[i]));
        await one.DeleteAsync($"/registry/s{winner}", results[winner].Revision, "clusterips/10.96.0.9");

        Assert.True((await two.PutAsync("/registry/next", "1", 0, "clusterips/10.96.0.9", "nodeports/30000")).Written);
        await using var third = EtcdFixture.Open(options);
        await OpenedStore.Of(third);
        Assert.Equal("/registry/next", third.ClaimsAtOpening["clusterips/10.96.0.9"]);
        Assert.Equal(2, third.ClaimsAtOpening.Count);
    }

    [Fact]
    public async Task Open_AClaimWithoutItsObject_IsTakenAway()
    {
        var options = etcd.NewOptions();
        await using (var store = await OpenedStore.Of(EtcdFixture.Open(options))) await store.PutAsync("/registry/kept", "1", 0, "c/kept");
        using var members = new EtcdMembers(options, NullLogger.Instance, TimeProvider.System);
        await members.CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(new EtcdKeys(options.Prefix).OfClaim("c/orphan"), "/registry/gone"u8.ToArray()), default);

        await using var again = await OpenedStore.Of(EtcdFixture.Open(options));

        Assert.True((await again.PutAsync("/registry/new", "1", 0, "c/orphan")).Written);
        Assert.False((await again.PutAsync("/registry/other", "1", 0, "c/kept")).Written);
    }

    [Fact]
    public async Task Write_AnswerIsLost_IsAcknowledgedOnceAsItWasDone()
    {
        await using var wire = new FaultyWire(Member);
        var options = etcd.NewOptions() with { CallTimeout = TimeSpan.FromMilliseconds(300) };
        options = options with { Servers = [wire.Server, .. options.Servers] };
        await using var store = await OpenedStore.Of(EtcdFixture.Open(options));
        var before = await store.PutAsync("/registry/b", "1", 0);
        wire.LosesAnswers = true;

        var results = await Task.WhenAll(store.PutAsync("/registry/a", "1", 0, "c/1"), store.PutAsync("/registry/b", "2", before.Revision), store.DeleteAsync("/registry/gone", 1));

        Assert.True(results[0].Written && results[1].Written);
        Assert.False(results[2].Written);
        Assert.Equal(results[0].Revision, Assert.Single(store.Told, change => change.Key == "/registry/a").Revision);
        Assert.Equal(results[1].Revision, store.Told.Last(change => change.Key == "/registry/b").Revision);
    }

    [Fact]
    public async Task Write_RequestIsLostAndAnotherIsFaster_IsRefused()
    {
        await using var wire = new FaultyWire(Member);
        var shared = etcd.NewOptions();
        var options = shared with { Servers = [wire.Server, .. shared.Servers], CallTimeout = TimeSpan.FromMilliseconds(500) };
        await using var store = await OpenedStore.Of(EtcdFixture.Open(options));
        await using var other = await OpenedStore.Of(EtcdFixture.Open(shared));
        var made = await other.PutAsync("/registry/a", "1", 0);
        wire.LosesRequests = true;

        var losing = store.PutAsync("/registry/a", "mine", made.Revision);
        var winning = await other.PutAsync("/registry/a", "theirs", made.Revision);

        Assert.Equal(new StoreResult(false, winning.Revision), await losing);
        Assert.Equal("theirs", store.State()["/registry/a"]);
    }

    [Fact]
    public async Task Write_NobodyAnswers_SaysThatItIsNotKnown_AndThatEtcdIsAwayOnceItIsKnown()
    {
        await using var wire = new FaultyWire(Member);
        var options = etcd.NewOptions() with { Servers = [wire.Server], CallTimeout = TimeSpan.FromMilliseconds(200), Patience = TimeSpan.FromMilliseconds(600) };
        var store = EtcdFixture.Open(options);
        await using var opened = await OpenedStore.Of(store);
        await opened.PutAsync("/registry/a", "1", 0);
        wire.LosesAnswers = wire.LosesRequests = true;

        var unknown = await Assert.ThrowsAsync<StoreException>(() => opened.PutAsync("/registry/b", "1", 0));
        await UntilAsync(() => store.Trouble is not null);
        var refused = await Assert.ThrowsAsync<StoreException>(() => opened.PutAsync("/registry/c", "1", 0));
        var age = await store.CatchUpAsync(default);
        wire.LosesAnswers = wire.LosesRequests = false;
        wire.CutAll();
        await UntilAsync(() => store.Trouble is null);

        Assert.Equal(StoreTrouble.Unknown, unknown.Trouble);
        Assert.Equal(StoreTrouble.Away, refused.Trouble);
        Assert.True(age > TimeSpan.Zero);
        Assert.True((await opened.PutAsync("/registry/c", "1", 0)).Written);
    }

    [Fact]
    public async Task Watch_HistoryIsCompactedAway_TheDifferenceIsTold()
    {
        await using var wire = new FaultyWire(Member);
        var shared = etcd.NewOptions();
        await using var store = await OpenedStore.Of(EtcdFixture.Open(shared with { Servers = [wire.Server] }));
        await using var other = await OpenedStore.Of(EtcdFixture.Open(shared));
        var same = await other.PutAsync("/registry/same", "1", 0);
        var changed = await other.PutAsync("/registry/changed", "1", 0);
        var gone = await other.PutAsync("/registry/gone", "1", 0);
        var remade = await other.PutAsync("/registry/remade", "1", 0);
        await UntilAsync(() => store.Told.Count == 4);

        wire.IsCut = true;
        wire.CutAll();
        await other.PutAsync("/registry/changed", "2", changed.Revision);
        await other.DeleteAsync("/registry/gone", gone.Revision);
        await other.DeleteAsync("/registry/remade", remade.Revision);
        await other.PutAsync("/registry/remade", "2", 0);
        var last = await other.PutAsync("/registry/new", "1", 0);
        using var members = new EtcdMembers(shared, NullLogger.Instance, TimeProvider.System);
        await members.CallAsync("etcdserverpb.KV/Compact", EtcdRequests.Compact(last.Revision), default);
        wire.IsCut = false;
        await UntilAsync(() => store.Told.Any(change => change.Key == "/registry/new"));

        var told = store.Told.Skip(4).Select(change => $"{change.Key[10..]}={(change.Value is null ? "" : Encoding.UTF8.GetString(change.Value))}").ToList();
        Assert.Equal(["changed=2", "gone=", "new=1", "remade=", "remade=2"], told.Order(StringComparer.Ordinal));
        Assert.True(told.IndexOf("remade=") < told.IndexOf("remade=2"));
        Assert.Equal(store.Told.Select(change => change.Revision).Order(), store.Told.Select(change => change.Revision));
        Assert.Equal(other.State(), store.State());
        Assert.Equal(same.Revision, store.Told[0].Revision);
    }

    [Fact]
    public async Task Compaction_TwoServers_OneTakesTheTurnAndLeavesWhatIsYoung()
    {
        var options = etcd.NewOptions();
        await using var store = await OpenedStore.Of(EtcdFixture.Open(options));
        using var members = new EtcdMembers(options, NullLogger.Instance, TimeProvider.System);
        var keys = new EtcdKeys(options.Prefix);
        EtcdCompaction[] servers = [new(members, keys, NullLogger.Instance, TimeProvider.System), new(members, keys, NullLogger.Instance, TimeProvider.System)];
        var old = await store.PutAsync("/registry/a", "1", 0);
        foreach (var server in servers) await server.TryAsync(default);
        var young = await store.PutAsync("/registry/a", "2", old.Revision);
        foreach (var server in servers) await server.TryAsync(default);

        Assert.Equal("2", await ReadAtAsync(young.Revision));
        var refused = await Assert.ThrowsAsync<Fairlead.Kube.Grpc.GrpcException>(() => ReadAtAsync(old.Revision - 1));
        Assert.Contains("compacted", refused.Message, StringComparison.Ordinal);

        async Task<string> ReadAtAsync(long revision) => Encoding.UTF8.GetString(EtcdAnswer.ReadRange(
            await members.CallAsync("etcdserverpb.KV/Range", EtcdRequests.Range(keys.Of("/registry/a"), null, 0, revision), default)).Pairs[0].Value);
    }

    [Fact]
    public async Task Open_KeysOfAnotherProgram_IsRefused()
    {
        var options = etcd.NewOptions();
        using var members = new EtcdMembers(options, NullLogger.Instance, TimeProvider.System);
        await members.CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(new EtcdKeys(options.Prefix).Of("/registry/pods/default/x"), "k8s"u8.ToArray()), default);

        await using var store = EtcdFixture.Open(options);
        var refused = await Assert.ThrowsAsync<StoreException>(() => OpenedStore.Of(store));

        Assert.Contains("another program", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_NobodyListens_SaysSo()
    {
        await using var store = EtcdFixture.Open(new EtcdOptions { Servers = [new Uri($"http://{Loopback.Next()}:2379")], Patience = TimeSpan.FromMilliseconds(100) });

        var refused = await Assert.ThrowsAsync<StoreException>(() => OpenedStore.Of(store));

        Assert.Contains("cannot be used", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_IntoAnEmptyPrefix_IsAStoreWithItsClaims_AndIntoAnotherIsRefused()
    {
        byte[] backup;
        string service;
        await using (var server = await TestApiServer.StartAsync())
        {
            var api = new Api(server.Client);
            service = (await api.DoAsync("POST", "/api/v1/namespaces/default/services", """{"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[{"port":80}]}}""")).ToJsonString();
            backup = await server.Client.Http.GetByteArrayAsync("/fairlead/backup", TestContext.Current.CancellationToken);
        }
        var options = etcd.NewOptions();
        using var members = new EtcdMembers(options, NullLogger.Instance, TimeProvider.System);
        // One of before that did not come to its end.
        await members.CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(new EtcdKeys(options.Prefix).Format, EtcdStore.FormatUnfinished), default);
        await members.CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(new EtcdKeys(options.Prefix).Of("/registry/pods/default/half"), "{}"u8.ToArray()), default);
        await using (var half = EtcdFixture.Open(options))
            Assert.Contains("run `fairlead restore` again", (await Assert.ThrowsAsync<StoreException>(() => OpenedStore.Of(half))).Message, StringComparison.Ordinal);

        var (count, isBeyond) = await Backup.RestoreAsync(new MemoryStream(backup), options, TimeProvider.System, default);
        await Assert.ThrowsAsync<StoreException>(() => Backup.RestoreAsync(new MemoryStream(backup), options, TimeProvider.System, default));

        await using var store = EtcdFixture.Open(options);
        var opened = await OpenedStore.Of(store);
        Assert.True(isBeyond && opened.Found.Count == count);
        Assert.DoesNotContain(opened.Found, found => found.Contains("half", StringComparison.Ordinal));
        var spec = System.Text.Json.Nodes.JsonNode.Parse(service)!["spec"]!;
        foreach (var claim in (string[])[$"clusterips/{spec["clusterIP"]}", $"nodeports/{spec["ports"]![0]!["nodePort"]}"])
            Assert.Equal("/registry/services/specs/default/s", store.ClaimsAtOpening[claim]);
    }

    [Fact]
    public async Task Open_ManyObjectsAndLargeOnes_AllAreFound()
    {
        var options = etcd.NewOptions();
        await using (var store = await OpenedStore.Of(EtcdFixture.Open(options)))
        {
            var large = new string('x', 1_000_000);
            await Task.WhenAll(Enumerable.Range(0, 1100).Select(i => store.PutAsync($"/registry/k{i}", i % 15 == 0 ? large : "1", 0)));
        }
        await using var again = await OpenedStore.Of(EtcdFixture.Open(options));

        Assert.Equal(1100, again.State().Count);
    }

    [Fact]
    public async Task Tls_WithAClientsCertificate_IsSpokenAndDemanded()
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-test-");
        try
        {
            var address = Loopback.Next();
            string File(string name) => Path.Combine(folder.FullName, name);
            var authority = CertificateAuthority.OpenOrCreate(folder.FullName, TimeProvider.System);
            authority.Issue("etcd", [], [address.ToString()]).Save(File("server.crt"), File("server.key"));
            authority.Issue("fairlead", [], []).Save(File("client.crt"), File("client.key"));
            await using var cluster = await EtcdCluster.StartAsync(
                [address], "--cert-file", File("server.crt"), "--key-file", File("server.key"), "--trusted-ca-file", File("ca.crt"), "--client-cert-auth");
            var options = EtcdFixture.OptionsOf(cluster) with { CaFile = File("ca.crt"), Patience = TimeSpan.FromMilliseconds(300) };

            await using var stranger = EtcdFixture.Open(options);
            await Assert.ThrowsAsync<StoreException>(() => OpenedStore.Of(stranger));
            await using var store = await OpenedStore.Of(EtcdFixture.Open(options with { CertFile = File("client.crt"), KeyFile = File("client.key"), Patience = Patience }));
            Assert.True((await store.PutAsync("/registry/a", "1", 0)).Written);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task ThreeMembers_TheLeaderIsKilledDuringWrites_NothingAcknowledgedIsLost()
    {
        await using var cluster = await EtcdCluster.StartAsync([Loopback.Next(), Loopback.Next(), Loopback.Next()]);
        var options = EtcdFixture.OptionsOf(cluster) with { CallTimeout = TimeSpan.FromSeconds(1) };
        var stores = new[] { await OpenedStore.Of(EtcdFixture.Open(options)), await OpenedStore.Of(EtcdFixture.Open(options)) };
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(i => WriteAsync(stores[i % 2], $"/registry/w{i}", stop.Token)).ToList();
        await UntilAsync(() => stores[0].Told.Count > 100);

        await cluster.KillAsync(await cluster.LeaderAsync());
        var atDeath = stores[0].Told.Count;
        await UntilAsync(() => stores.All(store => store.Told.Count > atDeath + 200));
        await stop.CancelAsync();
        var known = (await Task.WhenAll(writers)).SelectMany(writer => writer).ToList();

        await using var fresh = await OpenedStore.Of(EtcdFixture.Open(options));
        var state = fresh.State();
        Assert.True(known.Count(write => write.IsSure) > 200);
        foreach (var (key, value, isSure) in known.Where(write => write.IsSure)) Assert.Equal(value, state.GetValueOrDefault(key));
        // Each key was written once: what the sinks were told of it twice would be a write done twice.
        foreach (var store in stores)
        {
            await UntilAsync(() => store.State().Count == state.Count);
            Assert.Equal(store.Told.Count, store.Told.Select(change => change.Key).Distinct().Count());
            await store.DisposeAsync();
        }
    }

    private static async Task<List<(string Key, string Value, bool IsSure)>> WriteAsync(OpenedStore store, string prefix, CancellationToken stop)
    {
        var done = new List<(string, string, bool)>();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var (key, value) = ($"{prefix}-{i}", Convert.ToHexString(RandomNumberGenerator.GetBytes(8)));
            try
            {
                Assert.True((await store.PutAsync(key, value, 0)).Written, "nobody else writes this key");
                done.Add((key, value, true));
            }
            catch (StoreException)
            {
                done.Add((key, value, false));
            }
        }
        return done;
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, "it does not come true");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }
}
