using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Headers and forms of answers that clients of Kubernetes look at.</summary>
public sealed class AnswerFormTests() : ApiTest
{
    [Theory]
    [InlineData("application/xml", 406)]
    [InlineData("text/html, application/json;q=0.5", 200)]
    [InlineData("*/*", 200)]
    [InlineData("application/json;as=Table;v=v9;g=meta.k8s.io", 406)]
    [InlineData("application/json;as=Table;v=v1;g=other", 406)]
    [InlineData("application/json;as=Row;v=v1;g=meta.k8s.io", 406)]
    [InlineData("application/json;as=Table;v=v9;g=meta.k8s.io, application/json", 200)]
    [InlineData("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", 200)]
    public async Task Accept_IsTakenAtItsWord(string accept, int code)
    {
        var (given, _, _) = await GetAsync(Api.ConfigMaps, accept);

        Assert.Equal(code, given);
    }

    [Theory]
    [InlineData("v1", "meta.k8s.io/v1")]
    [InlineData("v1beta1", "meta.k8s.io/v1beta1")]
    public async Task Table_HasTheVersionAskedFor(string version, string expected)
    {
        await Requests.ConfigMapAsync("a");

        var (_, _, body) = await GetAsync(Api.ConfigMaps + "?limit=1", $"application/json;as=Table;v={version};g=meta.k8s.io");

        Assert.StartsWith($"{{\"kind\":\"Table\",\"apiVersion\":\"{expected}\"", body, StringComparison.Ordinal);
        Assert.Contains($"{{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"{expected}\"", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Table_OfAPage_SaysHowManyRemain()
    {
        await Requests.ConfigMapAsync("a");
        await Requests.ConfigMapAsync("b");
        await Requests.ConfigMapAsync("c");

        var (_, _, body) = await GetAsync(Api.ConfigMaps + "?limit=1", "application/json;as=Table;v=v1;g=meta.k8s.io");

        Assert.Contains("\"remainingItemCount\":2", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?pretty=true", "kubectl/v1.36", true)]
    [InlineData("", "kubectl/v1.36", false)]
    [InlineData("", "curl/7.88.1", true)]
    [InlineData("", "Mozilla/5.0 (X11)", true)]
    [InlineData("?pretty=false", "curl/7.88.1", false)]
    public async Task Json_IsForPeopleToRead_WhereItIsSeen(string query, string agent, bool isPretty)
    {
        foreach (var path in (string[])[Api.ConfigMaps, "/api/v1/namespaces/default", "/api"])
        {
            var (_, _, body) = await GetAsync(path + query, "*/*", agent);
            Assert.Equal(isPretty, body.StartsWith("{\n  \"", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("/api/v1/namespaces", "no-cache, private", "application/json")]
    [InlineData("/openid/v1/jwks", "public, max-age=3600", "application/jwk-set+json")]
    [InlineData("/.well-known/openid-configuration", "public, max-age=3600", "application/json")]
    public async Task Answers_SayHowLongTheyMayBeKept(string path, string cached, string type)
    {
        var (_, response, _) = await GetAsync(path, "*/*");

        foreach (var word in response.Headers.CacheControl!.ToString().Split(", ")) Assert.Contains(word, cached, StringComparison.Ordinal);
        Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
        Assert.True(response.Headers.Contains("Audit-Id"));
    }

    [Fact]
    public async Task Discovery_ThatAClientHas_IsNotSentAgain()
    {
        const string Aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        var (_, first, _) = await GetAsync("/apis", Aggregated);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/apis");
        request.Headers.TryAddWithoutValidation("Accept", Aggregated);
        request.Headers.TryAddWithoutValidation("If-None-Match", first.Headers.ETag!.ToString());

        var again = await Server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((304, ""), ((int)again.StatusCode, await again.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task OpenApi_ByItsHash_MayBeKeptForGood()
    {
        var index = await Requests.DoAsync("GET", "/openapi/v3");
        var address = (string)index["paths"]!["api/v1"]!["serverRelativeURL"]!;

        var (_, hashed, _) = await GetAsync(address, "application/json");
        var (_, plain, _) = await GetAsync("/openapi/v3/api/v1", "application/json");

        Assert.Equal((true, false), (hashed.Headers.CacheControl!.Public, plain.Headers.CacheControl!.Public));
    }

    [Fact]
    public async Task Root_NamesThePaths()
    {
        var root = await Requests.DoAsync("GET", "/");

        var paths = root["paths"]!.AsArray().Select(path => (string)path!).ToList();
        Assert.Superset(new HashSet<string> { "/api/v1", "/apis/apps", "/apis/apps/v1", "/healthz" }, paths.ToHashSet());
    }

    private async Task<(int Code, HttpResponseMessage Response, string Body)> GetAsync(string path, string accept, string agent = "test")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        request.Headers.UserAgent.Clear();
        request.Headers.TryAddWithoutValidation("User-Agent", agent);
        var response = await Server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, response, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
