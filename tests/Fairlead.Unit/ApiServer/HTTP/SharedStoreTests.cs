using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Storage.Etcd;
using Fairlead.Unit.ApiServer.Storage;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Two servers on one etcd are one cluster, whichever a client asks.</summary>
[Collection("etcd")]
public sealed class SharedStoreTests(EtcdFixture etcd) : IAsyncLifetime
{
    private const string Services = "/api/v1/namespaces/default/services";
    private EtcdOptions _options = null!;
    private TestApiServer _one = null!, _two = null!;
    private Api _first = null!, _second = null!;

    public async ValueTask InitializeAsync()
    {
        _options = etcd.NewOptions();
        // At once: both find an empty store and make the same objects.
        var servers = await Task.WhenAll(StartAsync("192.0.2.10"), StartAsync("192.0.2.11"));
        (_one, _two) = (servers[0], servers[1]);
        (_first, _second) = (new Api(_one.Client), new Api(_two.Client));
    }

    public async ValueTask DisposeAsync()
    {
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Fact]
    public async Task Read_AtTheOtherServer_IsOfTheLatest()
    {
        for (var i = 0; i < 10; i++)
        {
            var made = await _first.ConfigMapAsync($"c{i}");
            Assert.Equal((string)made["metadata"]!["uid"]!, (string)(await _second.DoAsync("GET", $"{Api.ConfigMaps}/c{i}"))["metadata"]!["uid"]!);
            Assert.Contains($"c{i}", await _second.NamesAsync(Api.ConfigMaps));
        }
    }

    [Fact]
    public async Task Write_AtTheOtherServer_KnowsTheLatest()
    {
        for (var i = 0; i < 10; i++)
        {
            var made = await _first.ConfigMapAsync($"c{i}");
            made["data"] = new JsonObject { ["a"] = "1" };
            var changed = await _second.DoAsync("PUT", $"{Api.ConfigMaps}/c{i}", made.ToJsonString());
            Assert.Equal(409, (await _first.SendAsync("PUT", $"{Api.ConfigMaps}/c{i}", made.ToJsonString())).Code);
            Assert.Equal(409, (await _first.SendAsync("POST", Api.ConfigMaps, $$$"""{"metadata":{"name":"c{{{i}}}"} }""")).Code);
            await _first.DoAsync("PATCH", $"{Api.ConfigMaps}/c{i}", """{"data":{"b":"2"}}""", "application/merge-patch+json");
            var deleted = await _second.DoAsync("DELETE", $"{Api.ConfigMaps}/c{i}");
            Assert.Equal("Success", (string)deleted["status"]!);
            Assert.Equal(404, (await _first.SendAsync("DELETE", $"{Api.ConfigMaps}/c{i}")).Code);
            Assert.NotEqual((string)made["metadata"]!["resourceVersion"]!, (string)changed["metadata"]!["resourceVersion"]!);
        }
    }

    [Fact]
    public async Task Watch_OfOne_SeesTheWritesOfBothInOrder()
    {
        const int Writes = 60;
        var start = (string)(await _first.ConfigMapAsync("start"))["metadata"]!["resourceVersion"]!;
        var watch = _second.WatchAsync($"{Api.ConfigMaps}?watch=true&resourceVersion={start}&timeoutSeconds=20", Writes);

        var made = await Task.WhenAll(Enumerable.Range(0, Writes).Select(i => (i % 2 == 0 ? _first : _second).ConfigMapAsync($"c{i}")));
        var seen = (await watch).Select(change => change["object"]!).ToList();

        Assert.Equal(made.Select(Version).Order(), seen.Select(Version));
        Assert.Equal(made.Select(obj => (string)obj["metadata"]!["uid"]!).Order(), seen.Select(obj => (string)obj["metadata"]!["uid"]!).Order());
    }

    [Fact]
    public async Task Start_WhileTheOtherIsWritten_MissesNothing()
    {
        using var enough = new CancellationTokenSource();
        var writing = WriteUntilAsync(enough.Token);
        for (var i = 0; i < 5; i++)
        {
            await using var third = await StartAsync("192.0.2.20");
            var known = await new Api(third.Client).NamesAsync(Api.ConfigMaps);
            await _first.ConfigMapAsync($"after-{i}");
            // Without gaps, up to the last that was there when it was asked.
            var numbers = known.Where(name => name.StartsWith('c')).Select(name => int.Parse(name[1..], CultureInfo.InvariantCulture)).Order().ToList();
            Assert.Equal(Enumerable.Range(0, numbers.Count), numbers);
        }
        await enough.CancelAsync();
        await writing;

        async Task WriteUntilAsync(CancellationToken stop)
        {
            for (var i = 0; !stop.IsCancellationRequested; i++) await _first.ConfigMapAsync($"c{i}");
        }
    }

