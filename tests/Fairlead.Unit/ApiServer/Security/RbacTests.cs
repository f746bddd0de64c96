using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Security.Rbac;
using Fairlead.Unit.ApiServer.HTTP;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security;

/// <summary>Roles, tokens of service accounts, impersonation and the reviews, against a running server.</summary>
public sealed class RbacTests : IAsyncLifetime
{
    private const string Rbac = "/apis/rbac.authorization.k8s.io/v1";
    private const string Merge = "application/merge-patch+json";

    private TestApiServer _server = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        _api = new Api(_server.Client);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task ViewInANamespace_ReadsThereAndNowhereElse()
    {
        using var jane = TestApiServer.ClientFor(_server.Authority, _server.Address, "jane");
        var api = new Api(jane);
        Assert.Equal(403, (await api.SendAsync("GET", Api.ConfigMaps)).Code);

        await _api.DoAsync("POST", $"{Rbac}/namespaces/default/rolebindings", """
            {"metadata":{"name":"jane"},"roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","name":"jane"}]}
            """);

        Assert.Equal(200, (await api.SendAsync("GET", Api.ConfigMaps)).Code);
        var (code, status) = await api.SendAsync("GET", "/api/v1/namespaces/default/secrets");
        Assert.Equal((403, """secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "default" """.TrimEnd()), (code, (string)status["message"]!));
        Assert.Equal(403, (await api.SendAsync("GET", "/api/v1/namespaces/kube-system/configmaps")).Code);
        Assert.Equal(403, (await api.SendAsync("POST", Api.ConfigMaps, """{"metadata":{"name":"x"}}""")).Code);
    }

    [Theory]
    [InlineData("GET", "/apis/networking.k8s.io/v1/ingresses", 200)]
    [InlineData("GET", "/apis/networking.k8s.io/v1/ingressclasses", 200)]
    [InlineData("GET", "/apis/discovery.k8s.io/v1/endpointslices", 200)]
    [InlineData("GET", "/api/v1/services", 200)]
    [InlineData("GET", "/api/v1/secrets", 200)]
    [InlineData("PATCH", "/apis/networking.k8s.io/v1/namespaces/default/ingresses/none/status", 404)]
    [InlineData("PATCH", "/apis/networking.k8s.io/v1/namespaces/default/ingresses/none", 403)]
    [InlineData("POST", "/api/v1/namespaces/default/events", 201)]
    [InlineData("GET", "/api/v1/events", 403)]
    [InlineData("PATCH", "/api/v1/namespaces/default/secrets/none", 403)]
    [InlineData("GET", "/api/v1/configmaps", 403)]
    [InlineData("GET", "/api/v1/pods", 403)]
    public async Task Ingress_MayReadWhatItServesAndWriteItsStatus_ByItsRole(string verb, string path, int status)
    {
        using var ingress = TestApiServer.ClientFor(_server.Authority, _server.Address, "system:fairlead-ingress");

        var answer = verb switch
        {
            "GET" => await new Api(ingress).SendAsync(verb, path),
            "POST" => await new Api(ingress).SendAsync(verb, path, """{"metadata":{"name":"e"},"involvedObject":{"kind":"Ingress","namespace":"default","name":"none"}}"""),
            _ => await new Api(ingress).SendAsync(verb, path, "{}", Merge),
        };

        Assert.Equal(status, answer.Code);
    }

    [Fact]
    public async Task Granting_MoreThanOneHolds_IsRefused()
    {
        using var jane = TestApiServer.ClientFor(_server.Authority, _server.Address, "jane");
        var api = new Api(jane);
        await _api.DoAsync("POST", $"{Rbac}/namespaces/default/rolebindings", """
            {"metadata":{"name":"jane"},"roleRef":{"kind":"ClusterRole","name":"admin"},"subjects":[{"kind":"User","name":"jane"}]}
            """);

        var held = """{"metadata":{"name":"pods"},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]}]}""";
        Assert.Equal(201, (await api.SendAsync("POST", $"{Rbac}/namespaces/default/roles", held)).Code);
        var more = """{"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]}""";
        var (code, status) = await api.SendAsync("PATCH", $"{Rbac}/namespaces/default/roles/pods", more, Merge);
        Assert.Equal(403, code);
        Assert.Contains("is attempting to grant RBAC permissions not currently held", (string)status["message"]!, StringComparison.Ordinal);
        Assert.Equal(403, (await api.SendAsync("POST", $"{Rbac}/namespaces/default/rolebindings", """
            {"metadata":{"name":"up"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"User","name":"jane"}]}
            """)).Code);
    }

