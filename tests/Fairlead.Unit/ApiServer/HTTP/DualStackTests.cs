using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Address families of Services (Kubernetes documentation: "IPv4/IPv6 dual-stack").</summary>
public sealed class DualStackTests : IAsyncDisposable
{
    private const string Services = "/api/v1/namespaces/default/services";
    private const string Merge = "application/merge-patch+json";
    private TestApiServer? _server;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("", "SingleStack", "IPv4")]
    [InlineData("\"ipFamilies\":[\"IPv6\"]", "SingleStack", "IPv6")]
    [InlineData("\"ipFamilyPolicy\":\"PreferDualStack\"", "PreferDualStack", "IPv4 IPv6")]
    [InlineData("\"ipFamilyPolicy\":\"RequireDualStack\"", "RequireDualStack", "IPv4 IPv6")]
    [InlineData("\"ipFamilyPolicy\":\"RequireDualStack\",\"ipFamilies\":[\"IPv6\"]", "RequireDualStack", "IPv6 IPv4")]
    [InlineData("\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv6\",\"IPv4\"]", "PreferDualStack", "IPv6 IPv4")]
    [InlineData("\"clusterIP\":\"fd00:96::7\"", "SingleStack", "IPv6")]
    [InlineData("\"ipFamilyPolicy\":\"PreferDualStack\",\"clusterIPs\":[\"fd00:96::8\",\"10.96.7.7\"]", "PreferDualStack", "IPv6 IPv4")]
    [InlineData("\"ipFamilyPolicy\":\"PreferDualStack\",\"clusterIP\":\"10.96.7.8\"", "PreferDualStack", "IPv4 IPv6")]
    public async Task Service_OfAServerWithTwoRanges_HasWhatItAsksFor(string asked, string policy, string families)
    {
        var api = await DualAsync();

        var spec = (await api.DoAsync("POST", Services, Service("s", asked)))["spec"]!;

        Assert.Equal((policy, families), ((string)spec["ipFamilyPolicy"]!, Words(spec["ipFamilies"])));
        Assert.Equal(families, string.Join(' ', Addresses(spec).Select(FamilyOf)));
        Assert.Equal(Addresses(spec)[0], (string)spec["clusterIP"]!);
        foreach (var address in Addresses(spec)) await ShownAsync(api, address);
    }

    [Theory]
    [InlineData("\"clusterIP\":\"None\"", "RequireDualStack", "IPv4 IPv6")]
    [InlineData("\"clusterIP\":\"None\",\"ipFamilyPolicy\":\"SingleStack\"", "SingleStack", "IPv4")]
    [InlineData("\"clusterIP\":\"None\",\"ipFamilies\":[\"IPv6\"],\"ipFamilyPolicy\":\"SingleStack\"", "SingleStack", "IPv6")]
    [InlineData("\"clusterIP\":\"None\",\"selector\":{\"app\":\"a\"}", "SingleStack", "IPv4")]
    [InlineData("\"ipFamilyPolicy\":\"PreferDualStack\"", "PreferDualStack", "IPv4")]
    public async Task Service_OfAServerWithOneRange_IsDualOnlyWhereItsEndpointsAreSomebodyElses(string asked, string policy, string families)
    {
        var api = await StartAsync("10.96.0.0/16");

        var spec = (await api.DoAsync("POST", Services, Service("s", asked)))["spec"]!;

        Assert.Equal((policy, families), ((string)spec["ipFamilyPolicy"]!, Words(spec["ipFamilies"])));
    }

    [Theory]
    [InlineData("\"ipFamilyPolicy\":\"RequireDualStack\"", "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services")]
    [InlineData("\"ipFamilies\":[\"IPv6\"]", "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster")]
    [InlineData("\"clusterIP\":\"fd00::1\"", "IPv6 is not configured on this cluster")]
    [InlineData("\"ipFamilies\":[\"IPv5\"]", "spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"")]
    [InlineData("\"ipFamilyPolicy\":\"Both\"", "spec.ipFamilyPolicy: Unsupported value: \"Both\": supported values: \"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"")]
    [InlineData("\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv4\",\"IPv4\"]", "spec.ipFamilies[1]: Duplicate value: \"IPv4\"")]
    [InlineData("\"ipFamilies\":[\"IPv4\",\"IPv6\"]", "must be RequireDualStack or PreferDualStack when multiple ipFamilies are specified")]
    [InlineData("\"clusterIPs\":[\"10.96.7.7\",\"10.96.7.8\"],\"ipFamilyPolicy\":\"PreferDualStack\"", "may specify no more than one IP for each IP family")]
    [InlineData("\"clusterIP\":\"10.96.7.7\",\"ipFamilies\":[\"IPv6\"]", "spec.clusterIPs[0]: Invalid value: \"10.96.7.7\": expected an IPv6 value as indicated by `ipFamilies[0]`")]
    [InlineData("\"clusterIP\":\"10.96.7.7\",\"clusterIPs\":[\"10.96.7.8\"]", "first value must match `clusterIP`")]
    [InlineData("\"type\":\"ExternalName\",\"externalName\":\"a.b\",\"ipFamilies\":[\"IPv4\"]", "spec.ipFamilies: Forbidden: may not be set for ExternalName services")]
    public async Task Service_ThatMakesNoSense_IsRefusedInKubernetesWords(string asked, string message)
    {
        var api = await StartAsync("10.96.0.0/16");

        var (code, refusal) = await api.SendAsync("POST", Services, Service("s", asked));

        Assert.Equal(422, code);
        Assert.Contains(message, (string)refusal["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Policy_RaisedAndLowered_TheSecondAddressComesAndGoes_TheFirstStays()
    {
        var api = await DualAsync();
        var single = Addresses((await api.DoAsync("POST", Services, Service("s", "")))["spec"]!);

        var both = Addresses((await PatchAsync(api, """{"ipFamilyPolicy":"RequireDualStack"}"""))["spec"]!);
        Assert.Equal((single[0], 2), (both[0], both.Length));
        await ShownAsync(api, both[1]);

        // A change of something else, by a client that knows nothing of families, leaves them.
        var whole = await api.DoAsync("GET", $"{Services}/s");
        foreach (var field in (string[])["ipFamilies", "ipFamilyPolicy", "clusterIPs"]) whole["spec"]!.AsObject().Remove(field);
        Assert.Equal(both, Addresses((await api.DoAsync("PUT", $"{Services}/s", whole.ToJsonString()))["spec"]!));

        var lowered = (await PatchAsync(api, """{"ipFamilyPolicy":"SingleStack"}"""))["spec"]!;
        Assert.Equal(single, Addresses(lowered));
        Assert.Equal("IPv4", Words(lowered["ipFamilies"]));
        // It is free for another.
        await api.DoAsync("POST", Services, Service("t", $"\"clusterIP\":\"{both[1]}\""));
    }

    [Theory]
    [InlineData("""{"clusterIP":"10.96.9.9","clusterIPs":["10.96.9.9","fd00:96::2"]}""", "spec.clusterIPs[0]: Invalid value: [\"10.96.9.9\",\"fd00:96::2\"]: may not change once set")]
    [InlineData("""{"clusterIPs":["10.96.2.2","fd00:96::3"]}""", "spec.clusterIPs[1]")]
    [InlineData("""{"clusterIPs":["10.96.2.2"],"ipFamilies":["IPv4"]}""", "must be set to 'SingleStack' when releasing the secondary clusterIP")]
    [InlineData("""{"ipFamilies":["IPv6","IPv4"],"clusterIPs":["10.96.2.2","fd00:96::2"]}""", "spec.ipFamilies[0]")]
    public async Task Families_OfAStoredService_DoNotChange(string patch, string message)
    {
        var api = await DualAsync();
        await api.DoAsync("POST", Services, Service("s", "\"ipFamilyPolicy\":\"RequireDualStack\",\"clusterIPs\":[\"10.96.2.2\",\"fd00:96::2\"]"));

        var (code, refusal) = await api.SendAsync("PATCH", $"{Services}/s", $"{{\"spec\":{patch}}}", Merge);

        Assert.Equal(422, code);
        Assert.Contains(message, (string)refusal["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServiceCidr_OfBothFamilies_IsTheServers()
    {
        var api = await DualAsync();

        Assert.Equal("10.96.0.0/16 fd00:96::/108", Words((await api.DoAsync("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes"))["spec"]!["cidrs"]));
        Assert.Equal("IPv4", Words((await api.DoAsync("GET", $"{Services}/kubernetes"))["spec"]!["ipFamilies"]));
    }

    private static Task<JsonNode> PatchAsync(Api api, string spec) => api.DoAsync("PATCH", $"{Services}/s", $"{{\"spec\":{spec}}}", Merge);

    /// <summary>Until the address has its IPAddress.</summary>
    private static async Task ShownAsync(Api api, string address)
    {
        while ((await api.SendAsync("GET", $"/apis/networking.k8s.io/v1/ipaddresses/{address}")).Code != 200) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
    }

    private static string Service(string name, string more) => $$"""{"metadata":{"name":"{{name}}"},"spec":{"ports":[{"port":80}]{{(more.Length == 0 ? "" : "," + more)}}} }""";

    private static string[] Addresses(JsonNode spec) => [.. spec["clusterIPs"]!.AsArray().Select(address => (string)address!)];

    private static string Words(JsonNode? texts) => string.Join(' ', texts!.AsArray().Select(text => (string)text!));

    private static string FamilyOf(string address) => IPAddress.Parse(address).AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";

    private Task<Api> DualAsync() => StartAsync("10.96.0.0/16", "fd00:96::/108");

    private async Task<Api> StartAsync(params string[] ranges)
    {
        _server = await TestApiServer.StartAsync(configure: (ApiServerOptions options) => options with { ServiceRanges = [.. ranges.Select(range => IPNetwork.Parse(range))] });
        return new Api(_server.Client);
    }
}
