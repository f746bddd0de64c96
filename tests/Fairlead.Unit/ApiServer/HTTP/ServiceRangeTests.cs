using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>ServiceCIDR and IPAddress (Kubernetes documentation: "Extend Service IP Ranges").</summary>
public sealed class ServiceRangeTests : ApiTest
{
    private const string Ranges = "/apis/networking.k8s.io/v1/servicecidrs";
    private const string Addresses = "/apis/networking.k8s.io/v1/ipaddresses";
    private const string Services = "/api/v1/namespaces/default/services";

    [Fact]
    public async Task Start_OwnRangeAndService_AreShown()
    {
        var range = await RangeAsync("kubernetes", "True");
        Assert.Equal("10.96.0.0/16", (string)range["spec"]!["cidrs"]![0]!);
        Assert.Equal("networking.k8s.io/service-cidr-finalizer", (string)range["metadata"]!["finalizers"]![0]!);

        var address = await AddressAsync("10.96.0.1", "kubernetes");
        Assert.Equal("ipallocator.k8s.io", (string)address["metadata"]!["labels"]!["ipaddress.kubernetes.io/managed-by"]!);
        Assert.Equal("services", (string)address["spec"]!["parentRef"]!["resource"]!);
    }

    [Fact]
    public async Task Service_MadeChangedAndDeleted_ItsAddressFollows()
    {
        await ServiceAsync("a", "10.96.3.3");
        await AddressAsync("10.96.3.3", "a");

        // Lost objects come back.
        await Requests.DoAsync("DELETE", $"{Addresses}/10.96.3.3");
        await AddressAsync("10.96.3.3", "a");

        await Requests.DoAsync("DELETE", $"{Services}/a");
        await GoneAsync($"{Addresses}/10.96.3.3");
        await ServiceAsync("b", "10.96.3.3");
        await AddressAsync("10.96.3.3", "b");
    }

