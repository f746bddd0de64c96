using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>What is decided about new objects by looking at others.</summary>
public sealed class AdmissionTests() : ApiTest(withAccounts: true)
{
    private const string Quotas = "/api/v1/namespaces/default/resourcequotas";
    private const string Limits = "/api/v1/namespaces/default/limitranges";
    private const string RuntimeClasses = "/apis/node.k8s.io/v1/runtimeclasses";
    private const string Pod = """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}""";

    [Fact]
    public async Task Pod_WithoutItsAccount_IsRefused_AndWithItGetsTheToken()
    {
        var (code, status) = await Requests.SendAsync("POST", Api.Pods, Pod);
        Assert.Equal((403, """pods "p" is forbidden: error looking up service account default/default: serviceaccount "default" not found"""), (code, (string)status["message"]!));

        await AccountAsync();
        var pod = await Requests.DoAsync("POST", Api.Pods, Pod);
        var volume = pod["spec"]!["volumes"]![0]!;
        Assert.StartsWith("kube-api-access-", (string)volume["name"]!, StringComparison.Ordinal);
        Assert.Equal(["serviceAccountToken", "configMap", "downwardAPI"], volume["projected"]!["sources"]!.AsArray().Select(source => source!.AsObject().Single().Key));
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount", (string)pod["spec"]!["containers"]![0]!["volumeMounts"]![0]!["mountPath"]!);
    }

    [Fact]
    public async Task Pod_ThatWantsNoToken_GetsNone()
    {
        await AccountAsync();

        var pod = await Requests.DoAsync("POST", Api.Pods, Pod.Replace("\"containers\"", "\"automountServiceAccountToken\":false,\"containers\"", StringComparison.Ordinal));

        Assert.Null(pod["spec"]!["volumes"]);
    }