    [Fact]
    public async Task Quota_WithManyAtBothAtOnce_IsNeverOverrun()
    {
        await _first.DoAsync("POST", "/api/v1/namespaces/default/resourcequotas", """{"metadata":{"name":"few"},"spec":{"hard":{"count/configmaps":"10"}}}""");
        await _second.DoAsync("GET", "/api/v1/namespaces/default/resourcequotas/few");
        var before = (await _first.NamesAsync(Api.ConfigMaps)).Length;

        var made = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => (i % 2 == 0 ? _first : _second).SendAsync("POST", Api.ConfigMaps, $$$"""{"metadata":{"name":"q{{{i}}}"} }""")));

        Assert.Equal(10 - before, made.Count(answer => answer.Code == 201));
        Assert.All(made.Where(answer => answer.Code != 201), answer => Assert.Equal(403, answer.Code));
        Assert.Equal(10, (await _second.NamesAsync(Api.ConfigMaps)).Length);
        // What one gives back the other has at once.
        await _first.DoAsync("DELETE", $"{Api.ConfigMaps}/{(await _first.NamesAsync(Api.ConfigMaps))[^1]}");
        await _second.ConfigMapAsync("next");
    }

    [Fact]
    public async Task Services_MadeAtBothAtOnce_HaveAllAddressesAndNoneTwice()
    {
        // 62 addresses, of which kubernetes and kube-dns have two: both servers choose among fewer and fewer.
        var small = (await Task.WhenAll(StartAsync("192.0.2.10", "10.97.0.0/26", "/small"), StartAsync("192.0.2.11", "10.97.0.0/26", "/small"))).ToList();
        try
        {
            var servers = small.Select(server => new Api(server.Client)).ToList();
            var made = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => servers[i % 2].DoAsync("POST", Services, Service($"s{i}", "NodePort"))));

            Assert.Equal(60, made.Select(service => (string)service["spec"]!["clusterIP"]!).Distinct().Count());
            Assert.Equal(60, made.Select(service => (int)service["spec"]!["ports"]![0]!["nodePort"]!).Distinct().Count());
            var (code, full) = await servers[0].SendAsync("POST", Services, Service("more", "ClusterIP"));
            Assert.Contains("is full", (string)full["message"]!, StringComparison.Ordinal);
            Assert.Equal(422, code);

            // What one gives back the other has at once.
            await servers[0].DoAsync("DELETE", $"{Services}/s7");
            var next = await servers[1].DoAsync("POST", Services, Service("more", "ClusterIP"));
            Assert.Equal((string)made[7]["spec"]!["clusterIP"]!, (string)next["spec"]!["clusterIP"]!);
        }
        finally
        {
            foreach (var server in small) await server.DisposeAsync();
        }
    }

    [Fact]
    public async Task Services_AskingForTheSameAtBoth_OneHasItAndTheOthersAreToldSo()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? _first : _second).SendAsync("POST", Services, Service($"s{i}", "NodePort", "10.96.0.77", 30077))));

        Assert.Single(answers, answer => answer.Code == 201);
        foreach (var (code, body) in answers.Where(answer => answer.Code != 201))
        {
            Assert.Equal(422, code);
            var message = (string)body["message"]!;
            Assert.Contains("failed to allocate IP 10.96.0.77: provided IP is already allocated", message, StringComparison.Ordinal);
            Assert.Contains("provided port is already allocated", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Service_OfOneNameAtBoth_WhoIsTooLateFreesNothingOfTheOthers()
    {
        for (var i = 0; i < 10; i++)
        {
            var address = $"10.96.0.{100 + i}";
            var answers = await Task.WhenAll(new[] { _first, _second }.Select(server => server.SendAsync("POST", Services, Service($"s{i}", "ClusterIP", address))));
            Assert.Single(answers, answer => answer.Code == 201);
            foreach (var server in new[] { _first, _second })
            {
                var (code, refusal) = await server.SendAsync("POST", Services, Service("other", "ClusterIP", address));
                Assert.Contains("provided IP is already allocated", (string)refusal["message"]!, StringComparison.Ordinal);
                Assert.Equal(422, code);
            }
        }
    }

    [Fact]
    public async Task Service_ChangedToWhatTheOtherServerGave_IsRefused_AndWhatItLeavesIsFree()
    {
        await _first.DoAsync("POST", Services, Service("a", "NodePort", nodePort: 30001));
        await _second.DoAsync("POST", Services, Service("b", "NodePort", nodePort: 30002));
        const string Change = """{"spec":{"ports":[{"port":80,"nodePort":30001}]}}""";

        Assert.Equal(422, (await _second.SendAsync("PATCH", $"{Services}/b", Change, "application/strategic-merge-patch+json")).Code);
        await _first.DoAsync("PATCH", $"{Services}/a", """{"spec":{"type":"ClusterIP"}}""", "application/merge-patch+json");
        await _second.DoAsync("PATCH", $"{Services}/b", Change, "application/strategic-merge-patch+json");

        // The port that b left is claimed by nobody.
        await _first.DoAsync("POST", Services, Service("c", "NodePort", nodePort: 30002));
    }

    [Fact]
    public async Task Service_OfTheDefault_HasBothServersAsEndpoints_UntilOneEnds()
    {
        await UntilAsync("192.0.2.10", "192.0.2.11");
        await _two.DisposeAsync();
        await UntilAsync("192.0.2.10");
        (_two, _second) = (await StartAsync("192.0.2.12"), _first);
        await UntilAsync("192.0.2.10", "192.0.2.12");

        async Task UntilAsync(params string[] wanted)
        {
            string[] found;
            var began = TimeProvider.System.GetTimestamp();
            do
            {
                var slice = await _first.DoAsync("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes");
                var endpoints = await _first.DoAsync("GET", "/api/v1/namespaces/default/endpoints/kubernetes");
                found = [.. slice["endpoints"]!.AsArray().Select(endpoint => (string)endpoint!["addresses"]![0]!)];
                if (!found.SequenceEqual(endpoints["subsets"]![0]!["addresses"]!.AsArray().Select(address => (string)address!["ip"]!))) found = [];
            }
            while (!found.SequenceEqual(wanted) && TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10));
            Assert.Equal(wanted, found);
        }
    }

    private Task<TestApiServer> StartAsync(string address, string range = "10.96.0.0/16", string folder = "") => TestApiServer.StartAsync(
        EtcdFixture.Open(_options with { Prefix = _options.Prefix + folder }),
        configure: options => options with { AdvertiseAddress = new IPEndPoint(IPAddress.Parse(address), 6443), ServiceRanges = [IPNetwork.Parse(range)] });

    private static long Version(JsonNode obj) => long.Parse((string)obj["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);

    private static string Service(string name, string type, string? address = null, int? nodePort = null)
    {
        var port = new JsonObject { ["port"] = 80 };
        if (nodePort is { } number) port["nodePort"] = number;
        var spec = new JsonObject { ["type"] = type, ["ports"] = new JsonArray(port) };
        if (address is not null) spec["clusterIP"] = address;
        return new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = spec }.ToJsonString();
    }
}

/// <summary>A server whose etcd goes and comes back.</summary>
public sealed class StoreAwayTests
{
    [Fact]
    public async Task EtcdIsAway_WritesAreRefused_ReadsSayHowOldTheyAre_AndItComesBack()
    {
        await using var cluster = await EtcdCluster.StartAsync([Loopback.Next()]);
        await using var server = await TestApiServer.StartAsync(EtcdFixture.Open(EtcdFixture.OptionsOf(cluster)));
        var api = new Api(server.Client);
        await api.ConfigMapAsync("before");

        await cluster.KillAsync(0);
        await UntilReadyIsAsync(500);
        var (code, refusal) = await api.SendAsync("POST", Api.ConfigMaps, """{"metadata":{"name":"while"} }""");
        using var read = await server.Client.Http.GetAsync($"{Api.ConfigMaps}/before", TestContext.Current.CancellationToken);
        var metrics = await server.Client.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Equal(503, code);
        Assert.Contains("nothing was written", (string)refusal["message"]!, StringComparison.Ordinal);
        Assert.Equal(200, (int)read.StatusCode);
        Assert.Matches("^299 - \"etcd does not answer: this is what the server knew [0-9.]+ s ago\"$", Assert.Single(read.Headers.NonValidated["Warning"]));
        Assert.DoesNotContain("fairlead_store_age_seconds 0\n", metrics, StringComparison.Ordinal);
        // It lives; as kube-apiserver's, /livez counts the store in.
        Assert.Equal("ok", await server.Client.Http.GetStringAsync("/livez?exclude=etcd", TestContext.Current.CancellationToken));

        await cluster.RestartAsync(0);
        await UntilReadyIsAsync(200);
        await api.ConfigMapAsync("after");
        Assert.Equal(["after", "before"], await api.NamesAsync(Api.ConfigMaps));

        async Task UntilReadyIsAsync(int wanted)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (true)
            {
                using var answer = await server.Client.Http.GetAsync("/readyz", TestContext.Current.CancellationToken);
                if ((int)answer.StatusCode == wanted) return;
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), $"/readyz stays {answer.StatusCode}");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
        }
    }
}