    [Fact]
    public async Task Service_MadeTwiceAtOnce_TheRefusedOneFreesNothing()
    {
        for (var i = 1; i <= 20; i++)
        {
            var address = $"10.96.4.{i}";
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Requests.SendAsync("POST", Services, Service($"s{i}", address))));
            Assert.Single(answers, answer => answer.Code == 201);
            Assert.Equal(422, (await Requests.SendAsync("POST", Services, Service("other", address))).Code);
        }
    }

    [Fact]
    public async Task Range_Added_ServicesHaveAddressesOfIt()
    {
        var (code, refusal) = await Requests.SendAsync("POST", Services, Service("early", "203.0.113.10"));
        Assert.Equal(422, code);
        Assert.Contains("not in the valid range", (string)refusal["message"]!, StringComparison.Ordinal);

        await Requests.DoAsync("POST", Ranges, Range("more", "203.0.113.0/24"));
        await RangeAsync("more", "True");

        await ServiceAsync("late", "203.0.113.10");
        await AddressAsync("203.0.113.10", "late");
    }

    [Fact]
    public async Task Range_DeletedWhileInUse_StaysUntilItsLastAddressGoes()
    {
        await Requests.DoAsync("POST", Ranges, Range("more", "203.0.113.0/24"));
        await RangeAsync("more", "True");
        await ServiceAsync("user", "203.0.113.10");

        await Requests.DoAsync("DELETE", $"{Ranges}/more");
        Assert.Equal("Terminating", (string)(await RangeAsync("more", "False"))["status"]!["conditions"]![0]!["reason"]!);

        // No new address comes from it; who has one goes on, and may be changed.
        Assert.Equal(422, (await Requests.SendAsync("POST", Services, Service("another", "203.0.113.11"))).Code);
        await Requests.DoAsync("PATCH", $"{Services}/user", """{"metadata":{"labels":{"a":"b"}}}""", "application/merge-patch+json");

        await Requests.DoAsync("DELETE", $"{Services}/user");
        await GoneAsync($"{Ranges}/more");
    }

    [Fact]
    public async Task Range_DeletedWhileAnotherHoldsItsAddresses_Goes()
    {
        await Requests.DoAsync("POST", Ranges, Range("more", "203.0.113.0/24"));
        await Requests.DoAsync("POST", Ranges, Range("wider", "203.0.112.0/23"));
        await RangeAsync("more", "True");
        await ServiceAsync("user", "203.0.113.10");

        await Requests.DoAsync("DELETE", $"{Ranges}/more");

        await GoneAsync($"{Ranges}/more");
    }

    [Fact]
    public async Task Address_MadeByAnother_IsKeptAndGivenToNobody()
    {
        await Requests.DoAsync("POST", Addresses, Address("10.96.7.7"));

        var (code, refusal) = await Requests.SendAsync("POST", Services, Service("a", "10.96.7.7"));
        Assert.Equal(422, code);
        Assert.Contains("provided IP is already allocated", (string)refusal["message"]!, StringComparison.Ordinal);

        await Requests.DoAsync("DELETE", $"{Addresses}/10.96.7.7");
        await ServiceAsync("a", "10.96.7.7");
    }

    [Fact]
    public async Task Range_DeletedWhileAnotherHoldsOneOfItsAddresses_GoesWithThatAddress()
    {
        await Requests.DoAsync("POST", Ranges, Range("more", "203.0.113.0/24"));
        await RangeAsync("more", "True");
        await Requests.DoAsync("POST", Addresses, Address("203.0.113.7"));

        await Requests.DoAsync("DELETE", $"{Ranges}/more");
        await RangeAsync("more", "False");

        await Requests.DoAsync("DELETE", $"{Addresses}/203.0.113.7");
        await GoneAsync($"{Ranges}/more");
    }

    [Theory]
    [InlineData(Ranges, """{"metadata":{"name":"x"},"spec":{"cidrs":[]}}""", "spec.cidrs: Required value: at least one CIDR required")]
    [InlineData(Ranges, """{"metadata":{"name":"x"},"spec":{"cidrs":["10.0.0.1"]}}""", "must be a valid CIDR value")]
    [InlineData(Ranges, """{"metadata":{"name":"x"},"spec":{"cidrs":["10.0.0.0/24","10.1.0.0/24"]}}""", "no more than one IP for each IP family")]
    [InlineData(Addresses, """{"metadata":{"name":"10.0.0.256"},"spec":{"parentRef":{"resource":"r","name":"n"}}}""", "must be a valid IP address")]
    [InlineData(Addresses, """{"metadata":{"name":"2001:DB8::1"},"spec":{"parentRef":{"resource":"r","name":"n"}}}""", "must be in canonical form")]
    [InlineData(Addresses, """{"metadata":{"name":"10.0.0.1"}}""", "spec.parentRef: Required value")]
    [InlineData(Addresses, """{"metadata":{"name":"10.0.0.1"},"spec":{"parentRef":{"name":"n"}}}""", "spec.parentRef.resource: Required value")]
    public async Task Create_Bad_IsRefused(string path, string body, string expected)
    {
        var (code, refusal) = await Requests.SendAsync("POST", path, body);

        Assert.Equal(422, code);
        Assert.Contains(expected, (string)refusal["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Update_OfWhatTheyStandFor_IsRefused()
    {
        await Requests.DoAsync("POST", Addresses, Address("fe80::42:1dff:fe84:f9e2"));
        const string Merge = "application/merge-patch+json";

        Assert.Equal(422, (await Requests.SendAsync("PATCH", $"{Addresses}/fe80::42:1dff:fe84:f9e2", """{"spec":{"parentRef":{"name":"other"}}}""", Merge)).Code);
        Assert.Equal(422, (await Requests.SendAsync("PATCH", $"{Ranges}/kubernetes", """{"spec":{"cidrs":["10.97.0.0/16"]}}""", Merge)).Code);
    }

    private static string Range(string name, string cidr) => $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"cidrs":["{{{cidr}}}"]} }""";

    private static string Address(string name) => $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"parentRef":{"group":"mygroup","resource":"myresources","namespace":"foo","name":"bar"} } }""";

    private static string Service(string name, string address) => $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"clusterIP":"{{{address}}}","ports":[{"port":80}]} }""";

    private Task<JsonNode> ServiceAsync(string name, string address) => Requests.DoAsync("POST", Services, Service(name, address));

    private Task<JsonNode> RangeAsync(string name, string ready) =>
        UntilAsync($"{Ranges}/{name}", range => (string?)range["status"]?["conditions"]?[0]?["status"] == ready, $"Ready {ready}");

    private Task<JsonNode> AddressAsync(string address, string service) =>
        UntilAsync($"{Addresses}/{address}", found => (string?)found["spec"]?["parentRef"]?["name"] == service, $"of {service}");

    private Task<JsonNode> GoneAsync(string path) => UntilAsync(path, answer => (string?)answer["reason"] == "NotFound", "gone");

    private async Task<JsonNode> UntilAsync(string path, Func<JsonNode, bool> holds, string expected)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var (_, answer) = await Requests.SendAsync("GET", path);
            if (holds(answer)) return answer;
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(30), $"{path} is not {expected}: {answer.ToJsonString()}");
            await Task.Yield();
        }
    }
}