    [Fact]
    public async Task ServiceAccountToken_IsTheAccount_UntilThePodIsGone()
    {
        await _api.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts", """{"metadata":{"name":"robot"}}""");
        await _api.DoAsync("POST", Api.Pods, """{"metadata":{"name":"p"},"spec":{"serviceAccountName":"robot","containers":[{"name":"c","image":"i"}]}}""");
        var made = await _api.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", """{"spec":{"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p"}}}""");
        var token = (string)made["status"]!["token"]!;

        var who = await WithTokenAsync("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", token, "{}");
        var info = who.Body["status"]!["userInfo"]!;
        Assert.Equal("system:serviceaccount:default:robot", (string)info["username"]!);
        Assert.Contains("system:serviceaccounts:default", info["groups"]!.AsArray().Select(group => (string)group!));
        Assert.Equal("p", (string)info["extra"]!["authentication.kubernetes.io/pod-name"]![0]!);
        Assert.Equal(403, (await WithTokenAsync("GET", Api.ConfigMaps, token)).Code);

        await _api.DoAsync("DELETE", Api.Pods + "/p?gracePeriodSeconds=0");

        Assert.Equal(401, (await WithTokenAsync("GET", Api.ConfigMaps, token)).Code);
    }

    [Theory]
    [InlineData(0, "{\"alg\":\"none\"}")]
    [InlineData(1, null)]
    [InlineData(2, null)]
    public async Task ServiceAccountToken_TamperedWith_IsNobodys(int part, string? replacement)
    {
        await _api.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts", """{"metadata":{"name":"robot"}}""");
        var token = (string)(await _api.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", "{}"))["status"]!["token"]!;
        var parts = token.Split('.');
        parts[part] = replacement is not null
            ? Convert.ToBase64String(Encoding.UTF8.GetBytes(replacement)).TrimEnd('=')
            : (parts[part][0] == 'A' ? 'B' : 'A') + parts[part][1..];

        Assert.Equal(401, (await WithTokenAsync("GET", Api.ConfigMaps, string.Join('.', parts))).Code);
        Assert.Equal(401, (await WithTokenAsync("GET", Api.ConfigMaps, $"{token.Split('.')[0]}.{token.Split('.')[1]}.")).Code);
    }

    [Fact]
    public async Task TokenOfAnotherAudience_IsNotForThisServer_AndAReviewSaysForWhom()
    {
        await _api.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts", """{"metadata":{"name":"robot"}}""");
        var token = (string)(await _api.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", """{"spec":{"audiences":["vault"]}}"""))["status"]!["token"]!;

        Assert.Equal(401, (await WithTokenAsync("GET", Api.ConfigMaps, token)).Code);
        var review = await _api.DoAsync("POST", "/apis/authentication.k8s.io/v1/tokenreviews", $$"""{"spec":{"audiences":["vault","other"],"token":"{{token}}"} }""");
        Assert.True((bool)review["status"]!["authenticated"]!);
        Assert.Equal("""["vault"]""", review["status"]!["audiences"]!.ToJsonString());
    }

    [Fact]
    public async Task AccessReviews_AnswerWhatTheServerWouldDo()
    {
        var yes = await _api.DoAsync("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", """{"spec":{"resourceAttributes":{"verb":"delete","resource":"nodes"}}}""");
        var no = await _api.DoAsync("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"user":"jane","groups":["system:authenticated"],"resourceAttributes":{"verb":"get","resource":"pods","namespace":"default"}}}""");
        var path = await _api.DoAsync("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"user":"jane","groups":["system:authenticated"],"nonResourceAttributes":{"verb":"get","path":"/apis/apps/v1"}}}""");

        Assert.Equal((true, false, true), ((bool)yes["status"]!["allowed"]!, (bool)no["status"]!["allowed"]!, (bool)path["status"]!["allowed"]!));
    }

    [Fact]
    public async Task Impersonation_ActsAsTheOther_ForThoseWhoMay()
    {
        using var asJane = new HttpRequestMessage(HttpMethod.Get, Api.ConfigMaps);
        asJane.Headers.Add("Impersonate-User", "jane");
        using var refused = await _server.Client.Http.SendAsync(asJane, TestContext.Current.CancellationToken);
        Assert.Contains("User \"jane\" cannot list", (string)JsonNode.Parse(await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["message"]!, StringComparison.Ordinal);

        using var jane = TestApiServer.ClientFor(_server.Authority, _server.Address, "jane");
        using var asMaster = new HttpRequestMessage(HttpMethod.Get, Api.ConfigMaps);
        asMaster.Headers.Add("Impersonate-User", "root");
        asMaster.Headers.Add("Impersonate-Group", "system:masters");
        using var notHers = await jane.Http.SendAsync(asMaster, TestContext.Current.CancellationToken);
        Assert.Contains("cannot impersonate resource", await notHers.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("get", "", "pods", "", true)]
    [InlineData("get", "", "pods/log", "", true)]
    [InlineData("delete", "", "pods", "", false)]
    [InlineData("update", "apps", "deployments/scale", "", true)]
    [InlineData("update", "apps", "deployments", "", false)]
    [InlineData("get", "", "configmaps", "mine", true)]
    [InlineData("get", "", "configmaps", "other", false)]
    [InlineData("list", "", "configmaps", "", false)]
    public void Rule_MatchesAsDocumented(string verb, string group, string resource, string name, bool allowed)
    {
        PolicyRule[] rules =
        [
            new(["get"], [""], ["pods", "pods/log"], [], []),
            new(["update"], ["*"], ["*/scale"], [], []),
            new(["get", "list"], [""], ["configmaps"], ["mine"], []),
        ];

        Assert.Equal(allowed, rules.Any(rule => rule.Allows(new Access(verb, group, resource, "default", name, ""))));
    }

    private async Task<(int Code, JsonNode Body)> WithTokenAsync(string method, string path, string token, string? body = null)
    {
        using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate is not null });
        using var request = new HttpRequestMessage(new HttpMethod(method), $"https://{_server.Address}{path}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }
}