    [Fact]
    public async Task Pod_OfAClass_HasItsPriority()
    {
        await AccountAsync();
        await Requests.DoAsync("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", """{"metadata":{"name":"high"},"value":1000}""");

        var pod = await Requests.DoAsync("POST", Api.Pods, Pod.Replace("\"containers\"", "\"priorityClassName\":\"high\",\"containers\"", StringComparison.Ordinal));
        var (code, status) = await Requests.SendAsync("POST", Api.Pods, Pod.Replace("\"containers\"", "\"priorityClassName\":\"none\",\"containers\"", StringComparison.Ordinal));

        Assert.Equal(1000, (int)pod["spec"]!["priority"]!);
        Assert.Equal(403, code);
        Assert.Contains("no PriorityClass with name none was found", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("foo-", 422)]
    [InlineData("bar..", 422)]
    [InlineData("", 422)]
    [InlineData("kernel.shmmax", 201)]
    [InlineData("net/ipv4/tcp_syncookies", 201)]
    public async Task Pod_Sysctls_HaveNamesOfTheKernelsForm(string name, int expected)
    {
        await AccountAsync();

        var (code, _) = await Requests.SendAsync("POST", Api.Pods, Pod.Replace("\"containers\"", $"\"securityContext\":{{\"sysctls\":[{{\"name\":\"{name}\",\"value\":\"1\"}}]}},\"containers\"", StringComparison.Ordinal));

        Assert.Equal(expected, code);
    }

    [Theory]
    [InlineData("""{"requests":{"cpu":"600m"},"limits":{"cpu":"500m"}}""", "must be less than or equal to cpu limit of 500m")]
    [InlineData("""{"requests":{"example.com/gpu":"1"}}""", "Limit must be set for non overcommitable resources")]
    [InlineData("""{"requests":{"example.com/gpu":"1"},"limits":{"example.com/gpu":"2"}}""", "must be equal to example.com/gpu limit of 2")]
    [InlineData("""{"limits":{"memory":"-1"}}""", "must be greater than or equal to 0")]
    public async Task Pod_ThatAsksForWhatItMayNotHave_IsRefused(string resources, string why)
    {
        await AccountAsync();

        var (code, status) = await Requests.SendAsync("POST", Api.Pods, Pod.Replace("\"image\"", $"\"resources\":{resources},\"image\"", StringComparison.Ordinal));

        Assert.Equal(422, code);
        Assert.Contains(why, (string)status["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pod_OfARuntimeClass_HasItsOverheadAndPlace()
    {
        await AccountAsync();
        await Requests.DoAsync("POST", RuntimeClasses, """
            {"metadata":{"name":"boxed"},"handler":"box","overhead":{"podFixed":{"cpu":"100m"}},
             "scheduling":{"nodeSelector":{"kind":"box"},"tolerations":[{"key":"box","operator":"Exists"}]}}
            """);

        var spec = (await Requests.DoAsync("POST", Api.Pods, OfClass("boxed", "")))["spec"]!;

        Assert.Equal("""{"cpu":"100m"}""", spec["overhead"]!.ToJsonString());
        Assert.Equal("box", (string)spec["nodeSelector"]!["kind"]!);
        Assert.Contains(spec["tolerations"]!.AsArray(), toleration => (string?)toleration!["key"] == "box");
    }

    [Theory]
    [InlineData("none", "", "pod rejected: RuntimeClass \"none\" not found")]
    [InlineData("boxed", "\"nodeSelector\":{\"kind\":\"bare\"},", "conflict: runtimeClass.scheduling.nodeSelector[kind] = box; pod.spec.nodeSelector[kind] = bare")]
    [InlineData("boxed", "\"overhead\":{\"cpu\":\"1\"},", "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")]
    [InlineData("", "\"overhead\":{\"cpu\":\"1\"},", "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")]
    public async Task Pod_AgainstItsRuntimeClass_IsRefused(string name, string more, string expected)
    {
        await AccountAsync();
        await Requests.DoAsync("POST", RuntimeClasses, """{"metadata":{"name":"boxed"},"handler":"box","overhead":{"podFixed":{"cpu":"100m"}},"scheduling":{"nodeSelector":{"kind":"box"}}}""");

        var (code, status) = await Requests.SendAsync("POST", Api.Pods, OfClass(name, more));

        Assert.Equal((403, $"pods \"p\" is forbidden: {expected}"), (code, (string)status["message"]!));
    }

    [Fact]
    public async Task RuntimeClass_ItsHandler_IsALabelAndStays()
    {
        Assert.Equal(422, (await Requests.SendAsync("POST", RuntimeClasses, """{"metadata":{"name":"bad"},"handler":"Not A Label"}""")).Code);
        await Requests.DoAsync("POST", RuntimeClasses, """{"metadata":{"name":"good"},"handler":"runc"}""");

        Assert.Equal(422, (await Requests.SendAsync("PATCH", $"{RuntimeClasses}/good", """{"handler":"crun"}""", "application/merge-patch+json")).Code);
    }

    [Fact]
    public async Task Ingress_WithoutAClass_GetsTheDefault()
    {
        await Requests.DoAsync("POST", "/apis/networking.k8s.io/v1/ingressclasses", """{"metadata":{"name":"fairlead","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},"spec":{"controller":"fairlead.dev/ingress"}}""");

        var ingress = await Requests.DoAsync("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", """{"metadata":{"name":"i"},"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}}""");

        Assert.Equal("fairlead", (string)ingress["spec"]!["ingressClassName"]!);
    }

    [Fact]
    public async Task LimitRange_FillsInAndRefuses()
    {
        await AccountAsync();
        await Requests.DoAsync("POST", Limits, """{"metadata":{"name":"l"},"spec":{"limits":[{"type":"Container","default":{"memory":"512Mi"},"defaultRequest":{"memory":"256Mi"},"max":{"memory":"1Gi"}}]}}""");

        var pod = await Requests.DoAsync("POST", Api.Pods, Pod);
        var (code, status) = await Requests.SendAsync("POST", Api.Pods, """{"metadata":{"name":"q"},"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"memory":"2Gi"}}}]}}""");
        var (ofRequest, request) = await Requests.SendAsync("POST", Api.Pods, """{"metadata":{"name":"r"},"spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"memory":"2Gi"}}}]}}""");

        Assert.Equal((403, """pods "r" is forbidden: maximum memory usage per Container is 1Gi, but request is 2Gi"""), (ofRequest, (string)request["message"]!));
        Assert.Equal("""{"limits":{"memory":"512Mi"},"requests":{"memory":"256Mi"}}""", pod["spec"]!["containers"]![0]!["resources"]!.ToJsonString());
        Assert.Equal((403, """pods "q" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi"""), (code, (string)status["message"]!));
    }

    [Fact]
    public async Task Quota_OfCounts_HoldsAlsoForManyAtOnce_AndShowsWhatIsUsed()
    {
        await Requests.DoAsync("POST", Quotas, """{"metadata":{"name":"few"},"spec":{"hard":{"services":"3","count/configmaps":"1"}}}""");

        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Requests.SendAsync("POST", "/api/v1/namespaces/default/services", $$$"""{"metadata":{"name":"s{{{i}}}"},"spec":{"ports":[{"port":80}]} }""")));

        // default/kubernetes is one of the three.
        Assert.Equal(2, made.Count(answer => answer.Code == 201));
        Assert.Contains("exceeded quota: few, requested: services=1, used: services=3, limited: services=3", made.First(answer => answer.Code == 403).Body["message"]!.ToString(), StringComparison.Ordinal);
        JsonNode quota;
        do quota = await Requests.DoAsync("GET", Quotas + "/few");
        while ((string?)quota["status"]?["used"]?["services"] != "3");
        Assert.Equal("0", (string)quota["status"]!["used"]!["count/configmaps"]!);
    }

    [Fact]
    public async Task Quota_OfNodePorts_HoldsForAServiceThatChanges()
    {
        const string Services = "/api/v1/namespaces/default/services";
        await Requests.DoAsync("POST", Quotas, """{"metadata":{"name":"p"},"spec":{"hard":{"services.nodeports":"1","services":"5"}}}""");
        foreach (var name in (string[])["a", "b"]) await Requests.DoAsync("POST", Services, $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"ports":[{"port":80}]} }""");

        await Requests.DoAsync("PATCH", Services + "/a", """{"spec":{"type":"NodePort"}}""", "application/merge-patch+json");
        await Requests.DoAsync("PATCH", Services + "/a", """{"metadata":{"labels":{"a":"b"}}}""", "application/merge-patch+json");
        var (code, status) = await Requests.SendAsync("PATCH", Services + "/b", """{"spec":{"type":"NodePort"}}""", "application/merge-patch+json");

        Assert.Equal(403, code);
        Assert.Contains("exceeded quota: p, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1", (string?)status["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quota_OfStorage_CountsClaimsAndTheirClasses_AndPodsOfTheirOwn()
    {
        await AccountAsync();
        await Requests.DoAsync("POST", Quotas, """
            {"metadata":{"name":"s"},"spec":{"hard":{"requests.storage":"10Gi","ephemeral-storage":"50Gi","gold.storageclass.storage.k8s.io/requests.storage":"2Gi","gold.storageclass.storage.k8s.io/persistentvolumeclaims":"5"}}}
            """);
        static string Claim(string name, string more) => """{"metadata":{"name":"NAME"},"spec":{MORE"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1536Mi"}}}}"""
            .Replace("NAME", name, StringComparison.Ordinal).Replace("MORE", more, StringComparison.Ordinal);
        const string Claims = "/api/v1/namespaces/default/persistentvolumeclaims";

        await Requests.DoAsync("POST", Claims, Claim("a", ""));
        await Requests.DoAsync("POST", Claims, Claim("b", "\"storageClassName\":\"gold\","));
        var (code, status) = await Requests.SendAsync("POST", Claims, Claim("c", "\"storageClassName\":\"gold\","));
        await Requests.DoAsync("POST", Api.Pods, Pod.Replace("\"image\":\"i\"", "\"image\":\"i\",\"resources\":{\"requests\":{\"ephemeral-storage\":\"30Gi\"}}", StringComparison.Ordinal));

        Assert.Equal(403, code);
        Assert.Contains("exceeded quota: s, requested: gold.storageclass.storage.k8s.io/requests.storage=1536Mi", (string)status["message"]!, StringComparison.Ordinal);
        JsonNode quota;
        do quota = await Requests.DoAsync("GET", Quotas + "/s");
        while ((string?)quota["status"]?["used"]?["ephemeral-storage"] != "30Gi");
        var used = quota["status"]!["used"]!;
        Assert.Equal(("3Gi", "1536Mi", "1"), ((string)used["requests.storage"]!, (string)used["gold.storageclass.storage.k8s.io/requests.storage"]!, (string)used["gold.storageclass.storage.k8s.io/persistentvolumeclaims"]!));
    }

    [Fact]
    public async Task Quota_OfMemory_WantsAWordAndCountsIt()
    {
        await AccountAsync();
        await Requests.DoAsync("POST", Quotas, """{"metadata":{"name":"m"},"spec":{"hard":{"requests.memory":"1Gi"}}}""");

        var (code, status) = await Requests.SendAsync("POST", Api.Pods, Pod);
        Assert.Equal((403, """pods "p" is forbidden: failed quota: m: must specify requests.memory for: c"""), (code, (string)status["message"]!));

        const string Some = """{"metadata":{"name":"NAME"},"spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"memory":"600Mi"}}}]}}""";
        await Requests.DoAsync("POST", Api.Pods, Some.Replace("NAME", "a", StringComparison.Ordinal));
        (code, status) = await Requests.SendAsync("POST", Api.Pods, Some.Replace("NAME", "b", StringComparison.Ordinal));
        Assert.Equal((403, """pods "b" is forbidden: exceeded quota: m, requested: requests.memory=600Mi, used: requests.memory=600Mi, limited: requests.memory=1Gi"""), (code, (string)status["message"]!));
    }

    private static string OfClass(string name, string more) =>
        Pod.Replace("\"containers\"", $"{more}\"runtimeClassName\":\"{name}\",\"containers\"", StringComparison.Ordinal).Replace("\"runtimeClassName\":\"\",", "", StringComparison.Ordinal);

    private Task<JsonNode> AccountAsync() => Requests.DoAsync("POST", "/api/v1/namespaces/default/serviceaccounts", """{"metadata":{"name":"default"}}""");
}
